// How far positions are behind: events, bytes, time, what is lost, what retention will take next.
// tests/: the unit lag, over a store on disk with its clock in the test's hand.
#include "storage/lag.hpp"

#include "tests/storage/lifecycle_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LagTest : public LifecycleFixture {
 protected:
  /// Each a batch of its own.
  void publish_one_by_one(std::uint64_t events) {
    for (std::uint64_t i = 0; i < events; ++i) ASSERT_FALSE(publish("t", {"1"}));
  }
  void keep(const RetentionPolicy& policy) {
    auto request = std::make_unique<ConfigureRequest>(topic_name("t"));
    request->retention = policy;
    ASSERT_FALSE(run(std::move(request))->error);
  }
  Lag behind(std::uint64_t offset) {
    return store_->lag(*topic("t"), {Epoch{0}, Offset{offset}}).value();
  }
};

TEST_F(LagTest, WhoHasEverythingIsNotBehind) {
  publish_one_by_one(3);
  pass(seconds(100));
  const Lag lag = behind(3);
  EXPECT_EQ(lag.events, 0U);
  EXPECT_EQ(lag.bytes, 0U);
  EXPECT_EQ(lag.time, milliseconds(0));
  EXPECT_EQ(lag.lost, 0U);
  EXPECT_FALSE(lag.falling);
}

TEST_F(LagTest, WhatIsMissingIsCountedWeighedAndDated) {
  publish_one_by_one(1);
  const auto first_bytes = topic("t")->tail().bytes;
  pass(seconds(10));
  ASSERT_FALSE(publish("t", {"2", "3"}));
  pass(seconds(5));
  const Lag lag = behind(1);
  EXPECT_EQ(lag.events, 2U);
  EXPECT_EQ(lag.bytes, topic("t")->tail().bytes - first_bytes);
  EXPECT_EQ(lag.time, seconds(5));
  EXPECT_EQ(behind(2).bytes, lag.bytes) << "to within a batch";
  EXPECT_EQ(behind(0).bytes, topic("t")->tail().bytes);
  EXPECT_EQ(behind(0).time, seconds(15));
}

TEST_F(LagTest, WhatIsNoLongerRetainedIsLost) {
  publish_one_by_one(2);
  pass(seconds(10));
  publish_one_by_one(3);
  ASSERT_FALSE(trim("t", 4));
  const Lag lag = behind(1);
  EXPECT_EQ(lag.events, 4U);
  EXPECT_EQ(lag.lost, 2U);
  EXPECT_EQ(lag.time, seconds(0)) << "of the oldest that is still there";
  EXPECT_EQ(behind(3).lost, 0U);
  ASSERT_FALSE(trim("t", 6));
  EXPECT_EQ(behind(1).lost, 4U);
  EXPECT_EQ(behind(1).bytes, 0U);
}

TEST_F(LagTest, ItFallsWhenATenthLessWouldNotBeKept) {
  publish_one_by_one(9);
  keep({.max_events = 10, .max_bytes = 0, .max_age = {}});
  EXPECT_FALSE(behind(0).falling);
  publish_one_by_one(1);
  EXPECT_TRUE(behind(0).falling);
  EXPECT_FALSE(behind(1).falling);
}

TEST_F(LagTest, ItFallsByBytesToo) {
  publish_one_by_one(20);
  const auto bytes = topic("t")->tail().bytes;
  keep({.max_events = 0, .max_bytes = 2 * bytes, .max_age = {}});
  EXPECT_FALSE(behind(0).falling);
  keep({.max_events = 0, .max_bytes = bytes, .max_age = {}});
  EXPECT_TRUE(behind(0).falling);
  EXPECT_FALSE(behind(5).falling);
}

TEST_F(LagTest, ItFallsByAgeToo) {
  publish_one_by_one(1);
  pass(seconds(10));
  publish_one_by_one(1);
  keep({.max_events = 0, .max_bytes = 0, .max_age = seconds(100)});
  pass(seconds(80));
  EXPECT_FALSE(behind(0).falling);
  pass(seconds(1));
  EXPECT_TRUE(behind(0).falling);
  EXPECT_FALSE(behind(1).falling);
}

TEST_F(LagTest, APositionOfNoHistoryHasNoLag) {
  publish_one_by_one(3);
  const auto reader = topic("t");
  EXPECT_EQ(store_->lag(*reader, {Epoch{1}, Offset{1}}).errc(), Errc::wrong_epoch);
  EXPECT_EQ(store_->lag(*reader, {Epoch{0}, Offset{4}}).errc(), Errc::position_ahead);
}

TEST(LagMeter, WhatAnEpochHasLostIsNotCounted) {
  MemoryLog log;
  LoadedTopic topic;
  topic.meta.lineage = {{{1}, {1}}, {{2}, {3}}};
  topic.tail.head = {5};
  LagMeter meter(log, topic, {});
  EXPECT_EQ(meter.of({{1}, {2}}).value().events, 3U);
  EXPECT_EQ(meter.of({{1}, {4}}).value().events, 3U);
  EXPECT_EQ(meter.of({{2}, {4}}).value().events, 1U);
  EXPECT_EQ(meter.of({{7}, {4}}).value().events, 5U);
}

TEST(LagMeter, ATenthLessIsRoundedDownButKeepsSomething) {
  const RetentionPolicy policy{.max_events = 1, .max_bytes = 1'005, .max_age = milliseconds(20)};
  const RetentionPolicy less{.max_events = 1, .max_bytes = 904, .max_age = milliseconds(18)};
  EXPECT_EQ(a_tenth_less(policy), less);
  EXPECT_EQ(a_tenth_less({}), RetentionPolicy{}) << "no limit stays none";
}

}  // namespace
}  // namespace tidemark::storage
