// The bytes of a line: logfmt or JSON, and escaping that no text can break out of.
// broker/log/: pure; Writer decides which events become lines.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "broker/log/log.hpp"

namespace tidemark::broker::log {

/// Of one value, before escaping; what is longer ends with "…".
inline constexpr std::size_t kMaxTextBytes = 2048;

/// Appends `text` in double quotes, as JSON has it: quotes, backslashes and control characters
/// escaped, and with them DEL, C1 controls and what turns the direction of writing, which could
/// deceive whoever reads a terminal. Bytes that are not UTF-8 become U+FFFD. At most kMaxTextBytes
/// of it.
void append_quoted(std::string_view text, std::string& out);

/// One line without its end: time (UTC, milliseconds), level, event, then the fields in order.
/// `format`: automatic is logfmt, where a value of printable ASCII without blanks, quotes,
/// backslashes and '=' stands bare.
[[nodiscard]] std::string format_line(Format format, std::chrono::system_clock::time_point time,
                                      Level level, std::string_view name,
                                      std::span<const Field> fields);

}  // namespace tidemark::broker::log
