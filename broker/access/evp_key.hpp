// Keys in OpenSSL's hands: read from PEM, built from numbers, made anew.
// broker/access/: VerifyKey and SigningKey stand on it; OpenSSL's headers stay behind it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace tidemark::broker {

struct FreeEvpKey {
  void operator()(evp_pkey_st* key) const;
};
/// Null where a function below found no valid key.
using EvpKey = std::unique_ptr<evp_pkey_st, FreeEvpKey>;

/// A public key ("PUBLIC KEY", "RSA PUBLIC KEY") or the key of a certificate.
[[nodiscard]] EvpKey read_public_pem(std::string_view text);
/// Without a passphrase.
[[nodiscard]] EvpKey read_private_pem(std::string_view text);

// From the numbers of a JWK (RFC 7518, section 6; RFC 8037), big-endian bytes.
struct RsaNumbers {
  std::string n, e, d;  ///< d: empty for a public key
};
struct EcNumbers {
  std::string x, y, d;
};
[[nodiscard]] EvpKey make_rsa(const RsaNumbers& numbers);
/// On the curve P-256.
[[nodiscard]] EvpKey make_ec(const EcNumbers& numbers);
[[nodiscard]] EvpKey make_ed25519_public(std::string_view x);
[[nodiscard]] EvpKey make_ed25519_private(std::string_view d);

[[nodiscard]] EvpKey generate_rsa(unsigned bits);
[[nodiscard]] EvpKey generate_ec();
[[nodiscard]] EvpKey generate_ed25519();

enum class KeyKind { rsa, p256, ed25519, other };
[[nodiscard]] KeyKind kind_of(const EvpKey& key);
[[nodiscard]] int bits_of(const EvpKey& key);
/// Is an RSA key's public exponent odd and at most 2^32 + 1? Larger ones only cost time.
[[nodiscard]] bool sane_exponent(const EvpKey& key);

/// Its public half: SubjectPublicKeyInfo.
[[nodiscard]] std::string public_der(const EvpKey& key);
[[nodiscard]] std::string public_pem(const EvpKey& key);
[[nodiscard]] std::string private_pem(const EvpKey& key);
/// The public half as a JWK without `kid` and `alg`: {"kty":"EC",…}. Pre: kind_of(key) != other.
[[nodiscard]] std::string public_jwk(const EvpKey& key);

}  // namespace tidemark::broker
