// Doubling delays with full jitter.
// protocol/client/: see backoff.hpp.
#include "protocol/client/backoff.hpp"

#include <algorithm>

#include "protocol/result.hpp"

namespace tidemark::client {

Backoff::Backoff(milliseconds min, milliseconds max, std::uint64_t seed)
    : min_(min), max_(max), ceiling_(min), random_(seed) {
  TIDEMARK_ENSURE(min_.count() > 0 && min_ <= max_, "a backoff grows from a positive minimum");
}

Backoff::milliseconds Backoff::next() {
  // Not ceiling × 2 first: the maximum may be the largest number there is.
  ceiling_ = ceiling_ > max_ / 2 ? max_ : ceiling_ * 2;
  std::uniform_int_distribution<milliseconds::rep> draw(min_.count(), ceiling_.count());
  return milliseconds(draw(random_));
}

}  // namespace tidemark::client
