// What the targets share: an input as text, and numbers drawn from it.
// tests/fuzz/: a property is checked by TIDEMARK_ENSURE, which says what and where, and aborts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/result.hpp"

namespace tidemark::fuzz {

[[nodiscard]] inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes the first byte off; 0 if there is none.
inline std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

/// Takes everything up to `mark` off, and the mark; all if there is none.
inline std::string_view take_until(std::string_view& bytes, char mark) {
  const auto end = std::min(bytes.find(mark), bytes.size());
  const auto piece = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return piece;
}

/// A run of lengths that follows from a seed alone: where a target cuts its bytes.
class Cuts {
 public:
  explicit Cuts(std::uint64_t seed) : state_(seed | 1U) {}

  /// From 1 to `most`. Pre: most > 0.
  std::size_t next(std::size_t most) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const auto drawn = static_cast<std::size_t>(state_ >> 33U);
    // Short ones as often as long ones.
    return 1 + drawn % std::min(most, std::size_t{1} << (drawn >> 8U) % 12);
  }

 private:
  std::uint64_t state_;
};

}  // namespace tidemark::fuzz
