// Signatures made by OpenSSL.
// broker/access/: see signing_key.hpp.
#include "broker/access/signing_key.hpp"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "broker/access/base64url.hpp"
#include "broker/access/jwk.hpp"
#include "broker/access/key_file.hpp"
#include "protocol/json_text.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

unsigned char* octets(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// OpenSSL's ES256 signature as a JWS has it: r and s, 32 bytes each.
std::string raw_of(std::string_view der) {
  const auto* at = octets(der);
  const std::unique_ptr<ECDSA_SIG, FreeSignature> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  TIDEMARK_ENSURE(signature != nullptr, "OpenSSL reads what it wrote");
  std::string out(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), octets(out), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), octets(out) + 32, 32);
  return out;
}

EvpKey shared(evp_pkey_st* key) {
  EVP_PKEY_up_ref(key);
  return EvpKey(key);
}

std::string random_secret() {
  std::string bytes(48, '\0');
  TIDEMARK_ENSURE(RAND_bytes(octets(bytes), static_cast<int>(bytes.size())) == 1,
                  "there is randomness");
  return to_base64url(bytes);
}

std::optional<KeyFault> wrong_algorithm(Algorithm algorithm, std::string_view wanted) {
  if (wanted.empty() || wanted == name_of(algorithm)) return std::nullopt;
  return KeyFault{"is a key for " + std::string(name_of(algorithm)) + ", not for " +
                  std::string(wanted)};
}

}  // namespace

SigningKey::Made SigningKey::from_jwk(std::string_view text) {
  auto read = read_jwk(text);
  if (auto* fault = std::get_if<KeyFault>(&read)) return std::move(*fault);
  const auto& jwk = std::get<Jwk>(read);
  if (jwk.kty == "oct") {
    SigningKey out(Algorithm::hs256, jwk.kid);
    out.secret_ = jwk.k;
    return out;
  }
  auto key = private_key_of(jwk);
  if (key == nullptr) return KeyFault{"is no private JWK for RS256, ES256 or EdDSA"};
  SigningKey out(*algorithm_of(kind_of(key)), jwk.kid);
  out.key_ = std::move(key);
  return out;
}

SigningKey::Made SigningKey::read(std::string_view file, std::string_view algorithm) {
  const auto checked = [&](Made made) {
    if (const auto* key = std::get_if<SigningKey>(&made)) {
      if (auto fault = wrong_algorithm(key->algorithm(), algorithm)) made = std::move(*fault);
    }
    return made;
  };
  if (file.find("-----BEGIN ") != std::string_view::npos) {
    auto key = read_private_pem(file);
    if (key == nullptr) return KeyFault{"is no PEM of a private key without a passphrase"};
    const auto fits = algorithm_of(kind_of(key));
    if (!fits) return KeyFault{"is of a kind no token is signed with here"};
    SigningKey out(*fits, {});
    out.key_ = std::move(key);
    return checked(std::move(out));
  }
  if (auto made = from_jwk(file); std::holds_alternative<SigningKey>(made)) {
    return checked(std::move(made));
  }
  // Not to be taken for a secret that happens to look so.
  if (is_key_set(file)) return KeyFault{"is a JWK set; a token is signed with one key"};
  if (algorithm != name_of(Algorithm::hs256)) {
    return KeyFault{"is neither PEM nor a JWK; if it is a secret, say --algorithm HS256"};
  }
  SigningKey out(Algorithm::hs256, {});
  out.secret_ = secret_of(file);
  if (out.secret_.size() < kLeastSecretBytes) return KeyFault{"is a secret of less than 32 bytes"};
  return out;
}

SigningKey SigningKey::generate(Algorithm algorithm) {
  SigningKey out(algorithm, {});
  switch (algorithm) {
    case Algorithm::hs256:
      out.secret_ = random_secret();
      break;
    case Algorithm::rs256:
      out.key_ = generate_rsa(3072);
      break;
    case Algorithm::es256:
      out.key_ = generate_ec();
      break;
    case Algorithm::eddsa:
      out.key_ = generate_ed25519();
      break;
  }
  return out;
}

std::string SigningKey::sign(std::string_view text) const {
  if (algorithm_ == Algorithm::hs256) {
    std::string out(32, '\0');
    unsigned size = 0;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), octets(text), text.size(),
         octets(out), &size);
    return out;
  }
  const auto* digest = algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256();
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::string out(1024, '\0');
  std::size_t size = out.size();
  const bool done =
      EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), octets(out), &size, octets(text), text.size()) == 1;
  TIDEMARK_ENSURE(done, "a private key signs");
  out.resize(size);
  return algorithm_ == Algorithm::es256 ? raw_of(out) : out;
}

std::string SigningKey::token(std::string_view header, std::string_view claims) const {
  const auto text = to_base64url(header) + "." + to_base64url(claims);
  return text + "." + to_base64url(sign(text));
}

VerifyKey SigningKey::verify_key(const std::string& id) const {
  auto made = algorithm_ == Algorithm::hs256 ? VerifyKey::from_secret(id, secret_)
                                             : VerifyKey::from_key(id, shared(key_.get()));
  TIDEMARK_ENSURE(std::holds_alternative<VerifyKey>(made), "keys of here are fit to verify");
  return std::get<VerifyKey>(std::move(made));
}

std::string SigningKey::private_text() const {
  return algorithm_ == Algorithm::hs256 ? secret_ + "\n" : private_pem(shared(key_.get()));
}

std::string SigningKey::public_text() const { return public_pem(shared(key_.get())); }

std::string SigningKey::public_jwk_text(const std::string& id) const {
  auto out = public_jwk(shared(key_.get()));
  out.pop_back();
  if (!id.empty()) {
    out += ",\"kid\":";
    append_json_string(out, id);
  }
  return out + ",\"alg\":\"" + std::string(name_of(algorithm_)) + "\",\"use\":\"sig\"}";
}

}  // namespace tidemark::broker
