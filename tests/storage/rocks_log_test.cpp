// The log on RocksDB beyond the contract: failing disks, damage, space, incidents, directories.
// tests/: the units rocks_log and rocks_store; the log contract has the rest.
#include "storage/rocks_log.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <climits>
#include <gmock/gmock.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/proof/faulty_file_system.hpp"
#include "tests/storage/store_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace {

// While not 0, fdatasync of the WAL that is written to fails with it on this thread. RocksDB's
// threads are left alone, and so are closed WALs, which they sync before they flush: where one of
// two threads is about to sync what has just failed the other, RocksDB 7.8 runs into an assertion.
thread_local int wal_sync_error = 0;

// The same for RocksDB's threads and a closed WAL.
struct FlushFault {
  std::atomic<int> error{0};
  std::atomic<bool> reached{false};  ///< a flush is about to fail
  std::atomic<bool> go{false};       ///< it may
} flush_fault;

int fail_flush() {
  flush_fault.reached = true;
  flush_fault.reached.notify_all();
  flush_fault.go.wait(false);
  return flush_fault.error;
}

/// The WAL that is open as `fd`; empty if that is another kind of file.
std::filesystem::path wal_of(int fd) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const auto size = std::max(::readlink(link.c_str(), target, sizeof target), ssize_t{0});
  const std::filesystem::path file(std::string(target, static_cast<std::size_t>(size)));
  return file.extension() == ".log" ? file : std::filesystem::path();
}

bool is_newest(const std::filesystem::path& wal) {
  for (const auto& entry : std::filesystem::directory_iterator(wal.parent_path()))
    if (entry.path().extension() == ".log" && entry.path() > wal) return false;
  return true;
}

int error_of_sync(int fd) {
  const bool of_a_flush = flush_fault.error != 0 && ::gettid() != ::getpid();
  if (!of_a_flush && wal_sync_error == 0) return 0;
  const auto wal = wal_of(fd);
  if (wal.empty()) return 0;
  if (of_a_flush) return fail_flush();
  return is_newest(wal) ? wal_sync_error : 0;
}

}  // namespace

// Stands before libc's for the whole test program, RocksDB's library included.
extern "C" int fdatasync(int fd) {
  const int error = error_of_sync(fd);
  if (error != 0) {
    errno = error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

/// While it lives, writing to any file of the process fails: a disk that takes nothing more.
class NoFileGrows {
 public:
  NoFileGrows() {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &limit_), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = limit_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~NoFileGrows() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit_), 0);
    std::signal(SIGXFSZ, before_);
  }
  NoFileGrows(const NoFileGrows&) = delete;
  NoFileGrows& operator=(const NoFileGrows&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = SIG_DFL;
};

class RocksLogTest : public StoreFixture {
 protected:
  void SetUp() override { flush_fault.reached = flush_fault.go = false; }
  void TearDown() override {
    wal_sync_error = 0;
    flush_fault.error = 0;
    flush_fault.go = true;
    flush_fault.go.notify_all();
  }

  static std::string noise(std::mt19937_64& random, std::size_t size) {
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }

  // Closes without a word, a flush or a sync, as a kill does; what was committed is in the WAL.
  void kill() {
    CommitGroup group;
    group.producers = {{.topic = {kMaxInteger}, .id = "unsynced", .state = {}}};
    ASSERT_TRUE(log_->commit(group, Durability::buffered));
    wal_sync_error = EIO;
    ASSERT_FALSE(log_->sync());
    close();
    wal_sync_error = 0;
  }

  // Fills topics in turn with `each` events of 8 KiB that don't compress.
  std::vector<TopicMeta> fill(int topics, std::uint64_t each) {
    std::mt19937_64 random(1);
    std::vector<TopicMeta> metas;
    for (int i = 0; i < topics; ++i) metas.push_back(create("t" + std::to_string(i)));
    for (std::uint64_t offset = 1; offset <= each; ++offset) {
      CommitGroup group;
      for (const auto& meta : metas)
        group.batches.push_back(batch(meta, offset, {noise(random, 8 << 10)}));
      EXPECT_TRUE(log_->commit(group, Durability::buffered));
    }
    return metas;
  }
};

// ---- a disk that fails ----

