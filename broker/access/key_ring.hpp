// All keys that tokens may be signed with at one moment.
// broker/access/: immutable; Access makes another when a key set has changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/access/verify_key.hpp"

namespace tidemark::broker {

/// A key, and the issuer whose tokens alone it is good for; empty: whatever the rules demand.
struct TrustedKey {
  VerifyKey key;
  std::string issuer;
};

/// Threads: any; immutable.
class KeyRing {
 public:
  /// So many keys are tried for a token that names none: 16 checks of a signature are about 1 ms.
  static constexpr std::size_t most_tried = 16;

  KeyRing() = default;
  explicit KeyRing(std::vector<TrustedKey> keys);

  /// The keys for a token of this algorithm: those whose id is exactly `key_id`; without one all,
  /// up to most_tried. Lifetime: the ring's.
  [[nodiscard]] std::vector<const TrustedKey*> find(Algorithm algorithm,
                                                    const std::optional<std::string>& key_id) const;
  /// Is there a key with this id, whatever its algorithm?
  [[nodiscard]] bool knows(const std::string& key_id) const { return by_id_.contains(key_id); }
  /// Is this key still trusted with tokens of this issuer?
  [[nodiscard]] bool trusts(const Sha256& thumbprint, std::string_view issuer) const;
  /// Does the ring trust everything that `other` does?
  [[nodiscard]] bool covers(const KeyRing& other) const;

 private:
  std::vector<TrustedKey> keys_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_id_;
};

}  // namespace tidemark::broker
