// A list, and a table of ids.
// broker/access/: see key_ring.hpp.
#include "broker/access/key_ring.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

KeyRing::KeyRing(std::vector<TrustedKey> keys) : keys_(std::move(keys)) {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const auto& id = keys_[i].key.id();
    if (!id.empty()) by_id_[id].push_back(i);
  }
}

std::vector<const TrustedKey*> KeyRing::find(Algorithm algorithm,
                                             const std::optional<std::string>& key_id) const {
  std::vector<const TrustedKey*> out;
  const auto take = [&](const TrustedKey& trusted) {
    if (trusted.key.algorithm() == algorithm && out.size() < most_tried) out.push_back(&trusted);
  };
  if (!key_id) {
    for (const auto& trusted : keys_) take(trusted);
  } else if (const auto named = by_id_.find(*key_id); named != by_id_.end()) {
    for (const auto index : named->second) take(keys_[index]);
  }
  return out;
}

bool KeyRing::trusts(const Sha256& thumbprint, std::string_view issuer) const {
  return std::ranges::any_of(keys_, [&](const TrustedKey& trusted) {
    return trusted.issuer == issuer && trusted.key.thumbprint() == thumbprint;
  });
}

bool KeyRing::covers(const KeyRing& other) const {
  return std::ranges::all_of(other.keys_, [&](const TrustedKey& trusted) {
    return trusts(trusted.key.thumbprint(), trusted.issuer);
  });
}

}  // namespace tidemark::broker
