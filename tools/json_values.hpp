// Members of a broker's answers, read leniently: what is not there is empty.
// tools/: for subcommands that print what the broker has said.
#pragma once

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

namespace tidemark::tools {

/// Empty if it is not there, or no text.
[[nodiscard]] std::string text_of(const boost::json::object& object, const char* name);
/// 0 if it is not there, or no number that fits.
[[nodiscard]] std::uint64_t number_of(const boost::json::object& object, const char* name);
/// False if it is not there.
[[nodiscard]] bool flag_of(const boost::json::object& object, const char* name);

}  // namespace tidemark::tools
