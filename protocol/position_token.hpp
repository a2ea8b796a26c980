// A position as one word: what HTTP clients keep and give back.
// protocol/: Durable Streams calls it an offset; clients only compare and return it.
#pragma once

#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace tidemark {

/// Characters of a token.
inline constexpr std::size_t kTokenChars = 33;

/// Epoch and offset in 16 decimal digits each, joined by `_`. A topic's epochs grow with its
/// offsets, so tokens of one topic sort, as strings, like its events. Pre: both ≤ kMaxInteger.
[[nodiscard]] std::string to_token(Position position);
/// Writes the kTokenChars characters of to_token; returns past the last.
char* write_token(Position position, char* out);

/// Exactly what to_token makes, nothing else. Epoch 0, "not compared", only with offset 0: before
/// the first event of whatever history. Errors: malformed_message.
[[nodiscard]] Result<Position> parse_token(std::string_view token);

}  // namespace tidemark