TEST_F(RocksLogTest, SyncAfterAFlushThatFailedIsRefused) {
  options_.memtable_bytes = std::size_t{128} << 10;
  open();
  const auto meta = create("t");
  std::mt19937_64 random(1);
  std::uint64_t next = 1;
  flush_fault.error = EIO;
  while (!flush_fault.reached) {
    ASSERT_TRUE(append(meta, next++, noise(random, 8 << 10), Durability::buffered));
    // Two memtables and some: by then the first is being flushed.
    if (next > 40) flush_fault.reached.wait(false);
  }
  flush_fault.go = true;
  flush_fault.go.notify_all();
  // RocksDB tells nobody; its own log is the sign.
  const auto told = [&] {
    std::ifstream file(home() / "db" / "LOG");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find("background flush error") != std::string::npos;
  };
  while (!told()) std::this_thread::yield();
  EXPECT_EQ(log_->sync().errc(), Errc::storage_failed);

  flush_fault.error = 0;
  ASSERT_TRUE(log_->recover());
  EXPECT_EQ(read(meta.id).size(), next - 1);
  EXPECT_TRUE(append(meta, next, "after"));
}

TEST_F(RocksLogTest, FailedSyncStopsWritingUntilRecovered) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "first"));
  wal_sync_error = EIO;
  EXPECT_EQ(append(meta, 2, "unknown").errc(), Errc::storage_failed);
  wal_sync_error = 0;
  EXPECT_EQ(append(meta, 2, "refused").errc(), Errc::storage_failed);
  EXPECT_EQ(log_->sync().errc(), Errc::storage_failed);
  EXPECT_EQ(log_->erase(meta).errc(), Errc::storage_failed);
  EXPECT_EQ(read(meta.id), std::vector<std::string>{"first"});

  ASSERT_TRUE(log_->recover());
  const auto head = (*log_->load(*TopicName::parse("t")))->tail.head.value;
  EXPECT_GE(head, 1U);
  EXPECT_LE(head, 2U);
  ASSERT_TRUE(append(meta, head + 1, "last"));
  auto expected = std::vector<std::string>{"first"};
  if (head == 2) expected.emplace_back("unknown");
  expected.emplace_back("last");
  EXPECT_EQ(read(meta.id), expected);
  close();
  open();
  EXPECT_EQ(read(meta.id), expected);
}

TEST_F(RocksLogTest, FullDiskIsToldApartAndHeals) {
  open();
  const auto meta = create("t");
  wal_sync_error = ENOSPC;
  EXPECT_EQ(append(meta, 1, "unknown").errc(), Errc::disk_full);
  EXPECT_EQ(log_->recover().errc(), Errc::disk_full);
  EXPECT_EQ(append(meta, 1, "refused").errc(), Errc::storage_failed);
  wal_sync_error = 0;
  ASSERT_TRUE(log_->recover());
  const auto head = (*log_->load(*TopicName::parse("t")))->tail.head;
  EXPECT_TRUE(append(meta, head.value + 1, "healed"));
}

TEST_F(RocksLogTest, ReadingGoesOnWhileRecoveryFails) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "first"));
  wal_sync_error = EIO;
  EXPECT_FALSE(append(meta, 2, "unknown"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(log_->recover().errc(), Errc::storage_failed);
    ASSERT_FALSE(read(meta.id).empty());
    EXPECT_EQ(read(meta.id).front(), "first");
  }
  wal_sync_error = 0;
  EXPECT_TRUE(log_->recover());
}

TEST_F(RocksLogTest, ReadingGoesOnWhereTheDatabaseCannotBeOpenedForWriting) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "first"));
  wal_sync_error = EIO;
  EXPECT_FALSE(append(meta, 2, "unknown"));
  wal_sync_error = 0;
  for (int i = 0; i < 3; ++i) {
    const NoFileGrows none;
    EXPECT_FALSE(log_->recover());
  }
  ASSERT_FALSE(read(meta.id).empty());
  EXPECT_EQ(read(meta.id).front(), "first");
  EXPECT_FALSE(append(meta, 2, "refused"));
  EXPECT_TRUE(log_->health().readable);
  EXPECT_NE(log_->health().last_error, "");
  EXPECT_TRUE(log_->health().failed);
  ASSERT_TRUE(log_->recover());
  EXPECT_FALSE(log_->health().failed);
  const auto head = (*log_->load(*TopicName::parse("t")))->tail.head.value;
  EXPECT_TRUE(append(meta, head + 1, "healed"));
}

