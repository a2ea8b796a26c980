// Items of exports into a log: anew, gone on with, refused, appended, with holes.
// tests/tools/: see tools/transfer/importer.hpp; on real directories it is tried in
// cli_import_test.
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/lineage.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/tools/export_samples.hpp"
#include "tools/transfer/export_log.hpp"
#include "tools/transfer/importer.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tools::ExportEvents;
using tools::ExportGap;
using tools::ExportItem;
using tools::ExportTopic;
using Did = tools::ImportedTopic::Did;
using Items = std::vector<ExportItem>;
using Lineage = std::vector<storage::EpochStart>;

// ---- exports ----

ExportTopic topic_with(Lineage lineage, std::uint64_t head, std::uint64_t earliest = 1) {
  ExportTopic topic{.name = "t", .settings = {}, .created = {1}, .lineage = std::move(lineage)};
  topic.earliest = {earliest};
  topic.head = {head};
  return topic;
}

/// Events with their offset as data, in items of ten, all of time 1000 and their first offset.
void add_events(Items& items, Epoch epoch, std::uint64_t first, std::uint64_t last,
                const std::string& key = {}) {
  for (; first <= last; first += 10) {
    ExportEvents events{.epoch = epoch,
                        .first = {first},
                        .time = {1000 + static_cast<std::int64_t>(first)},
                        .events = {}};
    for (std::uint64_t i = first; i <= std::min(last, first + 9); ++i)
      events.events.push_back(event_with(std::to_string(i), key));
    items.emplace_back(std::move(events));
  }
}

Items export_of(const ExportTopic& topic, Items rest) {
  Items items{tools::ExportHead{.time = {5}}, topic};
  std::uint64_t events = 0;
  for (auto& item : rest) {
    if (const auto* each = std::get_if<ExportEvents>(&item)) events += each->events.size();
    items.push_back(std::move(item));
  }
  items.emplace_back(tools::ExportEnd{.topics = 1, .events = events});
  return items;
}

/// "t" of one epoch with events 1 to `head`.
Items plain_export(std::uint64_t head, Epoch epoch = {1001}) {
  Items events;
  add_events(events, epoch, 1, head);
  return export_of(topic_with({{epoch, {1}}}, head), std::move(events));
}

/// The sample without its gap.
Items whole_items() {
  Items out;
  for (auto& item : sample_items()) {
    if (!std::holds_alternative<ExportGap>(item)) {
      out.push_back(std::move(item));
      continue;
    }
    out.emplace_back(
        ExportEvents{.epoch = {1001}, .first = {3}, .time = {1500}, .events = {event_with("3")}});
    out.emplace_back(
        ExportEvents{.epoch = {2002}, .first = {4}, .time = {1500}, .events = {event_with("4")}});
  }
  return out;
}

/// What does not depend on how events were put together, nor on when it was exported.
std::vector<std::string> content(const Items& items) {
  Items out;
  for (const auto& item : items) {
    const auto* events = std::get_if<ExportEvents>(&item);
    if (std::holds_alternative<tools::ExportHead>(item) ||
        std::holds_alternative<tools::ExportEnd>(item))
      continue;
    if (events == nullptr) {
      out.push_back(item);
      continue;
    }
    for (std::size_t i = 0; i < events->events.size(); ++i)
      out.emplace_back(ExportEvents{.epoch = events->epoch,
                                    .first = {events->first.value + i},
                                    .time = events->time,
                                    .events = {events->events[i]}});
  }
  return plain(out);
}

// ---- the fixture ----

class ImportTest : public testing::Test {
 protected:
  struct Imported {
    tools::Failure failure;
    std::vector<tools::ImportedTopic> topics;
    [[nodiscard]] Did did() const { return topics.at(0).did; }
  };

