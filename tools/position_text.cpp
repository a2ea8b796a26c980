// Digits or a token.
// tools/: see position_text.hpp.
#include "tools/position_text.hpp"

#include <charconv>

#include "protocol/position_token.hpp"

namespace tidemark::tools {

std::optional<PositionText> parse_position(const std::string& text) {
  if (const auto position = parse_token(text)) return PositionText(*position);
  std::uint64_t offset = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, offset);
  if (read.ec != std::errc{} || read.ptr != end || offset > kMaxInteger) return std::nullopt;
  return PositionText(Offset{offset});
}

std::string check_position(const std::string& text) {
  return parse_position(text) ? "" : "neither an offset nor a token of a position: " + text;
}

std::string for_tail(Position position) {
  return "--after " + std::to_string(position.offset.value) + " --epoch " +
         std::to_string(position.epoch.value);
}

}  // namespace tidemark::tools
