// What a producer has sent before: duplicates, fencing, gaps in its sequence.
// storage/: pure rules over ProducerState; the committer asks and records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "storage/log.hpp"

namespace tidemark::storage {

/// Runs of consecutive requests remembered per producer and topic, so that a retry can be answered
/// with its original offsets. One run covers any number of requests that were appended back to
/// back.
inline constexpr std::size_t kMaxProducerRuns = 32;

struct ProducerVerdict {
  enum class Kind : std::uint8_t { append, duplicate, fenced, gap };
  Kind kind = Kind::append;
  OffsetRange original;             ///< duplicate: its offsets, empty if no longer remembered
  std::uint64_t expected = 0;       ///< gap: the sequence that would be appended
  bool begins_epoch = false;        ///< gap: the producer is known, but not with this epoch
  std::uint64_t current_epoch = 0;  ///< fenced: the epoch that holds
};

/// Judges a request. `state`: nullopt for a producer never seen.
[[nodiscard]] ProducerVerdict judge(const std::optional<ProducerState>& state,
                                    const ProducerStamp& stamp);

/// The state after the request was appended at `offsets`. Pre: judge() said append.
void record(std::optional<ProducerState>& state, const ProducerStamp& stamp, OffsetRange offsets,
            Timestamp now);

/// The states of recent producers, so that a busy one is not read from the log for each group.
/// Holds what has been committed. Threads: one.
class ProducerCache {
 public:
  /// States kept at most; beyond it all are forgotten and read again, which costs one get each.
  static constexpr std::size_t kMaxStates = 65'536;

  /// nullopt: never seen. Errors: as Log::producer.
  Result<std::optional<ProducerState>> get(Log& log, TopicId topic, const std::string& id);
  void put(TopicId topic, const std::string& id, ProducerState state);
  void clear() { states_.clear(); }

 private:
  struct Key {
    TopicId topic;
    std::string id;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::string>{}(key.id) ^
             std::hash<TopicId>{}(key.topic) * 0x9E3779B97F4A7C15;
    }
  };
  std::unordered_map<Key, ProducerState, Hash> states_;
};

}  // namespace tidemark::storage
