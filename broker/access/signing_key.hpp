// A key that tokens are signed with.
// broker/access/: for `tidemark token` and tests; the broker itself signs nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "broker/access/verify_key.hpp"

namespace tidemark::broker {

class SigningKey {
 public:
  using Made = std::variant<SigningKey, KeyFault>;

  /// From the bytes of a file: PEM of a private key, a JWK of one, or HS256's secret (a JWK or its
  /// bytes; only if `algorithm` is HS256). An empty `algorithm`: what the key is for.
  static Made read(std::string_view file, std::string_view algorithm);
  static SigningKey generate(Algorithm algorithm);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  /// A JWK's `kid`.
  [[nodiscard]] const std::string& id() const { return id_; }
  /// The signature as in a JWS: raw bytes.
  [[nodiscard]] std::string sign(std::string_view text) const;
  /// Header and claims (a JSON object) as a token.
  [[nodiscard]] std::string token(std::string_view header, std::string_view claims) const;
  /// What checks its signatures.
  [[nodiscard]] VerifyKey verify_key(const std::string& id) const;

  /// What belongs into a file: PEM, or the secret.
  [[nodiscard]] std::string private_text() const;
  /// What the broker gets; Pre: not HS256.
  [[nodiscard]] std::string public_text() const;
  /// The public half as a JWK with kid (if not empty), alg and use. Pre: not HS256.
  [[nodiscard]] std::string public_jwk_text(const std::string& id) const;

 private:
  SigningKey(Algorithm algorithm, std::string id) : algorithm_(algorithm), id_(std::move(id)) {}
  static Made from_jwk(std::string_view text);

  Algorithm algorithm_;
  std::string id_;
  std::string secret_;
  std::shared_ptr<evp_pkey_st> key_;  // shared by copies
};

}  // namespace tidemark::broker
