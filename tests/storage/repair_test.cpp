// Repairs of real directories: what is damaged, what comes out, what clients are told.
// tests/: the unit repair and what stands behind it.
#include "storage/repair.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "storage/rocks_database.hpp"
#include "storage/verify.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using test::SampleLog;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kEvents = 5000;

class RepairedStore : public testing::Test {
 protected:
  void write(bool leave_wal = false) {
    test::write_sample_log(from_, {.events = kEvents, .leave_wal = leave_wal});
  }

  /// Salvages it, and proves that the damaged one is as it was.
  void repair() {
    const auto before = test::whole_tree(from_);
    auto repaired = repair_store(from_, to_, options());
    EXPECT_EQ(test::whole_tree(from_), before);
    ASSERT_TRUE(repaired) << repaired.error().text;
    report_ = *repaired;
    expect_alone();
    expect_sound();
    auto opened = open_rocks_log(to_, {});
    ASSERT_TRUE(opened) << opened.error().text;
    log_ = std::move(*opened);
  }

  [[nodiscard]] std::optional<OpenError> refusal() {
    const auto before = test::whole_tree(directory_.path());
    const auto repaired = repair_store(from_, to_, options());
    EXPECT_EQ(test::whole_tree(directory_.path()), before);
    return repaired ? std::nullopt : std::optional(repaired.error());
  }

  RepairOptions options() {
    return {.loss = [this](const Loss& loss) { losses_.push_back(loss); }, .progress = {}};
  }

  void expect_alone() const {
    for (const auto& entry : fs::directory_iterator(directory_.path()))
      EXPECT_THAT(entry.path().filename().string(), testing::AnyOf("data", "new"));
  }
  void expect_sound() const {
    VerifyOptions verify;
    verify.finding = [](const Finding& finding) {
      EXPECT_EQ(finding.weight, Finding::Weight::note)
          << finding.topic << " " << finding.offsets.first.value << " " << finding.what;
    };
    const auto verified = verify_store(to_, verify);
    ASSERT_TRUE(verified) << verified.error().text;
    EXPECT_TRUE(verified->intact());
  }

  [[nodiscard]] LoadedTopic loaded(const std::string& name) const {
    auto found = log_->load(TopicName::parse(name).value());
    EXPECT_TRUE(found && *found) << name;
    return found && *found ? **found : LoadedTopic{};
  }
  /// What can be read of a topic, around what can't.
  [[nodiscard]] std::map<std::uint64_t, std::string> events(const std::string& name) const {
    std::map<std::uint64_t, std::string> out;
    const auto topic = loaded(name);
    const auto read = log_->read(topic.meta.id, topic.meta.earliest, [&](const BatchView& batch) {
      for (std::uint32_t i = 0; i < batch.count(); ++i)
        out.emplace(batch.event(i).offset.value, batch.event(i).data);
      return true;
    });
    EXPECT_TRUE(read) << name;
    return out;
  }
  /// Of "orders": every event that is there is the one it was.
  std::map<std::uint64_t, std::string> expect_orders() const {
    auto orders = events("orders");
    for (const auto& [offset, data] : orders)
      EXPECT_EQ(data, "{\"order\":" + std::to_string(offset) + "}");
    return orders;
  }
  void expect_all_orders() const { EXPECT_EQ(expect_orders().size(), kEvents); }

  [[nodiscard]] std::uint64_t lost_of(const std::string& topic) const {
    std::uint64_t events = 0;
    for (const auto& loss : losses_)
      if (loss.topic == topic) events += loss.offsets.count();
    return events;
  }

  fs::path largest_table() const {
    const auto tables = test::files_like(from_, "", ".sst");
    return *std::ranges::max_element(tables, {},
                                     [](const fs::path& file) { return fs::file_size(file); });
  }
  /// Writes into the database of the directory, as no broker would.
  void tamper(std::size_t family, const std::string& key, const std::string& value) const {
    std::unique_ptr<RocksDatabase> database;
    const auto status =
        RocksDatabase::open(database_path(from_), {}, RocksDatabase::Recovery::strict, database);
    ASSERT_TRUE(status.ok()) << status.ToString();
    ASSERT_TRUE(database->db().Put({}, database->families()[family], key, value).ok());
  }
  [[nodiscard]] TopicId id_of(const std::string& name) const {
    const auto log = open_rocks_log_to_read(from_);
    return log.value()->load(TopicName::parse(name).value()).value().value().meta.id;
  }

