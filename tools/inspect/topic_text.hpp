// Parts of a topic's description as words.
// tools/inspect/: for the commands that show topics to people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace tidemark::tools {

/// What a topic keeps: "7 d, 1.0 GiB, 1,000 events", or "everything".
[[nodiscard]] std::string retention_text(const boost::json::object& topic);
/// A member that is RFC 3339, as local time; "–" if it is not there.
[[nodiscard]] std::string time_text(const boost::json::object& object, const char* member);
/// A member that is an object; empty if it is not there.
[[nodiscard]] boost::json::object object_in(const boost::json::object& object, const char* member);
/// "1 event", "12,000 events"; `more` is a plural that takes more than an s.
[[nodiscard]] std::string counted(std::uint64_t count, const std::string& one,
                                  const std::string& more = {});
/// What a write to stdout that has just failed comes to, by errno: kOk if nobody reads any more,
/// since who left has seen enough; else kFailed, and stderr is told why.
[[nodiscard]] int not_written();
/// Prints to stdout; kOk, or as not_written().
[[nodiscard]] int print_out(std::string_view text);
/// Likewise, and a line feed.
[[nodiscard]] int print_json(const boost::json::object& object);

}  // namespace tidemark::tools