  Imported import(Items items, tools::ImportWishes wishes = {}, bool dry_run = false) {
    Imported out;
    tools::HistoryWriter writer(*log_);
    tools::Importer importer(
        std::move(wishes),
        [&]() -> boost::system::result<tools::ImportPlace, tools::HttpFailure> {
          return tools::ImportPlace{.log = log_.get(), .writer = dry_run ? nullptr : &writer};
        },
        [&](const tools::ImportedTopic& topic) { out.topics.push_back(topic); });
    for (auto& item : items)
      if (!out.failure) out.failure = importer.take(std::move(item));
    if (!importer.complete()) {
      EXPECT_FALSE(importer.stop());
    }
    return out;
  }
  /// With success, and without a word.
  Imported import_well(Items items) {
    auto out = import(std::move(items));
    EXPECT_FALSE(out.failure) << out.failure->text;
    for (const auto& topic : out.topics) EXPECT_EQ(topic.why, "");
    return out;
  }

  Items exported() {
    const auto file = dir_.path() / "export";
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    tools::ExportOutput output(fd, tools::ExportForm::binary, {}, nullptr);
    tools::LogExport origin(*log_, output);
    output.put(tools::ExportHead{});
    std::vector<std::string> names;
    EXPECT_TRUE(log_->list({}, [&](const storage::TopicMeta& meta) {
      names.push_back(meta.name);
      return true;
    }));
    for (const auto& name : names) {
      const auto topic = origin.describe(name);
      EXPECT_TRUE(topic && *topic) << name;
      if (topic && *topic) {
        EXPECT_FALSE(origin.write(**topic, nullptr));
      }
    }
    output.put(tools::ExportEnd{.topics = names.size(), .events = output.counts().events});
    EXPECT_TRUE(output.flush());
    ::close(fd);
    EXPECT_EQ(output.damages(), 0U);
    auto back = read_back(read_whole(file));
    EXPECT_FALSE(back.fault) << back.fault->text;
    return std::move(back.items);
  }

  storage::LoadedTopic load(const std::string& name = "t") {
    auto loaded = log_->load(TopicName::parse(name).value());
    EXPECT_TRUE(loaded && *loaded) << name;
    return loaded && *loaded ? **loaded : storage::LoadedTopic();
  }
  void commit(const storage::CommitGroup& group) {
    ASSERT_TRUE(log_->commit(group, storage::Durability::synced));
  }

  TempDir dir_;
  std::unique_ptr<storage::MemoryLog> log_ = std::make_unique<storage::MemoryLog>();
};

// ---- as it was ----

TEST_F(ImportTest, TopicsAreMadeAsTheyWere) {
  const auto imported = import_well(whole_items());
  EXPECT_EQ(content(exported()), content(whole_items()));
  ASSERT_THAT(imported.topics, SizeIs(4));
  for (const auto& topic : imported.topics) EXPECT_EQ(topic.did, Did::created) << topic.name;
  EXPECT_EQ(imported.topics[1].name, "orders");
  EXPECT_EQ(imported.topics[1].events, 6U);
  EXPECT_EQ(imported.topics[1].lost, 0U);
  EXPECT_EQ(load("prices").meta.keys, 2U);
  EXPECT_EQ(load("prices").tail.head, Offset{3});
}

TEST_F(ImportTest, RepeatedItChangesNothing) {
  import_well(whole_items());
  const auto writes = log_->synced_writes();
  const auto again = import_well(whole_items());
  for (const auto& topic : again.topics) EXPECT_EQ(topic.did, Did::unchanged) << topic.name;
  EXPECT_EQ(log_->synced_writes(), writes);
  EXPECT_EQ(content(exported()), content(whole_items()));
}

TEST_F(ImportTest, CutOffAnywhereItGoesOn) {
  const auto items = whole_items();
  for (std::size_t cut = 0; cut < items.size(); ++cut) {
    log_ = std::make_unique<storage::MemoryLog>();
    import({items.begin(), items.begin() + static_cast<std::ptrdiff_t>(cut)});
    import_well(items);
    ASSERT_EQ(content(exported()), content(items)) << "after " << cut << " items";
  }
}

