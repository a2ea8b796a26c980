// Verifying damaged directories: each kind of damage is found, named and placed.
// tests/: the units verify_*; damage is done to real files, or with RocksDB's own hands.
#include <algorithm>

#include "storage/backup.hpp"
#include "storage/checked_value.hpp"
#include "tests/storage/verify_fixture.hpp"

namespace tidemark::storage {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kOfDamage = Finding::Weight::damage;

auto in_topic(const std::string& topic) { return Field("topic", &Finding::topic, topic); }
auto at(std::uint64_t first, std::uint64_t end) {
  return Field("offsets", &Finding::offsets, OffsetRange{.first = {first}, .end = {end}});
}
auto says(const std::string& text) { return Field("what", &Finding::what, HasSubstr(text)); }
auto placed(const std::string& text) { return Field("where", &Finding::where, HasSubstr(text)); }
auto around(const std::string& text) { return Field("around", &Finding::around, HasSubstr(text)); }
auto damages() { return Field("weight", &Finding::weight, kOfDamage); }

class VerifyDamageTest : public VerifyFixture {
 protected:
  static std::string batch_key(const TopicMeta& topic, std::uint64_t first) {
    return event_key(topic.id, {first});
  }
  [[nodiscard]] std::filesystem::path largest(const std::string& end) const {
    const auto files = test::files_like(database(), "", end);
    EXPECT_FALSE(files.empty());
    return *std::ranges::max_element(
        files, {}, [](const auto& file) { return std::filesystem::file_size(file); });
  }
};

// ---- files ----

TEST_F(VerifyDamageTest, AMissingHeadMarkerIsFound) {
  make();
  std::filesystem::remove(home() / "HEAD");
  const auto verified = verify();
  EXPECT_THAT(verified.findings, ElementsAre(AllOf(damages(), placed("HEAD"), says("missing"))));
  EXPECT_EQ(verified.report.events, 1013U) << "the rest can be read";
}

TEST_F(VerifyDamageTest, ADamagedHeadMarkerIsFound) {
  make();
  const auto head = home() / "HEAD";
  test::flip_bit(head, 20);
  if (std::filesystem::file_size(head) > 4096 + 20) test::flip_bit(head, 4096 + 20);
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), placed("HEAD"), says("damaged"))));
}

TEST_F(VerifyDamageTest, ATruncatedWriteAheadLogIsFoundByTheHeadMarker) {
  make({.leave_wal = true});
  const auto wal = largest(".log");
  test::cut_to(wal, std::filesystem::file_size(wal) / 2);
  const auto verified = verify();
  EXPECT_FALSE(verified.report.intact());
  EXPECT_THAT(verified.findings, Contains(AllOf(damages(), says("was on disk up to change"))));
}

TEST_F(VerifyDamageTest, AMissingWriteAheadLogIsFound) {
  make({.leave_wal = true});
  std::filesystem::remove(largest(".log"));
  EXPECT_FALSE(verify().report.intact());
}

TEST_F(VerifyDamageTest, AFlippedBitInTheWriteAheadLogIsFoundAndWhatIsBeforeItIsRead) {
  make({.leave_wal = true});
  const auto wal = largest(".log");
  test::flip_bit(wal, std::filesystem::file_size(wal) / 2);
  const auto verified = verify();
  EXPECT_THAT(verified.findings, Contains(AllOf(damages(), around("can be read"))));
  EXPECT_GE(verified.report.events, 500U) << "half of the orders are in a table";
}

TEST_F(VerifyDamageTest, AFlippedBitInTheManifestIsFound) {
  make();
  const auto manifest = test::files_like(database(), "MANIFEST-").back();
  test::flip_bit(manifest, std::filesystem::file_size(manifest) / 2);
  const auto verified = verify();
  EXPECT_THAT(verified.findings, Contains(damages()));
}

