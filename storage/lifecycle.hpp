// How topics begin and end: whether one is the same, where a fork begins, when it has expired.
// storage/: pure; the committer carries it out.
#pragma once

#include <chrono>
#include <optional>

#include "storage/log.hpp"
#include "storage/requests.hpp"

namespace tidemark::storage {

// ---- the end ----

/// What limits a topic's life.
struct Lifetime {
  std::optional<std::chrono::seconds> ttl;
  std::optional<Timestamp> expires_at;

  [[nodiscard]] bool limited() const { return ttl || expires_at; }
  /// Whether a topic that was last used at `used` has expired.
  [[nodiscard]] bool over(Timestamp used, Timestamp now) const;
};
[[nodiscard]] Lifetime lifetime_of(const TopicSettings& settings);

/// How much later than what is stored of it a topic may have been used before that is stored anew:
/// an eighth of its ttl, at least 1 s, at most 1 h. Every read as a write would cost more than it.
[[nodiscard]] std::chrono::milliseconds use_slack(std::chrono::seconds ttl);

/// The last time a topic may have been used of which only what is stored is known. Its metadata lag
/// by use_slack, and as much again until it is written: a topic never expires early, and after a
/// restart up to this much late.
[[nodiscard]] Timestamp latest_use(const TopicMeta& meta);

// ---- the beginning ----

/// Whether the topic there is could have come of `wish`. What the wish leaves to the source of a
/// fork, or to the moment, is not compared.
[[nodiscard]] bool same_topic(const TopicMeta& there, const CreateRequest& wish);

/// Where a fork leaves its source.
struct ForkPoint {
  Offset requested;
  Offset inherited;             ///< the last event that is the source's
  std::uint64_t cut_bytes = 0;  ///< of the next, which begin the fork as an event of its own
  bool operator==(const ForkPoint&) const = default;
};

/// Errors: invalid_fork: after the tail, of another history, or more than what follows it.
/// Whether the event that is to be cut has so many bytes is for the caller to see.
[[nodiscard]] Result<ForkPoint> fork_point(const LoadedTopic& source,
                                           const CreateRequest::Fork& wish);

/// Makes a new topic the fork: origin, lineage up to there, low watermark. Its own epoch is
/// appended. Pre: fork.lineage holds that epoch alone.
void begin_in(TopicMeta& fork, const TopicMeta& source, const ForkPoint& point,
              std::uint64_t sub_offset);

}  // namespace tidemark::storage