TEST_F(ImportTest, WhatIsOfOneTimeAndEpochIsOneBatch) {
  Items events;
  for (std::uint64_t i = 1; i <= 300; ++i)
    events.emplace_back(
        ExportEvents{.epoch = {7}, .first = {i}, .time = {9}, .events = {event_with("1")}});
  import_well(export_of(topic_with({{{7}, {1}}}, 300), events));
  EXPECT_EQ(log_->header_at(load().meta.id, {1}).value()->count, 256U);
  EXPECT_EQ(log_->header_at(load().meta.id, {257}).value()->count, 44U);
  EXPECT_GT(log_->header_at(load().meta.id, {257}).value()->bytes_before, 0U);
}

TEST_F(ImportTest, ImportedTopicsHaveNotAnsweredTheStoresIncidents) {
  log_->add_incident(false);
  import_well(plain_export(20));
  const auto topic = load();
  EXPECT_EQ(log_->incidents_after(topic.meta.incident).number, 1U);
  EXPECT_FALSE(log_->incidents_after(topic.meta.incident).buffered_only);
}

TEST_F(ImportTest, OnlyWhatIsWishedForIsImportedAndUnderTheNameThatIsWished) {
  const auto imported = import(whole_items(), {.topics = {"text"}, .as = "rooms/1"});
  ASSERT_FALSE(imported.failure);
  ASSERT_THAT(imported.topics, SizeIs(1));
  EXPECT_EQ(imported.topics[0].topic, "text");
  EXPECT_EQ(imported.topics[0].name, "rooms/1");
  EXPECT_EQ(log_->topic_count(), 1U);
  EXPECT_EQ(load("rooms/1").tail.head, Offset{3});
}

TEST_F(ImportTest, ADryRunSaysTheSameAndWritesNothing) {
  const auto tried = import(whole_items(), {}, true);
  ASSERT_FALSE(tried.failure);
  ASSERT_THAT(tried.topics, SizeIs(4));
  EXPECT_EQ(tried.topics[1].did, Did::created);
  EXPECT_EQ(tried.topics[1].events, 6U);
  EXPECT_EQ(log_->topic_count(), 0U);
  EXPECT_EQ(log_->synced_writes(), 0U);
  import_well(plain_export(20));
  const auto more = import(plain_export(50), {}, true);
  EXPECT_EQ(more.did(), Did::continued);
  EXPECT_EQ(more.topics[0].events, 30U);
  EXPECT_EQ(load().tail.head, Offset{20});
}

// ---- gone on with ----

TEST_F(ImportTest, ABeginningGetsWhatItLacks) {
  import_well(plain_export(25));
  Items events;
  add_events(events, {1001}, 1, 40);
  add_events(events, {2002}, 41, 60);
  const auto longer = export_of(topic_with({{{1001}, {1}}, {{2002}, {41}}}, 60), events);
  const auto imported = import_well(longer);
  EXPECT_EQ(imported.did(), Did::continued);
  EXPECT_EQ(imported.topics[0].events, 35U);
  EXPECT_EQ(content(exported()), content(longer));
}

TEST_F(ImportTest, WhatHasMoreThanTheFileIsLeftAlone) {
  import_well(plain_export(50));
  EXPECT_EQ(import_well(plain_export(20)).did(), Did::unchanged);
  EXPECT_EQ(content(exported()), content(plain_export(50)));
}

TEST_F(ImportTest, WhoIsFurtherThereStaysThere) {
  auto items = plain_export(20);
  const auto end = items.back();
  items.pop_back();
  items.emplace_back(tools::ExportProducer{.id = "p", .state = {.epoch = 2, .last_sequence = 5}});
  items.emplace_back(tools::ExportCursor{
      .name = "c", .cursor = {.position = {{1001}, {5}}, .created = {1}, .acknowledged = {2}}});
  items.emplace_back(tools::ExportState{
      .state = {
          .position = {{1001}, {5}}, .stored = {1}, .content_type = "text/plain", .data = "five"}});
  items.push_back(end);
  import_well(items);
  const auto id = load().meta.id;
  storage::CommitGroup group;
  group.producers.push_back({.topic = id, .id = "p", .state = {.epoch = 2, .last_sequence = 6}});
  group.cursors.push_back({.topic = id,
                           .name = "c",
                           .cursor = storage::StoredCursor{
                               .position = {{1001}, {9}}, .created = {}, .acknowledged = {}}});
  commit(group);
  import_well(items);
  EXPECT_EQ(log_->producer(id, "p").value()->last_sequence, 6U);
  EXPECT_EQ(log_->cursor(id, "c").value()->position, (Position{{1001}, {9}}));
  EXPECT_EQ(log_->state(id).value()->data, "five");
}