TEST_F(VerifyDamageTest, AMissingCurrentFileIsFound) {
  make();
  std::filesystem::remove(database() / "CURRENT");
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), placed("CURRENT"))));
  std::filesystem::remove(home() / "HEAD");
  EXPECT_THAT(verify().findings, Contains(AllOf(damages(), placed("CURRENT"))))
      << "a directory with nothing but tables is one of ours that was copied by halves";
}

TEST_F(VerifyDamageTest, AMissingDatabaseIsFound) {
  make();
  std::filesystem::remove_all(database());
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), says("database is missing"))));
}

TEST_F(VerifyDamageTest, EachMissingTableFileIsNamed) {
  make();
  for (const auto& table : test::files_like(database(), "", ".sst")) {
    const auto bytes = test::read_whole(table);
    std::filesystem::remove(table);
    EXPECT_THAT(verify().findings, Contains(AllOf(damages(), placed(table.filename().string()))));
    test::write_whole(table, bytes);
  }
}

TEST_F(VerifyDamageTest, EachTableFileWithAFlippedBitIsNamed) {
  make({.events = 5000});
  for (const auto& table : test::files_like(database(), "", ".sst")) {
    // The first data block begins with the file.
    test::flip_bit(table, 15);
    const auto verified = verify();
    EXPECT_THAT(verified.findings, Contains(AllOf(damages(), placed(table.filename().string()))))
        << table;
    test::flip_bit(table, 15);
  }
  EXPECT_THAT(verify().findings, IsEmpty());
}

TEST_F(VerifyDamageTest, ADamagedBlockOfEventsCostsItsOffsetsAlone) {
  make({.events = 5000});
  // The largest table is one of events, and its middle is in a data block.
  const auto table = largest(".sst");
  test::flip_bit(table, std::filesystem::file_size(table) / 2);
  const auto verified = verify();
  ASSERT_THAT(verified.findings,
              Contains(AllOf(damages(), in_topic("orders"), placed(table.filename().string()))));
  const auto finding = std::ranges::find(verified.findings, "orders", &Finding::topic);
  const auto lost = finding->offsets.count();
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(verified.report.events, 5013U - lost);
  EXPECT_THAT(*finding,
              around("can be read up to " + std::to_string(finding->offsets.first.value - 1)));
  EXPECT_THAT(*finding, around("from " + std::to_string(finding->offsets.end.value) + " on"));
}

TEST_F(VerifyDamageTest, ABackupThatIsNotWholeIsFound) {
  make();
  BackupNote note;
  note.time = {1};
  note.files = files_of(home()).value();
  ASSERT_TRUE(write_backup_note(home(), note));
  EXPECT_THAT(verify().findings, IsEmpty());
  note.files.push_back({.name = "db/999999.sst", .bytes = 7});
  ASSERT_TRUE(write_backup_note(home(), note));
  EXPECT_THAT(verify().findings, Contains(AllOf(damages(), says("999999.sst"))));
}

// ---- events ----

TEST_F(VerifyDamageTest, ADamagedBatchIsFoundWithWhatIsReadableAroundIt) {
  make();
  {
    const auto database = raw();
    flip(*database, database->events(), batch_key(meta(*database, "orders"), 101));
  }
  const auto verified = verify();
  EXPECT_THAT(verified.findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), at(101, 151), says("checksum"),
                                around("up to 100 and from 151 on"))));
  EXPECT_EQ(verified.report.events, 1013U - 50);
  EXPECT_THAT(verify("orders").findings, ElementsAre(at(101, 151)));
  EXPECT_THAT(verify("prices").findings, IsEmpty());
}

TEST_F(VerifyDamageTest, DamagedBatchesNextToEachOtherAreOneFinding) {
  make();
  {
    const auto database = raw();
    const auto orders = meta(*database, "orders");
    for (const std::uint64_t first : {101, 151, 201})
      flip(*database, database->events(), batch_key(orders, first));
    flip(*database, database->events(), batch_key(orders, 401));
  }
  EXPECT_THAT(verify().findings, ElementsAre(at(101, 251), at(401, 451)));
}

