// OpenSSL's ways of reading and building keys.
// broker/access/: see evp_key.hpp.
#include "broker/access/evp_key.hpp"

#include <array>

#include <climits>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "broker/access/base64url.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Decoder = std::unique_ptr<OSSL_DECODER_CTX, Freed<OSSL_DECODER_CTX_free>>;

// What went wrong stays in the thread's queue otherwise, and the next TLS connection of the thread
// would take it for an error of its own.
struct ForgetErrors {
  ~ForgetErrors() { ERR_clear_error(); }
};

Bio reading(std::string_view text) {
  if (text.size() > INT_MAX) return nullptr;
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

std::string bytes_of(const BIGNUM* number, int size) {
  std::string out(static_cast<std::size_t>(size), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), size);
  return out;
}

Number parameter(const EvpKey& key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &number);
  return Number(number);
}

EvpKey built(const char* type, const Builder& builder, bool secret) {
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1) {
    return nullptr;
  }
  EVP_PKEY_fromdata(context.get(), &key, secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                    params.get());
  return EvpKey(key);
}

/// No passphrase; without this OpenSSL asks for one on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

void FreeEvpKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

EvpKey read_public_pem(std::string_view text) {
  const ForgetErrors forget;
  const Bio bio = reading(text);
  if (bio == nullptr) return nullptr;
  if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    return EvpKey(certificate == nullptr ? nullptr : X509_get_pubkey(certificate.get()));
  }
  EVP_PKEY* key = nullptr;
  const Decoder decoder(OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", nullptr, nullptr,
                                                      EVP_PKEY_PUBLIC_KEY, nullptr, nullptr));
  if (decoder != nullptr) OSSL_DECODER_from_bio(decoder.get(), bio.get());
  return EvpKey(key);
}

EvpKey read_private_pem(std::string_view text) {
  const ForgetErrors forget;
  const Bio bio = reading(text);
  return EvpKey(bio == nullptr
                    ? nullptr
                    : PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
}

EvpKey make_rsa(const RsaNumbers& numbers) {
  const ForgetErrors forget;
  const Number n = number_of(numbers.n);
  const Number e = number_of(numbers.e);
  const Number d = number_of(numbers.d);
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  if (!numbers.d.empty()) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d.get());
  return built("RSA", builder, !numbers.d.empty());
}

// OpenSSL refuses a point that is not on the curve.
EvpKey make_ec(const EcNumbers& numbers) {
  const ForgetErrors forget;
  if (numbers.x.size() != 32 || numbers.y.size() != 32 || numbers.d.size() > 32) return nullptr;
  const std::string point = '\x04' + numbers.x + numbers.y;
  const Number d = number_of(numbers.d);
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  if (!numbers.d.empty()) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get());
  return built("EC", builder, !numbers.d.empty());
}

EvpKey make_ed25519_public(std::string_view x) {
  const ForgetErrors forget;
  return EvpKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(x), x.size()));
}

EvpKey make_ed25519_private(std::string_view d) {
  const ForgetErrors forget;
  return EvpKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(d), d.size()));
}

EvpKey generate_rsa(unsigned bits) { return EvpKey(EVP_RSA_gen(bits)); }
EvpKey generate_ec() { return EvpKey(EVP_EC_gen("P-256")); }
EvpKey generate_ed25519() { return EvpKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

KeyKind kind_of(const EvpKey& key) {
  const ForgetErrors forget;
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) return KeyKind::rsa;
  if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) return KeyKind::ed25519;
  std::array<char, 32> group{};
  std::size_t length = 0;
  const bool named = EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                     EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &length) == 1;
  return named && std::string_view(group.data(), length) == "prime256v1" ? KeyKind::p256
                                                                         : KeyKind::other;
}

int bits_of(const EvpKey& key) { return EVP_PKEY_get_bits(key.get()); }

bool sane_exponent(const EvpKey& key) {
  const auto e = parameter(key, OSSL_PKEY_PARAM_RSA_E);
  return e != nullptr && BN_is_odd(e.get()) == 1 && BN_is_one(e.get()) == 0 &&
         BN_num_bits(e.get()) <= 33;
}

std::string public_der(const EvpKey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owned(
      der);
  TIDEMARK_ENSURE(size > 0, "a key that was read can be written");
  return {reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)};
}

std::string public_pem(const EvpKey& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return written(bio);
}

std::string private_pem(const EvpKey& key) {
  const Bio bio(BIO_new(BIO_s_secmem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return written(bio);
}

std::string public_jwk(const EvpKey& key) {
  const auto number = [&](const char* name, int size) {
    const auto value = parameter(key, name);
    const int bytes = size > 0 ? size : BN_num_bytes(value.get());
    return to_base64url(bytes_of(value.get(), bytes));
  };
  switch (kind_of(key)) {
    case KeyKind::rsa:
      return R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
             number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"}";
    case KeyKind::p256:
      return R"({"kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
             R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"}";
    case KeyKind::ed25519:
    case KeyKind::other:
      break;
  }
  TIDEMARK_ENSURE(kind_of(key) == KeyKind::ed25519, "a kind of key that is used");
  std::string x(32, '\0');
  std::size_t size = x.size();
  EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(x.data()), &size);
  return R"({"kty":"OKP","crv":"Ed25519","x":")" + to_base64url(x) + "\"}";
}

}  // namespace tidemark::broker
