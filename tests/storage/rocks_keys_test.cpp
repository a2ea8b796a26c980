// Keys and states on RocksDB beyond the contract: kills, damage, readers that outlive, old formats.
// tests/: the units rocks_keys and rocks_beside; damage is done with RocksDB's own hands.
#include "storage/rocks_keys.hpp"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <rocksdb/write_batch.h>

#include "storage/checked_value.hpp"
#include "storage/rocks_database.hpp"
#include "tests/storage/store_fixture.hpp"

namespace tidemark::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class RocksKeysTest : public StoreFixture {
 protected:
  static std::string record(const std::string& key, const std::string& data) {
    NewEvent event;
    event.key = key;
    event.data = data;
    std::string out;
    append_record(out, event);
    return out;
  }
  static LatestUpdate latest(const TopicMeta& meta, const std::string& key, std::uint64_t offset,
                             const std::string& data) {
    return {
        .topic = meta.id, .key = key, .offset = {offset}, .time = {1}, .record = record(key, data)};
  }
  static StoredState state_of(std::uint64_t offset) {
    return {.position = {.epoch = {5}, .offset = {offset}},
            .stored = {77},
            .content_type = "text/plain",
            .data = "state"};
  }

  /// A topic with keys a and b, counted, and a state.
  TopicMeta topic_with_keys(const std::string& name) {
    TopicMeta meta = create(name);
    meta.settings.keep_latest = true;
    meta.keys = 2;
    CommitGroup group;
    group.topics = {meta};
    group.batches = {batch(meta, 1, {"1", "2"})};
    group.latest = {latest(meta, "a", 1, "1"), latest(meta, "b", 2, "2")};
    group.states.push_back({.topic = meta.id, .state = state_of(2)});
    EXPECT_TRUE(log_->commit(group, Durability::synced));
    return meta;
  }

