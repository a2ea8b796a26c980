// Ring: the newest segments under a budget.
// tests/: unit.
#include "storage/ring.hpp"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using testing::batch_value;
using testing::topic_name;

constexpr TopicId kTopic{7};

class RingTest : public ::testing::Test {
 protected:
  void append(std::size_t events, std::size_t bytes, Epoch epoch = Epoch{1}) {
    std::vector<std::string> payloads(events, std::string(bytes, '1'));
    const auto value = batch_value(kTopic, epoch, next_, Timestamp{1}, payloads);
    ring_.append(BatchView::parse(kTopic, next_, value).value());
    next_.value += events;
  }
  Ring ring_{std::make_shared<const TopicFramers>(topic_name("t"), "application/json"), 100'000};
  Offset next_{1};
};

TEST_F(RingTest, FindsEveryOffsetItHolds) {
  for (int i = 0; i < 50; ++i) append(3, 100);
  for (Offset o{1}; o < next_; o = o.next()) {
    const auto segment = ring_.find(o);
    ASSERT_NE(segment, nullptr) << o.value;
    EXPECT_TRUE(segment->holds(o));
  }
  EXPECT_EQ(ring_.find(next_), nullptr);
  EXPECT_EQ(ring_.find(Offset{0}), nullptr);
}

TEST_F(RingTest, StaysUnderItsBudgetAndKeepsTheNewest) {
  for (int i = 0; i < 1000; ++i) append(3, 300);
  EXPECT_LE(ring_.memory(), 100'000U);
  EXPECT_EQ(ring_.find(Offset{1}), nullptr);
  EXPECT_NE(ring_.find(Offset{next_.value - 1}), nullptr);
}

TEST_F(RingTest, AnEventLargerThanTheBudgetIsKeptWhileItIsTheNewest) {
  append(1, 300'000);
  EXPECT_NE(ring_.find(Offset{1}), nullptr);
  append(1, 10);
  EXPECT_EQ(ring_.find(Offset{1}), nullptr);
  EXPECT_NE(ring_.find(Offset{2}), nullptr);
}

TEST_F(RingTest, ATopicWithOneSmallEventTakesLittle) {
  append(1, 20);
  EXPECT_LE(ring_.memory(), 2'000U);
}

TEST_F(RingTest, EpochsNeverShareASegment) {
  append(2, 10, Epoch{1});
  append(2, 10, Epoch{2});
  EXPECT_EQ(ring_.find(Offset{2})->epoch(), Epoch{1});
  EXPECT_EQ(ring_.find(Offset{3})->epoch(), Epoch{2});
  EXPECT_EQ(ring_.find(Offset{2})->end(), Offset{3});
}

TEST_F(RingTest, SegmentsHandedOutOutliveTheRing) {
  append(1, 10);
  const auto held = ring_.find(Offset{1});
  ring_.clear();
  EXPECT_EQ(held->event(Offset{1}).data, std::string(10, '1'));
}

}  // namespace
}  // namespace tidemark::storage