// ---- refused ----

TEST_F(ImportTest, AnotherHistoryIsRefusedAndBothAreNamed) {
  import_well(plain_export(20, {7}));
  const auto before = content(exported());
  const auto imported = import(plain_export(30, {8}));
  ASSERT_FALSE(imported.failure);
  EXPECT_EQ(imported.did(), Did::refused);
  EXPECT_EQ(imported.topics[0].events, 0U);
  EXPECT_THAT(imported.topics[0].why,
              AllOf(HasSubstr("there: 7 from 1, up to 20"),
                    HasSubstr("in the file: 8 from 1, up to 30"), HasSubstr("--new-epoch")));
  EXPECT_EQ(content(exported()), before);
}

TEST_F(ImportTest, TheSameEpochsWithAnotherLastEventAreRefused) {
  import_well(plain_export(20));
  auto items = plain_export(30);
  std::get<ExportEvents>(items[3]).events[9].data = "\"another\"";
  const auto before = content(exported());
  for (const bool new_epoch : {false, true}) {
    const auto imported = import(items, {.new_epoch = new_epoch});
    EXPECT_EQ(imported.did(), Did::refused);
    EXPECT_THAT(imported.topics[0].why, HasSubstr("event 20 is another one"));
    EXPECT_EQ(content(exported()), before);
  }
  std::get<ExportEvents>(items[3]).events[9] = event_with("20", {}, {{"h", "v"}});
  EXPECT_EQ(import(items).did(), Did::refused);
  std::get<ExportEvents>(items[3]).events[9] = event_with("20");
  EXPECT_EQ(import(items).did(), Did::continued);
}

TEST_F(ImportTest, AFileThatBeginsBehindTheEndIsRefused) {
  import_well(plain_export(20));
  Items events;
  add_events(events, {1001}, 31, 40);
  const auto imported = import(export_of(topic_with({{{1001}, {1}}}, 40, 31), events));
  EXPECT_EQ(imported.did(), Did::refused);
  EXPECT_THAT(imported.topics[0].why,
              AllOf(HasSubstr("ends with event 20"), HasSubstr("begins with 31")));
  EXPECT_EQ(load().tail.head, Offset{20});
}

TEST_F(ImportTest, OneThatIsClosedOrOfAnotherContentTypeIsRefused) {
  import_well(plain_export(20));
  storage::CommitGroup group;
  group.topics.push_back(load().meta);
  group.topics[0].closed = true;
  commit(group);
  EXPECT_THAT(import(plain_export(30)).topics.at(0).why, HasSubstr("closed"));
  EXPECT_THAT(import(plain_export(30, {2}), {.new_epoch = true}).topics.at(0).why,
              HasSubstr("closed"));
  EXPECT_EQ(import(plain_export(20)).did(), Did::unchanged);
  auto other = plain_export(30);
  std::get<ExportTopic>(other[1]).settings.content_type = "text/plain";
  EXPECT_THAT(import(other).topics.at(0).why, HasSubstr("text/plain"));
}

TEST_F(ImportTest, EpochsAndOffsetsThatLeaveNoRoomAreRefused) {
  EXPECT_EQ(import(plain_export(20, {kMaxInteger})).did(), Did::refused);
  const std::uint64_t last = kMaxInteger - 1;
  Items events;
  add_events(events, {7}, last, last);
  EXPECT_EQ(import(export_of(topic_with({{{7}, {1}}}, last, last), events)).did(), Did::refused);
  EXPECT_EQ(log_->topic_count(), 0U);
}