  static constexpr std::size_t kStoreFamily = 0;
  static constexpr std::size_t kTopicsFamily = 2;
  static constexpr std::size_t kProducersFamily = 3;
  static constexpr std::size_t kKeysFamily = 4;

  TempDir directory_;
  fs::path from_ = directory_.path() / "data";
  fs::path to_ = directory_.path() / "new";
  std::vector<Loss> losses_;
  RepairReport report_;
  std::unique_ptr<Log> log_;
};

TEST_F(RepairedStore, WhatIsIntactComesOutWholeWithNewEpochsForWhatComesNext) {
  write();
  const auto orders = id_of("orders");
  repair();
  EXPECT_THAT(losses_, IsEmpty());
  EXPECT_EQ(report_.topics, 6U);
  EXPECT_EQ(report_.lost_events, 0U);
  expect_all_orders();
  const auto topic = loaded("orders");
  EXPECT_EQ(topic.meta.id, orders);
  EXPECT_EQ(topic.tail.head, Offset{kEvents});
  ASSERT_EQ(topic.meta.lineage.size(), 3U);
  EXPECT_EQ(topic.meta.lineage[0], (EpochStart{SampleLog::kFirstEpoch, {1}}));
  EXPECT_EQ(topic.meta.lineage[1].epoch, SampleLog::kSecondEpoch);
  EXPECT_GT(topic.meta.lineage[2].epoch, SampleLog::kForkEpoch);
  EXPECT_EQ(topic.meta.lineage[2].first, Offset{kEvents + 1});
  EXPECT_EQ(topic.meta.forks, 1U);
  EXPECT_EQ(log_->state(topic.meta.id).value()->data, "{\"sum\":30}");
  EXPECT_EQ(log_->producer(topic.meta.id, "p1").value()->last_sequence, 9U);
  EXPECT_EQ(log_->cursor(topic.meta.id, "device-2").value()->position,
            (Position{SampleLog::kFirstEpoch, {100}}));
  EXPECT_EQ(events("orders-fork").size(), 65U);
  EXPECT_EQ(events("rooms/1").at(2), "line\nbreak");
  EXPECT_EQ(loaded("prices").meta.earliest, Offset{5});
  EXPECT_EQ(loaded("prices").meta.keys, 3U);
  EXPECT_EQ(events("empty").size(), 0U);
}

TEST_F(RepairedStore, IsRepairedAgainWithoutLoss) {
  write();
  test::flip_bit(largest_table(), fs::file_size(largest_table()) / 2);
  repair();
  const auto first = expect_orders();
  log_.reset();
  losses_.clear();
  const auto again = repair_store(to_, directory_.path() / "again", options());
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_THAT(losses_, IsEmpty());
  EXPECT_EQ(again->events, report_.events);
}

TEST_F(RepairedStore, AnEventLogWithADamagedBlockGetsAHoleWithAnEpochBehindIt) {
  write();
  const auto table = largest_table();
  test::flip_bit(table, fs::file_size(table) / 2);
  repair();
  const auto orders = expect_orders();
  const auto lost = lost_of("orders");
  ASSERT_GT(lost, 0U);
  EXPECT_EQ(orders.size() + lost, kEvents);
  EXPECT_EQ(report_.lost_events, lost);
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr(table.filename().string()))));

  const auto hole =
      std::ranges::find_if(losses_, [](const Loss& loss) { return !loss.offsets.empty(); });
  const auto& lineage = loaded("orders").meta.lineage;
  EXPECT_THAT(lineage, Contains(Field(&EpochStart::first, hole->offsets.end)));
  EXPECT_EQ(orders.count(hole->offsets.first.value - 1), 1U);
  EXPECT_EQ(orders.count(hole->offsets.first.value), 0U);
  EXPECT_EQ(orders.count(hole->offsets.end.value), 1U);
  EXPECT_GT(lineage.back().first, Offset{kEvents});
}

