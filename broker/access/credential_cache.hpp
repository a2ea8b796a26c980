// Credentials that were found good a moment ago: HTTP clients show theirs with every request.
// broker/access/: checking a signature costs up to 80 µs, looking here half of one (bench).
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "broker/access/digest.hpp"
#include "broker/access/identity.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {

/// The least recently used go first. Threads: any; shards with a lock each, so that I/O threads
/// rarely meet.
class CredentialCache {
 public:
  /// Identities of tokens take about 1 KiB each.
  explicit CredentialCache(std::size_t capacity = 8192);

  /// What was put under this digest in this generation and has not expired; else nullptr.
  [[nodiscard]] std::shared_ptr<const Identity> find(const Sha256& credential,
                                                     std::uint64_t generation, Timestamp now);
  void put(const Sha256& credential, std::uint64_t generation,
           std::shared_ptr<const Identity> identity);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    Sha256 credential;
    std::uint64_t generation;
    std::shared_ptr<const Identity> identity;  // shared with those who found it
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // the most recently used first
    std::unordered_map<Sha256, std::list<Entry>::iterator, DigestHash> places;
  };
  static constexpr std::size_t kShards = 8;

  // A byte the table's hash does not begin with, or each shard would use an eighth of its buckets.
  Shard& shard_of(const Sha256& credential) { return shards_[credential.back() % kShards]; }

  std::size_t shard_capacity_;
  std::array<Shard, kShards> shards_;
};

}  // namespace tidemark::broker