TEST_F(RocksLogTest, TheErrorOfAFailedWriteIsKeptInRocksDBsWords) {
  open();
  const auto meta = create("t");
  EXPECT_EQ(log_->health().errors, 0U);
  wal_sync_error = EIO;
  EXPECT_FALSE(append(meta, 1, "unknown"));
  wal_sync_error = 0;
  EXPECT_THAT(log_->health().last_error, ::testing::HasSubstr(".log"));
  EXPECT_GE(log_->health().errors, 1U);
  ASSERT_TRUE(log_->recover());
  EXPECT_GE(log_->health().errors, 1U) << "they are counted since the start";
}

// A log on a file system that fails where wal_sync_error can't: in files other than the WAL.
class RocksLogOnAFailingDisk : public StoreFixture {
 protected:
  void SetUp() override {
    fs::create_directory(home());
    fs::create_directory(directory_.path() / "grave");
    disk_ = std::make_unique<proof::FaultyFileSystem>(home(), directory_.path() / "grave");
    options_.env = disk_->env();
    options_.disk = &disk_->disk_calls();
    open();
    meta_ = create("t");
    ASSERT_TRUE(append(meta_, 1, "first"));
    disk_->arm({.kind = proof::FaultKind::sync, .nth = 1});
    ASSERT_FALSE(append(meta_, 2, "unknown"));
  }
  void TearDown() override { close(); }

  std::unique_ptr<proof::FaultyFileSystem> disk_;
  TopicMeta meta_;
};

TEST_F(RocksLogOnAFailingDisk, StaysOpenForReadingUntilTheDiskTakesFilesAgain) {
  disk_->arm({.kind = proof::FaultKind::write, .nth = 1, .persistent = true, .no_space = true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(log_->recover().errc(), Errc::disk_full);
    EXPECT_EQ(read(meta_.id), std::vector<std::string>{"first"});
    const auto loaded = log_->load(*TopicName::parse("t"));
    ASSERT_TRUE(loaded);
    EXPECT_EQ((*loaded)->tail.head, Offset{1}) << "what is not on disk is not shown";
  }
  disk_->disarm();
  ASSERT_TRUE(log_->recover());
  EXPECT_EQ(read(meta_.id), (std::vector<std::string>{"first", "unknown"}));
}

TEST_F(RocksLogOnAFailingDisk, ReadsEventsWhileItCanNotBeOpenedForWriting) {
  // The file that tries the disk is synced, what opening writes is not.
  disk_->arm({.kind = proof::FaultKind::sync, .nth = 2, .persistent = true});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(log_->recover().errc(), Errc::storage_failed);
    const auto data = read(meta_.id);
    ASSERT_FALSE(data.empty());
    EXPECT_EQ(data.front(), "first");
    // Where the topic ends is not known: what comes last may not be on disk.
    EXPECT_EQ(log_->load(*TopicName::parse("t")).errc(), Errc::storage_failed);
    EXPECT_EQ(append(meta_, 2, "refused").errc(), Errc::storage_failed);
  }
  disk_->disarm();
  ASSERT_TRUE(log_->recover());
  EXPECT_EQ((*log_->load(*TopicName::parse("t")))->tail.head, Offset{2});
  ASSERT_TRUE(append(meta_, 3, "third"));
}

TEST_F(RocksLogOnAFailingDisk, ANewOneIsOnDiskWithItsNameBeforeAnythingIsAcknowledged) {
  ASSERT_TRUE(log_->recover());
  ASSERT_TRUE(append(meta_, 3, "third"));
  disk_->cut_power();
  close();
  disk_->lose_power({});
  open();
  EXPECT_EQ(read(meta_.id), (std::vector<std::string>{"first", "unknown", "third"}));
}

// Which directories have been synced.
class SyncedDirectories : public DiskCalls {
 public:
  int fsync(int fd) override {
    char target[PATH_MAX];
    const auto size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
    if (size > 0) names.emplace(std::string(target, static_cast<std::size_t>(size)));
    return DiskCalls::fsync(fd);
  }
  std::set<std::string> names;
};

