// A log that is only read: of a closed directory, beside a writer, of earlier formats; untouched.
// tests/: the unit rocks_to_read, and RocksLog without the right to write.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "storage/head_marker.hpp"
#include "storage/key_codec.hpp"
#include "storage/rocks_database.hpp"
#include "tests/storage/store_fixture.hpp"
#include "tests/support/child_test.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using test::SampleLog;
using test::whole_tree;

class ReadOnlyLog : public StoreFixture {
 protected:
  void open_to_read(const fs::path& where) {
    reader_.reset();
    auto opened = open_rocks_log_to_read(where);
    ASSERT_TRUE(opened) << opened.error().text;
    reader_ = std::move(*opened);
  }
  Errc failure_to_read(const fs::path& where) {
    auto opened = open_rocks_log_to_read(where);
    if (opened) return Errc{};
    text_ = opened.error().text;
    return opened.error().code;
  }
  /// Offsets the reader has, which must follow one another; 0 after the last if they do not.
  std::uint64_t contiguous(TopicId topic) {
    std::uint64_t next = 1;
    bool whole = true;
    const auto done = reader_->read(topic, {1}, [&](const BatchView& batch) {
      whole = whole && batch.header().first.value == next;
      next = batch.end().value;
      return true;
    });
    return done && whole ? next - 1 : 0;
  }
  LoadedTopic load(const std::string& name) {
    auto loaded = reader_->load(*TopicName::parse(name));
    EXPECT_TRUE(loaded && *loaded) << name;
    return loaded && *loaded ? **loaded : LoadedTopic{};
  }

  std::unique_ptr<Log> reader_;
};

TEST_F(ReadOnlyLog, AClosedDirectoryIsReadAndLeftAsItWas) {
  test::write_sample_log(home());
  const auto before = whole_tree(home());
  open_to_read(home());
  EXPECT_EQ(reader_->topic_count(), 6U);
  const auto orders = load("orders");
  EXPECT_EQ(orders.tail.head, Offset{1000});
  EXPECT_EQ(orders.meta.forks, 1U);
  EXPECT_EQ(orders.meta.lineage.size(), 2U);
  EXPECT_EQ(contiguous(orders.meta.id), 1000U);
  const auto fork = load("orders-fork");
  EXPECT_EQ(contiguous(fork.meta.id), 65U);
  std::map<std::string, std::uint64_t> producers;
  EXPECT_TRUE(reader_->producers(orders.meta.id, {}, [&](auto id, const ProducerState& state) {
    producers[std::string(id)] = state.epoch;
    return true;
  }));
  EXPECT_EQ(producers, (std::map<std::string, std::uint64_t>{{"p1", 3}, {"p2", 1}}));
  EXPECT_EQ((*reader_->cursor(orders.meta.id, "device-2"))->position.offset, Offset{100});
  EXPECT_EQ((*reader_->state(orders.meta.id))->data, "{\"sum\":30}");
  const auto prices = load("prices");
  auto keys = reader_->read_keys(prices.meta.id, {SampleLog::kFirstEpoch, {8}});
  ASSERT_TRUE(keys);
  std::map<std::string, std::string> latest;
  EXPECT_FALSE(*(*keys)->read([&](const EventView& event) {
    latest[std::string(event.key)] = std::string(event.data);
    return true;
  }));
  EXPECT_EQ(latest, (std::map<std::string, std::string>{{"EUR", "5"}, {"JPY", "7"}, {"USD", "6"}}));
  keys->reset();
  reader_.reset();
  EXPECT_EQ(whole_tree(home()), before);
}

TEST_F(ReadOnlyLog, WhatIsOnlyInTheWriteAheadLogIsReadFromThere) {
  test::write_sample_log(home(), {.leave_wal = true});
  const auto before = whole_tree(home());
  open_to_read(home());
  EXPECT_EQ(contiguous(load("orders").meta.id), 1000U);
  EXPECT_EQ(contiguous(load("rooms/1").meta.id), 3U);
  reader_.reset();
  EXPECT_EQ(whole_tree(home()), before);
}

TEST_F(ReadOnlyLog, BesideAWriterItStaysAtTheMomentItWasOpened) {
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 10; ++i)
    ASSERT_TRUE(append(meta, i, "event", i % 2 == 0 ? Durability::synced : Durability::buffered));
  const auto before = whole_tree(home());
  open_to_read(home());
  EXPECT_EQ(contiguous(meta.id), 10U);
  EXPECT_EQ(whole_tree(home()), before);
  ASSERT_TRUE(append(meta, 11, "event"));
  EXPECT_EQ(contiguous(meta.id), 10U);
  open_to_read(home());
  EXPECT_EQ(contiguous(meta.id), 11U);
  EXPECT_TRUE(append(meta, 12, "event"));
}

