// Named cursors: forward only, over restarts and kills, refused, expired, written in the end.
// tests/: the unit cursors, over a store on disk with its clock in the test's hand.
#include "storage/cursors.hpp"

#include "tests/storage/cursors_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::seconds;

class CursorsTest : public CursorsFixture {
 protected:
  void SetUp() override {
    CursorsFixture::SetUp();
    ASSERT_FALSE(publish("t", {"1", "2", "3", "4", "5"}));
  }
  Result<Position> place(std::string_view name, std::uint64_t offset, Epoch epoch = {}) {
    return cursors().place(*topic("t"), name, {epoch, Offset{offset}});
  }
  Epoch epoch() { return topic("t")->bounds().epoch; }
  std::uint64_t count() { return cursors().figures().cursors; }
};

TEST_F(CursorsTest, ACursorIsWhereItWasAcknowledged) {
  EXPECT_EQ(where("t", "c"), std::nullopt);
  EXPECT_EQ(acknowledge("t", "c", 2).value(), (Position{epoch(), Offset{2}}));
  EXPECT_EQ(acknowledge("t", "other", 3, epoch()).value(), (Position{epoch(), Offset{3}}));
  now_and_after_reopening([&] {
    EXPECT_EQ(where("t", "c"), 2U);
    EXPECT_EQ(where("t", "other"), 3U);
    EXPECT_EQ(where("t", "third"), std::nullopt);
    EXPECT_EQ(count(), 2U);
  });
}

TEST_F(CursorsTest, ItOnlyGoesForward) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  EXPECT_EQ(acknowledge("t", "c", 1).value().offset, Offset{3});
  reopen();
  EXPECT_EQ(acknowledge("t", "c", 2).value().offset, Offset{3});
  EXPECT_EQ(acknowledge("t", "c", 4).value().offset, Offset{4});
  now_and_after_reopening([&] { EXPECT_EQ(where("t", "c"), 4U); });
}

TEST_F(CursorsTest, WhatIsNotOfTheTopicIsRefused) {
  EXPECT_EQ(acknowledge("t", "c", 6).errc(), Errc::position_ahead);
  EXPECT_EQ(acknowledge("t", "c", 1, Epoch{12345}).errc(), Errc::wrong_epoch);
  EXPECT_EQ(acknowledge("t", "", 1).errc(), Errc::invalid_cursor);
  EXPECT_EQ(acknowledge("t", "a\nb", 1).errc(), Errc::invalid_cursor);
  EXPECT_EQ(place("c", 6).errc(), Errc::position_ahead);
  EXPECT_EQ(place("c", 1, Epoch{12345}).errc(), Errc::wrong_epoch);
  EXPECT_EQ(where("t", "c"), std::nullopt);
  EXPECT_EQ(count(), 0U);
}

TEST_F(CursorsTest, OperatorsPutItAnywhere) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  EXPECT_EQ(place("c", 1).value(), (Position{epoch(), Offset{1}}));
  EXPECT_EQ(place("new", 2).value(), (Position{epoch(), Offset{2}}));
  now_and_after_reopening([&] {
    EXPECT_EQ(where("t", "c"), 1U);
    EXPECT_EQ(where("t", "new"), 2U);
  });
  EXPECT_EQ(acknowledge("t", "c", 2).value().offset, Offset{2}) << "and it goes on from there";
}

TEST_F(CursorsTest, WhatIsRemovedIsGoneAndMayBeMadeAgain) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  EXPECT_TRUE(cursors().remove(*topic("t"), "c"));
  EXPECT_EQ(where("t", "c"), std::nullopt);
  EXPECT_EQ(cursors().remove(*topic("t"), "c").errc(), Errc::unknown_cursor);
  ASSERT_TRUE(acknowledge("t", "c", 1));
  reopen();
  EXPECT_EQ(where("t", "c"), 1U);
  EXPECT_TRUE(cursors().remove(*topic("t"), "c"));
  now_and_after_reopening([&] {
    EXPECT_EQ(where("t", "c"), std::nullopt);
    EXPECT_EQ(count(), 0U);
  });
}

