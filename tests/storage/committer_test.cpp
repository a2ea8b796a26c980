// Committer: what is admitted, what is shown and when, failures, producers, settings.
// tests/: unit, over a Log in memory that can be told to fail.
#include "storage/committer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

class CommitterTest : public ::testing::Test {
 protected:
  static EventStoreOptions options() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(1);
    options.committer.max_event_bytes = 1000;
    options.committer.limits.topics = 5;
    return options;
  }
  static MemoryLog* log_in(EventStore&, MemoryLog* log) { return log; }

  std::unique_ptr<PublishRequest> publish(std::string_view topic,
                                          const std::vector<std::string>& data) {
    return waiting_.run(publish_of(topic, data));
  }
  std::unique_ptr<PublishRequest> publish_as(const ProducerStamp& stamp, const std::string& data) {
    auto request = publish_of("t", {data});
    request->producer = stamp;
    return waiting_.run(std::move(request));
  }
  std::vector<std::string> all(std::string_view topic) {
    std::vector<std::string> out;
    const auto opened = store_.open_topic(topic_name(topic)).value();
    Position at;
    for (;;) {
      ReadAnswer answer = store_.read(*opened, at);
      if (answer.state == ReadAnswer::State::cold) {
        EXPECT_TRUE(store_.load(*opened, at.offset));
        continue;
      }
      if (answer.state != ReadAnswer::State::events) return out;
      for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next()) {
        out.emplace_back(answer.slice.segment->event(o).data);
        at.offset = o;
      }
    }
  }

  MemoryLog* log_ = new MemoryLog;  // owned by the store
  EventStore store_{std::unique_ptr<Log>(log_), options()};
  Waiting waiting_{store_};
};

TEST_F(CommitterTest, TheFirstPublishCreatesTheTopicAtOffsetOne) {
  const auto done = publish("t", {"1", "2"});
  ASSERT_FALSE(done->error);
  EXPECT_EQ(done->offsets, (OffsetRange{Offset{1}, Offset{3}}));
  EXPECT_NE(done->epoch.value, 0U);
  EXPECT_THAT(all("t"), ::testing::ElementsAre("1", "2"));
}

TEST_F(CommitterTest, OffsetsAreContiguousOverManyPublishers) {
  std::vector<std::future<std::unique_ptr<Request>>> done;
  for (int i = 0; i < 1000; ++i) done.push_back(waiting_.start(publish_of("t", {"1", "2", "3"})));
  std::uint64_t next = 1;
  for (auto& future : done) {
    const auto request = future.get();
    const auto& publish = static_cast<const PublishRequest&>(*request);
    ASSERT_FALSE(publish.error);
    EXPECT_EQ(publish.offsets.first.value, next);
    next = publish.offsets.end.value;
  }
  EXPECT_EQ(all("t").size(), 3000U);
  EXPECT_LT(store_.stats().groups, 1000U) << "what queues up during a commit is the next group";
}

TEST_F(CommitterTest, ARefusedPublishLeavesNoTopicBehind) {
  EXPECT_EQ(publish("t", {"not json"})->error, Errc::invalid_payload);
  EXPECT_EQ(publish("t", {std::string(2000, '1')})->error, Errc::event_too_large);
  EXPECT_EQ(publish("t", {})->error, Errc::malformed_message);
  EXPECT_EQ(waiting_.run(publish_of("t", {"1"}, "nonsense"))->error, Errc::invalid_content_type);
  EXPECT_EQ(store_.open_topic(topic_name("t")).errc(), Errc::unknown_topic);
}

TEST_F(CommitterTest, ABatchIsAppendedTogetherOrNotAtAll) {
  ASSERT_FALSE(publish("t", {"1"})->error);
  EXPECT_EQ(publish("t", {"2", "not json", "3"})->error, Errc::invalid_payload);
  EXPECT_THAT(all("t"), ::testing::ElementsAre("1"));
}

TEST_F(CommitterTest, TheContentTypeOfATopicHolds) {
  ASSERT_FALSE(waiting_.run(publish_of("t", {"plain words"}, "text/plain"))->error);
  const auto other = waiting_.run(publish_of("t", {"1"}, "application/json"));
  EXPECT_EQ(other->error, Errc::content_type_mismatch);
  EXPECT_THAT(other->error_text, ::testing::HasSubstr("text/plain"));
  EXPECT_FALSE(waiting_.run(publish_of("t", {"more"}, "Text/Plain; charset=utf-8"))->error);
  EXPECT_FALSE(publish("t", {"words without a type"})->error);
}

TEST_F(CommitterTest, ExpectedLastOffsetGuardsAgainstOthers) {
  ASSERT_FALSE(publish("t", {"1"})->error);
  auto wrong = publish_of("t", {"2"});
  wrong->expected_last = Offset{0};
  const auto refused = waiting_.run(std::move(wrong));
  EXPECT_EQ(refused->error, Errc::offset_mismatch);
  EXPECT_EQ(refused->head, Offset{1});
  auto right = publish_of("t", {"2"});
  right->expected_last = Offset{1};
  EXPECT_FALSE(waiting_.run(std::move(right))->error);
}