  std::unique_ptr<KeyReader> reader(const TopicMeta& meta) {
    auto opened = log_->read_keys(meta.id, {.epoch = {5}, .offset = {2}});
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  using Entries = std::vector<std::pair<std::string, std::string>>;
  /// What can be read, until the end or an error, which is in read_error_ then.
  Entries keys(const TopicMeta& meta) {
    Entries out;
    const auto more = reader(meta)->read([&](const EventView& entry) {
      out.emplace_back(entry.key, entry.data);
      return true;
    });
    read_error_ = more ? Errc{} : more.errc();
    return out;
  }

  /// The closed store's database.
  std::unique_ptr<RocksDatabase> raw() {
    std::unique_ptr<RocksDatabase> database;
    const auto status = RocksDatabase::open(database_path(home()), options_,
                                            RocksDatabase::Recovery::strict, database);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return database;
  }
  /// Changes a stored value behind the log's back.
  template <class Change>
  static void tamper(RocksDatabase& database, rocksdb::ColumnFamilyHandle* family,
                     const std::string& key, const Change& change) {
    std::string value;
    ASSERT_TRUE(database.db().Get({}, family, key, &value).ok());
    change(value);
    ASSERT_TRUE(database.db().Put({}, family, key, value).ok());
  }
  static void flip(std::string& value) {
    char& byte = value[value.size() / 2];
    byte = static_cast<char>(byte ^ 0x10);
  }
};

// ---- kills ----

TEST_F(RocksKeysTest, AKilledBrokersKeysAreThereWithTheirNumber) {
  open();
  const auto meta = topic_with_keys("t");
  const auto copy = image("copy");
  close();
  open(copy);
  const auto loaded = log_->load(*TopicName::parse("t"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->meta.keys, 2U);
  EXPECT_TRUE((*loaded)->meta.settings.keep_latest);
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_EQ(*log_->state(meta.id), state_of(2));
}

// ---- damage ----

TEST_F(RocksKeysTest, ADamagedKeyIsToldAndNotServed) {
  open();
  const auto bad = topic_with_keys("bad");
  const auto good = topic_with_keys("good");
  close();
  {
    const auto database = raw();
    tamper(*database, database->keys(), latest_key(bad.id, "b"), flip);
  }
  open();
  EXPECT_THAT(keys(bad), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(read_error_, Errc::corrupt_record);
  EXPECT_EQ(log_->latest(bad.id, "b").errc(), Errc::corrupt_record);
  EXPECT_EQ(*log_->latest(bad.id, "a"), Offset{1});
  EXPECT_THAT(keys(good), ElementsAre(Pair("a", "1"), Pair("b", "2")));

  CommitGroup heals;
  heals.latest = {latest(bad, "b", 2, "again")};
  ASSERT_TRUE(log_->commit(heals, Durability::synced));
  EXPECT_THAT(keys(bad), ElementsAre(Pair("a", "1"), Pair("b", "again")));
  EXPECT_EQ(read_error_, Errc{});
}

TEST_F(RocksKeysTest, AReadAfterDamageDoesNotGoOnBehindIt) {
  open();
  const auto meta = topic_with_keys("t");
  close();
  {
    const auto database = raw();
    tamper(*database, database->keys(), latest_key(meta.id, "a"), flip);
  }
  open();
  const auto reader = this->reader(meta);
  const KeyReader::Visit never = [](const EventView&) {
    ADD_FAILURE() << "nothing may be read";
    return true;
  };
  EXPECT_EQ(reader->read(never).errc(), Errc::corrupt_record);
  EXPECT_EQ(reader->read(never).errc(), Errc::corrupt_record);
}

TEST_F(RocksKeysTest, AKeyThatIsNotItsRecordsIsDamage) {
  open();
  const auto meta = topic_with_keys("t");
  close();
  {
    const auto database = raw();
    const std::string key = latest_key(meta.id, "a");
    const std::string other = record("b", "1");
    tamper(*database, database->keys(), key, [&](std::string& value) {
      value = encode_latest(key, {.offset = {1}, .time = {1}, .record = other});
    });
  }
  open();
  EXPECT_TRUE(keys(meta).empty());
  EXPECT_EQ(read_error_, Errc::corrupt_record);
}

TEST_F(RocksKeysTest, AnEventBehindTheReadersPositionIsDamage) {
  open();
  const auto meta = topic_with_keys("t");
  CommitGroup group;
  group.latest = {latest(meta, "a", 3, "of an event there is not")};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_TRUE(keys(meta).empty());
  EXPECT_EQ(read_error_, Errc::corrupt_record);
}

TEST_F(RocksKeysTest, ADamagedStateIsToldAndNotServed) {
  open();
  const auto meta = topic_with_keys("t");
  close();
  {
    const auto database = raw();
    tamper(*database, database->states(), topic_key(meta.id), flip);
  }
  open();
  EXPECT_EQ(log_->state(meta.id).errc(), Errc::corrupt_record);
  EXPECT_EQ(log_->state_position(meta.id).errc(), Errc::corrupt_record);
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_F(RocksKeysTest, ADamagedCursorIsToldAndNotServed) {
  open();
  const auto meta = create("t");
  const StoredCursor cursor{
      .position = {.epoch = {5}, .offset = {1}}, .created = {1}, .acknowledged = {1}};
  CommitGroup group;
  group.cursors = {{.topic = meta.id, .name = "bad", .cursor = cursor},
                   {.topic = meta.id, .name = "good", .cursor = cursor}};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  close();
  {
    const auto database = raw();
    tamper(*database, database->cursors(), cursor_key(meta.id, "bad"), flip);
  }
  open();
  EXPECT_EQ(log_->cursor(meta.id, "bad").errc(), Errc::corrupt_record);
  EXPECT_EQ(*log_->cursor(meta.id, "good"), cursor);
  const auto listed =
      log_->cursors(meta.id, {}, [](std::string_view, const StoredCursor&) { return true; });
  EXPECT_EQ(listed.errc(), Errc::corrupt_record);
}

// ---- readers ----

TEST_F(RocksKeysTest, AReaderMayOutliveItsLog) {
  open();
  const auto meta = topic_with_keys("t");
  const auto reader = this->reader(meta);
  ASSERT_TRUE(reader->read([](const EventView&) { return false; }));
  close();
  EXPECT_EQ(reader->read([](const EventView&) { return true; }).errc(), Errc::storage_failed);
  open();
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_F(RocksKeysTest, ReadersOpenAndGoWhileTheLogRecovers) {
  open();
  const auto meta = topic_with_keys("t");
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        const auto reader = log_->read_keys(meta.id, {.epoch = {5}, .offset = {2}});
        if (!reader) {
          ++wrong;
          continue;
        }
        int entries = 0;
        const KeyReader::Visit one = [&](const EventView&) { return ++entries, false; };
        Result<bool> more = true;
        while (more && *more) more = (*reader)->read(one);
        const bool whole = more && entries == 2;
        const bool ended = !more && more.errc() == Errc::storage_failed;
        if (!whole && !ended) ++wrong;
      }
    });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(log_->recover());
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// ---- formats ----

/// The store as version 2 would have left it: three families fewer, metadata that ends earlier.
void make_version_2(RocksDatabase& database, const TopicMeta& meta) {
  for (auto* const family : {database.keys(), database.states(), database.cursors()})
    ASSERT_TRUE(database.db().DropColumnFamily(family).ok());
  std::string value = encode_value(meta);
  ASSERT_EQ(value[0], 3);
  value[0] = 2;
  value.resize(value.size() - 9);  // keep_latest and the number of keys
  ASSERT_TRUE(database.db().Put({}, database.topics(), meta.name, value).ok());
  std::string format;
  append_be64(format, 2);
  ASSERT_TRUE(database.db().Put({}, slice(store_keys::format), format).ok());
}

TEST_F(RocksKeysTest, AStoreOfVersion2IsOpenedAndUpgraded) {
  open();
  auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "old"));
  close();
  make_version_2(*raw(), meta);

  open();
  const auto loaded = log_->load(*TopicName::parse("t"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->meta, meta);
  EXPECT_FALSE((*loaded)->meta.settings.keep_latest);
  EXPECT_EQ(read(meta.id), std::vector<std::string>{"old"});
  EXPECT_TRUE(keys(meta).empty());
  EXPECT_EQ(*log_->state(meta.id), std::nullopt);
  const auto added = topic_with_keys("new");
  close();

  EXPECT_EQ(*raw()->integer(store_keys::format), 3U);
  open();
  EXPECT_EQ(read(meta.id), std::vector<std::string>{"old"});
  EXPECT_THAT(keys(added), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_F(RocksKeysTest, AStoreOfALaterVersionIsRefused) {
  open();
  close();
  {
    const auto database = raw();
    std::string format;
    append_be64(format, kFormatVersion + 1);
    ASSERT_TRUE(database->db().Put({}, slice(store_keys::format), format).ok());
  }
  EXPECT_EQ(failure(home()), Errc::store_newer_format);
}

}  // namespace
}  // namespace tidemark::storage