TEST_F(CursorsTest, AKillLosesOnlyWhatIsNotWrittenYet) {
  ASSERT_TRUE(acknowledge("t", "c", 2));
  EXPECT_EQ(where_after_a_kill("t", "c"), std::nullopt);
  keep_writing();
  wait_until([&] { return where_after_a_kill("t", "c") == 2U; });
  ASSERT_TRUE(acknowledge("t", "c", 4));
  wait_until([&] { return where_after_a_kill("t", "c") == 4U; });
  ASSERT_TRUE(cursors().remove(*topic("t"), "c"));
  wait_until([&] { return where_after_a_kill("t", "c") == std::nullopt; });
}

TEST_F(CursorsTest, ADeletedTopicTakesItsCursorsAlong) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  reopen();
  ASSERT_TRUE(acknowledge("t", "unwritten", 3));
  const auto before = topic("t");
  const Epoch old = epoch();
  ASSERT_FALSE(erase("t"));
  EXPECT_EQ(count(), 0U);
  EXPECT_EQ(cursors().acknowledge(*before, "c", {old, Offset{1}}).errc(), Errc::unknown_topic);
  EXPECT_EQ(cursors().find(*before, "c").value(), std::nullopt);
  EXPECT_EQ(cursors().remove(*before, "c").errc(), Errc::unknown_cursor);
  ASSERT_FALSE(publish("t", {"1", "2", "3"}));
  now_and_after_reopening([&] {
    for (const char* name : {"c", "unwritten"}) EXPECT_EQ(where("t", name), std::nullopt) << name;
    EXPECT_EQ(acknowledge("t", "c", 1, old).errc(), Errc::wrong_epoch);
    EXPECT_EQ(count(), 0U);
  });
  EXPECT_EQ(acknowledge("t", "c", 1).value(), (Position{epoch(), Offset{1}}));
}

TEST_F(CursorsTest, OneThatIsKeptForItsForksHasNoneEither) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  reopen();  // it is in the log
  ASSERT_FALSE(run(fork_of("fork", "t"))->error);
  ASSERT_FALSE(erase("t"));
  keep_looking();
  wait_until([&] { return count() == 0; });
  EXPECT_TRUE(cursors().list({}, 10, {}).value().empty());
}

TEST_F(CursorsTest, ThereMayBeSoMany) {
  options_.cursors.max_cursors = 2;
  reopen();
  ASSERT_FALSE(publish("other", {"1"}));
  ASSERT_TRUE(acknowledge("t", "a", 1));
  ASSERT_TRUE(acknowledge("other", "a", 1));
  now_and_after_reopening([&] {
    EXPECT_EQ(acknowledge("t", "b", 1).errc(), Errc::too_many_cursors);
    EXPECT_EQ(place("b", 1).errc(), Errc::too_many_cursors);
    EXPECT_TRUE(acknowledge("t", "a", 2)) << "it is there already";
  });
  ASSERT_FALSE(erase("other"));
  EXPECT_TRUE(acknowledge("t", "b", 1)) << "deleted topics make room";
  ASSERT_TRUE(cursors().remove(*topic("t"), "a"));
  EXPECT_TRUE(acknowledge("t", "c", 1)) << "removed ones too";
  options_.cursors.max_cursors = 3;
  cursors().apply(options_.cursors);
  EXPECT_TRUE(acknowledge("t", "d", 1));
}

TEST_F(CursorsTest, WhatNobodyAcknowledgesExpires) {
  options_.cursors.expire_after = seconds(100);
  reopen();
  for (const char* name : {"unused", "moved", "still"}) ASSERT_TRUE(acknowledge("t", name, 1));
  reopen();
  pass(seconds(60));
  ASSERT_TRUE(acknowledge("t", "moved", 2));
  ASSERT_TRUE(acknowledge("t", "still", 1));
  pass(seconds(60));
  keep_looking();
  wait_until([&] { return cursors().figures().expired > 0; });
  now_and_after_reopening([&] {
    EXPECT_EQ(where("t", "unused"), std::nullopt);
    EXPECT_EQ(where("t", "moved"), 2U);
    EXPECT_EQ(where("t", "still"), 1U) << "acknowledged where it was";
    EXPECT_EQ(count(), 2U);
  });
}

