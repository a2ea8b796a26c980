// A key that signatures of tokens are checked with, and the one algorithm it is for.
// broker/access/: made from files and key sets, asked by token_verifier.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "broker/access/digest.hpp"
#include "broker/access/evp_key.hpp"

namespace tidemark::broker {

/// The algorithms of RFC 7518 and RFC 8037 that are taken; there is no "none" to be chosen.
enum class Algorithm : std::uint8_t { hs256, rs256, es256, eddsa };

/// By its name in a token's header, exactly.
[[nodiscard]] std::optional<Algorithm> algorithm_named(std::string_view name);
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
/// What keys of this kind sign with; nullopt for KeyKind::other.
[[nodiscard]] std::optional<Algorithm> algorithm_of(KeyKind kind);

/// What is wrong with a key: one clause without the key.
struct KeyFault {
  std::string text;
};

inline constexpr std::size_t kLeastSecretBytes = 32;  // RFC 7518, 3.2: as long as the digest
inline constexpr std::size_t kMostSecretBytes = 4096;
inline constexpr int kLeastRsaBits = 2048;
inline constexpr int kMostRsaBits = 8192;  // beyond 3072 bits (41 µs a check) it only gets slower

/// Threads: any; immutable, copies share what they are made of.
class VerifyKey {
 public:
  using Made = std::variant<VerifyKey, KeyFault>;

  /// HS256.
  static Made from_secret(std::string id, std::string_view secret);
  /// RS256, ES256 or EdDSA, as the key is. Pre: not null.
  static Made from_key(std::string id, EvpKey key);

  [[nodiscard]] Algorithm algorithm() const;
  /// The `kid` of the tokens it is for; may be empty.
  [[nodiscard]] const std::string& id() const { return id_; }
  /// Of the algorithm and the key itself, whatever its id.
  [[nodiscard]] const Sha256& thumbprint() const;
  /// Is `signature` (as in a JWS: raw bytes) that of `text` by this key?
  [[nodiscard]] bool verifies(std::string_view text, std::string_view signature) const;

 private:
  struct Material;
  VerifyKey(std::string id, std::shared_ptr<const Material> material);

  std::string id_;
  std::shared_ptr<const Material> material_;  // shared by the rings of keys it is in
};

}  // namespace tidemark::broker
