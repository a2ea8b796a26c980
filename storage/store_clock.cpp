// The time by which topics expire: see store_clock.hpp.
// storage/: a lock around a few integers.
#include "storage/store_clock.hpp"

#include <algorithm>

namespace tidemark::storage {

using std::chrono::milliseconds;

Timestamp SteadyWallClock::now(Timestamp wall, std::chrono::steady_clock::time_point steady) {
  if (!started_) {
    started_ = true;
    now_ = wall;
    steady_ = steady;
    return now_;
  }
  const auto passed =
      std::max(std::chrono::duration_cast<milliseconds>(steady - steady_), milliseconds(0));
  now_.ms = std::min(wall.ms, now_.ms + 2 * passed.count());
  // Only what has been counted: asked more than once in a millisecond it would else stand still.
  steady_ += passed;
  return now_;
}

StoreClock::StoreClock(Sources sources) : sources_(std::move(sources)) {
  static_cast<void>(now());  // what it may gain counts from here
}

Timestamp StoreClock::wall() const {
  if (sources_.wall) return sources_.wall();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<milliseconds>(since).count()};
}

Timestamp StoreClock::now() {
  const std::lock_guard lock(mutex_);
  const auto steady = sources_.steady ? sources_.steady() : std::chrono::steady_clock::now();
  return clock_.now(wall(), steady);
}

}  // namespace tidemark::storage
