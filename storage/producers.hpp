// What a producer has sent before: duplicates, fencing, gaps in its sequence.
// storage/: pure rules over ProducerState; the committer asks and records.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/log.hpp"

namespace tidemark::storage {

/// Runs of consecutive requests remembered per producer and topic, so that a retry can be answered
/// with its original offsets. One run covers any number of requests that were appended back to back.
inline constexpr std::size_t kMaxProducerRuns = 32;

struct ProducerVerdict {
  enum class Kind : std::uint8_t { append, duplicate, fenced, gap };
  Kind kind = Kind::append;
  OffsetRange original;             ///< duplicate: its offsets, empty if no longer remembered
  std::uint64_t expected = 0;       ///< gap: the sequence that would be appended
  std::uint64_t current_epoch = 0;  ///< fenced: the epoch that holds
};

/// Judges a request. `state`: nullopt for a producer never seen.
[[nodiscard]] ProducerVerdict judge(const std::optional<ProducerState>& state,
                                    const ProducerStamp& stamp);

/// The state after the request was appended at `offsets`. Pre: judge() said append.
void record(std::optional<ProducerState>& state, const ProducerStamp& stamp, OffsetRange offsets,
            Timestamp now);

}  // namespace tidemark::storage