TEST_F(RepairedStore, PositionsOfBeforeAreAnsweredWithGapsOrAnotherEpoch) {
  write();
  const auto table = largest_table();
  test::flip_bit(table, fs::file_size(table) / 2);
  repair();
  const auto hole =
      *std::ranges::find_if(losses_, [](const Loss& loss) { return !loss.offsets.empty(); });
  const auto before = position_at(loaded("orders").meta.lineage, {hole.offsets.first.value - 1});
  log_.reset();
  auto store = EventStore::open(to_, {});
  ASSERT_TRUE(store) << store.error().text;
  const auto topic = (*store)->open_topic(TopicName::parse("orders").value()).value();
  const auto answer = [&](Position position) {
    auto read = (*store)->read(*topic, position);
    for (int tries = 0; tries < 3 && read.state == ReadAnswer::State::cold; ++tries) {
      EXPECT_TRUE((*store)->load(*topic, position.offset));
      read = (*store)->read(*topic, position);
    }
    return read;
  };
  const auto at_hole = answer(before);
  ASSERT_EQ(at_hole.state, ReadAnswer::State::gap);
  EXPECT_EQ(at_hole.gap.cause, GapCause::corrupt);
  EXPECT_EQ(at_hole.gap.lost.end, hole.offsets.end);
  const auto behind = answer({before.epoch, hole.offsets.end});
  ASSERT_EQ(behind.state, ReadAnswer::State::gap) << "it has events that this history has not";
  EXPECT_EQ(behind.gap.cause, GapCause::epoch);
  const auto ahead = answer({SampleLog::kSecondEpoch, {kEvents + 5}});
  ASSERT_EQ(ahead.state, ReadAnswer::State::gap);
  EXPECT_EQ(ahead.gap.cause, GapCause::epoch);
}

TEST_F(RepairedStore, ADamagedRecordOfTheWriteAheadLogCostsOnlyWhatItHeld) {
  write(true);
  const auto wal = test::files_like(from_, "", ".log").back();
  test::flip_bit(wal, fs::file_size(wal) / 2);
  repair();
  // The sample writes orders in two groups, of which one is in the log.
  EXPECT_EQ(expect_orders().size(), kEvents / 2);
  EXPECT_EQ(events("rooms/1").size(), 3U) << "what was written behind it";
  EXPECT_EQ(events("rooms/raw").size(), 1U);
  EXPECT_EQ(loaded("prices").meta.keys, 3U);
  EXPECT_EQ(events("orders-fork").size(), 65U);
  EXPECT_THAT(report_.way, HasSubstr("write-ahead log"));
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr("write-ahead log"))));
}

TEST_F(RepairedStore, DamageAmongManyRecordsOfTheWriteAheadLogIsAHole) {
  constexpr std::uint64_t kCommits = 300;
  const TempDir elsewhere;
  TopicMeta meta;
  {
    auto log = open_rocks_log(elsewhere.path() / "data", {});
    ASSERT_TRUE(log);
    CommitGroup created;
    meta.id = (*log)->next_topic_id();
    meta.name = "readings";
    meta.settings.content_type = "text/plain";
    meta.lineage = {{(*log)->next_epoch(), {1}}};
    created.topics = {meta};
    ASSERT_TRUE((*log)->commit(created, Durability::synced));
    std::uint64_t bytes = 0;
    for (std::uint64_t first = 1; first < kCommits * 10; first += 10) {
      BatchBuilder builder;
      for (int i = 0; i < 10; ++i) {
        NewEvent event;
        event.data = std::string(90, 'x') + std::to_string(first);
        builder.add(event);
      }
      CommitGroup group;
      group.batches.push_back({.topic = meta.id,
                               .first = {first},
                               .value = builder.finish(meta.id, {.epoch = meta.lineage.back().epoch,
                                                                 .first = {first},
                                                                 .count = 0,
                                                                 .time = SampleLog::kStart,
                                                                 .bytes_before = bytes})});
      bytes += group.batches.back().value.size();
      ASSERT_TRUE((*log)->commit(group, Durability::buffered));
    }
    ASSERT_TRUE((*log)->sync());
    fs::copy(elsewhere.path() / "data", from_, fs::copy_options::recursive);  // as kill -9 would
  }
  const auto wal = test::files_like(from_, "", ".log").back();
  test::flip_bit(wal, fs::file_size(wal) / 2);
  repair();
  const auto left = events("readings").size();
  EXPECT_LT(left, kCommits * 10);
  EXPECT_GT(left, kCommits * 5) << "what is behind the damage as well";
  EXPECT_EQ(left + lost_of("readings"), kCommits * 10);
  EXPECT_EQ(loaded("readings").meta.lineage.size(), 3U) << "before the hole, behind it, and next";
}

TEST_F(RepairedStore, ACutWriteAheadLogIsSaidToHaveLostItsEnd) {
  write(true);
  const auto wal = test::files_like(from_, "", ".log").back();
  test::cut_to(wal, fs::file_size(wal) / 2);
  repair();
  expect_orders();
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr("newest changes are lost"))));
}