TEST_F(ImportTest, ARefusedTopicDoesNotStopTheOthers) {
  storage::CommitGroup group;
  storage::TopicMeta meta;
  meta.id = log_->next_topic_id();
  meta.name = "orders";
  meta.lineage = {{{5}, {1}}};
  meta.earliest = {9};
  group.topics.push_back(meta);
  commit(group);
  const auto imported = import(whole_items());
  ASSERT_FALSE(imported.failure);
  ASSERT_THAT(imported.topics, SizeIs(4));
  EXPECT_EQ(imported.topics[1].did, Did::refused);
  EXPECT_EQ(imported.topics[3].did, Did::created);
  EXPECT_EQ(load("orders").meta, meta);
}

// ---- under a new epoch ----

TEST_F(ImportTest, WithANewEpochEventsAreAppendedBehindTheEnd) {
  import_well(plain_export(20, {7}));
  log_->add_incident(false);
  auto items = plain_export(30, {8});
  const auto end = items.back();
  items.back() = tools::ExportProducer{.id = "p", .state = {.epoch = 2, .last_sequence = 5}};
  items.push_back(end);
  const auto imported = import(items, {.new_epoch = true});
  ASSERT_FALSE(imported.failure);
  EXPECT_EQ(imported.did(), Did::appended);
  EXPECT_EQ(imported.topics[0].events, 30U);
  EXPECT_THAT(imported.topics[0].notes, ElementsAre(HasSubstr("producers, cursors and the state")));
  const auto topic = load();
  EXPECT_EQ(topic.tail.head, Offset{50});
  ASSERT_THAT(topic.meta.lineage, SizeIs(2));
  EXPECT_EQ(topic.meta.lineage[1].first, Offset{21});
  EXPECT_GT(topic.meta.lineage[1].epoch, Epoch{7});
  EXPECT_EQ(topic.meta.incident, 1U) << "it has a new epoch";
  EXPECT_FALSE(log_->producer(topic.meta.id, "p").value().has_value());
  std::vector<std::string> data;
  Timestamp last;
  EXPECT_TRUE(log_->read(
      topic.meta.id, {1},
      [&](const storage::BatchView& batch) {
        EXPECT_GE(batch.header().time, last);
        last = batch.header().time;
        for (std::uint32_t i = 0; i < batch.count(); ++i) data.emplace_back(batch.event(i).data);
        return true;
      },
      false));
  ASSERT_THAT(data, SizeIs(50));
  EXPECT_EQ(data[20], "1");
  EXPECT_EQ(data[49], "30");
}

TEST_F(ImportTest, WithANewEpochABeginningIsStillGoneOnWith) {
  import_well(plain_export(20));
  EXPECT_EQ(import(plain_export(30), {.new_epoch = true}).did(), Did::continued);
  EXPECT_EQ(content(exported()), content(plain_export(30)));
}

// ---- holes ----

Items holed_export() {
  Items items;
  add_events(items, {1001}, 1, 20);
  items.emplace_back(ExportGap{.offsets = {{21}, {31}}, .why = "lost"});
  add_events(items, {1001}, 31, 40);
  add_events(items, {2002}, 41, 50);
  items.emplace_back(tools::ExportCursor{
      .name = "c", .cursor = {.position = {{1001}, {35}}, .created = {1}, .acknowledged = {2}}});
  return export_of(topic_with({{{1001}, {1}}, {{2002}, {41}}}, 50), items);
}

TEST_F(ImportTest, BehindAHoleAnEpochOfItsOwnBegins) {
  const auto imported = import(holed_export());
  ASSERT_FALSE(imported.failure);
  EXPECT_EQ(imported.topics[0].events, 40U);
  EXPECT_EQ(imported.topics[0].lost, 10U);
  EXPECT_THAT(imported.topics[0].notes, ElementsAre(HasSubstr("10 events are gaps in the file")));
  const auto topic = load();
  const auto& lineage = topic.meta.lineage;
  ASSERT_THAT(lineage, SizeIs(3));
  EXPECT_EQ(lineage[1].first, Offset{31});
  EXPECT_GT(lineage[1].epoch, Epoch{1001});
  EXPECT_LT(lineage[1].epoch, Epoch{2002});
  EXPECT_EQ(lineage[2], (storage::EpochStart{{2002}, {41}}));
  // Whoever claims a part of the hole is told, and who had passed it has it still.
  EXPECT_TRUE(check_position(lineage, topic.tail.head, {{1001}, {20}}));
  EXPECT_FALSE(check_position(lineage, topic.tail.head, {{1001}, {35}}));
  EXPECT_EQ(log_->cursor(topic.meta.id, "c").value()->position, (Position{lineage[1].epoch, {35}}));
  EXPECT_EQ(log_->header_at(topic.meta.id, {35}).value()->epoch, lineage[1].epoch);
}

