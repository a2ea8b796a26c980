// A rate with a burst: see token_bucket.hpp.
// broker/limits/: the arithmetic of the publish limits; pure.
#include "broker/limits/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace tidemark::broker {

using std::chrono::milliseconds;

namespace {

// Nobody is told to wait longer; a rate of one event a year is somebody's mistake.
constexpr double kLongestWaitMs = 3'600'000;
// A tenth of a second's tokens in ten parts are not quite a tenth of a second's tokens.
constexpr double kRounding = 1e-6;

}  // namespace

milliseconds TokenBucket::wait(const Rate& rate, double count, Time now) {
  if (rate.per_second <= 0) return milliseconds(0);
  if (now > at_) {
    const std::chrono::duration<double> passed = now - at_;
    tokens_ = std::min(rate.burst, tokens_ + passed.count() * rate.per_second);
    at_ = now;
  }
  const double needed = std::min(count, rate.burst);
  if (tokens_ >= needed - kRounding) return milliseconds(0);
  const double ms = std::ceil((needed - tokens_) / rate.per_second * 1'000 - kRounding);
  return milliseconds(static_cast<std::int64_t>(std::clamp(ms, 1.0, kLongestWaitMs)));
}

}  // namespace tidemark::broker
