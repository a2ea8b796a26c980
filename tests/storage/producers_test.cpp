// Producers: duplicates, fencing, gaps, remembered offsets.
// tests/: unit, with random sequences against a plain map.
#include "storage/producers.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace tidemark::storage {
namespace {

using Kind = ProducerVerdict::Kind;

ProducerStamp stamp(std::uint64_t epoch, std::uint64_t sequence) { return {"p", epoch, sequence}; }
OffsetRange range(std::uint64_t first, std::uint64_t end) { return {Offset{first}, Offset{end}}; }

TEST(Producers, TheFirstSequenceIsZero) {
  EXPECT_EQ(judge(std::nullopt, stamp(0, 0)).kind, Kind::append);
  const auto verdict = judge(std::nullopt, stamp(0, 1));
  EXPECT_EQ(verdict.kind, Kind::gap);
  EXPECT_EQ(verdict.expected, 0U);
}

TEST(Producers, ARepeatedSequenceIsADuplicateWithItsOffsets) {
  std::optional<ProducerState> state;
  record(state, stamp(0, 0), range(1, 3), Timestamp{});
  record(state, stamp(0, 1), range(3, 5), Timestamp{});
  record(state, stamp(0, 2), range(9, 10), Timestamp{});
  EXPECT_EQ(judge(state, stamp(0, 0)).kind, Kind::duplicate);
  EXPECT_EQ(judge(state, stamp(0, 0)).original, range(1, 3));
  EXPECT_EQ(judge(state, stamp(0, 1)).original, range(3, 5));
  EXPECT_EQ(judge(state, stamp(0, 2)).original, range(9, 10));
  EXPECT_EQ(judge(state, stamp(0, 3)).kind, Kind::append);
  EXPECT_EQ(judge(state, stamp(0, 4)).expected, 3U);
}

TEST(Producers, AHigherEpochFencesTheLowerOnes) {
  std::optional<ProducerState> state;
  record(state, stamp(4, 0), range(1, 2), Timestamp{});
  EXPECT_EQ(judge(state, stamp(5, 0)).kind, Kind::append);
  EXPECT_EQ(judge(state, stamp(5, 1)).kind, Kind::gap);
  record(state, stamp(5, 0), range(2, 3), Timestamp{});
  const auto fenced = judge(state, stamp(4, 1));
  EXPECT_EQ(fenced.kind, Kind::fenced);
  EXPECT_EQ(fenced.current_epoch, 5U);
}

TEST(Producers, AdjacentRequestsTakeOneRun) {
  std::optional<ProducerState> state;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    record(state, stamp(0, i), range(1 + i, 2 + i), Timestamp{});
  }
  EXPECT_EQ(state->runs.size(), 1U);
  EXPECT_EQ(judge(state, stamp(0, 500)).original, range(501, 502));
}

TEST(Producers, RandomHistoriesAreRememberedRightOrNotAtAll) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::optional<ProducerState> state;
  std::map<std::uint64_t, OffsetRange> model;
  std::uint64_t next = 1;
  for (std::uint64_t sequence = 0; sequence < 5'000; ++sequence) {
    if (random() % 10 == 0) next += random() % 5;  // somebody else's events in between
    const std::uint64_t events = random() % 20 == 0 ? 1 + random() % 4 : 1;
    record(state, stamp(1, sequence), range(next, next + events), Timestamp{});
    model[sequence] = range(next, next + events);
    next += events;
    ASSERT_LE(state->runs.size(), kMaxProducerRuns);
    const std::uint64_t asked = random() % (sequence + 1);
    const auto verdict = judge(state, stamp(1, asked));
    ASSERT_EQ(verdict.kind, Kind::duplicate);
    if (!verdict.original.empty()) {
      ASSERT_EQ(verdict.original, model[asked]);
    }
    ASSERT_EQ(judge(state, stamp(1, sequence)).original, model[sequence]);
  }
}

}  // namespace
}  // namespace tidemark::storage
