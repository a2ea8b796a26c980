// What one shard counts: see counters.hpp.
// broker/metrics/: how far behind cursors are, in powers of two.
#include "broker/metrics/counters.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidemark::broker {

void CursorCensus::count(bool is_cold, std::uint64_t events_behind) {
  ++(is_cold ? cold : ring);
  const auto width = static_cast<std::size_t>(std::bit_width(events_behind));
  ++lag[std::min(width, kLagBounds)];
  most_behind = std::max(most_behind, events_behind);
}

void CursorCensus::add(const CursorCensus& other) {
  ring += other.ring;
  cold += other.cold;
  for (std::size_t i = 0; i < lag.size(); ++i) lag[i] += other.lag[i];
  most_behind = std::max(most_behind, other.most_behind);
}

std::uint64_t CursorCensus::quantile(double share) const {
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(static_cast<double>(ring + cold) * share));
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < lag.size(); ++i) {
    passed += lag[i];
    if (passed < wanted || passed == 0) continue;
    if (i == kLagBounds) break;  // it has no bound
    const std::uint64_t bound = i == 0 ? 0 : std::uint64_t{1} << i;
    return std::min(bound, most_behind);
  }
  return most_behind;
}

}  // namespace tidemark::broker
