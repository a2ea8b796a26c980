// Retention against a list of batches: each limit, their combination, and a slow reference.
// tests/: the unit retention; no log needed.
#include "storage/retention.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::storage {
namespace {

// A topic's batches as retention sees them, and how often it looked.
class Batches {
 public:
  void add(std::uint32_t count, std::uint64_t bytes, std::int64_t time) {
    headers_.push_back(
        {.epoch = {1}, .first = {next_}, .count = count, .time = {time}, .bytes_before = bytes_});
    next_ += count;
    bytes_ += bytes;
    last_time_ = time;
  }

  [[nodiscard]] HeaderAt look_up() {
    return [this](Offset offset) -> Result<std::optional<BatchHeader>> {
      ++calls;
      if (failing) return Errc::corrupt_record;
      for (const auto& header : headers_)
        if (offset.value < header.first.value + header.count) return std::optional(header);
      return std::optional<BatchHeader>();
    };
  }

  [[nodiscard]] Bounds bounds(std::uint64_t earliest = 1) const {
    return {.epoch = {1}, .earliest = {earliest}, .head = {next_ - 1}};
  }
  [[nodiscard]] Tail tail() const {
    return {.head = {next_ - 1}, .last_time = {last_time_}, .bytes = bytes_};
  }
  [[nodiscard]] const std::vector<BatchHeader>& headers() const { return headers_; }

  // The batch after i, or the end, as bytes before it.
  [[nodiscard]] std::uint64_t bytes_through(std::size_t i) const {
    return i + 1 < headers_.size() ? headers_[i + 1].bytes_before : bytes_;
  }

  std::uint64_t calls = 0;
  bool failing = false;

 private:
  std::vector<BatchHeader> headers_;
  std::uint64_t next_ = 1;
  std::uint64_t bytes_ = 0;
  std::int64_t last_time_ = 0;
};

// Ten batches of ten events, 1,000 bytes each, one a second from second 1 on.
Batches ten() {
  Batches batches;
  for (int i = 1; i <= 10; ++i) batches.add(10, 1000, i * 1000);
  return batches;
}

std::optional<TrimPoint> trim(Batches& batches, const RetentionPolicy& policy,
                              std::int64_t now = 10'000, std::uint64_t earliest = 1) {
  const auto point =
      trim_point(batches.bounds(earliest), batches.tail(), policy, {now}, batches.look_up());
  EXPECT_TRUE(point);
  return point ? *point : std::nullopt;
}

RetentionPolicy by_count(std::uint64_t events) {
  return {.max_events = events, .max_bytes = 0, .max_age = {}};
}
RetentionPolicy by_bytes(std::uint64_t bytes) {
  return {.max_events = 0, .max_bytes = bytes, .max_age = {}};
}
RetentionPolicy by_age(std::int64_t ms) {
  return {.max_events = 0, .max_bytes = 0, .max_age = std::chrono::milliseconds(ms)};
}

TEST(Retention, NoLimitTrimsNothing) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, {}), std::nullopt);
  EXPECT_EQ(batches.calls, 0U);
}

TEST(Retention, EmptyTopicIsNeverTrimmed) {
  Batches none;
  const RetentionPolicy policy{
      .max_events = 1, .max_bytes = 1, .max_age = std::chrono::milliseconds(1)};
  EXPECT_EQ(trim(none, policy), std::nullopt);
  auto batches = ten();
  EXPECT_EQ(trim(batches, policy, 100'000, 101), std::nullopt);
}

TEST(Retention, CountKeepsExactlyThatMany) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_count(100)), std::nullopt);
  EXPECT_EQ(trim(batches, by_count(99)), (TrimPoint{.keep = {2}, .cause = GapCause::count}));
  EXPECT_EQ(trim(batches, by_count(1)), (TrimPoint{.keep = {100}, .cause = GapCause::count}));
  EXPECT_EQ(trim(batches, by_count(50), 0, 60), std::nullopt);
  EXPECT_EQ(batches.calls, 0U);
}