TEST_F(ReadOnlyLog, BesideAWriterThatFlushesItNeverHasAHole) {
  options_.memtable_bytes = std::size_t{1} << 20;
  open();
  const auto meta = create("t");
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> allowed{0};  // about two flushes a round, however fast the disk is
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
  std::thread writer([&] {
    const std::string data(1000, 'd');
    while (!stop) {
      if (written == allowed) {
        std::this_thread::yield();
        continue;
      }
      const std::uint64_t next = written + 1;
      const auto durability = next % 100 == 0 ? Durability::synced : Durability::buffered;
      if (!append(meta, next, data, durability)) failed = true;
      written = next;
    }
  });
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t at_least = allowed + 100;
    allowed += 2000;
    while (written < at_least && !failed) std::this_thread::yield();
    auto opened = open_rocks_log_to_read(home());
    if (!opened) {
      ADD_FAILURE() << opened.error().text;
      break;
    }
    reader_ = std::move(*opened);
    EXPECT_GE(contiguous(meta.id), at_least);
  }
  stop = true;
  writer.join();
  EXPECT_FALSE(failed);
}

TEST_F(ReadOnlyLog, FilesThatAWriterRemovesCanStillBeRead) {
  options_.memtable_bytes = std::size_t{256} << 10;
  options_.compress = false;
  options_.reclaim_bytes = 1;
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 1000; ++i)
    ASSERT_TRUE(append(meta, i, std::string(2000, 'd'), Durability::buffered));
  close();
  open();
  open_to_read(home());
  const auto tables = table_bytes(home());
  ASSERT_TRUE(log_->erase(meta));
  ASSERT_TRUE(log_->reclaim(meta.id, {kMaxInteger}));
  ASSERT_LT(table_bytes(home()), tables);
  EXPECT_EQ(contiguous(meta.id), 1000U);
}

TEST_F(ReadOnlyLog, WhatWouldWriteIsRefused) {
  test::write_sample_log(home());
  const auto before = whole_tree(home());
  open_to_read(home());
  const auto orders = load("orders").meta;
  CommitGroup group;
  group.topics = {orders};
  EXPECT_EQ(reader_->commit(group, Durability::buffered).errc(), Errc::store_not_writable);
  EXPECT_EQ(reader_->sync().errc(), Errc::store_not_writable);
  EXPECT_EQ(reader_->recover().errc(), Errc::store_not_writable);
  EXPECT_EQ(reader_->reclaim(orders.id, {500}).errc(), Errc::store_not_writable);
  EXPECT_EQ(reader_->erase(orders).errc(), Errc::store_not_writable);
  EXPECT_EQ(reader_->checkpoint(directory_.path() / "copy").errc(), Errc::store_not_writable);
  EXPECT_FALSE(fs::exists(directory_.path() / "copy"));
  EXPECT_EQ(contiguous(orders.id), 1000U);
  reader_.reset();
  EXPECT_EQ(whole_tree(home()), before);
}

TEST_F(ReadOnlyLog, LevelsAndFiguresAreThoseOfTheFiles) {
  test::write_sample_log(home());
  open_to_read(home());
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  for (const auto& level : reader_->levels()) {
    EXPECT_FALSE(level.family.empty());
    EXPECT_GT(level.files, 0U);
    bytes += level.bytes;
    count += level.files;
  }
  EXPECT_EQ(bytes, table_bytes(home()));
  EXPECT_EQ(count, files(home(), ".sst").size());
  EXPECT_FALSE(reader_->figures().empty());
}

// ---- earlier formats ----

/// The store as an earlier version would have left it: three families fewer.
void make_earlier(RocksDatabase& database, const TopicMeta& meta, std::uint8_t version) {
  for (auto* const family : {database.keys(), database.states(), database.cursors()})
    ASSERT_TRUE(database.db().DropColumnFamily(family).ok());
  std::string value = encode_value(meta);
  value[0] = static_cast<char>(version);
  // Version 3 added 9 bytes. Version 2 added, of a topic without any of it: three optionals, two
  // bools, a string, and two numbers.
  value.resize(value.size() - 9 - (version == 1 ? 3 + 2 + 8 + 16 : 0));
  ASSERT_TRUE(database.db().Put({}, database.topics(), meta.name, value).ok());
  std::string format;
  append_be64(format, version);
  ASSERT_TRUE(database.db().Put({}, slice(store_keys::format), format).ok());
}

class EarlierFormat : public ReadOnlyLog, public testing::WithParamInterface<int> {};

TEST_P(EarlierFormat, IsReadAsItIs) {
  open();
  auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "old"));
  close();
  {
    std::unique_ptr<RocksDatabase> database;
    ASSERT_TRUE(
        RocksDatabase::open(home() / "db", {}, RocksDatabase::Recovery::strict, database).ok());
    make_earlier(*database, meta, static_cast<std::uint8_t>(GetParam()));
  }
  const auto before = whole_tree(home());
  open_to_read(home());
  EXPECT_EQ(load("t").meta, meta);
  EXPECT_EQ(contiguous(meta.id), 1U);
  EXPECT_EQ(*reader_->state(meta.id), std::nullopt);
  EXPECT_EQ(*reader_->latest(meta.id, "k"), std::nullopt);
  EXPECT_EQ(*reader_->cursor(meta.id, "c"), std::nullopt);
  const auto nobody = [](TopicId, std::string_view, std::uint64_t) {
    ADD_FAILURE() << "a cursor where there is no family for them";
    return true;
  };
  EXPECT_TRUE(reader_->topics_with_cursors(nobody));
  for (const auto& level : reader_->levels()) EXPECT_NE(level.family, "cursors");
  reader_.reset();
  EXPECT_EQ(whole_tree(home()), before);
}

