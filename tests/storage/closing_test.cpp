// Closing a topic, and the sequence of its publishers: what the committer takes and refuses.
// tests/: the unit committer.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using tidemark::testing::publish_of;
using tidemark::testing::topic_name;
using tidemark::testing::Waiting;

class ClosingTest : public ::testing::Test {
 protected:
  std::unique_ptr<PublishRequest> publish(const std::vector<std::string>& data) {
    return waiting_.run(publish_of("t", data));
  }
  std::unique_ptr<PublishRequest> close(const std::vector<std::string>& data = {}) {
    auto request = publish_of("t", data);
    request->close = true;
    return waiting_.run(std::move(request));
  }
  std::unique_ptr<PublishRequest> publish_as(ProducerStamp stamp,
                                             const std::vector<std::string>& data,
                                             bool closing = false) {
    auto request = publish_of("t", data);
    request->producer = std::move(stamp);
    request->close = closing;
    return waiting_.run(std::move(request));
  }
  std::unique_ptr<PublishRequest> publish_in_order(std::string sequence) {
    auto request = publish_of("t", {"1"});
    request->sequence = std::move(sequence);
    return waiting_.run(std::move(request));
  }
  std::shared_ptr<Topic> topic() { return *store_.open_topic(topic_name("t")); }

  MemoryLog* log_ = new MemoryLog;
  EventStore store_{std::unique_ptr<Log>(log_), {}};
  Waiting waiting_{store_};
};

TEST_F(ClosingTest, AClosedTopicTakesNoMoreEvents) {
  ASSERT_FALSE(publish({"1"})->error);
  const auto closed = close();
  ASSERT_FALSE(closed->error);
  EXPECT_TRUE(closed->closed);
  EXPECT_TRUE(closed->offsets.empty());
  const auto refused = publish({"2"});
  EXPECT_EQ(refused->error, Errc::topic_closed);
  EXPECT_TRUE(refused->closed);
  EXPECT_EQ(refused->tail.offset, Offset{1});
  EXPECT_EQ(topic()->bounds().head, Offset{1});
}

TEST_F(ClosingTest, LastEventsAndTheEndComeTogether) {
  ASSERT_FALSE(publish({"1"})->error);
  const auto closed = close({"2", "3"});
  ASSERT_FALSE(closed->error);
  EXPECT_EQ(closed->offsets, (OffsetRange{{2}, {4}}));
  EXPECT_EQ(closed->tail.offset, Offset{3});
  EXPECT_TRUE(topic()->end().closed);
  EXPECT_EQ(topic()->end().tail, closed->tail);
}

TEST_F(ClosingTest, NobodySeesTheEndBeforeTheLastEvents) {
  for (int round = 0; round < 200; ++round) {
    const auto name = topic_name("t" + std::to_string(round));
    ASSERT_FALSE(waiting_.run(publish_of(name.str(), {"1"}))->error);
    const auto topic = *store_.open_topic(name);
    std::thread reader([&] {
      Topic::End end;
      do end = topic->end();
      while (!end.closed);
      EXPECT_EQ(end.tail.offset, Offset{2});
    });
    auto request = publish_of(name.str(), {"2"});
    request->close = true;
    EXPECT_FALSE(waiting_.run(std::move(request))->error);
    reader.join();
  }
}

TEST_F(ClosingTest, ClosingAgainIsNoErrorButClosingWithEventsIs) {
  ASSERT_FALSE(close({"1"})->error);
  EXPECT_FALSE(close()->error);
  EXPECT_EQ(close({"2"})->error, Errc::topic_closed);
}

TEST_F(ClosingTest, ATopicMayBeCreatedClosed) {
  const auto closed = close({"1"});
  ASSERT_FALSE(closed->error);
  EXPECT_EQ(closed->tail.offset, Offset{1});
  EXPECT_EQ(publish({"2"})->error, Errc::topic_closed);
}

TEST_F(ClosingTest, ClosedGoesBeforeEverythingElseThatIsWrong) {
  ASSERT_FALSE(close({"1"})->error);
  EXPECT_EQ(publish({"not json"})->error, Errc::topic_closed);
  EXPECT_EQ(waiting_.run(publish_of("t", {"x"}, "text/plain"))->error, Errc::topic_closed);
  EXPECT_EQ(publish_in_order("1")->error, Errc::topic_closed);
}

