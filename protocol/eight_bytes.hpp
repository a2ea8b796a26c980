// Eight bytes looked at as one integer: the scans that every JSON byte goes through.
// protocol/: json_text looks for what must be escaped, json_slices for where strings end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tidemark::eight_bytes {

static_assert(std::endian::native == std::endian::little, "the lowest byte is the first");

constexpr std::uint64_t repeat(std::uint8_t byte) { return 0x0101010101010101U * byte; }

inline std::uint64_t load(const char* at) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, at, sizeof eight);
  return eight;
}

/// Non-zero if one of the bytes is `byte` (or below `bound`, at most 0x80). Only the lowest set bit
/// is exact, which is all first() looks at; such masks may be joined by |.
constexpr std::uint64_t below(std::uint64_t eight, std::uint8_t bound) {
  return (eight - repeat(bound)) & ~eight & repeat(0x80);
}
constexpr std::uint64_t equal(std::uint64_t eight, std::uint8_t byte) {
  return below(eight ^ repeat(byte), 1);
}

/// Index of the first byte a mask has found. Pre: found != 0.
constexpr std::size_t first(std::uint64_t found) {
  return static_cast<std::size_t>(std::countr_zero(found)) / 8;
}

}  // namespace tidemark::eight_bytes
