// Topics out of a log, with damage in it, with one that goes on meanwhile, and to nobody.
// tests/tools/: see tools/transfer/export_log.hpp.
#include "tools/transfer/export_log.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/damage.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/tools/export_samples.hpp"

namespace tidemark::test {
namespace {

using testing::ElementsAre;
using tools::ExportForm;
using tools::ExportItem;

/// A topic "t" of batches of ten events in memory, and an export of it in a file.
class LogExportTest : public testing::Test {
 protected:
  LogExportTest() {
    meta_.id = log_.next_topic_id();
    meta_.name = "t";
    meta_.lineage = {{{1001}, {1}}};
    put(meta_);
  }

  void put(const storage::TopicMeta& meta) {
    meta_ = meta;
    storage::CommitGroup group;
    group.topics.push_back(meta);
    ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  }
  /// `bit`: damaged there, from the end of the value.
  void append(std::uint64_t first, std::size_t events, Epoch epoch = {1001},
              std::optional<std::size_t> bit = {}) {
    storage::BatchBuilder builder;
    for (std::size_t i = 0; i < events; ++i) builder.add(event_with(std::to_string(first + i)));
    auto value = builder.finish(meta_.id, {.epoch = epoch, .first = {first}, .time = {5}});
    if (bit) value[value.size() - 1 - *bit] ^= 1;
    storage::CommitGroup group;
    group.batches.push_back({.topic = meta_.id, .first = {first}, .value = std::move(value)});
    ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  }

  /// Exports the topic, and reads back what came of it.
  ReadBack exported(ExportForm form = ExportForm::binary) {
    const auto file = dir_.path() / "export";
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    tools::ExportOutput output(fd, form, {}, nullptr);
    tools::LogExport origin(log_, output);
    output.put(tools::ExportHead{});
    const auto topic = origin.describe("t");
    EXPECT_TRUE(topic && *topic);
    if (topic && *topic) {
      EXPECT_FALSE(origin.write(**topic, nullptr));
    }
    output.put(tools::ExportEnd{.topics = 1, .events = output.counts().events});
    EXPECT_TRUE(output.flush());
    ::close(fd);
    damages_ = output.damages();
    lost_ = output.counts().lost;
    return read_back(read_whole(file));
  }
  static std::vector<OffsetRange> gaps(const ReadBack& back) {
    std::vector<OffsetRange> out;
    for (const auto& item : back.items)
      if (const auto* gap = std::get_if<tools::ExportGap>(&item)) out.push_back(gap->offsets);
    return out;
  }
  static std::size_t events(const ReadBack& back) {
    std::size_t out = 0;
    for (const auto& item : back.items)
      if (const auto* each = std::get_if<tools::ExportEvents>(&item)) out += each->events.size();
    return out;
  }

  TempDir dir_;
  storage::MemoryLog log_;
  storage::TopicMeta meta_;
  std::uint64_t damages_ = 0;
  std::uint64_t lost_ = 0;
};

TEST_F(LogExportTest, AllOfATopicInBothForms) {
  for (std::uint64_t first = 1; first <= 91; first += 10) append(first, 10);
  storage::CommitGroup group;
  group.producers.push_back(
      {.topic = meta_.id,
       .id = "p",
       .state = {.epoch = 1,
                 .last_sequence = 4,
                 .runs = {{.sequence = 4, .requests = 1, .first = {9}, .events = 2}},
                 .last_used = {5}}});
  group.cursors.push_back({.topic = meta_.id,
                           .name = "c",
                           .cursor = storage::StoredCursor{
                               .position = {{1001}, {7}}, .created = {1}, .acknowledged = {2}}});
  group.states.push_back({.topic = meta_.id,
                          .state = storage::StoredState{.position = {{1001}, {7}},
                                                        .stored = {3},
                                                        .content_type = "text/plain",
                                                        .data = "seven"}});
  ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  const auto binary = exported(ExportForm::binary);
  ASSERT_FALSE(binary.fault) << binary.fault->text;
  EXPECT_EQ(events(binary), 100U);
  EXPECT_EQ(damages_, 0U);
  ASSERT_EQ(binary.items.size(), 1U + 1 + 10 + 3 + 1);
  const auto& topic = std::get<tools::ExportTopic>(binary.items[1]);
  EXPECT_EQ(topic.head, Offset{100});
  EXPECT_EQ(std::get<tools::ExportProducer>(binary.items[12]).state, group.producers[0].state);
  EXPECT_EQ(std::get<tools::ExportCursor>(binary.items[13]).cursor, *group.cursors[0].cursor);
  EXPECT_EQ(std::get<tools::ExportState>(binary.items[14]).state, *group.states[0].state);
  const auto ndjson = exported(ExportForm::ndjson);
  ASSERT_FALSE(ndjson.fault) << ndjson.fault->text;
  EXPECT_EQ(events(ndjson), 100U);
}

TEST_F(LogExportTest, ItBeginsWithTheEarliestEventNotWithItsBatch) {
  for (std::uint64_t first = 1; first <= 21; first += 10) append(first, 10);
  meta_.earliest = {15};
  put(meta_);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_EQ(events(back), 16U);
  EXPECT_THAT(gaps(back), testing::IsEmpty());
}

TEST_F(LogExportTest, ADamagedBatchIsAGapAndWhatIsBehindItIsThere) {
  append(1, 10);
  append(11, 10, {1001}, 0);
  append(21, 10);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {21}}));
  EXPECT_EQ(events(back), 20U);
  EXPECT_EQ(damages_, 1U);
  EXPECT_EQ(lost_, 10U);
}

