// SHA-256, and comparing what is secret.
// broker/access/: credentials are looked up by their digest, so that none is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::broker {

using Sha256 = std::array<unsigned char, 32>;

[[nodiscard]] Sha256 sha256(std::string_view bytes);

/// The time it takes depends on the lengths only.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

[[nodiscard]] inline std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// 64 hexadecimal digits, in lower case; read in either case.
[[nodiscard]] std::string to_hex(const Sha256& digest);
[[nodiscard]] std::optional<Sha256> from_hex(std::string_view text);

/// For tables: a digest is as good as random.
struct DigestHash {
  std::size_t operator()(const Sha256& digest) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, digest.data(), sizeof out);
    return out;
  }
};

}  // namespace tidemark::broker
