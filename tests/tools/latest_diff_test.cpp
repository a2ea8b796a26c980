// What changed between two offsets, event by event.
// tests/tools/: see tools/inspect/latest_diff.hpp.
#include "tools/inspect/latest_diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

using Kind = KeyChange::Kind;
using testing::ElementsAre;

EventView of(std::uint64_t offset, std::string_view key, std::string_view data) {
  return {.offset = {offset}, .time = {1'000}, .key = key, .headers = {}, .data = data};
}

std::vector<std::string> words(const std::vector<KeyChange>& changes) {
  std::vector<std::string> out;
  for (const auto& change : changes) {
    out.push_back(change.key + " " + std::string(to_string(change.kind)) + " " +
                  (change.before ? change.before->data : "-") + " " + change.after.data);
  }
  return out;
}

TEST(LatestDiffTest, TellsAddedChangedSameAndRemovedByOffset) {
  LatestDiff diff(Payload::json);
  for (const auto& event : {of(11, "b", "20"), of(12, "new", "1"), of(13, "gone", "null"),
                            of(14, "same", "7"), of(15, "b", "21"), of(16, "", "5")}) {
    EXPECT_TRUE(diff.change(event));
  }
  for (const auto& event : {of(1, "a", "1"), of(2, "b", "2"), of(3, "gone", "3"),
                            of(4, "same", "7"), of(5, "b", "19")}) {
    EXPECT_TRUE(diff.before(event));
  }
  EXPECT_THAT(words(diff.changes(true)), ElementsAre("new added - 1", "gone removed 3 null",
                                                     "same same 7 7", "b changed 19 21"));
}

TEST(LatestDiffTest, WhatCameAndWentIsNoChange) {
  LatestDiff diff(Payload::json);
  EXPECT_TRUE(diff.change(of(2, "k", "1")));
  EXPECT_TRUE(diff.change(of(3, "k", "null")));
  EXPECT_THAT(words(diff.changes(true)), ElementsAre());
}

TEST(LatestDiffTest, AKeyRemovedBeforeIsAddedAnew) {
  LatestDiff diff(Payload::text);
  EXPECT_TRUE(diff.change(of(3, "k", "new")));
  EXPECT_TRUE(diff.before(of(1, "k", "old")));
  EXPECT_TRUE(diff.before(of(2, "k", "")));
  EXPECT_THAT(words(diff.changes(true)), ElementsAre("k added - new"));
}

TEST(LatestDiffTest, OfAShortenedLogItDoesNotSayWhatWasBefore) {
  LatestDiff diff(Payload::json);
  EXPECT_TRUE(diff.change(of(12, "k", "1")));
  EXPECT_TRUE(diff.change(of(13, "gone", "null")));
  EXPECT_TRUE(diff.change(of(14, "known", "2")));
  EXPECT_TRUE(diff.before(of(9, "known", "1")));
  EXPECT_THAT(words(diff.changes(false)),
              ElementsAre("k set - 1", "gone removed - null", "known changed 1 2"));
}

TEST(LatestDiffTest, HoldsNoMoreThanItMay) {
  LatestDiff diff(Payload::text, 1'000);
  EXPECT_TRUE(diff.change(of(1, "a", std::string(500, 'x'))));
  EXPECT_TRUE(diff.change(of(2, "a", std::string(600, 'x')))) << "in place of the other";
  EXPECT_FALSE(diff.change(of(3, "b", std::string(500, 'x'))));
}

}  // namespace
}  // namespace tidemark::tools
