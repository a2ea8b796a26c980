// Positions whose following events stay: see holds.hpp.
// storage/: a short vector; there are a few of a topic at a time.
#include "storage/holds.hpp"

#include <algorithm>

namespace tidemark::storage {

void Holds::forget_over(Time now) {
  std::erase_if(held_, [&](const Held& held) { return now >= held.until; });
}

std::uint64_t Holds::add(Offset after, Time now) {
  forget_over(now);
  if (held_.size() >= most_) return 0;
  held_.push_back({.number = ++last_number_, .after = after, .until = now + time_});
  return last_number_;
}

void Holds::release(std::uint64_t number) {
  std::erase_if(held_, [&](const Held& held) { return held.number == number; });
}

std::optional<Offset> Holds::first(Time now) {
  forget_over(now);
  if (held_.empty()) return std::nullopt;
  return std::min_element(held_.begin(), held_.end(),
                          [](const Held& a, const Held& b) { return a.after < b.after; })
      ->after.next();
}

}  // namespace tidemark::storage
