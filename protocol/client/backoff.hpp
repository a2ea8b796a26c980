// How long to wait before the next try: doubling, with full jitter.
// protocol/client/: pure, seeded by its owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace tidemark::client {

/// The nth delay since reset() is drawn evenly from [min, min(max, min × 2^n)], n from 1, so that
/// clients that lost the same broker do not come back in step.
class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;

  /// Pre: 0 < min <= max.
  Backoff(milliseconds min, milliseconds max, std::uint64_t seed);

  [[nodiscard]] milliseconds next();
  void reset() { ceiling_ = min_; }

 private:
  milliseconds min_;
  milliseconds max_;
  milliseconds ceiling_;
  std::mt19937_64 random_;
};

}  // namespace tidemark::client
