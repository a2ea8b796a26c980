// The time by which topics expire: see store_clock.hpp.
// storage/: a lock around a few integers.
#include "storage/store_clock.hpp"

#include <algorithm>

namespace tidemark::storage {

using std::chrono::milliseconds;

namespace {

milliseconds between(SteadyWallClock::Steady from, SteadyWallClock::Steady to) {
  return std::max(std::chrono::duration_cast<milliseconds>(to - from), milliseconds(0));
}

}  // namespace

Timestamp SteadyWallClock::now(Timestamp wall, Steady steady) {
  if (!started_) {
    started_ = true;
    now_ = seen_wall_ = wall;
    steady_ = seen_steady_ = steady;
    return now_;
  }
  look_for_jump(wall, steady);
  const auto passed = between(steady_, steady);
  if (wall >= now_) {
    ahead_since_.reset();
    now_.ms = std::min(wall.ms, now_.ms + 2 * passed.count());
  } else if (ahead_since_ && steady - *ahead_since_ >= kBackBelieved) {
    ahead_since_.reset();
    now_ = wall;
  } else {
    ahead_since_ = ahead_since_.value_or(steady);
    now_.ms += passed.count();
  }
  // Only what has been counted: asked more than once in a millisecond it would else stand still.
  steady_ += passed;
  return now_;
}

void SteadyWallClock::look_for_jump(Timestamp wall, Steady steady) {
  const milliseconds jump = milliseconds(wall.ms - seen_wall_.ms) - between(seen_steady_, steady);
  seen_wall_ = wall;
  seen_steady_ = steady;
  if (jump < kJump && jump > -kJump) return;
  ++(jump > milliseconds(0) ? forward_ : back_);
  last_ = jump;
  jumped_ = steady;
}

ClockState SteadyWallClock::state() const {
  ClockState out{.behind = milliseconds(seen_wall_.ms - now_.ms),
                 .forward = forward_,
                 .back = back_,
                 .last = last_,
                 .since = std::nullopt};
  if (jumped_) out.since = between(*jumped_, seen_steady_);
  return out;
}

StoreClock::StoreClock(Sources sources) : sources_(std::move(sources)) {
  static_cast<void>(now());  // what it may gain counts from here
}

Timestamp StoreClock::wall() const {
  if (sources_.wall) return sources_.wall();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<milliseconds>(since).count()};
}

Timestamp StoreClock::now_locked() {
  const auto steady = sources_.steady ? sources_.steady() : std::chrono::steady_clock::now();
  return clock_.now(wall(), steady);
}

Timestamp StoreClock::now() {
  const std::lock_guard lock(mutex_);
  return now_locked();
}

Timestamp StoreClock::stamp() {
  constexpr auto kOff = milliseconds(kMostOff).count();
  const std::lock_guard lock(mutex_);
  const Timestamp believed = now_locked();
  return {believed.ms + std::clamp(clock_.state().behind.count(), -kOff, kOff)};
}

ClockState StoreClock::state() {
  const std::lock_guard lock(mutex_);
  static_cast<void>(now_locked());
  return clock_.state();
}

}  // namespace tidemark::storage
