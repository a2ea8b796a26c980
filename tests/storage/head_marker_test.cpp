// The head marker alone, and what it is for: a store that has lost data is never opened in silence.
// tests/: the unit head_marker, and open_rocks_log on damaged directories.
#include "storage/head_marker.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storage/store_fixture.hpp"
#include "tests/support/child_test.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using Missing = HeadMarker::Missing;

class HeadMarkerFile : public testing::Test {
 protected:
  [[nodiscard]] fs::path file() const { return directory_.path() / "HEAD"; }
  void write(std::uint64_t sequence) {
    auto marker = HeadMarker::open(file(), Missing::create);
    ASSERT_TRUE(marker);
    ASSERT_TRUE((*marker)->write(sequence));
  }
  [[nodiscard]] std::uint64_t sequence() const {
    auto marker = HeadMarker::open(file(), Missing::refuse);
    EXPECT_TRUE(marker);
    return marker ? (*marker)->sequence() : ~std::uint64_t{0};
  }
  void damage(std::streamoff at) {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream.put('?');
  }
  TempDir directory_;
};

TEST_F(HeadMarkerFile, NewOneIsAtZero) {
  EXPECT_EQ(HeadMarker::open(file(), Missing::refuse).errc(), Errc::not_found);
  auto marker = HeadMarker::open(file(), Missing::create);
  ASSERT_TRUE(marker);
  EXPECT_EQ((*marker)->sequence(), 0U);
}

TEST_F(HeadMarkerFile, KeepsTheLastOfManyWrites) {
  {
    auto marker = HeadMarker::open(file(), Missing::create);
    ASSERT_TRUE(marker);
    for (std::uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE((*marker)->write(i * 10));
    ASSERT_TRUE((*marker)->sync());
  }
  EXPECT_EQ(sequence(), 1000U);
  write(7);
  EXPECT_EQ(sequence(), 7U);
}

TEST_F(HeadMarkerFile, TornWriteLeavesTheOneBefore) {
  write(10);  // generation 3, in the second slot
  write(20);  // generation 4, in the first
  damage(20);
  EXPECT_EQ(sequence(), 10U);
  damage(4096 + 20);
  EXPECT_EQ(HeadMarker::open(file(), Missing::refuse).errc(), Errc::corrupt_record);
}

TEST_F(HeadMarkerFile, OneProcessOnlyHoldsIt) {
  auto marker = HeadMarker::open(file(), Missing::create);
  ASSERT_TRUE(marker);
  EXPECT_EQ(HeadMarker::open(file(), Missing::refuse).errc(), Errc::store_locked);
  marker->reset();
  EXPECT_TRUE(HeadMarker::open(file(), Missing::refuse));
}

TEST_F(HeadMarkerFile, PeekLooksPastTheLockAndWritesNothing) {
  EXPECT_EQ(HeadMarker::peek(file()).errc(), Errc::not_found);
  EXPECT_FALSE(fs::exists(file()));
  auto marker = HeadMarker::open(file(), Missing::create);
  ASSERT_TRUE(marker);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE((*marker)->write(i * 10));
    const auto before = fs::last_write_time(file());
    const auto sequence = HeadMarker::peek(file());
    ASSERT_TRUE(sequence);
    EXPECT_EQ(*sequence, i * 10);
    EXPECT_EQ(fs::last_write_time(file()), before);
  }
}

TEST_F(HeadMarkerFile, PeekFindsDamageAsOpeningDoes) {
  write(10);  // generation 3, in the second slot
  write(20);  // generation 4, in the first
  damage(20);
  EXPECT_EQ(*HeadMarker::peek(file()), 10U);
  damage(4096 + 20);
  EXPECT_EQ(HeadMarker::peek(file()).errc(), Errc::corrupt_record);
  std::ofstream(file(), std::ios::trunc).close();
  EXPECT_EQ(HeadMarker::peek(file()).errc(), Errc::corrupt_record);
}

TEST_F(HeadMarkerFile, SomethingElseIsNotTakenForOne) {
  std::ofstream(file()) << std::string(5000, 'x');
  EXPECT_EQ(HeadMarker::open(file(), Missing::refuse).errc(), Errc::corrupt_record);
  EXPECT_EQ(HeadMarker::open(file(), Missing::create).errc(), Errc::corrupt_record);
}

TEST_F(HeadMarkerFile, OneThatWasNeverMadeWholeIsMadeAnew) {
  // What a failed write or a loss of power leaves of the making: a piece, or room for both slots.
  for (const std::string& left : {std::string(16, 'T'), std::string(4096 + 32, '\0')}) {
    std::ofstream(file(), std::ios::binary) << left;
    EXPECT_EQ(HeadMarker::open(file(), Missing::refuse).errc(), Errc::corrupt_record);
    {
      auto marker = HeadMarker::open(file(), Missing::create);
      ASSERT_TRUE(marker);
      EXPECT_EQ((*marker)->sequence(), 0U);
    }
    EXPECT_EQ(sequence(), 0U);
  }
}

