// Cursors in memory: what is let go and what never, how many there are, what is to be written.
// tests/: the unit cursor_table; no log, no clock.
#include "storage/cursor_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::topic_name;

constexpr TopicId kOne{1};
constexpr TopicId kTwo{2};

StoredCursor at(std::uint64_t offset, std::int64_t acknowledged = 0) {
  return {.position = {{1}, {offset}}, .created = {0}, .acknowledged = {acknowledged}};
}

class CursorTableTest : public ::testing::Test {
 protected:
  const TopicName one_ = topic_name("one");
  const TopicName two_ = topic_name("two");
  CursorTable table_{3};

  void enter(std::string_view name) { table_.enter(one_, kOne, name, at(1)); }
  void set(std::string_view name, std::uint64_t offset) {
    table_.set(one_, kOne, name, at(offset));
  }
  bool known(std::string_view name) { return table_.find(kOne, name) != nullptr; }
  std::vector<CursorUpdate> take(std::size_t most = 100) {
    std::vector<CursorUpdate> updates;
    for (auto& each : table_.take(most)) updates.push_back(std::move(each.update));
    return updates;
  }
  void write() {
    for (const auto& update : take()) table_.settle(update, true);
  }
  static std::vector<std::string> names(const std::vector<CursorUpdate>& updates) {
    std::vector<std::string> out;
    for (const auto& update : updates) out.push_back(update.name);
    return out;
  }
};

TEST_F(CursorTableTest, TheLongestUnusedIsLetGo) {
  for (const char* name : {"a", "b", "c"}) enter(name);
  EXPECT_TRUE(known("a"));  // and used
  enter("d");
  EXPECT_FALSE(known("b"));
  for (const char* name : {"a", "c", "d"}) EXPECT_TRUE(known(name)) << name;
}

TEST_F(CursorTableTest, WhatIsNotWrittenIsKept) {
  for (const char* name : {"a", "b", "c", "d", "e"}) set(name, 7);
  enter("f");
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) EXPECT_TRUE(known(name)) << name;
  write();
  enter("g");
  EXPECT_FALSE(known("a")) << "it is in the log now";
  EXPECT_EQ(table_.size(), 5U) << "and counts as before";
}

TEST_F(CursorTableTest, CursorsAreCounted) {
  table_.count(two_, kTwo, 10);
  EXPECT_EQ(table_.size(), 10U);
  set("a", 1);
  set("a", 2);
  EXPECT_EQ(table_.size(), 11U);
  table_.enter(two_, kTwo, "b", at(1));
  EXPECT_EQ(table_.size(), 11U) << "the log has it";
  table_.set(two_, kTwo, "b", std::nullopt);
  table_.set(two_, kTwo, "b", std::nullopt);
  EXPECT_EQ(table_.size(), 10U);
  table_.set(two_, kTwo, "b", at(1));
  EXPECT_EQ(table_.size(), 11U);
  EXPECT_EQ(table_.size_of(kTwo), 10U);
  table_.drop(kTwo);
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_EQ(table_.size_of(kTwo), 0U);
}

TEST_F(CursorTableTest, ChangesAreTakenOnceInTheirOrder) {
  set("b", 1);
  set("a", 1);
  set("b", 2);
  EXPECT_EQ(table_.unwritten(), 2U);
  const auto first = take(1);
  ASSERT_THAT(names(first), ElementsAre("b"));
  EXPECT_EQ(first.front().cursor, at(2));
  EXPECT_THAT(names(take()), ElementsAre("a"));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(CursorTableTest, WhatIsRefusedIsTakenAgain) {
  set("a", 1);
  const auto taken = take();
  table_.settle(taken.front(), false);
  EXPECT_EQ(names(take()), names(taken));
}

TEST_F(CursorTableTest, WhatChangesWhileItIsWrittenIsTakenAgain) {
  set("a", 1);
  const auto taken = take();
  set("a", 2);
  table_.settle(taken.front(), true);
  const auto again = take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again.front().cursor, at(2));
  table_.settle(again.front(), true);
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(CursorTableTest, WhatIsRemovedIsKnownUntilItIsWritten) {
  enter("a");
  table_.set(one_, kOne, "a", std::nullopt);
  ASSERT_TRUE(known("a"));
  EXPECT_EQ(*table_.find(kOne, "a"), std::nullopt);
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.front().cursor, std::nullopt);
  table_.settle(taken.front(), true);
  EXPECT_FALSE(known("a"));
}

TEST_F(CursorTableTest, ADroppedTopicIsForgottenWhateverIsUnderWay) {
  set("a", 1);
  const auto taken = take();
  set("b", 1);
  enter("c");
  table_.drop(kOne);
  table_.settle(taken.front(), false);
  for (const char* name : {"a", "b", "c"}) EXPECT_FALSE(known(name)) << name;
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_THAT(table_.topics({}, 10), IsEmpty());
}

TEST_F(CursorTableTest, AnAcknowledgementThatMovesNothingIsWrittenNowAndThen) {
  table_.enter(one_, kOne, "a", at(1, 1'000));
  table_.touch(kOne, "a", {10'999}, seconds(10));
  EXPECT_EQ((*table_.find(kOne, "a"))->acknowledged, Timestamp{10'999});
  EXPECT_EQ(table_.unwritten(), 0U);
  table_.touch(kOne, "a", {11'000}, seconds(10));
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.front().cursor, at(1, 11'000));
  table_.settle(taken.front(), true);
  table_.touch(kOne, "a", {20'999}, seconds(10));
  EXPECT_EQ(table_.unwritten(), 0U);
}

TEST_F(CursorTableTest, TopicsAreListedByName) {
  table_.set(two_, kTwo, "a", at(1));
  table_.count(one_, kOne, 5);
  using Place = CursorTable::TopicPlace;
  EXPECT_THAT(table_.topics({}, 10), ElementsAre(Place("one", kOne), Place("two", kTwo)));
  EXPECT_THAT(table_.topics({}, 1), ElementsAre(Place("one", kOne)));
  EXPECT_THAT(table_.topics({"one", kOne}, 10), ElementsAre(Place("two", kTwo)));
  EXPECT_THAT(table_.topics({"two", TopicId{}}, 10), ElementsAre(Place("two", kTwo)));
}

TEST_F(CursorTableTest, AWindowHasAsManyAsAreWantedAndTheRemovedBetween) {
  for (const char* name : {"a", "b", "c", "d"}) set(name, 1);
  table_.set(one_, kOne, "b", std::nullopt);
  const auto window = table_.window(kOne, "", 2);
  EXPECT_FALSE(window.whole);
  std::vector<std::string> known;
  for (const auto& [name, cursor] : window.known) known.push_back(name + (cursor ? "" : " gone"));
  EXPECT_THAT(known, ElementsAre("a", "b gone", "c"));
  EXPECT_TRUE(table_.window(kOne, "c", 2).whole);
  EXPECT_TRUE(table_.window(kTwo, "", 2).whole);
}

}  // namespace
}  // namespace tidemark::storage
