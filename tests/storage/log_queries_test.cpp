// Bounds, bytes and times of topics that are loaded but not open.
// tests/: the unit log_queries, on the sample directory.
#include "storage/log_queries.hpp"

#include <gtest/gtest.h>

#include "storage/rocks_store.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

using test::SampleLog;

class LogQueries : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_sample_log(directory_.path());
    auto opened = open_rocks_log_to_read(directory_.path());
    ASSERT_TRUE(opened) << opened.error().text;
    log_ = std::move(*opened);
  }
  LoadedTopic load(const std::string& name) {
    auto loaded = log_->load(*TopicName::parse(name));
    EXPECT_TRUE(loaded && *loaded) << name;
    return loaded && *loaded ? **loaded : LoadedTopic{};
  }
  std::optional<Timestamp> time_at(const LoadedTopic& topic, std::uint64_t offset) {
    const auto time = time_of(*log_, topic, {offset});
    EXPECT_TRUE(time);
    return time ? *time : std::nullopt;
  }

  TempDir directory_;
  std::unique_ptr<Log> log_;
};

TEST_F(LogQueries, BoundsAreThoseOfTheNewestEpoch) {
  const Bounds orders = bounds_of(load("orders"));
  EXPECT_EQ(orders, (Bounds{.epoch = SampleLog::kSecondEpoch, .earliest = {1}, .head = {1000}}));
  const Bounds empty = bounds_of(load("empty"));
  EXPECT_EQ(empty, (Bounds{.epoch = SampleLog::kFirstEpoch, .earliest = {1}, .head = {0}}));
}

TEST_F(LogQueries, TimesAreThoseOfTheBatches) {
  const auto orders = load("orders");
  EXPECT_EQ(time_at(orders, 1), SampleLog::kStart);
  EXPECT_EQ(time_at(orders, 50), SampleLog::kStart);
  EXPECT_EQ(time_at(orders, 51), Timestamp{SampleLog::kStart.ms + 1000});
  EXPECT_EQ(time_at(orders, 1000), Timestamp{SampleLog::kStart.ms + 19'000});
  EXPECT_EQ(time_at(orders, 1001), std::nullopt);
  EXPECT_EQ(time_at(orders, 0), std::nullopt);
  // A fork's are its source's, as far as it has inherited them.
  const auto fork = load("orders-fork");
  EXPECT_EQ(time_at(fork, 60), Timestamp{SampleLog::kStart.ms + 1000});
  EXPECT_EQ(time_at(fork, 61), Timestamp{SampleLog::kStart.ms + 2000});
  EXPECT_EQ(time_at(load("prices"), 4), std::nullopt) << "trimmed";
}

TEST_F(LogQueries, BytesCountFromTheEarliestEventOn) {
  const auto orders = load("orders");
  EXPECT_EQ(*stored_bytes(*log_, orders), orders.tail.bytes);
  EXPECT_GT(orders.tail.bytes, 10'000U);
  const auto prices = load("prices");
  const auto kept = stored_bytes(*log_, prices);
  ASSERT_TRUE(kept);
  EXPECT_GT(*kept, 0U);
  EXPECT_LT(*kept, prices.tail.bytes);
  EXPECT_EQ(*stored_bytes(*log_, load("empty")), 0U);
}

}  // namespace
}  // namespace tidemark::storage
