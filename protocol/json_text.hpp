// Writing JSON: strings, numbers and members, into memory of known size or a growing string.
// protocol/: json_codec and frames write with it, so both make the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

/// Most digits of an integer below 2^64.
inline constexpr std::size_t kMaxDigits = 20;

/// Decimal digits of `value`.
[[nodiscard]] std::size_t digits(std::uint64_t value);
/// Writes `value` in decimal, at most kMaxDigits characters; returns past the last.
char* write_number(std::uint64_t value, char* out);

/// Bytes of `text` as a JSON string, quotes included.
[[nodiscard]] std::size_t json_string_size(std::string_view text);
/// Writes json_string_size(text) bytes; returns past the last. `text` is UTF-8 and stays UTF-8:
/// only the quotation mark, the backslash and control characters are escaped.
char* write_json_string(std::string_view text, char* out);

/// Copies `text` to `out`; returns past the last byte.
char* write_bytes(std::string_view text, char* out);

void append_number(std::string& out, std::uint64_t value);
void append_json_string(std::string& out, std::string_view text);

}  // namespace tidemark
