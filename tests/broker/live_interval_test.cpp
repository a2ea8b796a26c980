// Cursors go with the clock, and never back.
// tests/: broker/live_interval.
#include "broker/live_interval.hpp"

#include <limits>
#include <set>

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

constexpr std::uint64_t kAnyNumber = 12'345;

Timestamp at(std::uint64_t interval) {
  return {kLiveEpoch.ms + static_cast<std::int64_t>(interval) * 20'000};
}

TEST(LiveInterval, CountsTwentySecondsFromItsEpoch) {
  EXPECT_EQ(live_interval(kLiveEpoch), 0U);
  EXPECT_EQ(live_interval({kLiveEpoch.ms + 19'999}), 0U);
  EXPECT_EQ(live_interval({kLiveEpoch.ms + 20'000}), 1U);
  EXPECT_EQ(live_interval({kLiveEpoch.ms + 86'400'000}), 4'320U);
  EXPECT_EQ(live_interval({kLiveEpoch.ms - 1}), 0U);
  EXPECT_EQ(live_interval({0}), 0U);
  EXPECT_EQ(live_interval({std::numeric_limits<std::int64_t>::min()}), 0U);
}

TEST(LiveInterval, IsTheCursorOfWhoeverIsBehind) {
  EXPECT_EQ(next_cursor(at(1'000), std::nullopt, kAnyNumber), 1'000U);
  EXPECT_EQ(next_cursor(at(1'000), 999, kAnyNumber), 1'000U);
  EXPECT_EQ(next_cursor(at(1'000), 0, kAnyNumber), 1'000U);
}

TEST(LiveInterval, ACursorThatIsNotBehindIsPassedByAJitter) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t random = 0; random < 10'000; ++random) {
    for (const std::uint64_t given : {1'000U, 1'001U, 5'000U}) {
      const auto next = next_cursor(at(1'000), given, random);
      EXPECT_GT(next, given);
      EXPECT_LE(next, given + 180);
      seen.insert(next - given);
    }
  }
  EXPECT_EQ(seen.size(), 180U) << "3600 s are 180 intervals, and each comes up";
  EXPECT_GT(next_cursor(at(1'000), 1'000, ~std::uint64_t{0}), 1'000U);
}

TEST(LiveInterval, ACursorWithNothingAboveItCountsForNothing) {
  EXPECT_EQ(next_cursor(at(1'000), kMaxInteger, kAnyNumber), 1'000U);
  EXPECT_EQ(next_cursor(at(1'000), ~std::uint64_t{0}, kAnyNumber), 1'000U);
  EXPECT_LE(next_cursor(at(1'000), kMaxInteger - 180, 3'599), kMaxInteger);
}

}  // namespace
}  // namespace tidemark::broker
