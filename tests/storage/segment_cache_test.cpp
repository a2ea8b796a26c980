// SegmentCache: one read for many, bounded, never beyond what is visible.
// tests/: unit, over a Log in memory that counts and can be held up.
#include "storage/segment_cache.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using testing::batch_value;
using testing::topic_name;

/// Counts reads, and holds them until it is told to let go.
class CountingLog : public MemoryLog {
 public:
  std::atomic<int> reads{0};
  void hold() { held_ = true; }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  Result<void> read(TopicId topic, Offset from, const BatchSink& sink, bool sequential) override {
    ++reads;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !held_; });
    }
    return MemoryLog::read(topic, from, sink, sequential);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
};

class SegmentCacheTest : public ::testing::Test {
 protected:
  SegmentCacheTest() {
    meta_.id = log_.next_topic_id();
    meta_.name = "t";
    meta_.lineage = {{log_.next_epoch(), Offset{1}}};
    EXPECT_TRUE(
        log_.commit({.topics = {meta_}, .batches = {}, .producers = {}}, Durability::synced));
  }
  /// Appends batches of ten events of `bytes` each.
  void append(int batches, std::size_t bytes) {
    for (int i = 0; i < batches; ++i) {
      std::string value =
          batch_value(meta_.id, meta_.lineage[0].epoch, next_, Timestamp{1},
                      std::vector<std::string>(10, std::string(bytes, '1')), bytes_);
      bytes_ += value.size();
      EncodedBatch batch{.topic = meta_.id, .first = next_, .value = std::move(value)};
      ASSERT_TRUE(
          log_.commit({.topics = {}, .batches = {batch}, .producers = {}}, Durability::synced));
      next_.value += 10;
    }
  }
  std::unique_ptr<Topic> topic() {
    return std::make_unique<Topic>(topic_name("t"), *log_.load(topic_name("t")).value(), 1000);
  }

  CountingLog log_;
  TopicMeta meta_;
  Offset next_{1};
  std::uint64_t bytes_ = 0;
};

TEST_F(SegmentCacheTest, WhatWasLoadedIsFoundFromItsBatchOn) {
  append(5, 100);
  SegmentCache cache(log_, 1'000'000);
  const auto opened = topic();
  EXPECT_EQ(cache.find(meta_.id, Offset{25}), nullptr);
  ASSERT_TRUE(cache.load(*opened, Offset{25}));
  const auto segment = cache.find(meta_.id, Offset{25});
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(segment->first(), Offset{21}) << "from the batch that holds it";
  EXPECT_EQ(segment->end(), Offset{51});
  EXPECT_EQ(cache.find(meta_.id, Offset{20}), nullptr);
  EXPECT_EQ(cache.find(TopicId{99}, Offset{25}), nullptr);
}

TEST_F(SegmentCacheTest, ReadersOfTheSamePlaceShareOneRead) {
  append(50, 100);
  SegmentCache cache(log_, 1'000'000);
  const auto opened = topic();
  log_.hold();
  std::vector<std::thread> readers;
  for (int i = 0; i < 20; ++i) {
    readers.emplace_back([&] { EXPECT_TRUE(cache.load(*opened, Offset{7})); });
  }
  while (log_.reads == 0) std::this_thread::yield();
  log_.let_go();
  for (auto& reader : readers) reader.join();
  // A reader that came after the first had finished finds nothing to wait for and reads again;
  // those who waited do not.
  EXPECT_LT(log_.reads, 20);
  EXPECT_NE(cache.find(meta_.id, Offset{7}), nullptr);
}

TEST_F(SegmentCacheTest, TheBudgetHoldsAndTheLongestUnusedGoesFirst) {
  append(200, 2'000);  // 4 MB
  SegmentCache cache(log_, 2'000'000);
  const auto opened = topic();
  for (std::uint64_t o = 1; o < 2'000; o += 10) {
    if (cache.find(meta_.id, Offset{o}) == nullptr) {
      ASSERT_TRUE(cache.load(*opened, Offset{o}));
    }
    ASSERT_LE(cache.memory(), 2'000'000U);
  }
  EXPECT_EQ(cache.find(meta_.id, Offset{1}), nullptr);
  EXPECT_NE(cache.find(meta_.id, Offset{1'991}), nullptr);
}

TEST_F(SegmentCacheTest, NothingBeyondTheVisibleHeadIsLoaded) {
  append(3, 100);
  const auto opened = topic();  // knows of 30 events
  append(3, 100);               // written, but not shown yet
  SegmentCache cache(log_, 1'000'000);
  ASSERT_TRUE(cache.load(*opened, Offset{1}));
  EXPECT_EQ(cache.find(meta_.id, Offset{1})->end(), Offset{31});
}

TEST_F(SegmentCacheTest, WhatWasAskedForStaysEvenIfTheCacheIsSmallerThanOneRead) {
  append(100, 2'000);
  SegmentCache cache(log_, 1);
  const auto opened = topic();
  ASSERT_TRUE(cache.load(*opened, Offset{1}));
  EXPECT_NE(cache.find(meta_.id, Offset{1}), nullptr);
}

TEST_F(SegmentCacheTest, AHoleInTheLogIsMarkedAsDamageSoThatReadersGoOn) {
  append(3, 100);
  SegmentCache cache(log_, 1'000'000);
  const auto opened = topic();
  ASSERT_TRUE(log_.reclaim(meta_.id, Offset{21}));  // behind the topic's back
  EXPECT_EQ(cache.load(*opened, Offset{5}).errc(), Errc::corrupt_record);
  const ReadAnswer answer = opened->read({Epoch{0}, Offset{4}});
  ASSERT_EQ(answer.state, ReadAnswer::State::gap);
  EXPECT_EQ(answer.gap.cause, GapCause::corrupt);
  EXPECT_EQ(answer.gap.lost, (OffsetRange{Offset{5}, Offset{21}}));
  EXPECT_NE(cache.find(meta_.id, Offset{21}), nullptr);
}

TEST_F(SegmentCacheTest, ADroppedTopicIsForgottenAndHeldSegmentsStay) {
  append(3, 100);
  SegmentCache cache(log_, 1'000'000);
  const auto opened = topic();
  ASSERT_TRUE(cache.load(*opened, Offset{1}));
  const auto held = cache.find(meta_.id, Offset{1});
  cache.drop(meta_.id);
  EXPECT_EQ(cache.find(meta_.id, Offset{1}), nullptr);
  EXPECT_EQ(cache.memory(), 0U);
  EXPECT_EQ(held->event(Offset{30}).data, std::string(100, '1'));
}

}  // namespace
}  // namespace tidemark::storage