TEST_F(CursorsTest, WithoutATimeNoneExpires) {
  options_.cursors.expire_after = seconds(0);
  reopen();
  ASSERT_TRUE(acknowledge("t", "c", 1));
  pass(std::chrono::hours(1'000'000));
  reopen();
  keep_looking();
  // It has been looked at, since its lag is known.
  wait_until([&] { return cursors().figures().max_lag_events == 4; });
  EXPECT_EQ(where("t", "c"), 1U);
}

TEST_F(CursorsTest, FiguresTellOfThoseThatFall) {
  auto request = std::make_unique<ConfigureRequest>(topic_name("t"));
  request->retention = RetentionPolicy{.max_events = 10, .max_bytes = 0, .max_age = {}};
  ASSERT_FALSE(run(std::move(request))->error);
  ASSERT_FALSE(publish("t", {"6", "7", "8", "9", "10", "11"}));
  ASSERT_FALSE(trim("t", 2));  // 2 … 11 are left, and a tenth less would be 3 … 11
  for (const auto& [name, offset] : {std::pair{"fallen", 0U}, {"falling", 1U}, {"safe", 2U}})
    ASSERT_TRUE(acknowledge("t", name, offset));
  reopen();  // so that no look has seen but some of them
  keep_looking();
  wait_until([&] { return cursors().figures().max_lag_events > 0; });
  const auto figures = cursors().figures();
  EXPECT_EQ(figures.cursors, 3U);
  EXPECT_EQ(figures.fallen, 1U);
  EXPECT_EQ(figures.falling, 1U);
  EXPECT_EQ(figures.max_lag_events, 11U);
  EXPECT_EQ(figures.expired, 0U);
}

TEST_F(CursorsTest, TwoThreadsMayMoveThem) {
  constexpr std::uint64_t kEvents = 500;
  for (std::uint64_t i = 5; i < kEvents; i += 5)
    ASSERT_FALSE(publish("t", {"1", "2", "3", "4", "5"}));
  keep_writing();
  keep_looking();
  const auto reader = topic("t");
  const auto go = [&](const std::string& own) {
    for (std::uint64_t i = 1; i <= kEvents; ++i) {
      for (const std::string& name : {std::string("shared"), own}) {
        const auto moved = cursors().acknowledge(*reader, name, {Epoch{0}, Offset{i}});
        ASSERT_TRUE(moved);
        ASSERT_GE(moved->offset.value, i);
      }
    }
  };
  std::thread first(go, "first");
  std::thread second(go, "second");
  first.join();
  second.join();
  now_and_after_reopening([&] {
    for (const char* name : {"shared", "first", "second"}) EXPECT_EQ(where("t", name), kEvents);
    EXPECT_EQ(count(), 3U);
  });
}

TEST_F(CursorsTest, AfterTheStopNoneIsTaken) {
  ASSERT_TRUE(acknowledge("t", "c", 3));
  const auto reader = topic("t");
  cursors().stop();
  EXPECT_EQ(cursors().acknowledge(*reader, "c", {Epoch{0}, Offset{4}}).errc(), Errc::shutting_down);
  EXPECT_EQ(cursors().remove(*reader, "c").errc(), Errc::shutting_down);
  reopen();
  EXPECT_EQ(where("t", "c"), 3U);
}

// ---- over a log that can be told to fail ----

