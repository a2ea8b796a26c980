// A rate with a burst: what may come now, and else the time to wait.
// broker/limits/: the arithmetic of the publish limits; pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace tidemark::broker {

/// So much per second, and so much of it at once. A rate of 0 is no limit.
struct Rate {
  double per_second = 0;
  double burst = 0;  ///< in the same unit
  bool operator==(const Rate&) const = default;
};

/// Fills with `rate` up to its burst. Something larger than the burst is let through when the
/// bucket is full, and owed for afterwards: in the long run never more than the rate is.
/// Threads: one at a time.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Begins full.
  TokenBucket(const Rate& rate, Time now) : tokens_(rate.burst), at_(now) {}

  /// How long until `count` would be let through; 0: now. The rate may be another each time.
  [[nodiscard]] std::chrono::milliseconds wait(const Rate& rate, double count, Time now);
  /// Takes `count`. Pre: wait() was 0 for it.
  void take(double count) { tokens_ -= count; }
  /// As if it had just been made, as of the last wait()?
  [[nodiscard]] bool full(const Rate& rate) const {
    return rate.per_second <= 0 || tokens_ >= rate.burst - 1e-6;
  }

 private:
  double tokens_;
  Time at_;  ///< when tokens_ was true
};

}  // namespace tidemark::broker
