// How many topics of a pattern there may be, whatever happens to the groups that make them.
// tests/: storage/topic_quotas, through a store in memory.
#include "storage/topic_quotas.hpp"

#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

TopicQuota quota(std::string prefix, std::uint64_t topics) {
  return {.pattern = prefix + "*",
          .fits = [prefix](std::string_view name) { return name.starts_with(prefix); },
          .topics = topics};
}

class TopicQuotasTest : public ::testing::Test {
 protected:
  static EventStoreOptions options() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(1);
    options.committer.limits.topics_of = {quota("rooms/", 2), quota("rooms/a", 1)};
    return options;
  }
  std::optional<Errc> publish(std::string_view topic) {
    const auto done = waiting_.run(publish_of(topic, {"1"}));
    text_ = done->error_text;
    return done->error;
  }
  std::optional<Errc> erase(std::string_view topic) {
    return waiting_.run(std::make_unique<EraseRequest>(topic_name(topic)))->error;
  }

  MemoryLog* log_ = new MemoryLog;  // owned by the store
  EventStore store_{std::unique_ptr<Log>(log_), options()};
  Waiting waiting_{store_};
  std::string text_;
};

TEST_F(TopicQuotasTest, OneTooManyOfAPatternIsRefusedAndToldWhich) {
  EXPECT_EQ(publish("rooms/x"), std::nullopt);
  EXPECT_EQ(publish("rooms/y"), std::nullopt);
  EXPECT_EQ(publish("rooms/z"), Errc::too_many_topics);
  EXPECT_EQ(text_, "there may be 2 topics of rooms/*");
  EXPECT_EQ(publish("other"), std::nullopt);
  EXPECT_EQ(publish("rooms/x"), std::nullopt) << "it is there already";
  const auto created = waiting_.run(std::make_unique<CreateRequest>(topic_name("rooms/z")));
  EXPECT_EQ(created->error, Errc::too_many_topics);
}

TEST_F(TopicQuotasTest, EveryPatternThatFitsHolds) {
  EXPECT_EQ(publish("rooms/a1"), std::nullopt);
  EXPECT_EQ(publish("rooms/a2"), Errc::too_many_topics);
  EXPECT_EQ(text_, "there may be 1 topics of rooms/a*");
  EXPECT_EQ(publish("rooms/b"), std::nullopt);
}

TEST_F(TopicQuotasTest, DeletingOneMakesRoom) {
  EXPECT_EQ(publish("rooms/x"), std::nullopt);
  EXPECT_EQ(publish("rooms/y"), std::nullopt);
  EXPECT_EQ(erase("rooms/x"), std::nullopt);
  EXPECT_EQ(publish("rooms/z"), std::nullopt);
  EXPECT_EQ(publish("rooms/x"), Errc::too_many_topics);
}

TEST_F(TopicQuotasTest, AGroupThatMakesManyIsCountedWhileItIsMade) {
  std::vector<std::future<std::unique_ptr<Request>>> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(waiting_.start(publish_of("rooms/" + std::to_string(i), {"1"})));
  }
  int made = 0;
  for (auto& answer : answers) made += answer.get()->error ? 0 : 1;
  EXPECT_EQ(made, 2);
}

TEST_F(TopicQuotasTest, AGroupThatWasNotWrittenCountsForNothing) {
  EXPECT_EQ(publish("rooms/x"), std::nullopt);
  log_->fail_next_write(Errc::storage_failed);
  EXPECT_EQ(publish("rooms/y"), Errc::storage_failed);
  std::optional<Errc> done;
  do done = publish("rooms/z");
  while (done == Errc::storage_failed);
  EXPECT_EQ(done, std::nullopt);
  EXPECT_EQ(publish("rooms/w"), Errc::too_many_topics);
}