TEST_F(RocksLogTest, DirectoriesMadeForItAreSynced) {
  SyncedDirectories disk;
  options_.disk = &disk;
  open(directory_.path() / "a" / "b" / "data");
  close();
  for (const auto& each : {directory_.path(), directory_.path() / "a", directory_.path() / "a/b",
                           directory_.path() / "a/b/data"})
    EXPECT_TRUE(disk.names.contains(each.string())) << each;
}

TEST_F(RocksLogTest, BufferedCommitsSurviveUntilTheFailedSyncIsToldOf) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "buffered", Durability::buffered));
  wal_sync_error = EIO;
  EXPECT_EQ(log_->sync().errc(), Errc::storage_failed);
  wal_sync_error = 0;
  ASSERT_TRUE(log_->recover());
  EXPECT_EQ(read(meta.id), std::vector<std::string>{"buffered"});
}

TEST_F(RocksLogTest, ReadersGoOnThroughManyRecoveries) {
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(append(meta, i, "event"));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        std::uint64_t events = 0;
        const auto result =
            log_->read(meta.id, {1}, [&](const BatchView&) { return ++events, true; });
        if (!result || events != 50) ++wrong;
      }
    });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(log_->recover());
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(RocksLogTest, TopicIdsOfAFailedReservationAreNotGivenAgain) {
  open();
  create("a");
  for (int i = 0; i < 1100; ++i) log_->next_topic_id();
  wal_sync_error = EIO;
  for (int i = 0; i < 1100; ++i) log_->next_topic_id();  // needs a reservation, which fails
  wal_sync_error = 0;
  const auto last = log_->next_topic_id();
  ASSERT_TRUE(log_->recover());
  const auto meta = create("b");
  EXPECT_GT(meta.id, last);
  const auto copy = image("copy");
  close();
  open(copy);
  EXPECT_GT(log_->next_topic_id(), meta.id);
}

// ---- damage ----

TEST_F(RocksLogTest, DamagedBatchEndsTheReadAndOnlyThatTopics) {
  open();
  const auto bad = create("bad");
  const auto good = create("good");
  CommitGroup group;
  group.batches = {batch(bad, 1, {"one"}), batch(bad, 2, {"two"}), batch(bad, 3, {"three"}),
                   batch(good, 1, {"fine"})};
  group.batches[1].value[45] ^= 1;
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(bad.id), std::vector<std::string>{"one"});
  EXPECT_EQ(read_error_, Errc::corrupt_record);
  EXPECT_EQ(read(bad.id, 3), std::vector<std::string>{"three"});
  EXPECT_EQ(read_error_, Errc{});
  EXPECT_EQ(read(good.id), std::vector<std::string>{"fine"});
}

TEST_F(RocksLogTest, MissingBatchIsDamageNotSilence) {
  open();
  const auto meta = create("t");
  CommitGroup group;
  group.batches = {batch(meta, 1, {"1", "2"}), batch(meta, 5, {"5", "6"})};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(meta.id), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(read_error_, Errc::corrupt_record);
  EXPECT_TRUE(read(meta.id, 3).empty());
  EXPECT_EQ(read_error_, Errc::corrupt_record);
}

TEST_F(RocksLogTest, NewEpochMayBeginAfterAHole) {
  open();
  auto meta = create("t");
  CommitGroup group;
  group.batches = {batch(meta, 1, {"1", "2"})};
  meta.lineage.push_back({log_->next_epoch(), {5}});
  group.topics = {meta};
  group.batches.push_back(batch(meta, 5, {"5"}));
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(meta.id), (std::vector<std::string>{"1", "2", "5"}));
  EXPECT_EQ(read_error_, Errc{});
}