TEST_F(VerifyDamageTest, TheLastBatchOfATopicMayBeTheDamagedOne) {
  make();
  {
    const auto database = raw();
    flip(*database, database->events(), batch_key(meta(*database, "orders"), 951));
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(at(951, 1001), around("up to 950"), Not(around("from")))));
}

TEST_F(VerifyDamageTest, AMissingBatchIsFound) {
  make();
  {
    const auto database = raw();
    erase(*database, database->events(), batch_key(meta(*database, "orders"), 101));
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), at(101, 151), says("missing"),
                                around("up to 100 and from 151 on"))));
}

TEST_F(VerifyDamageTest, AMissingBatchBeforeADamagedOneIsFoundToo) {
  make();
  {
    const auto database = raw();
    const auto orders = meta(*database, "orders");
    erase(*database, database->events(), batch_key(orders, 101));
    flip(*database, database->events(), batch_key(orders, 151));
  }
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(at(101, 151), says("missing")),
                                             AllOf(at(151, 201), says("checksum"))));
}

TEST_F(VerifyDamageTest, AMissingFirstBatchIsFoundAlsoByTheForkThatNeedsIt) {
  make();
  {
    const auto database = raw();
    erase(*database, database->events(), batch_key(meta(*database, "orders"), 1));
  }
  const auto first = AllOf(damages(), in_topic("orders"), at(1, 51), around("from 51 on"));
  EXPECT_THAT(verify().findings, ElementsAre(first));
  EXPECT_THAT(verify("orders-fork").findings, ElementsAre(first));
}

TEST_F(VerifyDamageTest, WhatATopicHasTrimmedMayBeDamagedUnlessAForkNeedsIt) {
  make();
  {
    const auto database = raw();
    change(*database, "orders", [](TopicMeta& orders) { orders.earliest = {501}; });
    const auto orders = meta(*database, "orders");
    erase(*database, database->events(), batch_key(orders, 401));
    erase(*database, database->events(), batch_key(orders, 1));
  }
  EXPECT_THAT(verify().findings, Contains(AllOf(in_topic("orders"), at(1, 51))));
  EXPECT_THAT(verify("orders").findings, IsEmpty()) << "alone, it does not need it";
}

TEST_F(VerifyDamageTest, ABatchOfAnotherEpochIsFound) {
  make();
  {
    const auto database = raw();
    reseal(*database, meta(*database, "orders").id, {101},
           [](BatchHeader& header) { header.epoch = {1500}; });
  }
  EXPECT_THAT(verify().findings, Contains(AllOf(damages(), in_topic("orders"), at(101, 151),
                                                says("epoch of the batch"))));
}

TEST_F(VerifyDamageTest, BytesThatDoNotAddUpAreFound) {
  make();
  {
    const auto database = raw();
    reseal(*database, meta(*database, "orders").id, {101},
           [](BatchHeader& header) { header.bytes_before += 8; });
  }
  EXPECT_THAT(verify().findings,
              Contains(AllOf(damages(), in_topic("orders"), at(101, 201), says("do not add up"))))
      << "neither before it nor behind it";
}

TEST_F(VerifyDamageTest, ATimeThatGoesBackIsANote) {
  make();
  {
    const auto database = raw();
    reseal(*database, meta(*database, "orders").id, {101},
           [](BatchHeader& header) { header.time.ms -= 3'600'000; });
  }
  const auto verified = verify();
  EXPECT_TRUE(verified.report.intact());
  EXPECT_EQ(verified.report.notes, 1U);
  EXPECT_THAT(verified.findings, ElementsAre(AllOf(Not(damages()), at(101, 151), says("time"))));
}