TEST_F(ImportTest, AnImportWithHolesGoesOnWhereverItWasCutOff) {
  const auto items = holed_export();
  import(items);
  const auto whole = content(exported());
  EXPECT_EQ(import(items).did(), Did::unchanged);
  EXPECT_EQ(content(exported()), whole);
  for (std::size_t cut = 0; cut < items.size(); ++cut) {
    log_ = std::make_unique<storage::MemoryLog>();
    import({items.begin(), items.begin() + static_cast<std::ptrdiff_t>(cut)});
    import(items);
    ASSERT_EQ(content(exported()), whole) << "after " << cut << " items";
  }
}

TEST_F(ImportTest, WhereTheLogHasWhatTheFileLacksThereIsNoHole) {
  import_well(plain_export(35));
  const auto imported = import(holed_export());
  EXPECT_EQ(imported.did(), Did::continued);
  EXPECT_EQ(imported.topics[0].events, 15U);
  EXPECT_EQ(imported.topics[0].lost, 0U);
  EXPECT_EQ(load().meta.lineage, (Lineage{{{1001}, {1}}, {{2002}, {41}}}));
  EXPECT_EQ(load().tail.head, Offset{50});
}

TEST_F(ImportTest, AHoleRightBehindTheEndGetsItsEpochToo) {
  import_well(plain_export(20));
  EXPECT_EQ(import(holed_export()).topics.at(0).lost, 10U);
  ASSERT_THAT(load().meta.lineage, SizeIs(3));
  EXPECT_EQ(load().meta.lineage[1].first, Offset{31});
}

TEST_F(ImportTest, ALogWhoseFirstEventsAreMissingBeginsBehindThem) {
  Items items{ExportGap{.offsets = {{1}, {11}}, .why = "lost"}};
  add_events(items, {1001}, 11, 20);
  const auto file = export_of(topic_with({{{1001}, {1}}}, 20), items);
  EXPECT_EQ(import(file).topics.at(0).lost, 10U);
  EXPECT_EQ(load().meta.earliest, Offset{11});
  EXPECT_EQ(load().meta.lineage, (Lineage{{{1001}, {1}}}));
  EXPECT_EQ(import(file).did(), Did::unchanged);
}

TEST_F(ImportTest, AHoleAtTheEndKeepsItsOffsetsFromBeingGivenAgain) {
  Items items;
  add_events(items, {1001}, 1, 20);
  items.emplace_back(ExportGap{.offsets = {{21}, {31}}, .why = "lost"});
  const auto file = export_of(topic_with({{{1001}, {1}}}, 30), items);
  EXPECT_EQ(import(file).topics.at(0).lost, 10U);
  EXPECT_EQ(load().tail.head, Offset{30});
  ASSERT_THAT(load().meta.lineage, SizeIs(2));
  EXPECT_EQ(load().meta.lineage[1].first, Offset{31});
  EXPECT_EQ(import(file).did(), Did::unchanged);
}

// ---- keys ----

ExportTopic keyed_topic(std::uint64_t head, std::uint64_t earliest) {
  auto topic = topic_with({{{9}, {1}}}, head, earliest);
  topic.settings.keep_latest = true;
  return topic;
}

Items keyed_export() {
  const auto event = [](std::uint64_t offset, const std::string& key, const std::string& data) {
    return ExportEvents{
        .epoch = {9}, .first = {offset}, .time = {5}, .events = {event_with(data, key)}};
  };
  return export_of(
      keyed_topic(8, 5),
      {event(5, "EUR", "5"), event(6, "USD", "6"), event(7, "EUR", "7"), event(8, "USD", "null"),
       tools::ExportKey{.key = "CHF", .offset = {2}, .time = {4}, .event = event_with("2", "CHF")},
       tools::ExportKey{
           .key = "EUR", .offset = {7}, .time = {5}, .event = event_with("7", "EUR")}});
}

