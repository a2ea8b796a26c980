// Delays between tries.
// tests/client/: see protocol/client/backoff.hpp.
#include "protocol/client/backoff.hpp"

#include <set>

#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, EveryDelayIsBetweenTheMinimumAndItsDoublingCeiling) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Backoff backoff(milliseconds(100), milliseconds(10'000), seed);
    for (int n = 1; n <= 12; ++n) {
      const auto ceiling = std::min<std::int64_t>(10'000, std::int64_t{100} << n);
      const auto delay = backoff.next().count();
      EXPECT_GE(delay, 100) << "seed " << seed;
      EXPECT_LE(delay, ceiling) << "seed " << seed << ", try " << n;
    }
  }
}

TEST(Backoff, UsesTheWholeRangeUpToTheMaximum) {
  Backoff backoff(milliseconds(100), milliseconds(10'000), 1);
  for (int n = 0; n < 10; ++n) static_cast<void>(backoff.next());
  bool low = false;
  bool high = false;
  for (int n = 0; n < 1000; ++n) {
    const auto delay = backoff.next().count();
    low = low || delay < 1'000;
    high = high || delay > 9'000;
  }
  EXPECT_TRUE(low && high);
}

TEST(Backoff, StartsSmallAgainAfterReset) {
  Backoff backoff(milliseconds(100), milliseconds(10'000), 1);
  for (int n = 0; n < 20; ++n) static_cast<void>(backoff.next());
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 200);
}

TEST(Backoff, SameSeedSameDelaysOtherSeedOthers) {
  const auto draw = [](std::uint64_t seed) {
    Backoff backoff(milliseconds(1), milliseconds(1'000'000), seed);
    std::vector<milliseconds> out;
    for (int n = 0; n < 20; ++n) out.push_back(backoff.next());
    return out;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(Backoff, HoldsForTheLargestMaximumThereIs) {
  Backoff backoff(milliseconds(1), milliseconds::max(), 3);
  for (int n = 0; n < 100; ++n) EXPECT_GE(backoff.next().count(), 1);
}

}  // namespace
}  // namespace tidemark::client