TEST_F(HeadMarkerFile, BytesAreThoseOfTheFormatDocument) {
  write(0x1234);
  std::ifstream stream(file(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_EQ(bytes.size(), 4096U + 32);
  EXPECT_EQ(bytes.substr(4096, 24),
            std::string("TIDEMRK\x01\x03\0\0\0\0\0\0\0\x34\x12\0\0\0\0\0\0", 24));
}

/// A store with ten synced events in its WAL, and what can befall it.
class LostData : public StoreFixture {
 protected:
  void SetUp() override {
    open();
    meta_ = create("t");
    for (std::uint64_t i = 1; i <= 10; ++i)
      ASSERT_TRUE(append(meta_, i, "event " + std::to_string(i)));
  }

  // Refused, also the second time; with accept_loss it opens, has an incident, and stays open.
  void expect_refused_then_accepted(const fs::path& where, Errc code = Errc::store_lost_data) {
    close();
    EXPECT_EQ(failure(where), code);
    EXPECT_NE(text_.find(where.string()), std::string::npos) << text_;
    EXPECT_NE(text_.find("--accept-data-loss"), std::string::npos) << text_;
    EXPECT_EQ(failure(where), code);
    options_.accept_loss = true;
    open(where);
    EXPECT_EQ(log_->incidents_after(0).number, 1U);
    EXPECT_FALSE(log_->incidents_after(0).buffered_only);
    EXPECT_EQ(log_->incidents_after(1).number, 1U);
    left_ = read(meta_.id);
    std::uint64_t listed = 0;
    EXPECT_TRUE(log_->list("", [&](const TopicMeta&) { return ++listed, true; }));
    EXPECT_EQ(log_->topic_count(), listed);
    options_.accept_loss = false;
    open(where);
    EXPECT_EQ(log_->incidents_after(0).number, 1U);
    EXPECT_EQ(read(meta_.id), left_);
  }

  TopicMeta meta_;
  std::vector<std::string> left_;
};

TEST_F(LostData, ImageOfAKilledBrokerHasLostNothing) {
  put_back(image("copy"));
  open();
  EXPECT_EQ(read(meta_.id).size(), 10U);
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

TEST_F(LostData, DeletedWalIsFound) {
  const auto copy = image("copy");
  for (const auto& file : files(copy, ".log")) fs::remove(file);
  expect_refused_then_accepted(copy);
  EXPECT_TRUE(left_.empty());
}

TEST_F(LostData, WalCutInTheMiddleIsFound) {
  const auto copy = image("copy");
  fs::resize_file(wal(copy), fs::file_size(wal(copy)) / 2);
  expect_refused_then_accepted(copy);
  EXPECT_LT(left_.size(), 10U);
  EXPECT_GT(left_.size(), 0U);
}

TEST_F(LostData, BitFlippedInTheMiddleOfTheWalIsFound) {
  const auto copy = image("copy");
  flip_bit(wal(copy), fs::file_size(wal(copy)) / 2);
  expect_refused_then_accepted(copy, Errc::corrupt_record);
  EXPECT_LT(left_.size(), 10U);
}

TEST_F(LostData, WalCutAnywhereInItsLastRecordsIsFound) {
  close();
  open();  // a WAL of its own for the records to cut
  ASSERT_TRUE(append(meta_, 11, "event 11"));
  const auto before = fs::file_size(wal(home()));
  for (std::uint64_t i = 12; i <= 14; ++i) ASSERT_TRUE(append(meta_, i, "event"));
  const auto after = fs::file_size(wal(home()));
  ASSERT_GT(after, before + 150);
  for (auto size = before; size < after; size += 5) {
    const auto copy = image("copy");
    fs::resize_file(wal(copy), size);
    EXPECT_EQ(failure(copy), Errc::store_lost_data) << "cut to " << size << " of " << after;
  }
  const auto copy = image("copy");
  close();
  open(copy);
  EXPECT_EQ(read(meta_.id).size(), 14U);
}

TEST_F(LostData, TailOfZerosAfterTheWalIsNoLoss) {
  const auto copy = image("copy");
  fs::resize_file(wal(copy), fs::file_size(wal(copy)) + 5000);
  close();
  open(copy);
  EXPECT_EQ(read(meta_.id).size(), 10U);
}

TEST_F(LostData, GarbageAfterTheWalIsNeverALossInSilence) {
  const auto copy = image("copy");
  std::ofstream(wal(copy), std::ios::app | std::ios::binary) << std::string(500, 'g');
  close();
  const auto code = failure(copy);
  if (code == Errc{}) {
    open(copy);
    EXPECT_EQ(read(meta_.id).size(), 10U);
  } else {
    EXPECT_EQ(code, Errc::corrupt_record);
  }
}

TEST_F(LostData, MissingMarkerIsFound) {
  const auto copy = image("copy");
  fs::remove(copy / "HEAD");
  expect_refused_then_accepted(copy);
  EXPECT_EQ(left_.size(), 10U);
}

TEST_F(LostData, DamagedMarkerIsFound) {
  const auto copy = image("copy");
  std::ofstream(copy / "HEAD") << std::string(5000, 'x');
  expect_refused_then_accepted(copy);
  EXPECT_EQ(left_.size(), 10U);
}

TEST_F(LostData, MissingDatabaseIsFound) {
  const auto copy = image("copy");
  fs::remove_all(copy / "db");
  expect_refused_then_accepted(copy);
}

TEST_F(LostData, MissingTableIsFound) {
  close();
  const auto tables = files(home(), ".sst");
  ASSERT_FALSE(tables.empty());
  fs::remove(tables.front());
  EXPECT_EQ(failure(home()), Errc::corrupt_record);
}

TEST_F(LostData, OlderCopyOfTheDatabaseIsFound) {
  const auto copy = image("copy");
  ASSERT_TRUE(append(meta_, 11, "newer"));
  fs::copy_file(home() / "HEAD", copy / "HEAD", fs::copy_options::overwrite_existing);
  expect_refused_then_accepted(copy);
  EXPECT_EQ(left_.size(), 10U);
}

TEST_F(LostData, CleanStopsNeverLookLikeALoss) {
  for (std::uint64_t i = 11; i <= 30; ++i) {
    close();
    open();
    ASSERT_TRUE(append(meta_, i, "event", i % 2 != 0 ? Durability::synced : Durability::buffered));
    if (i % 5 == 0) {
      ASSERT_TRUE(log_->erase(create("gone")));
    }
    if (i % 7 == 0) {
      ASSERT_TRUE(log_->reclaim(meta_.id, {i - 5}));
    }
  }
  close();
  open();
  EXPECT_EQ(log_->load(*TopicName::parse("t"))->value().tail.head, Offset{30});
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

/// The child of the test below: commits until it is killed, telling each event that is on disk.
TEST(KilledChild, DISABLED_CommitsUntilKilled) {
  const char* where = std::getenv("TIDEMARK_TEST_STORE");
  ASSERT_NE(where, nullptr);
  StoreOptions options;
  options.memtable_bytes = std::size_t{256} << 10;  // so that flushes are under way at the kill
  auto log = open_rocks_log(where, options);
  ASSERT_TRUE(log) << log.error().text;
  auto loaded = (*log)->load(*TopicName::parse("t"));
  ASSERT_TRUE(loaded);
  TopicMeta meta;
  CommitGroup group;
  std::uint64_t next = 1;
  if (*loaded) {
    meta = (*loaded)->meta;
    next = (*loaded)->tail.head.value + 1;
  } else {
    meta = {.id = (*log)->next_topic_id(),
            .name = "t",
            .settings = {},
            .created = {},
            .lineage = {{(*log)->next_epoch(), {1}}},
            .earliest = {1},
            .trim_cause = 0,
            .incident = 0};
    group.topics = {meta};
  }
  for (;; ++next) {
    BatchBuilder builder;
    NewEvent event;
    event.data = std::string(2000, static_cast<char>('a' + next % 26));
    builder.add(event);
    group.batches = {{.topic = meta.id,
                      .first = {next},
                      .value = builder.finish(meta.id, {.epoch = meta.lineage.back().epoch,
                                                        .first = {next},
                                                        .count = 0,
                                                        .time = {1},
                                                        .bytes_before = 0})}};
    ASSERT_TRUE((*log)->commit(group, Durability::synced));
    group = {};
    const std::string line = std::to_string(next) + "\n";
    ASSERT_EQ(::write(STDERR_FILENO, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
}

TEST(KilledBroker, HasEveryEventItSaidWasOnDisk) {
  const TempDir directory;
  const auto store = directory.path() / "data";
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::dup2(ends[1], STDERR_FILENO);
      ::close(ends[0]);
      test::become_test("KilledChild.*", store);
    }
    ::close(ends[1]);
    FILE* lines = ::fdopen(ends[0], "r");
    unsigned long long seen = 0;
    const int until = 40 + 97 * round;  // events, so that the kill falls now here, now there
    for (int i = 0; i < until && std::fscanf(lines, "%llu", &seen) == 1; ++i) acknowledged = seen;
    ::kill(child, SIGKILL);
    while (std::fscanf(lines, "%llu", &seen) == 1) acknowledged = seen;
    std::fclose(lines);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, " << status;

    auto log = open_rocks_log(store, {});
    ASSERT_TRUE(log) << log.error().text;
    auto loaded = (*log)->load(*TopicName::parse("t"));
    ASSERT_TRUE(loaded && *loaded);
    const auto head = (*loaded)->tail.head.value;
    EXPECT_GE(head, acknowledged);
    EXPECT_LE(head, acknowledged + 1);
    std::uint64_t next = 1;
    ASSERT_TRUE((*log)->read((*loaded)->meta.id, {1}, [&](const BatchView& batch) {
      EXPECT_EQ(batch.header().first.value, next++);
      return true;
    }));
    EXPECT_EQ(next, head + 1);
    EXPECT_EQ((*log)->incidents_after(0).number, 0U);
    acknowledged = head;
  }
  EXPECT_GT(acknowledged, 500U);
}

}  // namespace
}  // namespace tidemark::storage
