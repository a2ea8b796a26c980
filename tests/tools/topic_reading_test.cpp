// Events out of a log with damage in it: what can be read is, what can't is told once and exactly.
// tests/tools/: see tools/inspect/topic_reading.hpp.
#include "tools/inspect/topic_reading.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A topic "t" in memory, in batches of whatever size, some of them damaged.
class TopicReadingTest : public ::testing::Test {
 protected:
  TopicReadingTest() {
    meta_.id = log_.next_topic_id();
    meta_.name = "t";
    meta_.lineage = {{.epoch = {1001}, .first = {1}}};
  }

  /// `flipped`: the byte of the stored value that is damaged.
  void append(std::uint64_t first, std::size_t events, Epoch epoch = {1001},
              std::optional<std::size_t> flipped = {}) {
    auto value = testing::batch_value(meta_.id, epoch, {first}, {static_cast<std::int64_t>(first)},
                                      std::vector<std::string>(events, "data"));
    if (flipped) value.at(*flipped) = static_cast<char>(~value.at(*flipped));
    put(first, std::move(value));
  }
  void put(std::uint64_t first, std::string value) {
    storage::CommitGroup group;
    group.topics = {meta_};
    group.batches.push_back({.topic = meta_.id, .first = {first}, .value = std::move(value)});
    ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  }
  storage::LoadedTopic topic(std::uint64_t head) const {
    return {.meta = meta_, .tail = {.head = {head}, .last_time = {1}, .bytes = 0}};
  }

  /// "1-10 of 1001", "no 11-20: corrupt": what the visitor is told, in order. `most`: events.
  std::vector<std::string> read(std::uint64_t head, EventRange range,
                                std::size_t most = 1'000'000) {
    struct Run {
      Offset first;
      Offset last;
      Epoch epoch;
    };
    std::vector<std::string> told;
    std::optional<Run> run;
    const auto end_run = [&] {
      if (run) {
        told.push_back(span(run->first, run->last) + " of " + std::to_string(run->epoch.value));
      }
      run.reset();
    };
    const EventVisitor visit{
        .event =
            [&](const EventView& event, Epoch epoch) {
              EXPECT_EQ(event.data, "data");
              if (!run || run->epoch != epoch || event.offset != run->last.next()) {
                end_run();
                run = Run{.first = event.offset, .last = event.offset, .epoch = epoch};
              }
              run->last = event.offset;
              return --most > 0;
            },
        .gap =
            [&](const Gap& gap) {
              end_run();
              told.push_back("no " + span(gap.lost.first, {gap.lost.end.value - 1}) + ": " +
                             std::string(to_string(gap.cause)));
              EXPECT_EQ(gap.head, Offset{head});
              EXPECT_EQ(gap.earliest, meta_.earliest);
            }};
    EXPECT_TRUE(read_around_damage(log_, topic(head), range, visit));
    end_run();
    return told;
  }
  static std::string span(Offset first, Offset last) {
    return std::to_string(first.value) + "-" + std::to_string(last.value);
  }

  static constexpr std::size_t kLargestOfCount = 23;  ///< highest byte of a header's count
  static constexpr std::size_t kInRecords = 50;       ///< behind the header

  storage::MemoryLog log_;
  storage::TopicMeta meta_;
};

TEST_F(TopicReadingTest, ARangeIsCutOutOfBatches) {
  append(1, 10);
  append(11, 10);
  append(21, 10);
  EXPECT_THAT(read(30, {}), ElementsAre("1-30 of 1001"));
  EXPECT_THAT(read(30, {.from = {5}, .to = {22}}), ElementsAre("5-22 of 1001"));
  EXPECT_THAT(read(30, {.from = {11}, .to = {11}}), ElementsAre("11-11 of 1001"));
  EXPECT_THAT(read(30, {.from = {0}, .to = {1}}), ElementsAre("1-1 of 1001"));
  EXPECT_THAT(read(30, {.from = {31}, .to = {40}}), IsEmpty());
  EXPECT_THAT(read(30, {.from = {9}, .to = {3}}), IsEmpty());
  EXPECT_THAT(read(25, {}), ElementsAre("1-25 of 1001")) << "what has come since is left out";
}