TEST_F(VerifyDamageTest, TwoBatchesOfTheSameOffsetsAreFound) {
  make();
  {
    const auto database = raw();
    const auto orders = meta(*database, "orders");
    BatchBuilder builder;
    NewEvent event;
    event.data = "0";
    builder.add(event);
    put(*database, database->events(), batch_key(orders, 120),
        builder.finish(orders.id, {.epoch = test::SampleLog::kFirstEpoch,
                                   .first = {120},
                                   .count = 0,
                                   .time = test::SampleLog::kStart,
                                   .bytes_before = 0}));
  }
  EXPECT_THAT(verify().findings,
              Contains(AllOf(damages(), in_topic("orders"), at(120, 121), says("same offsets"))));
}

// ---- the store and its topics ----

TEST_F(VerifyDamageTest, DamagedMetadataIsFoundAndItsEventsAreNobodys) {
  make();
  {
    const auto database = raw();
    put(*database, database->topics(), "orders", std::string("\x03garbage", 8));
  }
  const auto verified = verify();
  EXPECT_THAT(verified.findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), says("metadata"))));
  EXPECT_GT(verified.report.unclaimed_bytes, 20'000U);
  EXPECT_THAT(verify("orders").findings, ElementsAre(says("metadata")));
}

TEST_F(VerifyDamageTest, AHistoryOutOfOrderIsFound) {
  make();
  {
    const auto database = raw();
    change(*database, "orders",
           [](TopicMeta& orders) { std::swap(orders.lineage.front(), orders.lineage.back()); });
  }
  EXPECT_THAT(verify().findings,
              Contains(AllOf(damages(), in_topic("orders"), says("out of order"))));
}

TEST_F(VerifyDamageTest, NumbersOfTheStoreThatAreWrongAreFound) {
  make();
  {
    const auto database = raw();
    const auto number = [](std::uint64_t value) {
      std::string bytes;
      append_be64(bytes, value);
      return bytes;
    };
    put(*database, database->store(), std::string(store_keys::next_topic_id), number(2));
    put(*database, database->store(), std::string(store_keys::last_epoch), number(1001));
    put(*database, database->store(), std::string(store_keys::topic_count), number(5));
  }
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), says("the next topic")),
                                             AllOf(damages(), says("the last epoch")),
                                             AllOf(damages(), says("counted as 5"))));
}

TEST_F(VerifyDamageTest, ADamagedNumberOfTheStoreIsFound) {
  make();
  {
    const auto database = raw();
    put(*database, database->store(), std::string(store_keys::last_epoch), "short");
  }
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), says("last_epoch is damaged"))));
}

TEST_F(VerifyDamageTest, ForksThatAreCountedWrongAreFound) {
  make();
  {
    const auto database = raw();
    change(*database, "orders", [](TopicMeta& orders) { orders.forks = 3; });
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), says("counted as 3"))));
}

TEST_F(VerifyDamageTest, AForkWhoseOriginIsNotRecordedIsFound) {
  make();
  {
    const auto database = raw();
    erase(*database, database->store(), origin_key(meta(*database, "orders-fork").id));
  }
  EXPECT_THAT(verify().findings,
              Contains(AllOf(damages(), in_topic("orders-fork"), says("does not fit its source"))));
}

TEST_F(VerifyDamageTest, AForkWhoseSourceIsGoneIsFound) {
  make();
  {
    const auto database = raw();
    erase(*database, database->topics(), "orders");
  }
  EXPECT_THAT(verify().findings,
              Contains(AllOf(damages(), in_topic("orders-fork"), says("source is missing"))));
}

// ---- beside the events ----

TEST_F(VerifyDamageTest, WhatIsRememberedOfAProducerIsHeldAgainstTheLog) {
  make();
  {
    const auto database = raw();
    const auto orders = meta(*database, "orders");
    const ProducerState ahead{
        .epoch = 1,
        .last_sequence = 0,
        .runs = {{.sequence = 0, .requests = 1, .first = {1000}, .events = 2}},
        .last_used = {1}};
    put(*database, database->producers(), producer_key(orders.id, "p1"), encode_value(ahead));
    put(*database, database->producers(), producer_key(orders.id, "p2"), "\x01short");
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), says("\"p1\" claims events")),
                          AllOf(damages(), in_topic("orders"), says("\"p2\" is damaged"))));
}

