// Checksums as FORMAT.md words them, so that a changed value gets past them to what is behind.
// tests/fuzz/: written anew, not called: storage's own could be wrong both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidemark::fuzz {

inline void append_le64(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

/// The bytes and behind them their checksum, tied to the key they are stored under.
[[nodiscard]] inline std::string sealed(std::string_view bytes, std::string_view key) {
  std::string out(bytes);
  const auto seed = XXH3_64bits(key.data(), key.size());
  append_le64(out, XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
  return out;
}

}  // namespace tidemark::fuzz
