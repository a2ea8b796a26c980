// Which events become lines when there are too many of one kind: see flood_gate.hpp.
// broker/log/: a window begins with an event's first line and lasts a second.
#include "broker/log/flood_gate.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker::log {

FloodGate::Window* FloodGate::window_of(std::string_view name, Time now) {
  const auto found = windows_.find(name);
  if (found != windows_.end()) return &found->second;
  if (windows_.size() >= kMaxNames) {
    std::erase_if(windows_, [&](const auto& w) { return w.second.end <= now; });
    if (windows_.size() >= kMaxNames) return nullptr;
  }
  return &windows_[std::string(name)];
}

bool FloodGate::admit(std::string_view name, Level level, Time now) {
  Window* const window = window_of(name, now);
  if (window == nullptr) return true;
  if (now >= window->end) *window = {.end = now + kWindow};  // the caller has taken the sums
  if (window->written < kBurst) {
    ++window->written;
    return true;
  }
  window->level = std::max(window->level, level);
  ++window->suppressed;
  next_end_ = std::min(next_end_, window->end);
  return false;
}

std::vector<FloodGate::Sum> FloodGate::take_sums(Time now) {
  std::vector<Sum> sums;
  if (now < next_end_) return sums;
  next_end_ = Time::max();
  for (auto& [name, window] : windows_) {
    if (window.suppressed == 0) continue;
    if (now < window.end) {
      next_end_ = std::min(next_end_, window.end);
      continue;
    }
    sums.push_back({name, window.level, std::exchange(window.suppressed, 0)});
  }
  return sums;
}

std::vector<FloodGate::Sum> FloodGate::take_all_sums() { return take_sums(Time::max()); }

}  // namespace tidemark::broker::log