TEST_F(CommitterTest, ARetryIsAnsweredWithItsOriginalOffsets) {
  ASSERT_FALSE(publish_as({"p", 0, 0}, "1")->error);
  ASSERT_FALSE(publish("t", {"2"})->error);
  const auto again = publish_as({"p", 0, 0}, "1");
  EXPECT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->offsets, (OffsetRange{Offset{1}, Offset{2}}));
  EXPECT_THAT(all("t"), ::testing::ElementsAre("1", "2"));
}

TEST_F(CommitterTest, ARetryInTheSameGroupDoesNotDouble) {
  std::vector<std::future<std::unique_ptr<Request>>> done;
  for (int i = 0; i < 200; ++i) {
    auto request = publish_of("t", {std::to_string(i / 2)});
    request->producer = ProducerStamp{"p", 0, static_cast<std::uint64_t>(i / 2)};
    done.push_back(waiting_.start(std::move(request)));
  }
  for (auto& future : done) EXPECT_FALSE(future.get()->error);
  EXPECT_EQ(all("t").size(), 100U);
}

TEST_F(CommitterTest, SequenceGapsAndStaleEpochsAreRefusedWithWhatIsExpected) {
  ASSERT_FALSE(publish_as({"p", 3, 0}, "1")->error);
  const auto gap = publish_as({"p", 3, 2}, "2");
  EXPECT_EQ(gap->error, Errc::sequence_gap);
  EXPECT_EQ(gap->expected_sequence, 1U);
  const auto fenced = publish_as({"p", 2, 0}, "2");
  EXPECT_EQ(fenced->error, Errc::producer_fenced);
  EXPECT_EQ(fenced->producer_epoch, 3U);
  EXPECT_FALSE(publish_as({"p", 3, 1}, "2")->error);
}

TEST_F(CommitterTest, AProducerWithoutAProperIdIsRefused) {
  EXPECT_EQ(publish_as({"", 0, 0}, "1")->error, Errc::invalid_producer);
  EXPECT_EQ(publish_as({std::string(limits::producer_id_bytes + 1, 'p'), 0, 0}, "1")->error,
            Errc::invalid_producer);
  EXPECT_EQ(store_.open_topic(topic_name("t")).errc(), Errc::unknown_topic);
}

TEST_F(CommitterTest, NothingOfAFailedGroupIsShown) {
  ASSERT_FALSE(publish("t", {"1"})->error);
  log_->fail_next_write(Errc::disk_full);
  EXPECT_EQ(publish("t", {"2"})->error, Errc::disk_full);
  const auto topic = store_.open_topic(topic_name("t")).value();
  EXPECT_EQ(topic->bounds().head, Offset{1});
}

TEST_F(CommitterTest, ARetryAfterAFailureComesToTheSameOffsetWhetherItWasWrittenOrNot) {
  for (const bool written : {false, true}) {
    const std::string id = written ? "written" : "lost";
    ASSERT_FALSE(publish_as({id, 0, 0}, "1")->error);
    log_->fail_next_write(Errc::storage_failed, written);
    ASSERT_EQ(publish_as({id, 0, 1}, "2")->error, Errc::storage_failed);
    const Offset expected{written ? 4U : 2U};
    std::unique_ptr<PublishRequest> again;
    do {
      again = publish_as({id, 0, 1}, "2");
    } while (again->error == Errc::storage_failed);
    ASSERT_FALSE(again->error);
    EXPECT_EQ(again->duplicate, written);
    EXPECT_EQ(again->offsets.first, expected);
  }
  EXPECT_THAT(all("t"), ::testing::ElementsAre("1", "2", "1", "2"));
}

TEST_F(CommitterTest, PublishingResumesByItselfOnceTheLogRecovers) {
  ASSERT_FALSE(publish("t", {"1"})->error);
  log_->fail_recovery(Errc::disk_full);
  log_->fail_next_write(Errc::disk_full);
  EXPECT_EQ(publish("t", {"2"})->error, Errc::disk_full);
  EXPECT_TRUE(store_.stats().failing);
  EXPECT_EQ(publish("t", {"2"})->error, Errc::disk_full);
  EXPECT_THAT(all("t"), ::testing::ElementsAre("1")) << "reading goes on";
  log_->fail_recovery(std::nullopt);
  std::unique_ptr<PublishRequest> again;
  do {
    again = publish("t", {"2"});
  } while (again->error == Errc::disk_full);
  EXPECT_FALSE(again->error);
  EXPECT_FALSE(store_.stats().failing);
}

TEST_F(CommitterTest, SyncedTopicsAreSyncedAndBufferedOnesAreNot) {
  auto configure = std::make_unique<ConfigureRequest>(topic_name("fast"));
  configure->durability = Durability::buffered;
  ASSERT_FALSE(waiting_.run(std::move(configure))->error);
  const auto before = store_.stats().synced_groups;
  ASSERT_FALSE(publish("fast", {"1"})->error);
  EXPECT_EQ(store_.stats().synced_groups, before);
  ASSERT_FALSE(publish("t", {"1"})->error);
  EXPECT_EQ(store_.stats().synced_groups, before + 1);
}