TEST_F(RocksLogTest, BitFlippedInATableIsNeverServed) {
  options_.compress = false;
  open();
  const auto meta = create("t");
  for (std::uint64_t i = 1; i <= 100; ++i)
    ASSERT_TRUE(append(meta, i, std::string(1000, 'd'), Durability::buffered));
  close();
  for (const auto& file : files(home(), ".sst"))
    if (fs::file_size(file) > 50'000) flip_bit(file, fs::file_size(file) / 2);
  open();
  const auto data = read(meta.id);
  EXPECT_EQ(read_error_, Errc::corrupt_record);
  EXPECT_LT(data.size(), 100U);
  for (const auto& text : data) EXPECT_EQ(text, std::string(1000, 'd'));
}

TEST_F(RocksLogTest, OptionsAreThoseTheDamageTestsWereMadeWith) {
  open();
  close();
  std::string text;
  for (const auto& entry : fs::directory_iterator(home() / "db"))
    if (entry.path().filename().string().starts_with("OPTIONS-")) {
      std::ifstream stream(entry.path());
      text.assign((std::istreambuf_iterator<char>(stream)), {});
    }
  for (const char* line : {"wal_recovery_mode=kTolerateCorruptedTailRecords",
                           "recycle_log_file_num=0", "paranoid_checks=true",
                           "max_bgerror_resume_count=0", "track_and_verify_wals_in_manifest=true",
                           "unordered_write=false", "target_file_size_base=8388608"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

// ---- space ----

TEST_F(RocksLogTest, ReclaimGivesSpaceBack) {
  options_.memtable_bytes = std::size_t{2} << 20;
  options_.reclaim_bytes = 1;
  open();
  const auto metas = fill(6, 1000);
  close();
  open();
  const auto before = table_bytes(home());
  ASSERT_GT(before, std::uintmax_t{45} << 20);
  for (const auto& meta : metas) ASSERT_TRUE(log_->reclaim(meta.id, {501}));
  EXPECT_LT(table_bytes(home()), before * 6 / 10);
  for (const auto& meta : metas) EXPECT_EQ(read(meta.id, 501).size(), 500U);
  close();
  open();
  for (const auto& meta : metas) {
    EXPECT_EQ(read(meta.id, 1).size(), 500U);
    EXPECT_EQ((*log_->load(*TopicName::parse(meta.name)))->tail.head, Offset{1000});
  }
}

TEST_F(RocksLogTest, ErasedTopicsSpaceIsGivenBack) {
  options_.memtable_bytes = std::size_t{2} << 20;
  options_.reclaim_bytes = 1;
  open();
  const auto metas = fill(4, 1000);
  close();
  open();
  const auto before = table_bytes(home());
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(log_->erase(metas[i]));
    ASSERT_TRUE(log_->reclaim(metas[i].id, {kMaxInteger}));
  }
  EXPECT_LT(table_bytes(home()), before * 3 / 10);
  EXPECT_EQ(read(metas[3].id).size(), 1000U);
}

TEST_F(RocksLogTest, ErasedTopicStaysErasedAfterItsSpaceIsReclaimed) {
  options_.memtable_bytes = std::size_t{1} << 20;
  open();
  const auto metas = fill(4, 300);
  ASSERT_TRUE(log_->erase(metas[1]));
  close();
  open();
  ASSERT_TRUE(log_->reclaim(metas[1].id, {kMaxInteger}));
  ASSERT_TRUE(log_->reclaim(metas[1].id, {kMaxInteger}));
  close();
  open();
  EXPECT_TRUE(read(metas[1].id).empty());
  EXPECT_EQ(read(metas[0].id).size(), 300U);
  EXPECT_EQ(read(metas[2].id).size(), 300U);
}

TEST_F(RocksLogTest, WatermarkThatAllowedAReclaimIsOnDiskBeforeFilesGo) {
  options_.memtable_bytes = std::size_t{1} << 20;
  open();
  auto meta = fill(1, 2000).front();
  close();
  open();
  meta.earliest = {1901};
  CommitGroup group;
  group.topics = {meta};
  ASSERT_TRUE(log_->commit(group, Durability::buffered));
  wal_sync_error = EIO;
  const auto before = table_bytes(home());
  EXPECT_EQ(log_->reclaim(meta.id, {1901}).errc(), Errc::storage_failed);
  EXPECT_EQ(table_bytes(home()), before);
}

// ---- incidents, epochs ----

TEST_F(RocksLogTest, AnotherBootAfterAKillConcernsBufferedTopics) {
  options_.boot_id = "first boot";
  open();
  const auto meta = create("t");
  put_back(image("copy"));
  options_.boot_id = "second boot";
  open();
  EXPECT_EQ(log_->incidents_after(0).number, 1U);
  EXPECT_TRUE(log_->incidents_after(0).buffered_only);
  EXPECT_EQ((*log_->load(*TopicName::parse("t")))->meta, meta);
  open();
  EXPECT_EQ(log_->incidents_after(0).number, 1U) << "told once";
}

TEST_F(RocksLogTest, KillOnTheSameBootIsNoIncident) {
  options_.boot_id = "boot";
  open();
  put_back(image("copy"));
  open();
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

TEST_F(RocksLogTest, AnotherBootAfterACleanStopIsNoIncident) {
  options_.boot_id = "first boot";
  open();
  close();
  options_.boot_id = "second boot";
  open();
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

TEST_F(RocksLogTest, ADamagedBlockOfANeighbourCostsATopicNothing) {
  // A batch larger than a block has one of its own, so the one before that of "right" is of "left".
  const std::string large(40'000, '.');
  open();
  auto left = create("left");
  auto right = create("right");
  ASSERT_TRUE(append(right, 1, "first"));
  close();
  open();
  ASSERT_TRUE(append(left, 1, large + "end of left"));
  ASSERT_TRUE(append(right, 2, large));
  close();
  bool flipped = false;
  for (const auto& table : files(home(), ".sst")) {
    std::ifstream in(table, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const auto at = bytes.find("end of left");
    if (at == std::string::npos) continue;
    flip_bit(table, at);
    flipped = true;
  }
  ASSERT_TRUE(flipped);
  open();
  EXPECT_EQ(read(right.id), (std::vector<std::string>{"first", large}));
  EXPECT_EQ(log_->header_at(right.id, {1})->value().first, Offset{1});
  EXPECT_EQ(log_->read(
                    left.id, {1}, [](const BatchView&) { return true; }, false)
                .errc(),
            Errc::corrupt_record);
}

TEST_F(RocksLogTest, IncidentsAreMerged) {
  options_.boot_id = "1";
  open();
  put_back(image("one"));
  options_.boot_id = "2";
  open();  // the first: buffered only
  const auto copy = image("two");
  close();
  fs::remove(copy / "HEAD");
  options_.accept_loss = true;
  open(copy);  // the second: all topics
  EXPECT_EQ(log_->incidents_after(0).number, 2U);
  EXPECT_FALSE(log_->incidents_after(0).buffered_only);
  EXPECT_FALSE(log_->incidents_after(1).buffered_only);
  EXPECT_EQ(log_->incidents_after(2).number, 2U);
}

TEST_F(RocksLogTest, AcceptingWithoutALossIsNoIncident) {
  open();
  options_.accept_loss = true;
  close();
  open();
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

TEST_F(RocksLogTest, EpochHoldsTheSecondsAndRandomBits) {
  options_.clock = [] { return Timestamp{(1'577'836'800 + 1000) * std::int64_t{1000}}; };
  options_.random = [] { return ~std::uint64_t{0}; };
  open();
  EXPECT_EQ(log_->next_epoch().value, (std::uint64_t{1000} << 21) + (1U << 21) - 1);
}

TEST_F(RocksLogTest, EpochGrowsThoughTheClockGoesBack) {
  std::int64_t seconds = 1'700'000'000;
  options_.clock = [&] { return Timestamp{seconds * 1000}; };
  options_.random = [] { return std::uint64_t{5}; };
  open();
  const auto meta = create("t");
  const auto before = meta.lineage[0].epoch;
  close();
  seconds -= 10 * 365 * 86'400;
  open();
  EXPECT_EQ(log_->next_epoch().value, before.value + 6);
  seconds = 0;
  EXPECT_EQ(log_->next_epoch().value, before.value + 12);
}

TEST_F(RocksLogTest, IdsAndEpochsAreNotGivenAgainAfterAKill) {
  options_.clock = [] { return Timestamp{0}; };
  open();
  const auto meta = create("t");
  const auto given = log_->next_topic_id();
  const auto copy = image("copy");
  close();
  open(copy);
  EXPECT_GT(log_->next_topic_id(), given);
  EXPECT_GT(log_->next_epoch(), meta.lineage[0].epoch);
}

// ---- directories ----

TEST_F(RocksLogTest, DirectoryInUseIsRefused) {
  open();
  EXPECT_EQ(failure(home()), Errc::store_locked);
  EXPECT_NE(text_.find(home().string()), std::string::npos) << text_;
  const auto meta = create("t");
  EXPECT_TRUE(append(meta, 1, "still fine"));
}

TEST_F(RocksLogTest, DirectoryOfSomethingElseIsRefused) {
  fs::create_directories(home());
  std::ofstream(home() / "notes.txt") << "mine";
  EXPECT_EQ(failure(home()), Errc::store_not_ours);
  EXPECT_EQ(std::distance(fs::directory_iterator(home()), {}), 1) << "nothing may be left behind";
}

TEST_F(RocksLogTest, EmptyAndFreshlyFormattedDirectoriesAreTaken) {
  fs::create_directories(home() / "lost+found");
  open();
  close();
  EXPECT_TRUE(fs::exists(home() / "HEAD"));
}

TEST_F(RocksLogTest, PlaceThatCannotBeWrittenIsRefused) {
  std::ofstream(home()) << "a file";
  EXPECT_EQ(failure(home()), Errc::store_not_writable);
  EXPECT_EQ(failure(home() / "below"), Errc::store_not_writable);
  EXPECT_EQ(failure("/proc/tidemark"), Errc::store_not_writable);
  EXPECT_EQ(failure("/sys/tidemark"), Errc::store_not_writable);
}

TEST_F(RocksLogTest, LaterFormatIsRefusedUntouched) {
  open();
  close();
  {
    std::fstream head(home() / "HEAD", std::ios::in | std::ios::out | std::ios::binary);
    for (const std::streamoff slot : {0, 4096}) {
      std::string bytes(32, '\0');
      head.seekg(slot);
      head.read(bytes.data(), 32);
      bytes[7] = 2;
      const std::uint64_t sum = XXH3_64bits(bytes.data(), 24);
      for (std::size_t i = 0; i < 8; ++i) bytes[24 + i] = static_cast<char>(sum >> (8 * i));
      head.seekp(slot);
      head.write(bytes.data(), 32);
    }
  }
  EXPECT_EQ(failure(home()), Errc::store_newer_format);
  EXPECT_NE(text_.find("later version"), std::string::npos) << text_;
}

TEST_F(RocksLogTest, DataIsForTheOwnerAlone) {
  open();
  EXPECT_EQ(fs::status(home()).permissions() & (fs::perms::group_all | fs::perms::others_all),
            fs::perms::none);
}

// ---- everything at once, against the log in memory ----

TEST_F(RocksLogTest, RandomOperationsAgreeWithTheModelThroughStopsAndKills) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  options_.memtable_bytes = std::size_t{128} << 10;
  options_.reclaim_bytes = std::size_t{64} << 10;
  open();
  MemoryLog model;
  std::map<std::string, std::pair<TopicMeta, std::uint64_t>> topics;  // and the next offset

  const auto keys_of = [](Log& log, TopicId topic) {
    std::vector<std::pair<std::string, std::string>> keys;
    const auto reader = log.read_keys(topic, {.epoch = {1}, .offset = {kMaxInteger}});
    EXPECT_TRUE(reader);
    EXPECT_TRUE(reader && (*reader)->read([&](const EventView& entry) {
      keys.emplace_back(entry.key, entry.data);
      return true;
    }));
    return keys;
  };
  const auto compare = [&] {
    EXPECT_EQ(log_->topic_count(), model.topic_count());
    for (const auto& [name, topic] : topics) {
      const auto ours = log_->load(*TopicName::parse(name));
      const auto theirs = model.load(*TopicName::parse(name));
      ASSERT_TRUE(ours && *ours && theirs && *theirs) << name;
      ASSERT_EQ((*ours)->meta, (*theirs)->meta);
      ASSERT_EQ((*ours)->tail, (*theirs)->tail);
      std::vector<std::string> expected;
      const auto from = topic.first.earliest;
      const auto take = [&](std::vector<std::string>& out) {
        return [&](const BatchView& view) {
          for (std::uint32_t i = 0; i < view.count(); ++i) out.emplace_back(view.event(i).data);
          return true;
        };
      };
      std::vector<std::string> got;
      ASSERT_TRUE(log_->read(topic.first.id, from, take(got)));
      ASSERT_TRUE(model.read(topic.first.id, from, take(expected), false));
      ASSERT_EQ(got, expected) << name;
      ASSERT_EQ(keys_of(*log_, topic.first.id), keys_of(model, topic.first.id)) << name;
      const auto id = "p" + std::to_string(random() % 4);
      ASSERT_EQ(*log_->producer(topic.first.id, id), *model.producer(topic.first.id, id));
      const Offset at{random() % (topic.second + 2)};
      if (at >= from) {
        const auto a = log_->header_at(topic.first.id, at);
        const auto b = model.header_at(topic.first.id, at);
        ASSERT_TRUE(a && b);
        ASSERT_EQ(a->has_value(), b->has_value());
        const auto first = [](const auto& header) { return header ? header->first : Offset{}; };
        ASSERT_EQ(first(*a), first(*b));
      }
    }
  };

  for (int step = 0; step < 1500; ++step) {
    const auto name = "t" + std::to_string(random() % 6);
    const auto found = topics.find(name);
    const auto dice = random() % 100;
    if (found == topics.end()) {
      TopicMeta meta;
      meta.id = log_->next_topic_id();
      meta.name = name;
      meta.lineage = {{log_->next_epoch(), {1}}};
      CommitGroup group;
      group.topics = {meta};
      ASSERT_TRUE(log_->commit(group, Durability::synced));
      ASSERT_TRUE(model.commit(group, Durability::synced));
      topics[name] = {meta, 1};
    } else if (dice < 75) {
      auto& [meta, next] = found->second;
      CommitGroup group;
      for (auto n = 1 + random() % 3; n > 0; --n) {
        std::vector<std::string> data;
        for (auto e = 1 + random() % 5; e > 0; --e) data.push_back(noise(random, random() % 2000));
        group.batches.push_back(batch(meta, next, data));
        next += data.size();
      }
      if (random() % 3 == 0)
        group.producers.push_back(
            {.topic = meta.id,
             .id = "p" + std::to_string(random() % 4),
             .state = {.epoch = random(), .last_sequence = random(), .runs = {}, .last_used = {}}});
      if (random() % 2 == 0) {
        NewEvent event;
        event.key = "k" + std::to_string(random() % 8);
        event.data = noise(random, random() % 200);
        LatestUpdate update{
            .topic = meta.id, .key = event.key, .offset = {next - 1}, .time = {1}, .record = {}};
        if (random() % 4 != 0) append_record(update.record, event);
        if (random() % 16 == 0) group.forgotten_keys = {meta.id};
        group.latest.push_back(std::move(update));
      }
      const auto durability = random() % 2 == 0 ? Durability::synced : Durability::buffered;
      ASSERT_TRUE(log_->commit(group, durability));
      ASSERT_TRUE(model.commit(group, durability));
    } else if (dice < 88) {
      auto& [meta, next] = found->second;
      meta.earliest = {meta.earliest.value + random() % (next - meta.earliest.value + 1)};
      CommitGroup group;
      group.topics = {meta};
      ASSERT_TRUE(log_->commit(group, Durability::buffered));
      ASSERT_TRUE(model.commit(group, Durability::buffered));
      ASSERT_TRUE(log_->reclaim(meta.id, meta.earliest));
      ASSERT_TRUE(model.reclaim(meta.id, meta.earliest));
    } else if (dice < 93) {
      const auto meta = found->second.first;
      ASSERT_TRUE(log_->erase(meta));
      ASSERT_TRUE(model.erase(meta));
      if (random() % 2 == 0) {
        ASSERT_TRUE(log_->reclaim(meta.id, {kMaxInteger}));
      }
      topics.erase(found);
    } else if (dice < 95) {
      ASSERT_TRUE(log_->recover());
    } else if (dice < 97) {
      close();
      open();
      compare();
    } else if (dice < 99) {
      kill();
      open();
      compare();
    } else {
      ASSERT_TRUE(log_->sync());
      compare();
    }
    if (HasFatalFailure()) FAIL() << "at step " << step;
  }
  compare();
}

}  // namespace
}  // namespace tidemark::storage