INSTANTIATE_TEST_SUITE_P(Versions, EarlierFormat, testing::Values(1, 2));

// ---- what can't be read ----

TEST_F(ReadOnlyLog, ALogThatEndsBeforeItsMarkerIsToldOf) {
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(append(meta, i, "event"));
  const auto copy = image("copy");
  for (const auto& file : files(copy, ".log")) fs::remove(file);
  const auto before = whole_tree(copy);
  EXPECT_EQ(failure_to_read(copy), Errc::store_lost_data);
  EXPECT_NE(text_.find("tidemark repair"), std::string::npos) << text_;
  EXPECT_EQ(whole_tree(copy), before);
}

TEST_F(ReadOnlyLog, AFlippedBitInTheWriteAheadLogIsToldOf) {
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(append(meta, i, "event"));
  const auto copy = image("copy");
  flip_bit(wal(copy), fs::file_size(wal(copy)) / 2);
  EXPECT_EQ(failure_to_read(copy), Errc::corrupt_record);
}

TEST_F(ReadOnlyLog, AMissingTableIsToldOf) {
  test::write_sample_log(home());
  fs::remove(files(home(), ".sst").front());
  EXPECT_EQ(failure_to_read(home()), Errc::corrupt_record);
  EXPECT_NE(text_.find(home().string()), std::string::npos) << text_;
}

TEST_F(ReadOnlyLog, AMissingMarkerOrDatabaseIsToldOf) {
  test::write_sample_log(home());
  const auto copy = image("copy");
  fs::remove(copy / "HEAD");
  EXPECT_EQ(failure_to_read(copy), Errc::store_lost_data);
  const auto other = image("other");
  fs::remove_all(other / "db");
  EXPECT_EQ(failure_to_read(other), Errc::corrupt_record);
  EXPECT_FALSE(fs::exists(other / "db"));
}

TEST_F(ReadOnlyLog, WhatIsNoDataDirectoryIsToldApart) {
  EXPECT_EQ(failure_to_read(home()), Errc::not_found);
  EXPECT_FALSE(fs::exists(home()));
  fs::create_directory(home());
  EXPECT_EQ(failure_to_read(home()), Errc::store_not_ours);
  test::write_whole(home() / "letter.txt", "dear");
  EXPECT_EQ(failure_to_read(home()), Errc::store_not_ours);
  EXPECT_EQ(failure_to_read(home() / "letter.txt"), Errc::store_not_ours);
  EXPECT_EQ(whole_tree(home()).size(), 1U);
}

TEST_F(ReadOnlyLog, ALaterFormatIsToldApart) {
  open();
  close();
  {
    std::unique_ptr<RocksDatabase> database;
    ASSERT_TRUE(
        RocksDatabase::open(home() / "db", {}, RocksDatabase::Recovery::strict, database).ok());
    std::string format;
    append_be64(format, kFormatVersion + 1);
    ASSERT_TRUE(database->db().Put({}, slice(store_keys::format), format).ok());
  }
  EXPECT_EQ(failure_to_read(home()), Errc::store_newer_format);
}

// ---- who writes ----

/// The child of the test below: has the log open until its input ends.
TEST(HoldingChild, DISABLED_HasTheLogOpen) {
  const char* where = std::getenv("TIDEMARK_TEST_STORE");
  ASSERT_NE(where, nullptr);
  auto log = open_rocks_log(where, {});
  ASSERT_TRUE(log) << log.error().text;
  ASSERT_EQ(::write(STDERR_FILENO, "!", 1), 1);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

TEST_F(ReadOnlyLog, TheProcessThatWritesIsKnownByItsLock) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "event"));
  close();
  EXPECT_EQ(writer_of(home()), std::nullopt);
  int in[2];
  int out[2];
  ASSERT_EQ(::pipe(in), 0);
  ASSERT_EQ(::pipe(out), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDERR_FILENO);
    for (const int end : {in[0], in[1], out[0], out[1]}) ::close(end);
    test::become_test("HoldingChild.*", home());
  }
  ::close(in[0]);
  ::close(out[1]);
  char byte = 0;
  EXPECT_EQ(::read(out[0], &byte, 1), 1);
  EXPECT_EQ(writer_of(home()), std::optional<int>(child));
  EXPECT_EQ(failure(home()), Errc::store_locked);
  const auto before = whole_tree(home());
  open_to_read(home());
  EXPECT_EQ(contiguous(meta.id), 1U);
  reader_.reset();
  EXPECT_EQ(whole_tree(home()), before);
  EXPECT_EQ(writer_of(home()), std::optional<int>(child));
  ::close(in[1]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ::close(out[0]);
  EXPECT_EQ(writer_of(home()), std::nullopt);
}

}  // namespace
}  // namespace tidemark::storage