TEST_F(VerifyDamageTest, RunsOfAProducerThatOverlapAreFound) {
  make();
  {
    const auto database = raw();
    const ProducerState::Run first{.sequence = 0, .requests = 3, .first = {1}, .events = 2};
    const ProducerState::Run second{.sequence = 3, .requests = 1, .first = {6}, .events = 1};
    const ProducerState state{
        .epoch = 1, .last_sequence = 3, .runs = {first, second}, .last_used = {1}};
    put(*database, database->producers(), producer_key(meta(*database, "orders").id, "p1"),
        encode_value(state));
  }
  EXPECT_THAT(verify().findings, ElementsAre(AllOf(damages(), says("overlap"))));
}

TEST_F(VerifyDamageTest, ADamagedStateAndADamagedCursorAreFound) {
  make();
  {
    const auto database = raw();
    const auto orders = meta(*database, "orders");
    flip(*database, database->states(), topic_key(orders.id));
    flip(*database, database->cursors(), cursor_key(orders.id, "device-1"));
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("orders"), says("stored state is damaged")),
                          AllOf(damages(), in_topic("orders"), says("\"device-1\" is damaged"))));
}

TEST_F(VerifyDamageTest, ACursorAheadOfTheLogIsANote) {
  make();
  {
    const auto database = raw();
    const std::string key = cursor_key(meta(*database, "orders").id, "device-2");
    const StoredCursor cursor{
        .position = {.epoch = test::SampleLog::kSecondEpoch, .offset = {1001}},
        .created = {1},
        .acknowledged = {2}};
    put(*database, database->cursors(), key, encode_cursor(key, cursor));
  }
  const auto verified = verify();
  EXPECT_TRUE(verified.report.intact());
  EXPECT_THAT(verified.findings,
              ElementsAre(AllOf(Not(damages()), says("\"device-2\""), says("1001"))));
}

TEST_F(VerifyDamageTest, AMissingKeyIsFoundByItsCount) {
  make();
  {
    const auto database = raw();
    erase(*database, database->keys(), latest_key(meta(*database, "prices").id, "JPY"));
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("prices"), says("counted as 3"))));
}

TEST_F(VerifyDamageTest, ADamagedEntryOfAKeyIsFound) {
  make();
  {
    const auto database = raw();
    flip(*database, database->keys(), latest_key(meta(*database, "prices").id, "USD"));
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("prices"), says("\"USD\" is damaged"))));
}

TEST_F(VerifyDamageTest, AKeyIsHeldAgainstItsEvents) {
  make();
  {
    const auto database = raw();
    const auto prices = meta(*database, "prices");
    const auto record = [](const std::string& key, const std::string& data) {
      NewEvent event;
      event.key = key;
      event.data = data;
      std::string out;
      append_record(out, event);
      return out;
    };
    const auto set = [&](const std::string& key, std::uint64_t offset, const std::string& data) {
      const std::string full = latest_key(prices.id, key);
      const std::string bytes = record(key, data);
      put(*database, database->keys(), full,
          encode_latest(
              full,
              {.offset = {offset}, .time = {test::SampleLog::kStart.ms + 2000}, .record = bytes}));
    };
    set("EUR", 5, "500");  // not what event 5 says
    set("USD", 2, "2");    // event 6 is newer
    set("JPY", 90, "7");   // there is no event 90
  }
  EXPECT_THAT(verify().findings,
              ElementsAre(AllOf(damages(), in_topic("prices"), says("\"JPY\" is said to be 90")),
                          AllOf(damages(), at(6, 7), says("newer event")),
                          AllOf(damages(), at(5, 6), says("not in the log as it is"))));
}

}  // namespace
}  // namespace tidemark::storage
