// The time by which topics expire and events age.
// storage/: one per store, asked by committer, janitor and readers alike.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// Wall-clock time that a jump forward of the clock can't carry away: it gains on real time at most
/// as fast again, so that a wrong clock expires nothing at once and a corrected one is followed.
class SteadyWallClock {
 public:
  Timestamp now(Timestamp wall, std::chrono::steady_clock::time_point steady);

 private:
  bool started_ = false;
  Timestamp now_;
  std::chrono::steady_clock::time_point steady_;
};

/// Threads: any.
class StoreClock {
 public:
  /// Where time comes from; null: the system.
  struct Sources {
    std::function<Timestamp()> wall;
    std::function<std::chrono::steady_clock::time_point()> steady;
  };
  explicit StoreClock(Sources sources);

  /// What the machine believes.
  [[nodiscard]] Timestamp wall() const;
  /// What may be believed of it: see SteadyWallClock.
  [[nodiscard]] Timestamp now();

 private:
  const Sources sources_;
  std::mutex mutex_;
  SteadyWallClock clock_;
};

}  // namespace tidemark::storage