TEST_F(LogExportTest, DamageThatReachesFarIsPassedExactly) {
  append(1, 10);
  for (std::uint64_t first = 11; first < 5011; first += 100) append(first, 100, {1001}, 0);
  append(5011, 10);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_EQ(events(back), 20U);
  const auto lost = gaps(back);
  ASSERT_FALSE(lost.empty());
  EXPECT_EQ(lost.front().first, Offset{11});
  EXPECT_EQ(lost.back().end, Offset{5011});
}

TEST_F(LogExportTest, ADamagedBatchAtTheEndIsAGapUpToIt) {
  append(1, 10);
  append(11, 10, {1001}, 0);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {21}}));
}

TEST_F(LogExportTest, WhereTheEndItselfCannotBeReadItIsLookedFor) {
  append(1, 10);
  append(11, 10);
  storage::CommitGroup group;
  group.batches.push_back({.topic = meta_.id, .first = {21}, .value = "nonsense"});
  ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  ASSERT_FALSE(log_.load(TopicName::parse("t").value()));
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_EQ(std::get<tools::ExportTopic>(back.items[1]).head, Offset{20});
  EXPECT_EQ(events(back), 20U);
  EXPECT_EQ(damages_, 1U);
}

TEST_F(LogExportTest, WhatWasLostBeforeAnEpochIsAGapAndNoDamage) {
  append(1, 10);
  meta_.lineage.push_back({{2002}, {15}});
  put(meta_);
  append(15, 5, {2002});
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {15}}));
  EXPECT_EQ(damages_, 0U);
}

TEST_F(LogExportTest, AnEpochThatHasNoEventsYetEndsTheExportWhereItBegins) {
  append(1, 10);
  meta_.lineage.push_back({{2002}, {15}});
  put(meta_);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_EQ(std::get<tools::ExportTopic>(back.items[1]).head, Offset{14});
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {15}}));
  EXPECT_EQ(damages_, 0U);
}

TEST_F(LogExportTest, ABatchThatIsMissingIsDamage) {
  append(1, 10);
  append(21, 10);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {21}}));
  EXPECT_EQ(damages_, 1U);
}

TEST_F(LogExportTest, EventsOfAnEpochTheTopicNeverHadAreDamage) {
  append(1, 10);
  append(11, 10, {1002});
  append(21, 10);
  const auto back = exported();
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{11}, {21}}));
  EXPECT_EQ(damages_, 1U);
}

TEST_F(LogExportTest, ATopicKeptForItsForksIsNotThere) {
  meta_.gone = true;
  put(meta_);
  tools::ExportOutput output(STDOUT_FILENO, ExportForm::binary, {}, nullptr);
  const auto described = tools::LogExport(log_, output).describe("t");
  ASSERT_TRUE(described);
  EXPECT_FALSE(*described);
}

/// What an export holds up to `kept` items, then what it goes on with.
class ResumedExport : public LogExportTest {
 protected:
  ReadBack resumed(const ReadBack& first, std::size_t kept) {
    tools::ExportOrder order;
    std::vector<ExportItem> items(first.items.begin(),
                                  first.items.begin() + static_cast<int>(kept));
    for (auto& item : items) EXPECT_FALSE(order.take(item));
    const auto file = dir_.path() / "resumed";
    write_whole(file, written(ExportForm::binary, items));
    const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    tools::ExportOutput output(
        fd, ExportForm::binary,
        {.topics = order.topics(), .events = order.events(), .lost = 0, .bytes = 0}, nullptr);
    output.resume(order.items(), &*order.topic());
    tools::LogExport origin(log_, output);
    EXPECT_TRUE(origin.describe("t"));
    EXPECT_FALSE(origin.write(*order.topic(), &order));
    output.put(tools::ExportEnd{.topics = 1, .events = output.counts().events});
    EXPECT_TRUE(output.flush());
    ::close(fd);
    damages_ = output.damages();
    return read_back(read_whole(file));
  }
};

TEST_F(ResumedExport, BehindAnyItemItComesToTheSame) {
  for (std::uint64_t first = 1; first <= 41; first += 10) append(first, 10);
  storage::CommitGroup group;
  for (const std::string id : {"a", "b"}) {
    group.producers.push_back({.topic = meta_.id, .id = id, .state = {.epoch = 1}});
    group.cursors.push_back({.topic = meta_.id,
                             .name = id,
                             .cursor = storage::StoredCursor{.position = {{1001}, {7}}}});
  }
  ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  const auto whole = exported();
  ASSERT_FALSE(whole.fault) << whole.fault->text;
  for (std::size_t kept = 2; kept < whole.items.size(); ++kept) {
    const auto back = resumed(whole, kept);
    ASSERT_FALSE(back.fault) << back.fault->text;
    EXPECT_EQ(plain(back.items), plain(whole.items)) << kept;
  }
}