TEST_F(TopicReadingTest, AVisitorThatHasEnoughIsToldNoMore) {
  append(1, 10);
  append(11, 10, {1001}, kInRecords);
  EXPECT_THAT(read(20, {}, 3), ElementsAre("1-3 of 1001"));
  EXPECT_THAT(read(20, {}, 10), ElementsAre("1-10 of 1001"));
}

TEST_F(TopicReadingTest, WhatRetentionHasDroppedIsAGapOfItsCause) {
  meta_.earliest = {15};
  meta_.trim_cause = static_cast<std::uint8_t>(GapCause::age);
  append(11, 10);
  EXPECT_THAT(read(20, {}), ElementsAre("no 1-14: age", "15-20 of 1001"));
  EXPECT_THAT(read(20, {.from = {3}, .to = {9}}), ElementsAre("no 3-9: age"));
  EXPECT_THAT(read(20, {.from = {15}}), ElementsAre("15-20 of 1001"));
}

TEST_F(TopicReadingTest, ADamagedBatchIsAGapAndReadingGoesOnBehindIt) {
  append(1, 10);
  append(11, 10, {1001}, kInRecords);
  append(21, 10);
  EXPECT_THAT(read(30, {}), ElementsAre("1-10 of 1001", "no 11-20: corrupt", "21-30 of 1001"));
  EXPECT_THAT(read(30, {.from = {14}, .to = {17}}), ElementsAre("no 14-17: corrupt"));
  EXPECT_THAT(read(30, {.from = {1}, .to = {10}}), ElementsAre("1-10 of 1001"));
}

TEST_F(TopicReadingTest, ADamagedCountHidesItsBatchAlone) {
  append(1, 10);
  append(11, 10, {1001}, kLargestOfCount);
  append(21, 10);
  EXPECT_THAT(read(30, {}), ElementsAre("1-10 of 1001", "no 11-20: corrupt", "21-30 of 1001"));
}

TEST_F(TopicReadingTest, DamageThatReachesFarIsOneGapUpToTheNextEvent) {
  append(1, 10);
  for (std::uint64_t first = 11; first < 5'011; first += 100) {
    append(first, 100, {1001}, kInRecords);
  }
  append(5'011, 10);
  EXPECT_THAT(read(5'020, {}),
              ElementsAre("1-10 of 1001", "no 11-5010: corrupt", "5011-5020 of 1001"));
}

TEST_F(TopicReadingTest, ADamagedEndIsAGapUpToTheHead) {
  append(1, 10);
  append(11, 10, {1001}, kInRecords);
  EXPECT_THAT(read(20, {}), ElementsAre("1-10 of 1001", "no 11-20: corrupt"));
  EXPECT_THAT(read(10, {}), ElementsAre("1-10 of 1001"));
}

TEST_F(TopicReadingTest, ALogThatEndsBeforeItsHeadIsToldOf) {
  append(1, 10);
  EXPECT_THAT(read(15, {}), ElementsAre("1-10 of 1001", "no 11-15: corrupt"));
}

TEST_F(TopicReadingTest, AHoleBeforeANewEpochIsToldAsABrokerTellsIt) {
  append(1, 10);
  append(21, 10, {2002});
  EXPECT_THAT(read(30, {}), ElementsAre("1-10 of 1001", "no 11-20: corrupt", "21-30 of 2002"));
  EXPECT_THAT(read(30, {.from = {5}, .to = {15}}),
              ElementsAre("5-10 of 1001", "no 11-15: corrupt"));
}

TEST_F(TopicReadingTest, TheEndIsTheLastEventThatCanBeRead) {
  append(1, 10);
  append(11, 10, {1001}, kInRecords);
  append(21, 10);
  put(31, "nonsense");
  ASSERT_FALSE(log_.load(TopicName::parse("t").value()));
  const auto end = readable_end(log_, meta_);
  EXPECT_EQ(end.head, Offset{30});
  EXPECT_EQ(end.last_time, Timestamp{21});
}

TEST_F(TopicReadingTest, ATopicOfWhichNothingCanBeReadEndsBeforeItsFirstEvent) {
  put(1, "nonsense");
  EXPECT_EQ(readable_end(log_, meta_).head, Offset{0});
  meta_.earliest = {40};
  EXPECT_EQ(readable_end(log_, meta_).head, Offset{39}) << "offsets that were given stay given";
}

}  // namespace
}  // namespace tidemark::tools