TEST_F(ClosingTest, ARetryOfTheClosingPublishIsAnsweredAsTheFirst) {
  ASSERT_FALSE(publish_as({"p", 0, 0}, {"1"})->error);
  const auto closed = publish_as({"p", 0, 1}, {"2"}, true);
  ASSERT_FALSE(closed->error);
  EXPECT_EQ(closed->producer_sequence, 1U);
  const auto again = publish_as({"p", 0, 1}, {"other"}, true);
  EXPECT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
  EXPECT_TRUE(again->closed);
  EXPECT_EQ(again->offsets, closed->offsets);
  EXPECT_EQ(again->producer_sequence, 1U);
}

TEST_F(ClosingTest, ARetryOfAnEarlierPublishIsStillADuplicate) {
  ASSERT_FALSE(publish_as({"p", 0, 0}, {"1"})->error);
  ASSERT_FALSE(publish_as({"q", 0, 0}, {"2"}, true)->error);
  const auto again = publish_as({"p", 0, 0}, {"1"});
  EXPECT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
}

TEST_F(ClosingTest, OtherProducersAndLaterSequencesAreRefused) {
  ASSERT_FALSE(publish_as({"p", 0, 0}, {"1"}, true)->error);
  EXPECT_EQ(publish_as({"p", 0, 1}, {"2"}, true)->error, Errc::topic_closed);
  EXPECT_EQ(publish_as({"p", 1, 0}, {"2"})->error, Errc::topic_closed);
  EXPECT_EQ(publish_as({"q", 0, 0}, {"2"})->error, Errc::topic_closed);
  EXPECT_EQ(publish_as({"q", 0, 0}, {}, true)->error, Errc::topic_closed);
}

TEST_F(ClosingTest, ClosingWithoutEventsTakesAProducersSequence) {
  ASSERT_FALSE(publish_as({"p", 0, 0}, {"1"})->error);
  const auto closed = publish_as({"p", 0, 1}, {}, true);
  ASSERT_FALSE(closed->error);
  EXPECT_FALSE(closed->duplicate);
  EXPECT_EQ(closed->producer_sequence, 1U);
  const auto again = publish_as({"p", 0, 1}, {}, true);
  EXPECT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
  const auto stored = log_->producer(topic()->id(), "p");
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->last_sequence, 1U);
}

TEST_F(ClosingTest, ADuplicateIsToldTheHighestSequence) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_FALSE(publish_as({"p", 0, i}, {"1"})->error);
  const auto again = publish_as({"p", 0, 1}, {"1"});
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->producer_sequence, 2U);
}

TEST_F(ClosingTest, MustExistCreatesNothing) {
  auto request = publish_of("t", {"1"});
  request->must_exist = true;
  EXPECT_EQ(waiting_.run(std::move(request))->error, Errc::unknown_topic);
  EXPECT_EQ(store_.open_topic(topic_name("t")).errc(), Errc::unknown_topic);
}

TEST_F(ClosingTest, AFailedCloseLeavesTheTopicOpen) {
  ASSERT_FALSE(publish({"1"})->error);
  log_->fail_next_write(Errc::disk_full);
  EXPECT_EQ(close({"2"})->error, Errc::disk_full);
  EXPECT_FALSE(topic()->end().closed);
}

TEST_F(ClosingTest, SequencesOnlyGrowByteByByte) {
  EXPECT_FALSE(publish_in_order("09")->error);
  EXPECT_FALSE(publish_in_order("10")->error);
  EXPECT_EQ(publish_in_order("10")->error, Errc::sequence_regressed);
  EXPECT_FALSE(publish_in_order("2")->error);
  EXPECT_EQ(publish_in_order("10")->error, Errc::sequence_regressed);
  EXPECT_FALSE(publish_in_order("a")->error);
  EXPECT_EQ(publish_in_order("B")->error, Errc::sequence_regressed);
  EXPECT_FALSE(publish_in_order("\xff")->error);
  EXPECT_EQ(publish_in_order("z")->error, Errc::sequence_regressed);
  EXPECT_FALSE(publish({"1"})->error) << "without a sequence nothing is compared";
}

TEST_F(ClosingTest, SequencesHaveALimit) {
  EXPECT_EQ(publish_in_order("")->error, Errc::malformed_message);
  EXPECT_EQ(publish_in_order(std::string(kMaxSequenceBytes + 1, 'a'))->error,
            Errc::malformed_message);
  EXPECT_FALSE(publish_in_order(std::string(kMaxSequenceBytes, 'a'))->error);
}

TEST_F(ClosingTest, ADuplicateIsFoundBeforeItsSequenceIsCompared) {
  const auto send = [&] {
    auto request = publish_of("t", {"1"});
    request->producer = ProducerStamp{"p", 0, 0};
    request->sequence = "s1";
    return waiting_.run(std::move(request));
  };
  ASSERT_FALSE(send()->error);
  const auto again = send();
  EXPECT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
}

}  // namespace
}  // namespace tidemark::storage
