// Where a listing goes on behind names that its reader must not see.
// broker/: see page_token.hpp.
#include "broker/page_token.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "protocol/base64.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {

namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kMostBytes = 1024;  // a name and what is around it, with room

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// NOLINTNEXTLINE: the same bytes, as OpenSSL wants them
unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes_of(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);  // NOLINT: as above
}

}  // namespace

PageTokens::PageTokens() {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1) {
    throw std::runtime_error("the system gives no random numbers");
  }
}

std::string PageTokens::seal(std::string_view name) const {
  std::string sealed(kNonceBytes + name.size() + kTagBytes, '\0');
  auto* const nonce = bytes_of(sealed.data());
  auto* const text = nonce + kNonceBytes;
  auto* const tag = text + name.size();
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      RAND_bytes(nonce, kNonceBytes) == 1 &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_EncryptUpdate(context.get(), text, &size, bytes_of(name.data()),
                        static_cast<int>(name.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), tag, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1;
  TIDEMARK_ENSURE(done, "a name can be sealed");
  std::string out(1 + base64_size(sealed.size()), ':');
  write_base64(sealed, out.data() + 1);
  return out;
}

std::optional<std::string> PageTokens::open(std::string_view token) const {
  if (!is_token(token) || token.size() > kMostBytes) return std::nullopt;
  auto sealed = read_base64(token.substr(1));
  if (!sealed || sealed->size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::size_t length = sealed->size() - kNonceBytes - kTagBytes;
  std::string name(length, '\0');
  auto* const nonce = bytes_of(sealed->data());
  auto* const text = nonce + kNonceBytes;
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  std::array<unsigned char, kTagBytes> rest{};
  const bool done =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(name.data()), &size, text,
                        static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, text + length) == 1 &&
      EVP_DecryptFinal_ex(context.get(), rest.data(), &size) == 1;
  if (!done) return std::nullopt;
  return name;
}

}  // namespace tidemark::broker
