// A stretch of a topic as people name it: --from, --to and --last.
// tools/inspect/: for the commands that read one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/cli_fwd.hpp"
#include "tools/inspect/source.hpp"

namespace tidemark::tools {

struct RangeOptions {
  std::string from;                   ///< an offset or a time; empty: the earliest
  std::string to;                     ///< likewise, that event included; empty: the last
  std::optional<std::uint64_t> last;  ///< instead of `from`: so many before the end
};

/// Adds --from, --to and --last.
void add_range_options(CLI::App& command, RangeOptions& options);

/// What the options come to in a topic: `about` is its description. A time is looked up in the
/// log's order: the first event at or after --from, the last at or before --to.
[[nodiscard]] Failure resolve_range(Source& source, const std::string& topic,
                                    const boost::json::object& about, const RangeOptions& options,
                                    EventRange& out);

/// The last event at or before a place: that of an offset, or of a time. 0: there is none.
[[nodiscard]] Failure resolve_place(Source& source, const std::string& topic,
                                    const boost::json::object& about, const std::string& place,
                                    Offset& out);

}  // namespace tidemark::tools
