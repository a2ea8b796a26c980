// Which events become lines when there are too many of one kind, and how many did not.
// broker/log/: pure, by event name; Writer asks it under its lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/log/log.hpp"

namespace tidemark::broker::log {

/// Lines of one event name in one window; the rest of the window is summed up.
inline constexpr std::uint32_t kBurst = 10;
inline constexpr std::chrono::seconds kWindow{1};

/// Threads: one at a time.
class FloodGate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Sum {
    std::string name;
    Level level = Level::trace;  ///< the highest of what was suppressed
    std::uint64_t count = 0;
  };

  /// True: write it. False: it is counted.
  bool admit(std::string_view name, Level level, Time now);
  /// What was counted in windows that are over; told once.
  std::vector<Sum> take_sums(Time now);
  /// The same of all windows, over or not; for the end.
  std::vector<Sum> take_all_sums();

 private:
  // Names are literals, so there are not that many; but this is the place where bounds are kept.
  static constexpr std::size_t kMaxNames = 256;

  struct Window {
    Time end;
    std::uint32_t written = 0;
    Level level = Level::trace;
    std::uint64_t suppressed = 0;
  };
  Window* window_of(std::string_view name, Time now);

  std::map<std::string, Window, std::less<>> windows_;
  Time next_end_ = Time::max();  ///< no window that suppressed something ends before
};

}  // namespace tidemark::broker::log
