// Positions as people give them on a command line: a token, or an offset.
// tools/: for the subcommands state, cursors and unread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/types.hpp"

namespace tidemark::tools {

/// A token names the history too; an offset alone is one of the history now.
using PositionText = std::variant<Position, Offset>;

/// Nothing if it is neither.
[[nodiscard]] std::optional<PositionText> parse_position(const std::string& text);
/// For an option's check: what is wrong with the text; empty if nothing is.
[[nodiscard]] std::string check_position(const std::string& text);
/// "--after 42 --epoch 3": what tail takes.
[[nodiscard]] std::string for_tail(Position position);

}  // namespace tidemark::tools
