// A topic's settings and what the log knows of a topic.
// storage/: shared by the log, the committer and retention; plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// When an event may be shown and acknowledged.
enum class Durability : std::uint8_t {
  synced,    ///< after fsync; survives the loss of power
  buffered,  ///< after the operating system has it; fsync follows within the flush interval
};

/// What is kept; 0 means "no limit". The newest event is always kept by count and bytes.
struct RetentionPolicy {
  std::uint64_t max_events = 0;
  std::uint64_t max_bytes = 0;  ///< of stored batches, as counted by BatchHeader::bytes_before
  std::chrono::milliseconds max_age{0};
  bool operator==(const RetentionPolicy&) const = default;
};

struct TopicSettings {
  Durability durability = Durability::synced;
  RetentionPolicy retention;
  std::string content_type = "application/json";
  std::optional<std::chrono::seconds> ttl;  ///< expires when it has not been used for so long
  std::optional<Timestamp> expires_at;      ///< expires then, used or not
  /// The newest event of each key is kept whatever `retention` drops: not in the log, whose offsets
  /// it leaves as they are, but beside it, where the topic's state is read (see KeyReader). A
  /// tombstone (is_tombstone) removes the key.
  bool keep_latest = false;
  bool operator==(const TopicSettings&) const = default;
};

/// Names a topic in keys; never reused, so a deleted topic's leftovers can't be read as another's.
struct TopicId {
  std::uint64_t value = 0;
  auto operator<=>(const TopicId&) const = default;
};

/// One entry of a topic's lineage: `epoch` began with the event `first`.
struct EpochStart {
  Epoch epoch;
  Offset first;
  bool operator==(const EpochStart&) const = default;
};

/// Where a fork's log begins: its events up to `inherited` are those of another topic, in whose log
/// they stay.
struct Origin {
  std::string source;  ///< name of the topic it was forked from, which counts it in `forks`
  TopicId id;          ///< of that topic
  Offset inherited;    ///< last event that is the source's
  Offset requested;    ///< what the fork was asked for: after this event of the source
  std::uint64_t sub_offset = 0;  ///< and this much of what follows: events, or bytes of one event
  std::uint32_t depth = 1;       ///< forks from here up to a topic that is none
  bool operator==(const Origin&) const = default;
};

/// A topic's durable metadata.
struct TopicMeta {
  TopicId id;
  std::string name;
  TopicSettings settings;
  Timestamp created;
  std::vector<EpochStart> lineage;  ///< never empty; oldest first
  Offset earliest{1};               ///< the low watermark: nothing before it may be read
  std::uint8_t trim_cause = 0;      ///< GapCause of the last trim
  std::uint64_t incident = 0;    ///< the last store incident this topic has answered (RocksStore)
  bool closed = false;           ///< takes no more events
  std::string last_sequence;     ///< of the last publish that had one (PublishRequest::sequence)
  std::optional<Origin> origin;  ///< a fork's
  std::uint64_t forks = 0;       ///< topics whose origin this is
  bool gone = false;             ///< deleted or expired, and kept for its forks
  Timestamp used;                ///< last use as far as it is known on disk; for the ttl
  std::uint64_t keys = 0;        ///< of which the newest event is kept; see keep_latest
  bool operator==(const TopicMeta&) const = default;
};

/// The position of a reader who has everything up to `offset`: in the epoch of that event, for 0 of
/// the first there may be. Pre: lineage is not empty.
[[nodiscard]] inline Position position_at(const std::vector<EpochStart>& lineage, Offset offset) {
  auto epoch = lineage.rbegin();
  while (epoch + 1 != lineage.rend() && epoch->first > offset) ++epoch;
  return {.epoch = epoch->epoch, .offset = offset};
}

/// The end of a topic's log.
struct Tail {
  Offset head;              ///< last event; 0 if there has never been one
  Timestamp last_time;      ///< of the last event
  std::uint64_t bytes = 0;  ///< BatchHeader::bytes_before of the next batch
  bool operator==(const Tail&) const = default;
};

/// What readers may ask for right now.
struct Bounds {
  Epoch epoch;      ///< the newest
  Offset earliest;  ///< first retained; head + 1 if none
  Offset head;
  bool operator==(const Bounds&) const = default;
};

}  // namespace tidemark::storage

template <>
struct std::hash<tidemark::storage::TopicId> {
  std::size_t operator()(tidemark::storage::TopicId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