TEST_F(RepairedStore, WithoutItsListOfFilesTheDatabaseIsPutTogetherAnew) {
  write();
  for (const auto& manifest : test::files_like(from_, "MANIFEST-")) fs::remove(manifest);
  repair();
  expect_all_orders();
  EXPECT_EQ(report_.topics, 6U);
  EXPECT_EQ(lost_of("orders"), 0U);
  EXPECT_EQ(events("orders-fork").size(), 65U);
  EXPECT_EQ(loaded("prices").meta.keys, 3U);
  EXPECT_THAT(report_.way, HasSubstr("put together anew"));
}

TEST_F(RepairedStore, ADamagedListOfFilesIsAsNone) {
  write(true);
  for (const auto& manifest : test::files_like(from_, "MANIFEST-"))
    test::flip_bit(manifest, fs::file_size(manifest) / 3);
  repair();
  expect_all_orders();
  EXPECT_EQ(log_->producer(loaded("orders").meta.id, "p2").value()->last_sequence, 4U);
}

TEST_F(RepairedStore, WithoutCurrentTheDatabaseIsPutTogetherAnew) {
  write(true);
  fs::remove(from_ / "db" / "CURRENT");
  repair();
  expect_all_orders();
}

TEST_F(RepairedStore, AMissingTableCostsOnlyWhatItHeld) {
  write();
  fs::remove(largest_table());
  repair();
  const auto orders = expect_orders();
  EXPECT_LT(orders.size(), kEvents);
  EXPECT_FALSE(losses_.empty());
  EXPECT_EQ(report_.topics, 6U);
  EXPECT_EQ(loaded("prices").tail.head, Offset{7}) << "what is told of is not given again";
  EXPECT_EQ(loaded("prices").meta.keys, 3U);
  EXPECT_EQ(log_->cursor(loaded("orders").meta.id, "device-1").value()->position.offset,
            Offset{40});
}

TEST_F(RepairedStore, AMissingListAndADamagedTableAreReadAroundTheDamage) {
  write();
  const auto table = largest_table();
  test::flip_bit(table, fs::file_size(table) / 2);
  fs::remove(from_ / "db" / "CURRENT");
  repair();
  const auto orders = expect_orders();
  EXPECT_GT(orders.size(), kEvents / 2);
  EXPECT_LT(orders.size(), kEvents);
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr(table.filename().string()))));
}

TEST_F(RepairedStore, EventsOfATopicWithoutMetadataGetAName) {
  write();
  const auto id = id_of("rooms/1");
  tamper(kTopicsFamily, "rooms/1", "\x03garbage");
  repair();
  const std::string name = "recovered/" + std::to_string(id.value);
  EXPECT_EQ(events(name).size(), 3U);
  EXPECT_EQ(events(name).at(1), "hello");
  EXPECT_EQ(loaded(name).meta.id, id);
  EXPECT_EQ(loaded(name).meta.settings.content_type, "text/plain");
  EXPECT_THAT(losses_, Contains(Field(&Loss::topic, name)));
  EXPECT_THAT(losses_, Contains(Field(&Loss::topic, "rooms/1")));
}

TEST_F(RepairedStore, AForkWhoseSourceHasNoNameAnyMoreStaysOne) {
  write();
  const auto id = id_of("orders");
  tamper(kTopicsFamily, "orders", "");
  repair();
  const std::string name = "recovered/" + std::to_string(id.value);
  EXPECT_EQ(loaded("orders-fork").meta.origin->source, name);
  EXPECT_EQ(loaded(name).meta.forks, 1U);
  EXPECT_EQ(loaded(name).meta.settings.content_type, "application/json");
  EXPECT_EQ(events("orders-fork").size(), 65U);
}

TEST_F(RepairedStore, AForkKeepsWhatIsLeftOfWhatItInherited) {
  write();
  const auto id = id_of("orders");
  const Offset first{51};  // the batch of the events 51 to 100; the fork has them up to 60
  tamper(1, event_key(id, first), "\x01garbage");
  repair();
  auto fork = events("orders-fork");
  EXPECT_EQ(fork.size(), 55U);
  EXPECT_EQ(fork.count(50), 1U);
  EXPECT_EQ(fork.count(51), 0U);
  EXPECT_EQ(fork.count(61), 1U);
  EXPECT_EQ(lost_of("orders"), 50U);
}

