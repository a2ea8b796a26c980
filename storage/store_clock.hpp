// The time by which topics expire and events age.
// storage/: one per store, asked by committer, janitor and readers alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "protocol/types.hpp"

namespace tidemark::storage {

/// What the wall clock has done, and how far the believed time is from it.
struct ClockState {
  std::chrono::milliseconds behind{0};  ///< the believed time, of the wall clock; negative: ahead
  std::uint64_t forward = 0;            ///< jumps forward
  std::uint64_t back = 0;               ///< jumps back
  std::chrono::milliseconds last{0};    ///< how far the last jump went; negative: back
  std::optional<std::chrono::milliseconds> since;  ///< time since the last jump; nullopt: none
};

/// Wall-clock time that a jump forward of the clock can't carry away: it gains on real time at most
/// as fast again, so that a wrong clock expires nothing at once and a corrected one is followed.
/// Where the clock has gone back it goes on as real time does, and back too once that has lasted:
/// uses noted in the past of a clock that is soon right again would be over with it.
class SteadyWallClock {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  /// A difference to real time that is told as a jump; NTP makes smaller ones as it likes.
  static constexpr std::chrono::seconds kJump{60};

  /// A clock that is behind for so long is believed to be right.
  static constexpr std::chrono::minutes kBackBelieved{10};

  Timestamp now(Timestamp wall, Steady steady);
  /// As of the last now().
  [[nodiscard]] ClockState state() const;

 private:
  void look_for_jump(Timestamp wall, Steady steady);

  bool started_ = false;
  Timestamp now_;
  Steady steady_;
  std::optional<Steady> ahead_since_;  ///< of the wall clock
  Timestamp seen_wall_;
  Steady seen_steady_;
  std::uint64_t forward_ = 0;
  std::uint64_t back_ = 0;
  std::chrono::milliseconds last_{0};
  std::optional<Steady> jumped_;
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
  /// What events are stamped with: the wall clock, but never further from what may be believed than
  /// this. A topic's times never go back, so one event of the far future would spoil all after it;
  /// and events of the past would be dropped by their age.
  static constexpr std::chrono::hours kMostOff{1};
  [[nodiscard]] Timestamp stamp();
  /// As of now.
  [[nodiscard]] ClockState state();

 private:
  Timestamp now_locked();

  const Sources sources_;
  std::mutex mutex_;
  SteadyWallClock clock_;
};

}  // namespace tidemark::storage
