// API keys: "tmk_" and 32 random bytes in base64url; the configuration has their digests only.
// broker/access/: for servers, which keep a secret for long and need no token service.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "broker/access/digest.hpp"
#include "broker/access/identity.hpp"

namespace tidemark::broker {

/// A new key. It has 256 bits of randomness, so a plain digest of it can't be turned round, and
/// needs none of the slowness that passwords do.
[[nodiscard]] std::string make_api_key();
/// Has it the form of one?
[[nodiscard]] bool is_api_key(std::string_view text);
/// "sha256:" and the digest in hexadecimal: what the configuration has of a key.
[[nodiscard]] std::string api_key_hash(std::string_view key);
[[nodiscard]] std::optional<Sha256> read_api_key_hash(std::string_view text);

/// The API keys there are, by digest.
class ApiKeys {
 public:
  /// False if there is one with this digest.
  bool add(const Sha256& digest, std::shared_ptr<const Identity> identity);
  /// nullptr: no such key. Looking up tells by its time no more than a digest's first bytes, which
  /// nobody can choose; the whole is compared in constant time.
  [[nodiscard]] std::shared_ptr<const Identity> find(const Sha256& digest) const;

 private:
  std::unordered_map<Sha256, std::shared_ptr<const Identity>, DigestHash> keys_;
};

}  // namespace tidemark::broker
