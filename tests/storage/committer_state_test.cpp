// Stored states, cursors on their way into the log, and who is told of topics that come to be.
// tests/: the committer over a Log in memory that can be told to fail.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

std::unique_ptr<StoreStateRequest> state_of(std::string_view topic, std::uint64_t offset,
                                            std::string data = "{}", std::uint64_t epoch = 0) {
  auto request = std::make_unique<StoreStateRequest>(topic_name(topic));
  request->state = StoredState{.position = {Epoch{epoch}, Offset{offset}},
                               .stored = {},
                               .content_type = "application/json",
                               .data = std::move(data)};
  return request;
}

std::unique_ptr<StoreStateRequest> no_state_of(std::string_view topic) {
  return std::make_unique<StoreStateRequest>(topic_name(topic));
}

class CommitterStateTest : public ::testing::Test {
 protected:
  EventStoreOptions options() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(1);
    options.committer.max_state_bytes = 1'000;
    options.committer.disk = [this] { return DiskSpace{.free = free_, .total = 1'000'000'000}; };
    options.clock.wall = [] { return Timestamp{5'000}; };
    options.clock.steady = [] { return std::chrono::steady_clock::time_point(); };
    return options;
  }
  std::unique_ptr<StoreStateRequest> store(std::unique_ptr<StoreStateRequest> request) {
    return waiting_.run(std::move(request));
  }
  void publish(std::string_view topic, const std::vector<std::string>& data) {
    ASSERT_FALSE(waiting_.run(publish_of(topic, data))->error);
  }
  void trim(std::string_view topic, std::uint64_t keep) {
    ASSERT_FALSE(
        waiting_
            .run(std::make_unique<TrimRequest>(topic_name(topic), Offset{keep}, GapCause::trimmed))
            ->error);
  }
  std::shared_ptr<Topic> topic(std::string_view name) {
    return store_.open_topic(topic_name(name)).value();
  }
  std::optional<StoredState> stored(std::string_view name) {
    return store_.stored_state(*topic(name)).value();
  }
  /// The disk has no room from now on.
  void fill_disk() {
    free_ = 0;
    store_.apply(StoreLimits{});
  }

  std::atomic<std::uint64_t> free_{900'000'000};
  MemoryLog* log_ = new MemoryLog;  // owned by the store
  EventStore store_{std::unique_ptr<Log>(log_), options()};
  Waiting waiting_{store_};
};

TEST_F(CommitterStateTest, AStateIsStoredAndReplaced) {
  publish("t", {"1", "2", "3"});
  const Epoch epoch = topic("t")->bounds().epoch;
  EXPECT_EQ(stored("t"), std::nullopt);
  const auto first = store(state_of("t", 2, "[1]"));
  ASSERT_FALSE(first->error);
  EXPECT_FALSE(first->existed);
  EXPECT_EQ(first->position, (Position{epoch, Offset{2}}));
  const auto second = store(state_of("t", 3, "[2]", epoch.value));
  ASSERT_FALSE(second->error);
  EXPECT_TRUE(second->existed);
  EXPECT_EQ(stored("t"), (StoredState{.position = {epoch, Offset{3}},
                                      .stored = {5'000},
                                      .content_type = "application/json",
                                      .data = "[2]"}));
}

TEST_F(CommitterStateTest, AnEarlierOneIsRefusedAndTheSameReplacesIt) {
  publish("t", {"1", "2", "3"});
  ASSERT_FALSE(store(state_of("t", 2, "[1]"))->error);
  const auto earlier = store(state_of("t", 1, "[0]"));
  EXPECT_EQ(earlier->error, Errc::state_outdated);
  EXPECT_EQ(earlier->position, (Position{topic("t")->bounds().epoch, Offset{2}}));
  EXPECT_EQ(stored("t")->data, "[1]");
  ASSERT_FALSE(store(state_of("t", 2, "[2]"))->error);
  EXPECT_EQ(stored("t")->data, "[2]");
}

TEST_F(CommitterStateTest, OneThatLeadsNowhereIsRefused) {
  EXPECT_EQ(store(state_of("t", 0))->error, Errc::unknown_topic);
  publish("t", {"1", "2", "3"});
  EXPECT_EQ(store(state_of("t", 1, "{}", 12345))->error, Errc::wrong_epoch);
  EXPECT_EQ(store(state_of("t", 4))->error, Errc::position_ahead);
  trim("t", 3);
  EXPECT_EQ(store(state_of("t", 1))->error, Errc::position_trimmed);
  EXPECT_FALSE(store(state_of("t", 2))->error) << "what follows it is still there";
  EXPECT_EQ(store(state_of("t", 3, std::string(1'001, '1')))->error, Errc::state_too_large);
}

TEST_F(CommitterStateTest, AnEmptyTopicCanHaveAState) {
  ASSERT_FALSE(waiting_.run(std::make_unique<ConfigureRequest>(topic_name("t")))->error);
  EXPECT_FALSE(store(state_of("t", 0))->error);
  EXPECT_TRUE(stored("t").has_value());
}

TEST_F(CommitterStateTest, OneWhoseEventsAreGoneIsNone) {
  publish("t", {"1", "2", "3"});
  ASSERT_FALSE(store(state_of("t", 1))->error);
  trim("t", 2);
  EXPECT_TRUE(stored("t").has_value());
  trim("t", 3);
  EXPECT_EQ(stored("t"), std::nullopt);
}

TEST_F(CommitterStateTest, ALaterEpochKeepsIt) {
  publish("t", {"1", "2"});
  ASSERT_FALSE(store(state_of("t", 2))->error);
  log_->add_incident(false);
  publish("t", {"3"});
  ASSERT_EQ(topic("t")->meta().lineage.size(), 2U);
  EXPECT_TRUE(stored("t").has_value());
  EXPECT_EQ(store(state_of("t", 1))->error, Errc::state_outdated);
  EXPECT_FALSE(store(state_of("t", 3))->error);
}

TEST_F(CommitterStateTest, WhatIsRemovedIsGone) {
  publish("t", {"1"});
  const auto nothing = store(no_state_of("t"));
  EXPECT_FALSE(nothing->error);
  EXPECT_FALSE(nothing->existed);
  ASSERT_FALSE(store(state_of("t", 1))->error);
  EXPECT_TRUE(store(no_state_of("t"))->existed);
  EXPECT_EQ(stored("t"), std::nullopt);
  EXPECT_FALSE(store(state_of("t", 0))->existed) << "nothing is later any more";
}

TEST_F(CommitterStateTest, ADeletedTopicTakesItAlong) {
  publish("t", {"1"});
  ASSERT_FALSE(store(state_of("t", 1))->error);
  ASSERT_FALSE(waiting_.run(std::make_unique<EraseRequest>(topic_name("t")))->error);
  publish("t", {"1"});
  EXPECT_EQ(stored("t"), std::nullopt);
}

TEST_F(CommitterStateTest, InOneGroupEachSeesTheOneBefore) {
  publish("t", {"1", "2", "3"});
  const auto group = [&](std::vector<std::unique_ptr<Request>> requests) {
    ASSERT_TRUE(store_.submit(requests));
    ASSERT_FALSE(waiting_.run(publish_of("last", {"1"}))->error);
  };
  std::vector<std::unique_ptr<Request>> requests;
  requests.push_back(state_of("t", 3, "[3]"));
  requests.push_back(state_of("t", 2, "[2]"));
  group(std::move(requests));
  EXPECT_EQ(stored("t")->data, "[3]") << "the earlier position came too late";

  requests.clear();
  requests.push_back(no_state_of("t"));
  requests.push_back(state_of("t", 1, "[1]"));
  group(std::move(requests));
  EXPECT_EQ(stored("t")->data, "[1]");

  requests.clear();
  requests.push_back(publish_of("t", {"4"}));
  requests.push_back(state_of("t", 4, "[4]"));
  group(std::move(requests));
  EXPECT_EQ(stored("t")->data, "[4]") << "of what the group itself appends";
}

TEST_F(CommitterStateTest, ItIsOnTheDiskWhenItIsAnswered) {
  publish("t", {"1"});
  const auto before = log_->synced_writes();
  ASSERT_FALSE(store(state_of("t", 1))->error);
  EXPECT_EQ(log_->synced_writes(), before + 1);
}

TEST_F(CommitterStateTest, AFailedWriteStoresNothing) {
  publish("t", {"1"});
  log_->fail_next_write(Errc::storage_failed);
  EXPECT_EQ(store(state_of("t", 1))->error, Errc::storage_failed);
  while (store_.stats().failing) std::this_thread::yield();
  EXPECT_EQ(stored("t"), std::nullopt);
}

TEST_F(CommitterStateTest, AFullDiskTakesNoStateButLetsItGo) {
  publish("t", {"1", "2"});
  ASSERT_FALSE(store(state_of("t", 1))->error);
  fill_disk();
  EXPECT_EQ(store(state_of("t", 2))->error, Errc::disk_full);
  EXPECT_FALSE(store(no_state_of("t"))->error);
  EXPECT_EQ(stored("t"), std::nullopt);
}

// ---- cursors ----

class MoveCursorsTest : public CommitterStateTest {
 protected:
  std::unique_ptr<MoveCursorsRequest> move(TopicId id, std::uint64_t offset) {
    auto request = std::make_unique<MoveCursorsRequest>(topic_name("t"), id);
    StoredCursor cursor{
        .position = {Epoch{1}, Offset{offset}}, .created = {1}, .acknowledged = {2}};
    request->cursors.push_back({.topic = id, .name = "c", .cursor = cursor});
    return waiting_.run(std::move(request));
  }
  std::uint64_t offset(TopicId id) {
    const auto cursor = log_->cursor(id, "c").value();
    return cursor ? cursor->position.offset.value : 0;
  }
};

TEST_F(MoveCursorsTest, TheyAreWrittenToTheLog) {
  publish("t", {"1"});
  const TopicId id = topic("t")->id();
  EXPECT_FALSE(move(id, 1)->error);
  EXPECT_EQ(offset(id), 1U);
}

TEST_F(MoveCursorsTest, OnlyThoseOfTheTopicThereIs) {
  publish("t", {"1"});
  const TopicId before = topic("t")->id();
  ASSERT_FALSE(waiting_.run(std::make_unique<EraseRequest>(topic_name("t")))->error);
  EXPECT_EQ(move(before, 1)->error, Errc::unknown_topic);
  publish("t", {"1"});
  EXPECT_EQ(move(before, 1)->error, Errc::unknown_topic);
  EXPECT_EQ(offset(before), 0U);
  EXPECT_EQ(offset(topic("t")->id()), 0U);
}

TEST_F(MoveCursorsTest, TheyMoveOnAFullDisk) {
  publish("t", {"1"});
  fill_disk();
  EXPECT_FALSE(move(topic("t")->id(), 1)->error);
}

// ---- topics that come to be ----

/// Notes what it is told, in order.
class Telling : public CommitObserver {
 public:
  void created(std::span<const std::shared_ptr<Topic>> topics) override {
    const std::lock_guard lock(mutex_);
    for (const auto& topic : topics) told_.push_back("created " + topic->name().str());
  }
  void committed(std::vector<std::unique_ptr<Request>>,
                 std::span<const std::shared_ptr<Topic>> advanced) override {
    const std::lock_guard lock(mutex_);
    for (const auto& topic : advanced) told_.push_back("advanced " + topic->name().str());
  }
  std::vector<std::string> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> told_;
};

class CreatedTest : public CommitterStateTest {
 protected:
  CreatedTest() { store_.add_observer(telling_); }
  ~CreatedTest() override { store_.remove_observer(telling_); }
  Telling telling_;
};

TEST_F(CreatedTest, ObserversHearOfATopicBeforeItsEvents) {
  publish("t", {"1"});
  publish("t", {"2"});
  // The requests are answered before the last observer has been told.
  store_.stop();
  EXPECT_THAT(telling_.told(), ElementsAre("created t", "advanced t", "advanced t"));
}

TEST_F(CreatedTest, OfEveryTopicHoweverItComesToBe) {
  ASSERT_FALSE(waiting_.run(std::make_unique<ConfigureRequest>(topic_name("a")))->error);
  ASSERT_FALSE(waiting_.run(std::make_unique<CreateRequest>(topic_name("b")))->error);
  auto fork = std::make_unique<CreateRequest>(topic_name("c"));
  fork->fork = CreateRequest::Fork{topic_name("b"), std::nullopt, 0};
  ASSERT_FALSE(waiting_.run(std::move(fork))->error);
  ASSERT_FALSE(waiting_.run(std::make_unique<EraseRequest>(topic_name("a")))->error);
  ASSERT_FALSE(waiting_.run(std::make_unique<ConfigureRequest>(topic_name("a")))->error);
  store_.stop();
  std::vector<std::string> created;
  for (const auto& each : telling_.told())
    if (each.starts_with("created")) created.push_back(each);
  EXPECT_THAT(created, ElementsAre("created a", "created b", "created c", "created a"));
}

TEST_F(CreatedTest, NotOfOneThatWasRefused) {
  EXPECT_EQ(waiting_.run(publish_of("t", {"not json"}))->error, Errc::invalid_payload);
  store_.stop();
  EXPECT_THAT(telling_.told(), IsEmpty());
}

TEST_F(CreatedTest, OfOneThatAFailedWriteHasCreatedAllTheSame) {
  log_->fail_next_write(Errc::storage_failed, true);
  EXPECT_EQ(waiting_.run(publish_of("t", {"1"}))->error, Errc::storage_failed);
  while (telling_.told().empty()) std::this_thread::yield();
  EXPECT_EQ(telling_.told().front(), "created t");
  EXPECT_EQ(topic("t")->bounds().head, Offset{1});
}

TEST_F(CreatedTest, NotOfOneThatAFailedWriteHasNot) {
  log_->fail_next_write(Errc::storage_failed);
  EXPECT_EQ(waiting_.run(publish_of("t", {"1"}))->error, Errc::storage_failed);
  while (store_.stats().failing) std::this_thread::yield();
  publish("other", {"1"});
  store_.stop();
  EXPECT_THAT(telling_.told(), ElementsAre("created other", "advanced other"));
}

}  // namespace
}  // namespace tidemark::storage
