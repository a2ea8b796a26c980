// Random bytes by OpenSSL.
// broker/access/: see api_keys.hpp.
#include "broker/access/api_keys.hpp"

#include <array>
#include <utility>

#include <openssl/rand.h>

#include "broker/access/base64url.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {
namespace {

constexpr std::string_view kPrefix = "tmk_";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kKeyBytes = 32;

}  // namespace

std::string make_api_key() {
  std::array<unsigned char, kKeyBytes> bytes{};
  TIDEMARK_ENSURE(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1,
                  "there is randomness");
  return std::string(kPrefix) +
         to_base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool is_api_key(std::string_view text) {
  if (!text.starts_with(kPrefix)) return false;
  const auto bytes = from_base64url(text.substr(kPrefix.size()));
  return bytes && bytes->size() == kKeyBytes;
}

std::string api_key_hash(std::string_view key) {
  return std::string(kHashPrefix) + to_hex(sha256(key));
}

std::optional<Sha256> read_api_key_hash(std::string_view text) {
  if (!text.starts_with(kHashPrefix)) return std::nullopt;
  return from_hex(text.substr(kHashPrefix.size()));
}

bool ApiKeys::add(const Sha256& digest, std::shared_ptr<const Identity> identity) {
  return keys_.emplace(digest, std::move(identity)).second;
}

std::shared_ptr<const Identity> ApiKeys::find(const Sha256& digest) const {
  const std::size_t bucket = keys_.empty() ? 0 : keys_.bucket(digest);
  std::shared_ptr<const Identity> found;
  if (keys_.empty()) return found;
  for (auto at = keys_.begin(bucket); at != keys_.end(bucket); ++at) {
    if (same_secret(bytes_of(at->first), bytes_of(digest))) found = at->second;
  }
  return found;
}

}  // namespace tidemark::broker
