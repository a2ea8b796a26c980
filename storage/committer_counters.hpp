// What the committer has done, for metrics.
// storage/: it alone writes them; anybody reads.
#pragma once

#include <array>
#include <cstdint>

#include "protocol/messages.hpp"
#include "storage/counter.hpp"

namespace tidemark::storage {

inline constexpr std::size_t kTrimCauses = static_cast<std::size_t>(GapCause::trimmed) + 1;

/// Since it was started.
struct CommitterCounters {
  Counter publishes;    ///< answered as done, duplicates too
  Counter duplicates;   ///< of them, those that had been appended before
  Counter batch_bytes;  ///< of what was appended, as it is stored

  Histogram group_requests{1};
  Histogram group_bytes{256};
  Histogram synced_us{64};    ///< writing a group and fsync
  Histogram buffered_us{16};  ///< writing a group, without

  Counter topics_created;
  Counter forks_created;
  Counter topics_removed;                  ///< deleted, or expired
  std::array<Counter, kTrimCauses> trims;  ///< by GapCause
  Counter trimmed_events;
  Counter refused_for_space;
};

/// What waits for it.
struct CommitterQueue {
  std::size_t requests = 0;
  std::size_t bytes = 0;
};

}  // namespace tidemark::storage
