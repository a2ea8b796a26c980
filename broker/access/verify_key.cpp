// Signatures checked by OpenSSL.
// broker/access/: see verify_key.hpp.
#include "broker/access/verify_key.hpp"

#include <array>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "protocol/result.hpp"

namespace tidemark::broker {
namespace {

struct AlgorithmName {
  Algorithm algorithm;
  std::string_view name;
};
constexpr std::array kAlgorithms{
    AlgorithmName{Algorithm::hs256, "HS256"}, AlgorithmName{Algorithm::rs256, "RS256"},
    AlgorithmName{Algorithm::es256, "ES256"}, AlgorithmName{Algorithm::eddsa, "EdDSA"}};

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

constexpr std::size_t kHalf = 32;  // of an ES256 signature: r, then s

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// An ES256 signature as OpenSSL takes it; empty if it is none.
std::string der_of(std::string_view raw) {
  if (raw.size() != 2 * kHalf) return {};
  const std::unique_ptr<ECDSA_SIG, FreeSignature> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(octets(raw), kHalf, nullptr),
                 BN_bin2bn(octets(raw) + kHalf, kHalf, nullptr));
  std::string out(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  i2d_ECDSA_SIG(signature.get(), &at);
  return out;
}

std::string hmac(std::string_view secret, std::string_view text) {
  std::string out(32, '\0');
  unsigned size = 0;
  const auto* done =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), octets(text), text.size(),
           reinterpret_cast<unsigned char*>(out.data()), &size);
  TIDEMARK_ENSURE(done != nullptr && size == out.size(), "HMAC is always there");
  return out;
}

Sha256 thumbprint_of(Algorithm algorithm, std::string_view key) {
  return sha256(std::string(name_of(algorithm)) + '\0' + std::string(key));
}

std::optional<KeyFault> fault_of(const EvpKey& key) {
  const auto kind = kind_of(key);
  if (kind == KeyKind::other) {
    return KeyFault{"is of a kind no token is signed with here (RSA, EC on P-256, Ed25519)"};
  }
  if (kind != KeyKind::rsa) return std::nullopt;
  if (bits_of(key) < kLeastRsaBits || bits_of(key) > kMostRsaBits) {
    return KeyFault{"is an RSA key of " + std::to_string(bits_of(key)) + " bits; it has to be " +
                    std::to_string(kLeastRsaBits) + " to " + std::to_string(kMostRsaBits)};
  }
  if (!sane_exponent(key)) return KeyFault{"is an RSA key with an odd sort of exponent"};
  return std::nullopt;
}

}  // namespace

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (const auto& row : kAlgorithms) {
    if (row.name == name) return row.algorithm;
  }
  return std::nullopt;
}

std::string_view name_of(Algorithm algorithm) {
  return kAlgorithms.at(static_cast<std::size_t>(algorithm)).name;
}

std::optional<Algorithm> algorithm_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::rsa:
      return Algorithm::rs256;
    case KeyKind::p256:
      return Algorithm::es256;
    case KeyKind::ed25519:
      return Algorithm::eddsa;
    case KeyKind::other:
      break;
  }
  return std::nullopt;
}

struct VerifyKey::Material {
  Material(Algorithm of, std::string_view bytes, EvpKey made)
      : algorithm(of), key(std::move(made)), thumbprint(thumbprint_of(of, bytes)) {
    if (key == nullptr) secret = bytes;
  }
  ~Material() { OPENSSL_cleanse(secret.data(), secret.size()); }
  Material(const Material&) = delete;
  Material& operator=(const Material&) = delete;

  Algorithm algorithm;
  std::string secret;  // HS256
  EvpKey key;          // all others
  Sha256 thumbprint;
};

VerifyKey::VerifyKey(std::string id, std::shared_ptr<const Material> material)
    : id_(std::move(id)), material_(std::move(material)) {}

VerifyKey::Made VerifyKey::from_secret(std::string id, std::string_view secret) {
  if (secret.size() < kLeastSecretBytes || secret.size() > kMostSecretBytes) {
    return KeyFault{"is a secret of " + std::to_string(secret.size()) + " bytes; it has to be " +
                    std::to_string(kLeastSecretBytes) + " to " + std::to_string(kMostSecretBytes)};
  }
  return VerifyKey(std::move(id), std::make_shared<Material>(Algorithm::hs256, secret, nullptr));
}

VerifyKey::Made VerifyKey::from_key(std::string id, EvpKey key) {
  if (auto fault = fault_of(key)) return std::move(*fault);
  const auto algorithm = *algorithm_of(kind_of(key));
  const auto der = public_der(key);
  return VerifyKey(std::move(id), std::make_shared<Material>(algorithm, der, std::move(key)));
}

Algorithm VerifyKey::algorithm() const { return material_->algorithm; }
const Sha256& VerifyKey::thumbprint() const { return material_->thumbprint; }

bool VerifyKey::verifies(std::string_view text, std::string_view signature) const {
  if (algorithm() == Algorithm::hs256) {
    return same_secret(hmac(material_->secret, text), signature);
  }
  const std::string der = algorithm() == Algorithm::es256 ? der_of(signature) : std::string();
  const auto given = algorithm() == Algorithm::es256 ? std::string_view(der) : signature;
  const auto* digest = algorithm() == Algorithm::eddsa ? nullptr : EVP_sha256();
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, material_->key.get()) == 1 &&
      EVP_DigestVerify(context.get(), octets(given), given.size(), octets(text), text.size()) == 1;
  // A refusal must not lie in the thread's queue, where its TLS connections look for their errors.
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace tidemark::broker
