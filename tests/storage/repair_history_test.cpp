// The epochs of a salvaged topic: what changes behind a hole, and what stays.
// tests/: the unit repair_history.
#include "storage/repair_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::storage {

inline void PrintTo(const EpochStart& start, std::ostream* out) {
  *out << start.epoch.value << " from " << start.first.value;
}

namespace {

using ::testing::ElementsAre;
using Lineage = std::vector<EpochStart>;

RepairedHistory history(Lineage own, std::uint64_t first = 1,
                        std::vector<RepairedHistory::Heir> heirs = {}) {
  return RepairedHistory(
      {.inherited = {}, .own = std::move(own), .first = Offset{first}, .heirs = std::move(heirs)},
      [] { return std::uint64_t{6}; });
}

std::optional<Epoch> place(RepairedHistory& of, std::uint64_t first, std::uint64_t end,
                           std::uint64_t epoch) {
  return of.place({{first}, {end}}, {epoch});
}

EpochStart start(std::uint64_t epoch, std::uint64_t first) { return {{epoch}, {first}}; }

TEST(RepairedHistory, WithoutAHoleItIsWhatItWas) {
  auto of = history({start(10, 1), start(20, 41)});
  EXPECT_EQ(place(of, 1, 41, 10), Epoch{10});
  EXPECT_EQ(place(of, 41, 61, 20), Epoch{20});
  of.close();
  EXPECT_THAT(of.finish({61}, {99}), ElementsAre(start(10, 1), start(20, 41), start(99, 61)));
}

TEST(RepairedHistory, WhatFollowsAHoleHasAnEpochBetween) {
  auto of = history({start(10, 1), start(20, 41)});
  EXPECT_EQ(place(of, 1, 21, 10), Epoch{10});
  EXPECT_EQ(place(of, 31, 41, 10), Epoch{17});
  EXPECT_EQ(place(of, 41, 51, 20), Epoch{20});
  of.close();
  EXPECT_THAT(of.finish({51}, {99}),
              ElementsAre(start(10, 1), start(17, 31), start(20, 41), start(99, 51)));
}

TEST(RepairedHistory, EveryHoleHasOneOfItsOwn) {
  auto of = history({start(10, 1)});
  EXPECT_EQ(place(of, 1, 11, 10), Epoch{10});
  EXPECT_EQ(place(of, 21, 31, 10), Epoch{17});
  EXPECT_EQ(place(of, 31, 41, 10), Epoch{17});
  EXPECT_EQ(place(of, 51, 61, 10), Epoch{24});
}

TEST(RepairedHistory, AHoleAtTheBeginningIsOneToo) {
  auto of = history({start(10, 1)});
  EXPECT_EQ(place(of, 11, 21, 10), Epoch{17});
  EXPECT_THAT(of.lineage(), ElementsAre(start(10, 1), start(17, 11)));
}

TEST(RepairedHistory, WhatRetentionDroppedIsNone) {
  auto of = history({start(10, 1)}, 30);
  EXPECT_EQ(place(of, 21, 41, 10), Epoch{10});
  EXPECT_THAT(of.lineage(), ElementsAre(start(10, 1)));
}

TEST(RepairedHistory, AnEpochThatBeganWithinAHoleIsRemembered) {
  auto of = history({start(10, 1), start(20, 41)});
  EXPECT_EQ(place(of, 1, 31, 10), Epoch{10});
  EXPECT_EQ(place(of, 51, 61, 20), Epoch{27});
  EXPECT_THAT(of.lineage(), ElementsAre(start(10, 1), start(20, 41), start(27, 51)));
}

TEST(RepairedHistory, AnEpochThatBeginsBehindAHoleNeedsNoOther) {
  auto of = history({start(10, 1), start(20, 41)});
  EXPECT_EQ(place(of, 1, 31, 10), Epoch{10});
  EXPECT_EQ(place(of, 41, 51, 20), Epoch{20});
  EXPECT_THAT(of.lineage(), ElementsAre(start(10, 1), start(20, 41)));
}

TEST(RepairedHistory, WhereThereIsNoEpochBetweenTheNextBeginsEarly) {
  auto of = history({start(10, 1), start(11, 41)});
  EXPECT_EQ(place(of, 1, 21, 10), Epoch{10});
  EXPECT_EQ(place(of, 31, 41, 10), Epoch{11});
  EXPECT_EQ(place(of, 41, 51, 11), Epoch{11});
  of.close();
  EXPECT_THAT(of.finish({51}, {99}), ElementsAre(start(10, 1), start(11, 31), start(99, 51)));
}

TEST(RepairedHistory, StaysBelowTheEpochsOfForks) {
  auto of = history({start(10, 1)}, 1, {{.inherited = {50}, .epoch = {13}}});
  EXPECT_EQ(place(of, 1, 11, 10), Epoch{10});
  EXPECT_LT(place(of, 21, 31, 10), Epoch{13}) << "a fork has inherited them";
  EXPECT_GT(of.epoch(), Epoch{10});
  EXPECT_GT(place(of, 61, 71, 10), Epoch{13}) << "and these no fork has";
}

TEST(RepairedHistory, BatchesTellOfEpochsThatMetadataHasLost) {
  auto of = history({start(10, 1)});
  EXPECT_EQ(place(of, 1, 11, 10), Epoch{10});
  EXPECT_EQ(place(of, 11, 21, 15), Epoch{15});
  EXPECT_THAT(of.lineage(), ElementsAre(start(10, 1), start(15, 11)));
}

TEST(RepairedHistory, WithoutAnyMetadataItIsWhatTheBatchesSay) {
  RepairedHistory of({}, [] { return std::uint64_t{6}; });
  EXPECT_EQ(place(of, 301, 311, 10), Epoch{10});
  EXPECT_EQ(place(of, 321, 331, 10), Epoch{17});
  of.close();
  EXPECT_THAT(of.finish({331}, {99}), ElementsAre(start(10, 301), start(17, 321), start(99, 331)));
}

TEST(RepairedHistory, BatchesOfAnotherHistoryAreRefused) {
  auto of = history({start(10, 1), start(20, 41)});
  EXPECT_EQ(place(of, 1, 41, 10), Epoch{10});
  EXPECT_EQ(place(of, 31, 51, 10), std::nullopt) << "twice";
  EXPECT_EQ(place(of, 41, 51, 10), std::nullopt) << "of an epoch that had ended";
  EXPECT_EQ(place(of, 41, kMaxInteger, 20), std::nullopt) << "further than logs go";
  EXPECT_EQ(place(of, 41, 51, 20), Epoch{20});
}

TEST(RepairedHistory, EpochsWithoutEventsStay) {
  auto of = history({start(10, 1), start(20, 11), start(30, 11)});
  EXPECT_EQ(place(of, 1, 11, 10), Epoch{10});
  of.close();
  EXPECT_THAT(of.finish({11}, {99}),
              ElementsAre(start(10, 1), start(20, 11), start(30, 11), start(99, 11)));
}

TEST(RepairedHistory, OnlyWhatCanBeALineageIsTakenForOne) {
  EXPECT_THAT(sound_lineage({start(0, 1), start(10, 1), start(9, 5), start(20, 0), start(20, 7),
                             start(30, 3), start(kMaxInteger, 9)}),
              ElementsAre(start(10, 1), start(20, 7)));
}

}  // namespace
}  // namespace tidemark::storage
