// Positions within a history: which are of it, which is further, what they have in common with it.
// tests/: the unit lineage; pure.
#include "storage/lineage.hpp"

#include <gtest/gtest.h>

namespace tidemark::storage {
namespace {

// The first epoch has lost what came after 40; the second ended without an event.
const std::vector<EpochStart> kLineage = {{{1}, {1}}, {{2}, {41}}, {{3}, {41}}};
constexpr Offset kHead{60};

Errc refusal(std::uint64_t epoch, std::uint64_t offset) {
  const auto checked = check_position(kLineage, kHead, {{epoch}, {offset}});
  return checked ? Errc{} : checked.errc();
}

bool is_further(Position from, Position to) { return further(kLineage, from, to); }

TEST(Lineage, WhatAnEpochHadIsOfTheHistory) {
  EXPECT_EQ(refusal(1, 0), Errc{});
  EXPECT_EQ(refusal(1, 40), Errc{});
  EXPECT_EQ(refusal(2, 40), Errc{});
  EXPECT_EQ(refusal(3, 38), Errc{});
  EXPECT_EQ(refusal(3, 60), Errc{});
  EXPECT_EQ(refusal(0, 60), Errc{});
}

TEST(Lineage, WhatItHasLostAndWhatIsOfAnotherIsNot) {
  EXPECT_EQ(refusal(1, 41), Errc::wrong_epoch);
  EXPECT_EQ(refusal(2, 41), Errc::wrong_epoch);
  EXPECT_EQ(refusal(4, 1), Errc::wrong_epoch);
}

TEST(Lineage, WhatIsNotThereYetIsAhead) {
  EXPECT_EQ(refusal(3, 61), Errc::position_ahead);
  EXPECT_EQ(refusal(0, 61), Errc::position_ahead);
}

TEST(Lineage, OfOneHistoryTheLaterOffsetIsFurther) {
  EXPECT_TRUE(is_further({{1}, {38}}, {{1}, {39}}));
  EXPECT_TRUE(is_further({{1}, {38}}, {{3}, {39}}));
  EXPECT_FALSE(is_further({{3}, {38}}, {{1}, {38}}));
  EXPECT_FALSE(is_further({{1}, {40}}, {{3}, {39}}));
}

TEST(Lineage, WhatAnEpochHasLostIsBehindEveryLaterEpoch) {
  EXPECT_TRUE(is_further({{1}, {50}}, {{3}, {41}}));
  EXPECT_TRUE(is_further({{1}, {50}}, {{3}, {40}}));
  EXPECT_FALSE(is_further({{1}, {50}}, {{1}, {40}}));
  EXPECT_TRUE(is_further({{9}, {50}}, {{1}, {1}})) << "of no history at all";
}

TEST(Lineage, APositionHasInCommonWhatItsEpochHas) {
  EXPECT_EQ(common_until(kLineage, kHead, {{1}, {38}}), Offset{38});
  EXPECT_EQ(common_until(kLineage, kHead, {{1}, {50}}), Offset{40});
  EXPECT_EQ(common_until(kLineage, kHead, {{3}, {99}}), kHead);
  EXPECT_EQ(common_until(kLineage, kHead, {{9}, {50}}), Offset{0});
}

}  // namespace
}  // namespace tidemark::storage
