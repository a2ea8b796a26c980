// A list in order of use, and a table into it.
// broker/access/: see credential_cache.hpp.
#include "broker/access/credential_cache.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

CredentialCache::CredentialCache(std::size_t capacity)
    : shard_capacity_(std::max<std::size_t>(1, capacity / kShards)) {}

std::shared_ptr<const Identity> CredentialCache::find(const Sha256& credential,
                                                      std::uint64_t generation, Timestamp now) {
  auto& shard = shard_of(credential);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.places.find(credential);
  if (place == shard.places.end()) return nullptr;
  const auto entry = place->second;
  const auto expires = entry->identity->expires();
  if (entry->generation != generation || (expires && now >= *expires)) {
    shard.places.erase(place);
    shard.entries.erase(entry);
    return nullptr;
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, entry);
  return entry->identity;
}

void CredentialCache::put(const Sha256& credential, std::uint64_t generation,
                          std::shared_ptr<const Identity> identity) {
  auto& shard = shard_of(credential);
  const std::lock_guard lock(shard.mutex);
  if (const auto place = shard.places.find(credential); place != shard.places.end()) {
    // Two requests of one client at once: the later rules win.
    if (generation < place->second->generation) return;
    shard.entries.erase(place->second);
    shard.places.erase(place);
  }
  shard.entries.push_front({credential, generation, std::move(identity)});
  shard.places.emplace(credential, shard.entries.begin());
  if (shard.entries.size() <= shard_capacity_) return;
  shard.places.erase(shard.entries.back().credential);
  shard.entries.pop_back();
}

std::size_t CredentialCache::size() const {
  std::size_t total = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    total += shard.entries.size();
  }
  return total;
}

}  // namespace tidemark::broker
