// Lists of named cursors: by topic and name, page by page, written or not.
// tests/: the unit cursors; its part cursors_look.
#include "tests/storage/cursors_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

class CursorsListTest : public CursorsFixture {
 protected:
  void SetUp() override {
    CursorsFixture::SetUp();
    for (const char* name : {"b", "a", "c"}) ASSERT_FALSE(publish(name, {"1", "2", "3"}));
  }
  Names names(const Cursors::Place& after = {}, std::size_t limit = 100,
              const Cursors::ChooseTopic& choose = {}) {
    Names out;
    for (const auto& each : cursors().list(after, limit, choose).value())
      out.push_back(each.topic + "/" + each.name);
    return out;
  }
  /// All of them, `limit` at a time.
  Names paged(std::size_t limit) {
    Names out;
    Cursors::Place after;
    for (;;) {
      const auto page = cursors().list(after, limit, {}).value();
      for (const auto& each : page) out.push_back(each.topic + "/" + each.name);
      if (page.size() < limit) return out;
      after = {.topic = page.back().topic, .name = page.back().name};
    }
  }
};

TEST_F(CursorsListTest, TheyComeByTopicAndName) {
  EXPECT_THAT(names(), IsEmpty());
  for (const auto& [topic, name] : {std::pair{"c", "1"}, {"a", "2"}, {"a", "1"}, {"b", "3"}})
    ASSERT_TRUE(acknowledge(topic, name, 1));
  now_and_after_reopening([&] {
    const Names all = {"a/1", "a/2", "b/3", "c/1"};
    EXPECT_EQ(names(), all);
    for (const std::size_t limit : {1, 2, 3, 4, 5}) EXPECT_EQ(paged(limit), all) << limit;
    EXPECT_THAT(names({.topic = "a", .name = "1"}), ElementsAre("a/2", "b/3", "c/1"));
    EXPECT_THAT(names({.topic = "b", .name = ""}), ElementsAre("b/3", "c/1"));
    EXPECT_THAT(names({.topic = "b", .name = "3"}, 10), ElementsAre("c/1"));
    EXPECT_THAT(names({}, 0), IsEmpty());
  });
}

TEST_F(CursorsListTest, OnlyOfTopicsThatAreChosen) {
  for (const char* topic : {"a", "b", "c"}) ASSERT_TRUE(acknowledge(topic, "x", 1));
  EXPECT_THAT(names({}, 2, [](std::string_view topic) { return topic != "a"; }),
              ElementsAre("b/x", "c/x"));
}

TEST_F(CursorsListTest, WhatIsNotWrittenYetGoesOverWhatIs) {
  for (const char* name : {"1", "3", "5", "7"}) ASSERT_TRUE(acknowledge("a", name, 1));
  reopen();
  ASSERT_TRUE(acknowledge("a", "2", 1));
  ASSERT_TRUE(acknowledge("a", "5", 3));
  ASSERT_TRUE(acknowledge("a", "8", 1));
  for (const char* name : {"3", "7"}) ASSERT_TRUE(cursors().remove(*topic("a"), name));
  const Names all = {"a/1", "a/2", "a/5", "a/8"};
  EXPECT_EQ(names(), all);
  for (const std::size_t limit : {1, 2, 3, 4}) EXPECT_EQ(paged(limit), all) << limit;
  EXPECT_EQ(cursors().list({"a", "2"}, 1, {}).value().front().position.offset, Offset{3});
  now_and_after_reopening([&] { EXPECT_EQ(names(), all); });
}

TEST_F(CursorsListTest, EachIsToldWhole) {
  const Timestamp created{wall_ms_};
  ASSERT_TRUE(acknowledge("a", "x", 1));
  pass(seconds(5));
  ASSERT_TRUE(acknowledge("a", "x", 2));
  pass(seconds(5));
  ASSERT_FALSE(trim("a", 4));
  now_and_after_reopening([&] {
    const auto listed = cursors().list({}, 10, {}).value();
    ASSERT_EQ(listed.size(), 1U);
    const CursorInfo& info = listed.front();
    EXPECT_EQ(info.topic, "a");
    EXPECT_EQ(info.name, "x");
    EXPECT_EQ(info.position, (Position{topic("a")->bounds().epoch, Offset{2}}));
    EXPECT_EQ(info.created, created);
    EXPECT_EQ(info.acknowledged.ms, created.ms + 5'000);
    EXPECT_EQ(info.lag.events, 1U);
    EXPECT_EQ(info.lag.lost, 1U);
    EXPECT_TRUE(info.in_epoch);
  });
}

TEST_F(CursorsListTest, OfDeletedAndExpiredTopicsThereAreNone) {
  auto expiring = create_of("expiring", "text/plain", {"a"});
  expiring->ttl = seconds(10);
  ASSERT_FALSE(run(std::move(expiring))->error);
  for (const char* topic : {"a", "b", "expiring"}) ASSERT_TRUE(acknowledge(topic, "x", 1));
  ASSERT_FALSE(erase("a"));
  EXPECT_THAT(names(), ElementsAre("b/x", "expiring/x"));
  pass(seconds(11));
  EXPECT_THAT(names(), ElementsAre("b/x"));
}

TEST_F(CursorsListTest, MoreThanOneReadAtATimeTakesCome) {
  constexpr std::size_t kMany = 2'500;
  const auto reader = topic("a");
  Names all;
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string name = std::to_string(10'000 + i);
    ASSERT_TRUE(cursors().acknowledge(*reader, name, {Epoch{0}, Offset{1}}));
    all.push_back("a/" + name);
  }
  now_and_after_reopening([&] {
    EXPECT_EQ(names({}, 10'000), all);
    EXPECT_EQ(paged(700), all);
    EXPECT_EQ(cursors().figures().cursors, kMany);
  });
}

}  // namespace
}  // namespace tidemark::storage