class CursorsFailureTest : public ::testing::Test {
 protected:
  static EventStoreOptions options() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(1);
    options.cursors.write_interval = std::chrono::milliseconds(1);
    options.cursors.look_interval = std::chrono::milliseconds(1);
    options.cursors.expire_after = seconds(0);
    return options;
  }
  std::optional<Position> written(TopicId id) {
    const auto cursor = log_->cursor(id, "c").value();
    return cursor ? std::optional(cursor->position) : std::nullopt;
  }

  MemoryLog* log_ = new MemoryLog;  // owned by the store
  EventStore store_{std::unique_ptr<Log>(log_), options()};
  Waiting waiting_{store_};
};

TEST_F(CursorsFailureTest, WhatCouldNotBeWrittenIsWrittenLater) {
  ASSERT_FALSE(waiting_.run(publish_of("t", {"1", "2"}))->error);
  const auto reader = store_.open_topic(topic_name("t")).value();
  log_->fail_next_write(Errc::disk_full);
  const auto at = store_.cursors().acknowledge(*reader, "c", {Epoch{0}, Offset{2}}).value();
  while (written(reader->id()) != at) std::this_thread::yield();
  EXPECT_EQ(store_.stats().failed_groups, 1U);
}

TEST_F(CursorsFailureTest, ALaterEpochIsFurtherAndTheEarlierOfTheHistory) {
  ASSERT_FALSE(waiting_.run(publish_of("t", {"1", "2"}))->error);
  const auto reader = store_.open_topic(topic_name("t")).value();
  const Epoch first = reader->bounds().epoch;
  auto& cursors = store_.cursors();
  ASSERT_TRUE(cursors.acknowledge(*reader, "c", {first, Offset{2}}));
  log_->add_incident(false);
  ASSERT_FALSE(waiting_.run(publish_of("t", {"3", "4"}))->error);
  const Epoch second = reader->bounds().epoch;
  ASSERT_NE(first, second);
  EXPECT_EQ(cursors.acknowledge(*reader, "c", {second, Offset{1}}).value(),
            (Position{first, Offset{2}}))
      << "behind, whatever its epoch";
  EXPECT_EQ(cursors.acknowledge(*reader, "c", {first, Offset{3}}).errc(), Errc::wrong_epoch);
  const auto listed = cursors.list({}, 10, {}).value();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_TRUE(listed.front().in_epoch);
  EXPECT_EQ(listed.front().lag.events, 2U);
  EXPECT_EQ(cursors.acknowledge(*reader, "c", {second, Offset{3}}).value(),
            (Position{second, Offset{3}}));
}

TEST_F(CursorsFailureTest, OneThatClaimsWhatItsEpochHasLostSaysSoAndIsPassed) {
  ASSERT_FALSE(waiting_.run(publish_of("t", {"1", "2"}))->error);
  const auto reader = store_.open_topic(topic_name("t")).value();
  const Epoch first = reader->bounds().epoch;
  // As a store that has lost its unsynced tail would find it.
  auto move = std::make_unique<MoveCursorsRequest>(topic_name("t"), reader->id());
  move->cursors.push_back(
      {.topic = reader->id(),
       .name = "c",
       .cursor = StoredCursor{.position = {first, Offset{9}}, .created = {}, .acknowledged = {}}});
  ASSERT_FALSE(waiting_.run(std::move(move))->error);
  log_->add_incident(false);
  ASSERT_FALSE(waiting_.run(publish_of("t", {"3"}))->error);
  const Epoch second = reader->bounds().epoch;
  auto& cursors = store_.cursors();
  ASSERT_TRUE(cursors.acknowledge(*reader, "other", {second, Offset{3}}));
  const auto listed = cursors.list({}, 10, {}).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_FALSE(listed.front().in_epoch);
  EXPECT_EQ(listed.front().lag.events, 1U);
  EXPECT_EQ(cursors.acknowledge(*reader, "c", {first, Offset{2}}).value(),
            (Position{first, Offset{9}}));
  EXPECT_EQ(cursors.acknowledge(*reader, "c", {second, Offset{2}}).value(),
            (Position{second, Offset{2}}));
}

}  // namespace
}  // namespace tidemark::storage