TEST(Retention, BytesKeepTheBatchTheLimitRunsThrough) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_bytes(10'000)), std::nullopt);
  EXPECT_EQ(trim(batches, by_bytes(9'001)), std::nullopt);
  EXPECT_EQ(trim(batches, by_bytes(9'000)), (TrimPoint{.keep = {11}, .cause = GapCause::bytes}));
  EXPECT_EQ(trim(batches, by_bytes(2'500)), (TrimPoint{.keep = {71}, .cause = GapCause::bytes}));
}

TEST(Retention, BytesNeverTakeTheNewestBatch) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_bytes(1)), (TrimPoint{.keep = {91}, .cause = GapCause::bytes}));
  Batches one;
  one.add(1, 1'000'000, 1000);
  EXPECT_EQ(trim(one, by_bytes(1)), std::nullopt);
}

TEST(Retention, BytesDoNotMoveTheWatermarkBack) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_bytes(2'500), 0, 75), std::nullopt);
  EXPECT_EQ(trim(batches, by_bytes(2'500), 0, 71), std::nullopt);
  EXPECT_EQ(trim(batches, by_bytes(2'500), 0, 70),
            (TrimPoint{.keep = {71}, .cause = GapCause::bytes}));
}

TEST(Retention, AgeTakesBatchesThatAreOlder) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_age(9'000)), std::nullopt);
  EXPECT_EQ(trim(batches, by_age(8'999)), (TrimPoint{.keep = {11}, .cause = GapCause::age}));
  EXPECT_EQ(trim(batches, by_age(4'500)), (TrimPoint{.keep = {51}, .cause = GapCause::age}));
}

TEST(Retention, AgeMayTakeEverything) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_age(1'000), 11'000),
            (TrimPoint{.keep = {91}, .cause = GapCause::age}));
  EXPECT_EQ(trim(batches, by_age(1'000), 11'001),
            (TrimPoint{.keep = {101}, .cause = GapCause::age}));
}

TEST(Retention, ClockBeforeTheEventsTrimsNothing) {
  auto batches = ten();
  EXPECT_EQ(trim(batches, by_age(1), 0), std::nullopt);
  EXPECT_EQ(trim(batches, by_age(1), -1'000'000), std::nullopt);
}

TEST(Retention, FurthestLimitWinsAndIsNamed) {
  auto batches = ten();
  RetentionPolicy policy{
      .max_events = 50, .max_bytes = 7'000, .max_age = std::chrono::milliseconds(2'500)};
  EXPECT_EQ(trim(batches, policy), (TrimPoint{.keep = {71}, .cause = GapCause::age}));
  policy.max_events = 20;
  EXPECT_EQ(trim(batches, policy), (TrimPoint{.keep = {81}, .cause = GapCause::count}));
  policy.max_bytes = 1'000;
  EXPECT_EQ(trim(batches, policy), (TrimPoint{.keep = {91}, .cause = GapCause::bytes}));
}

TEST(Retention, FailedLookUpIsPassedOn) {
  auto batches = ten();
  batches.failing = true;
  for (const auto& policy : {by_bytes(1), by_age(1)}) {
    const auto point =
        trim_point(batches.bounds(), batches.tail(), policy, {10'000}, batches.look_up());
    ASSERT_FALSE(point);
    EXPECT_EQ(point.errc(), Errc::corrupt_record);
  }
}

TEST(Retention, LooksAtFewBatchesOfMany) {
  Batches batches;
  for (int i = 0; i < 4'000; ++i) batches.add(25, 1000, i);
  trim(batches, by_bytes(1'000'000));
  EXPECT_LE(batches.calls, 20U);
  batches.calls = 0;
  trim(batches, by_age(1'000), 4'000);
  EXPECT_LE(batches.calls, 20U);
}

TEST(Retention, OffsetAtATimeIsTheFirstAtOrAfterIt) {
  auto batches = ten();
  const auto at = [&](std::int64_t time, std::uint64_t earliest = 1) {
    return offset_at_time(batches.bounds(earliest), {time}, batches.look_up())->value;
  };
  EXPECT_EQ(at(-5), 1U);
  EXPECT_EQ(at(1'000), 1U);
  EXPECT_EQ(at(1'001), 11U);
  EXPECT_EQ(at(10'000), 91U);
  EXPECT_EQ(at(10'001), 101U);
  EXPECT_EQ(at(0, 45), 45U);
  EXPECT_EQ(at(5'000, 45), 45U);
}

TEST(Retention, OffsetAtATimeOfAnEmptyTopicIsTheNext) {
  Batches none;
  EXPECT_EQ(offset_at_time(none.bounds(), {5}, none.look_up())->value, 1U);
}

TEST(Retention, AgreesWithASlowReference) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    Batches batches;
    std::int64_t time = 0;
    for (auto n = 1 + random() % 40; n > 0; --n)
      batches.add(static_cast<std::uint32_t>(1 + random() % 20), 1 + random() % 500,
                  time += random() % 3);
    const auto& headers = batches.headers();
    const Bounds bounds = batches.bounds(1 + random() % (batches.tail().head.value + 1));
    const auto policy = by_bytes(1 + random() % 5'000);

    Offset keep = bounds.earliest;
    for (std::size_t i = 0; i < headers.size(); ++i) {
      const bool over = batches.tail().bytes - batches.bytes_through(i) >= policy.max_bytes;
      if (over) keep = std::max(keep, Offset{headers[i].first.value + headers[i].count});
    }
    const auto point = trim_point(bounds, batches.tail(), policy, {0}, batches.look_up());
    ASSERT_TRUE(point);
    if (bounds.earliest > bounds.head) keep = bounds.earliest;
    EXPECT_EQ(*point ? (*point)->keep : bounds.earliest, keep) << "round " << round;

    const Timestamp wanted{static_cast<std::int64_t>(random() % 60)};
    Offset first = bounds.head.next();
    for (auto i = headers.size(); i-- > 0;)
      if (headers[i].time >= wanted) first = headers[i].first;
    first = std::max(first, bounds.earliest);
    EXPECT_EQ(*offset_at_time(bounds, wanted, batches.look_up()), first) << "round " << round;
  }
}

}  // namespace
}  // namespace tidemark::storage