TEST_F(CommitterTest, BufferedEventsReachTheDiskWithinTheFlushInterval) {
  auto configure = std::make_unique<ConfigureRequest>(topic_name("fast"));
  configure->durability = Durability::buffered;
  ASSERT_FALSE(waiting_.run(std::move(configure))->error);
  const auto before = log_->synced_writes();
  ASSERT_FALSE(publish("fast", {"1"})->error);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (log_->synced_writes() == before && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_GT(log_->synced_writes(), before);
}

TEST_F(CommitterTest, AfterAnIncidentABufferedTopicOpensANewEpoch) {
  auto configure = std::make_unique<ConfigureRequest>(topic_name("fast"));
  configure->durability = Durability::buffered;
  ASSERT_FALSE(waiting_.run(std::move(configure))->error);
  const auto first = publish("fast", {"1"});
  const auto synced = publish("t", {"1"});
  log_->add_incident(true);
  const auto second = publish("fast", {"2"});
  EXPECT_GT(second->epoch, first->epoch);
  EXPECT_EQ(second->offsets.first, Offset{2});
  EXPECT_EQ(publish("fast", {"3"})->epoch, second->epoch) << "an incident is answered once";
  EXPECT_EQ(publish("t", {"2"})->epoch, synced->epoch);
  log_->add_incident(false);
  EXPECT_GT(publish("t", {"3"})->epoch, synced->epoch);
}

TEST_F(CommitterTest, TrimMovesTheWatermarkUpOnly) {
  ASSERT_FALSE(publish("t", {"1", "2", "3"})->error);
  const auto trim = [&](std::uint64_t keep) {
    return waiting_
        .run(std::make_unique<TrimRequest>(topic_name("t"), Offset{keep}, GapCause::trimmed))
        ->bounds.earliest;
  };
  EXPECT_EQ(trim(3), Offset{3});
  EXPECT_EQ(trim(2), Offset{3});
  EXPECT_EQ(trim(100), Offset{4});
  const auto topic = store_.open_topic(topic_name("t")).value();
  const ReadAnswer answer = store_.read(*topic, {});
  ASSERT_EQ(answer.state, ReadAnswer::State::gap);
  EXPECT_EQ(answer.gap.lost, (OffsetRange{Offset{1}, Offset{4}}));
  EXPECT_EQ(answer.gap.cause, GapCause::trimmed);
  EXPECT_EQ(publish("t", {"4"})->offsets.first, Offset{4});
}

TEST_F(CommitterTest, ADeletedTopicIsGoneAndComesBackAsAnother) {
  const auto old = publish("t", {"1", "2"});
  const auto held = store_.open_topic(topic_name("t")).value();
  ASSERT_FALSE(waiting_.run(std::make_unique<EraseRequest>(topic_name("t")))->error);
  EXPECT_EQ(store_.read(*held, {}).state, ReadAnswer::State::deleted);
  EXPECT_EQ(store_.open_topic(topic_name("t")).errc(), Errc::unknown_topic);
  const auto fresh = publish("t", {"3"});
  EXPECT_EQ(fresh->offsets.first, Offset{1});
  EXPECT_GT(fresh->epoch, old->epoch);
  const auto topic = store_.open_topic(topic_name("t")).value();
  const ReadAnswer answer = store_.read(*topic, {old->epoch, Offset{2}});
  ASSERT_EQ(answer.state, ReadAnswer::State::gap);
  EXPECT_EQ(answer.gap.cause, GapCause::epoch);
}

TEST_F(CommitterTest, MoreTopicsThanAllowedAreRefused) {
  for (int i = 0; i < 5; ++i) ASSERT_FALSE(publish("t" + std::to_string(i), {"1"})->error);
  EXPECT_EQ(publish("t5", {"1"})->error, Errc::too_many_topics);
  EXPECT_FALSE(publish("t4", {"1"})->error);
}

TEST_F(CommitterTest, WhatWasQueuedIsDoneBeforeItStopsAndLaterIsRefused) {
  std::vector<std::future<std::unique_ptr<Request>>> done;
  for (int i = 0; i < 500; ++i) done.push_back(waiting_.start(publish_of("t", {"1"})));
  store_.stop();
  for (auto& future : done) EXPECT_FALSE(future.get()->error);
  EXPECT_EQ(publish("t", {"1"})->error, Errc::shutting_down);
}

TEST(CommitterLimits, AFullQueueRefusesAtOnce) {
  EventStoreOptions options;
  options.committer.max_queued_bytes = 10'000;
  EventStore store(std::make_unique<MemoryLog>(), options);
  std::unique_ptr<Request> request = publish_of("t", {std::string(20'000, '1')});
  EXPECT_EQ(store.submit(request).errc(), Errc::overloaded);
  EXPECT_NE(request, nullptr) << "a refused request stays with the caller";
}

}  // namespace
}  // namespace tidemark::storage
