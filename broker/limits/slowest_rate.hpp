// How slowly what is large may pass: bodies and messages that arrive, answers that are taken.
// broker/limits/: pure; what a deadline is moved by.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace tidemark::broker {

/// A phone at the edge of reception still has 10 kbit/s. To close on who is slower than that is in
/// vain: it would come back and be as slow.
inline constexpr std::size_t kSlowestBytesPerSecond = std::size_t{1} << 10;

/// The deadline `by` after `bytes` more have passed: later by the time that they take at that rate,
/// so that a byte now and then wins nothing, but no later than `pause` from now, so that much at
/// once wins little. Pre: fewer bytes than 2^53.
inline std::chrono::steady_clock::time_point prolonged(std::chrono::steady_clock::time_point by,
                                                       std::size_t bytes,
                                                       std::chrono::steady_clock::time_point now,
                                                       std::chrono::milliseconds pause) {
  const std::chrono::milliseconds won(bytes * 1000 / kSlowestBytesPerSecond);
  return std::min(by + won, now + pause);
}

}  // namespace tidemark::broker
