// Stream-Cursor: the number of the moment, so that caches in front ask again.
// broker/: live answers carry it; clients give it back in `cursor`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/types.hpp"

namespace tidemark::broker {

/// Cursors count intervals of this length since kLiveEpoch, 2024-10-09T00:00:00Z; both are the
/// defaults of Durable Streams.
inline constexpr std::chrono::seconds kLiveInterval{20};
inline constexpr Timestamp kLiveEpoch{1'728'432'000'000};
/// The jitter for a client that is not behind the clock: 1 s to this.
inline constexpr std::chrono::seconds kLiveJitter{3600};

/// Whole intervals from kLiveEpoch to `now`; 0 before it.
[[nodiscard]] std::uint64_t live_interval(Timestamp now);

/// The cursor to answer with: the current interval; to a client whose `given` is that or later,
/// something strictly greater than `given`, by a jitter, lest a cache send it round in circles.
/// `random`: any number, the jitter's source. A `given` so large that nothing above it is left was
/// never one of ours, and counts for nothing.
[[nodiscard]] std::uint64_t next_cursor(Timestamp now, std::optional<std::uint64_t> given,
                                        std::uint64_t random);

}  // namespace tidemark::broker