TEST_F(ResumedExport, WhatHasComeSinceIsNotInIt) {
  append(1, 10);
  const auto begun = exported();
  append(11, 10);
  storage::CommitGroup group;
  group.producers.push_back(
      {.topic = meta_.id,
       .id = "both",
       .state = {.epoch = 1,
                 .last_sequence = 14,
                 .runs = {{.sequence = 5, .requests = 10, .first = {6}, .events = 1}}}});
  group.producers.push_back(
      {.topic = meta_.id,
       .id = "later",
       .state = {.epoch = 1,
                 .last_sequence = 0,
                 .runs = {{.sequence = 0, .requests = 1, .first = {20}, .events = 1}}}});
  group.cursors.push_back({.topic = meta_.id,
                           .name = "c",
                           .cursor = storage::StoredCursor{.position = {{1001}, {20}}}});
  group.states.push_back(
      {.topic = meta_.id,
       .state = storage::StoredState{
           .position = {{1001}, {20}}, .stored = {}, .content_type = "text/plain", .data = ""}});
  ASSERT_TRUE(log_.commit(group, storage::Durability::synced));
  const auto back = resumed(begun, 2);
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_EQ(events(back), 10U);
  ASSERT_EQ(back.items.size(), 6U);  // head, topic, events, producer, cursor, end
  const auto& producer = std::get<tools::ExportProducer>(back.items[3]);
  EXPECT_EQ(producer.id, "both");
  EXPECT_EQ(producer.state.last_sequence, 9U);
  EXPECT_EQ(std::get<tools::ExportCursor>(back.items[4]).cursor.position, (Position{{1001}, {10}}));
}

TEST_F(ResumedExport, WhatRetentionHasDroppedSinceIsAGap) {
  append(1, 10);
  append(11, 10);
  const auto begun = exported();
  meta_.earliest = {15};
  put(meta_);
  const auto back = resumed(begun, 2);
  ASSERT_FALSE(back.fault) << back.fault->text;
  EXPECT_THAT(gaps(back), ElementsAre(OffsetRange{{1}, {15}}));
  EXPECT_EQ(events(back), 6U);
  EXPECT_EQ(damages_, 0U);
}

TEST(ExportOrigin, AHistoryGoesOnOnlyFromItsOwn) {
  tools::ExportTopic begun{
      .name = "t", .settings = {}, .created = {}, .lineage = {{{5}, {1}}}, .head = {10}};
  auto now = begun;
  EXPECT_TRUE(goes_on_from(now, begun));
  now.head = {20};
  now.lineage.push_back({{6}, {11}});
  EXPECT_TRUE(goes_on_from(now, begun));
  now.lineage.back().first = {10};
  EXPECT_FALSE(goes_on_from(now, begun));
  now.lineage = {{{7}, {1}}};
  EXPECT_FALSE(goes_on_from(now, begun));
  now = begun;
  now.head = {9};
  EXPECT_FALSE(goes_on_from(now, begun));
}

TEST(ExportOrigin, ACursorOfAnEpochThatEndedStaysWhereItIs) {
  const tools::ExportTopic topic{.name = "t",
                                 .settings = {},
                                 .created = {},
                                 .lineage = {{{5}, {1}}, {{6}, {11}}},
                                 .head = {10}};
  const storage::StoredCursor lost{.position = {{5}, {15}}, .created = {}, .acknowledged = {}};
  EXPECT_EQ(cursor_at(lost, topic), lost);
  const storage::StoredCursor later{.position = {{6}, {15}}, .created = {}, .acknowledged = {}};
  EXPECT_EQ(cursor_at(later, topic).position.offset, Offset{10});
}

TEST(ExportOutput, APipeThatNobodyReadsStopsIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  tools::ExportOutput output(ends[1], ExportForm::ndjson, {}, nullptr);
  EXPECT_TRUE(output.put(tools::ExportHead{}));
  EXPECT_FALSE(output.flush());
  EXPECT_EQ(output.stop(), tools::ExportStop::nobody_reads);
  EXPECT_FALSE(output.put(tools::ExportEnd{}));
  std::signal(SIGPIPE, before);
  ::close(ends[1]);
}

TEST(ExportOutput, ADiskThatIsFullStopsItAndSaysWhy) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full < 0) GTEST_SKIP() << "there is no /dev/full";
  tools::ExportOutput output(full, ExportForm::binary, {}, nullptr);
  EXPECT_TRUE(output.put(tools::ExportHead{}));
  EXPECT_FALSE(output.flush());
  EXPECT_EQ(output.stop(), tools::ExportStop::no_space);
  EXPECT_EQ(output.error(), ENOSPC);
  ::close(full);
}

}  // namespace
}  // namespace tidemark::test