TEST_F(ImportTest, TheNewestOfEachKeyIsKeptAlsoWhereItsEventIsGone) {
  import_well(keyed_export());
  const auto topic = load();
  EXPECT_EQ(topic.meta.keys, 2U);
  EXPECT_EQ(log_->latest(topic.meta.id, "CHF").value(), Offset{2});
  EXPECT_EQ(log_->latest(topic.meta.id, "EUR").value(), Offset{7});
  EXPECT_FALSE(log_->latest(topic.meta.id, "USD").value().has_value());
  EXPECT_EQ(content(exported()), content(keyed_export()));
  EXPECT_EQ(import_well(keyed_export()).did(), Did::unchanged);
  EXPECT_EQ(load().meta.keys, 2U);
}

TEST_F(ImportTest, AKeyThatTheFileSaysAgainstItsEventsIsNotBelieved) {
  auto items = keyed_export();
  std::get<tools::ExportKey>(items[items.size() - 2]).event.data = "1000";
  items.insert(
      items.end() - 1,
      tools::ExportKey{.key = "USD", .offset = {6}, .time = {5}, .event = event_with("6", "USD")});
  import_well(items);
  EXPECT_EQ(content(exported()), content(keyed_export()));
  EXPECT_EQ(load().meta.keys, 2U);
}

// ---- what cannot be ----

TEST_F(ImportTest, TimesThatGoBackAreDamage) {
  auto items = plain_export(30);
  std::get<ExportEvents>(items[4]).time = {1};
  const auto imported = import(items);
  ASSERT_TRUE(imported.failure);
  EXPECT_EQ(imported.failure->exit, tools::kDamaged);
  EXPECT_THAT(imported.failure->text, HasSubstr("time of event 21"));
  EXPECT_EQ(load().tail.head, Offset{20}) << "what is before it is kept";
}

TEST_F(ImportTest, ProducersThatContradictThemselvesAreDamage) {
  using Run = storage::ProducerState::Run;
  const auto with = [](std::vector<Run> runs, std::uint64_t last) {
    auto items = plain_export(20);
    items.insert(items.end() - 1, tools::ExportProducer{.id = "p",
                                                        .state = {.epoch = 1,
                                                                  .last_sequence = last,
                                                                  .runs = std::move(runs),
                                                                  .last_used = {}}});
    return items;
  };
  const Run first{.sequence = 0, .requests = 3, .first = {1}, .events = 2};
  EXPECT_FALSE(import(with({first}, 2)).failure);
  EXPECT_TRUE(import(with({first}, 3)).failure);
  EXPECT_TRUE(
      import(with({first, {.sequence = 3, .requests = 1, .first = {6}, .events = 1}}, 3)).failure);
  EXPECT_TRUE(
      import(with({first, {.sequence = 2, .requests = 1, .first = {7}, .events = 1}}, 2)).failure);
  EXPECT_TRUE(import(with({{.sequence = UINT64_MAX, .requests = 2, .first = {1}, .events = 1}}, 0))
                  .failure);
}

TEST_F(ImportTest, ALogThatTakesNoMoreEndsTheImport) {
  import_well(plain_export(20));
  log_->fail_next_write(Errc::disk_full);
  const auto imported = [&] {
    tools::HistoryWriter writer(*log_);
    tools::Importer importer(
        {},
        [&]() -> boost::system::result<tools::ImportPlace, tools::HttpFailure> {
          return tools::ImportPlace{.log = log_.get(), .writer = &writer};
        },
        [](const tools::ImportedTopic&) {});
    tools::Failure failure;
    for (auto& item : plain_export(30))
      if (!failure) failure = importer.take(std::move(item));
    return failure;
  }();
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->code, "disk_full");
  EXPECT_EQ(imported->exit, tools::kFailed);
}

}  // namespace
}  // namespace tidemark::test
