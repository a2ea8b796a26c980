// Keys as JSON (RFC 7517): one, or a set.
// broker/access/: read from files and from what URLs answer; only the numbers of a key are
// believed.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/access/verify_key.hpp"

namespace tidemark::broker {

inline constexpr std::size_t kMostKeysOfSet = 64;
inline constexpr std::size_t kMostKeyIdBytes = 255;

/// The members of a JWK that are looked at. Certificates in it or at a URL of it are not.
struct Jwk {
  std::string kty, use, alg, kid, crv;
  std::vector<std::string> key_ops;
  std::string n, e, x, y, k, d;  ///< decoded
};

/// Is it a JSON object with "keys", a set?
[[nodiscard]] bool is_key_set(std::string_view text);

[[nodiscard]] std::variant<Jwk, KeyFault> read_jwk(std::string_view text);

/// At most kMostKeysOfSet. Keys without `kty` and members that are no key at all fault the set.
[[nodiscard]] std::variant<std::vector<Jwk>, KeyFault> read_key_set(std::string_view text);

/// Its key for checking; a fault if it is none (encryption, another algorithm, a private key, …).
[[nodiscard]] VerifyKey::Made verify_key_of(const Jwk& jwk);

/// Its key for signing, or null.
[[nodiscard]] EvpKey private_key_of(const Jwk& jwk);

}  // namespace tidemark::broker