TEST_F(RepairedStore, TheNewestEventOfADamagedKeyIsFoundAmongTheEvents) {
  write();
  const auto id = id_of("prices");
  tamper(kKeysFamily, latest_key(id, "USD"), "\x01garbage");
  repair();
  EXPECT_EQ(loaded("prices").meta.keys, 3U);
  EXPECT_EQ(log_->latest(id, "USD").value(), Offset{6});
  EXPECT_EQ(log_->latest(id, "GBP").value(), std::nullopt) << "a tombstone stays one";
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr("USD"))));
}

TEST_F(RepairedStore, ADamagedProducerIsToldOf) {
  write();
  const auto id = id_of("orders");
  tamper(kProducersFamily, producer_key(id, "p1"), "\x01garbage");
  repair();
  EXPECT_EQ(log_->producer(id, "p1").value(), std::nullopt);
  EXPECT_TRUE(log_->producer(id, "p2").value().has_value());
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr("p1"))));
}

TEST_F(RepairedStore, DeletedTopicsDoNotComeBack) {
  write();
  {
    auto log = open_rocks_log(from_, {});
    ASSERT_TRUE(log);
    const auto topic = (*log)->load(TopicName::parse("rooms/1").value()).value().value();
    ASSERT_TRUE((*log)->erase(topic.meta));
  }
  for (const auto& manifest : test::files_like(from_, "MANIFEST-")) fs::remove(manifest);
  repair();
  EXPECT_EQ(report_.topics, 5U);
  EXPECT_EQ(lost_of("rooms/1"), 0U);
}

TEST_F(RepairedStore, WithoutAHeadMarkerAllIsThereButNotCertain) {
  write();
  fs::remove(from_ / "HEAD");
  repair();
  expect_all_orders();
  EXPECT_THAT(losses_, Contains(Field(&Loss::what, HasSubstr("HEAD"))));
}

// ---- what is refused ----

TEST_F(RepairedStore, ADirectoryInUseIsLeftAlone) {
  write();
  auto log = open_rocks_log(from_, {});
  ASSERT_TRUE(log);
  // fcntl tells a process nothing of its own locks, so another one asks.
  EXPECT_EXIT(
      {
        const auto repaired = repair_store(from_, to_, options());
        const bool locked = !repaired && repaired.error().code == Errc::store_locked;
        std::_Exit(locked ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_FALSE(fs::exists(to_));
}

TEST_F(RepairedStore, NothingIsWrittenOverAnything) {
  write();
  fs::create_directory(to_);
  test::write_whole(to_ / "mine", "keep");
  const auto refused = refusal();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Errc::store_not_writable);
  EXPECT_THAT(refused->text, HasSubstr("not empty"));
}

TEST_F(RepairedStore, AnEmptyDirectoryWillDo) {
  write();
  fs::create_directory(to_);
  repair();
  expect_all_orders();
}

TEST_F(RepairedStore, TheDamagedDirectoryIsNoPlaceForTheNewOne) {
  write();
  to_ = from_ / "new";
  const auto refused = refusal();
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->text, HasSubstr("within the damaged directory"));
}

TEST_F(RepairedStore, WhatIsNoLogIsNotRepaired) {
  EXPECT_EQ(refusal()->code, Errc::not_found);
  fs::create_directory(from_);
  test::write_whole(from_ / "letter", "dear");
  EXPECT_EQ(refusal()->code, Errc::store_not_ours);
}

TEST_F(RepairedStore, ALaterFormatIsLeftToThoseWhoKnowIt) {
  write();
  std::string version;
  append_be64(version, kFormatVersion + 1);
  tamper(kStoreFamily, std::string(store_keys::format), version);
  EXPECT_EQ(refusal()->code, Errc::store_newer_format);
}

TEST_F(RepairedStore, WhereNothingIsLeftNothingIsMade) {
  write();
  fs::remove_all(from_ / "db");
  EXPECT_EQ(refusal()->code, Errc::corrupt_record);
  fs::create_directory(from_ / "db");
  EXPECT_EQ(refusal()->code, Errc::corrupt_record);
}

TEST_F(RepairedStore, OfAStoppedRepairNothingIsLeft) {
  write();
  auto stopping = options();
  stopping.progress = [](const RepairProgress&) { return false; };
  const auto repaired = repair_store(from_, to_, stopping);
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, Errc::cancelled);
  expect_alone();
  EXPECT_FALSE(fs::exists(to_));
}

TEST_F(RepairedStore, TheRestOfAnEarlierRepairIsNotTouched) {
  write();
  fs::create_directory(directory_.path() / "new.partial");
  const auto refused = refusal();
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->text, HasSubstr("new.partial"));
}

}  // namespace
}  // namespace tidemark::storage