TEST_F(TopicQuotasTest, AGroupThatFailedButIsThereCounts) {
  EXPECT_EQ(publish("rooms/x"), std::nullopt);
  log_->fail_next_write(Errc::storage_failed, true);
  EXPECT_EQ(publish("rooms/y"), Errc::storage_failed);
  std::optional<Errc> done;
  do done = publish("rooms/z");
  while (done == Errc::storage_failed);
  EXPECT_EQ(done, Errc::too_many_topics);
}

TEST_F(TopicQuotasTest, WhatIsThereAlreadyCounts) {
  for (const auto* name : {"a", "roomr", "rooms/x", "rooms/y", "rooms0", "s"}) {
    EXPECT_EQ(publish(name), std::nullopt);
  }
  store_.apply({.topics_of = {quota("rooms/", 3)}});
  EXPECT_EQ(publish("rooms/z"), std::nullopt);
  EXPECT_EQ(publish("rooms/w"), Errc::too_many_topics);
  store_.apply({.topics_of = {quota("", 8)}});
  EXPECT_EQ(publish("eighth"), std::nullopt);
  EXPECT_EQ(publish("ninth"), Errc::too_many_topics);
  store_.apply({});
  EXPECT_EQ(publish("ninth"), std::nullopt);
}

TEST_F(TopicQuotasTest, TheNumberOfAllTopicsCanBeChangedToo) {
  EXPECT_EQ(publish("a"), std::nullopt);
  store_.apply({.topics = 1});
  EXPECT_EQ(publish("b"), Errc::too_many_topics);
  store_.apply({.topics = 2});
  EXPECT_EQ(publish("b"), std::nullopt);
}

// ---- what is counted for metrics ----

TEST_F(TopicQuotasTest, TheCommitterCountsWhatItDoes) {
  EXPECT_EQ(publish("t"), std::nullopt);
  const auto stamped = [] {
    auto request = publish_of("t", {"22", "333"});
    request->producer = ProducerStamp{.id = "p", .epoch = 1, .sequence = 0};
    return request;
  };
  EXPECT_EQ(waiting_.run(stamped())->error, std::nullopt);
  EXPECT_TRUE(waiting_.run(stamped())->duplicate);
  EXPECT_EQ(
      waiting_.run(std::make_unique<TrimRequest>(topic_name("t"), Offset{3}, GapCause::age))->error,
      std::nullopt);
  EXPECT_EQ(publish("rooms/x"), std::nullopt);
  EXPECT_EQ(erase("rooms/x"), std::nullopt);

  const auto& counters = store_.counters();
  EXPECT_EQ(counters.publishes.get(), 4U);
  EXPECT_EQ(counters.duplicates.get(), 1U);
  EXPECT_EQ(counters.topics_created.get(), 2U);
  EXPECT_EQ(counters.topics_removed.get(), 1U);
  EXPECT_EQ(counters.trims.at(static_cast<std::size_t>(GapCause::age)).get(), 1U);
  EXPECT_EQ(counters.trimmed_events.get(), 2U);
  EXPECT_GT(counters.batch_bytes.get(), 0U);
  const auto requests = counters.group_requests.get();
  EXPECT_EQ(requests.sum, 6U);
  const auto synced = counters.synced_us.get();
  std::uint64_t commits = 0;
  for (const auto count : synced.counts) commits += count;
  EXPECT_EQ(commits, 5U) << "the duplicate changed nothing";
}

TEST(HistogramTest, AValueFallsBelowTheFirstBoundItDoesNotExceed) {
  Histogram histogram{10};
  for (const std::uint64_t value : {0U, 10U, 11U, 20U, 21U}) histogram.note(value);
  histogram.note(10ULL << 40);
  const auto now = histogram.get();
  EXPECT_EQ(now.counts[0], 2U);
  EXPECT_EQ(now.counts[1], 2U);
  EXPECT_EQ(now.counts[2], 1U);
  EXPECT_EQ(now.counts.back(), 1U);
  EXPECT_EQ(now.sum, 62U + (10ULL << 40));
}

}  // namespace
}  // namespace tidemark::storage
