// Stream-Cursor: the number of the moment, so that caches in front ask again.
// broker/: see live_interval.hpp.
#include "broker/live_interval.hpp"

namespace tidemark::broker {
namespace {

constexpr std::uint64_t kIntervalSeconds = kLiveInterval.count();
constexpr std::uint64_t kJitterSeconds = kLiveJitter.count();
constexpr std::uint64_t kMostSteps = (kJitterSeconds + kIntervalSeconds - 1) / kIntervalSeconds;

}  // namespace

std::uint64_t live_interval(Timestamp now) {
  if (now <= kLiveEpoch) return 0;
  const auto ms = static_cast<std::uint64_t>(now.ms - kLiveEpoch.ms);
  return ms / (kIntervalSeconds * 1000);
}

std::uint64_t next_cursor(Timestamp now, std::optional<std::uint64_t> given, std::uint64_t random) {
  const auto current = live_interval(now);
  if (!given || *given < current || *given > kMaxInteger - kMostSteps) return current;
  const auto jitter = 1 + random % kJitterSeconds;
  // Rounded up: a second of jitter is a step already.
  return *given + (jitter + kIntervalSeconds - 1) / kIntervalSeconds;
}

}  // namespace tidemark::broker
