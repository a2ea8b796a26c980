// The note of a backup, byte for byte and damaged; what a store makes of a directory that has one.
// tests/: the units backup and rocks_checkpoint, and EventStore::backup.
#include "storage/backup.hpp"

#include <atomic>
#include <set>
#include <thread>

#include "storage/head_marker.hpp"
#include "tests/storage/store_fixture.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using test::read_whole;
using test::whole_tree;
using test::write_whole;
using tidemark::testing::publish_of;
using tidemark::testing::topic_name;
using tidemark::testing::Waiting;

// ---- the note ----

class BackupNoteFile : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path file() const { return directory_.path() / kBackupFile; }
  [[nodiscard]] Errc failure() const {
    const auto note = read_backup_note(directory_.path());
    return note ? Errc{} : note.errc();
  }

  TempDir directory_;
  // That of FORMAT.md.
  const BackupNote note_{.time = {1'764'000'000'000},
                         .sequence = 42,
                         .topics = 3,
                         .files = {{.name = "HEAD", .bytes = 4128},
                                   {.name = "db/CURRENT", .bytes = 16},
                                   {.name = "db/000012.sst", .bytes = 8304}}};
};

TEST_F(BackupNoteFile, BytesAreThoseOfTheFormatDocument) {
  ASSERT_TRUE(write_backup_note(directory_.path(), note_));
  EXPECT_EQ(read_whole(file()),
            "tidemark backup 1\ntime 1764000000000\nsequence 42\ntopics 3\nfile 4128 HEAD\n"
            "file 16 db/CURRENT\nfile 8304 db/000012.sst\nend f83c55ef7cff3bb0\n");
  const auto read = read_backup_note(directory_.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, note_);
  EXPECT_EQ(read->bytes(), 4128U + 16 + 8304);
  EXPECT_EQ(whole_tree(directory_.path()).size(), 1U) << "nothing is left beside it";
}

TEST_F(BackupNoteFile, ReplacesTheOneBefore) {
  ASSERT_TRUE(write_backup_note(directory_.path(), note_));
  ASSERT_TRUE(write_backup_note(directory_.path(), {}));
  EXPECT_EQ(*read_backup_note(directory_.path()), BackupNote{});
  ASSERT_TRUE(remove_backup_note(directory_.path()));
  EXPECT_EQ(failure(), Errc::not_found);
}

TEST_F(BackupNoteFile, EveryFlippedBitAndEveryCutIsFound) {
  ASSERT_TRUE(write_backup_note(directory_.path(), note_));
  const auto whole = read_whole(file());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
      write_whole(file(), bytes);
      EXPECT_NE(failure(), Errc{}) << "byte " << at << " bit " << bit;
    }
    write_whole(file(), whole.substr(0, at));
    EXPECT_EQ(failure(), Errc::corrupt_record) << "cut to " << at;
  }
  write_whole(file(), whole + "x");
  EXPECT_EQ(failure(), Errc::corrupt_record);
  write_whole(file(), "tidemark backup 2\nwhatever\n");
  EXPECT_EQ(failure(), Errc::store_newer_format);
}

TEST_F(BackupNoteFile, NamesThatLeadOutOfTheDirectoryAreDamage) {
  for (const char* name : {"../HEAD", "/etc/passwd", "db/../../x", "db/..", "db/", "db/a/b", "x"}) {
    BackupNote note = note_;
    note.files.push_back({.name = name, .bytes = 1});
    ASSERT_TRUE(write_backup_note(directory_.path(), note));
    EXPECT_EQ(failure(), Errc::corrupt_record) << name;
  }
}

TEST_F(BackupNoteFile, FilesThatAreMissingOrCutAreNamed) {
  const auto home = directory_.path() / "data";
  test::write_sample_log(home);
  const auto files = files_of(home);
  ASSERT_TRUE(files);
  BackupNote note = note_;
  note.files = *files;
  EXPECT_EQ(note.files.front().name, "HEAD");
  EXPECT_TRUE(missing_files(home, note).empty());
  const auto table = test::files_like(home, "", ".sst").front();
  test::cut_to(table, fs::file_size(table) - 1);
  fs::remove(home / "db" / "CURRENT");
  const auto missing = missing_files(home, note);
  ASSERT_EQ(missing.size(), 2U);
  EXPECT_NE((missing[0] + missing[1]).find(table.filename().string()), std::string::npos);
  EXPECT_NE((missing[0] + missing[1]).find("The file db/CURRENT is missing."), std::string::npos);
  EXPECT_EQ(files_of(directory_.path() / "nowhere").errc(), Errc::storage_failed);
}

// ---- checkpoints ----

class CheckpointTest : public StoreFixture {
 protected:
  [[nodiscard]] fs::path copy() const { return directory_.path() / "copy"; }
};

TEST_F(CheckpointTest, HasWhatWasSyncedBeforeWhileWritingGoesOn) {
  options_.memtable_bytes = std::size_t{256} << 10;
  open();
  const auto meta = create("t");
  std::atomic<std::uint64_t> synced{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
  std::thread writer([&] {
    for (std::uint64_t next = 1; !stop; ++next) {
      if (!append(meta, next, std::string(2000, 'd'))) failed = true;
      synced = next;
    }
  });
  for (int round = 1; round <= 5; ++round) {
    while (synced < static_cast<std::uint64_t>(round) * 40 && !failed) std::this_thread::yield();
    const std::uint64_t at_least = synced;
    const auto where = directory_.path() / ("copy" + std::to_string(round));
    EXPECT_TRUE(log_->checkpoint(where));
    const auto head = HeadMarker::peek(where / "HEAD");
    EXPECT_TRUE(head && *head >= at_least);
    auto opened = open_rocks_log(where, {});
    if (!opened) {
      ADD_FAILURE() << opened.error().text;
      break;
    }
    std::uint64_t next = 1;
    EXPECT_TRUE((*opened)->read(meta.id, {1}, [&](const BatchView& batch) {
      EXPECT_EQ(batch.header().first.value, next);
      next = batch.end().value;
      return true;
    }));
    EXPECT_GT(next, at_least);
    EXPECT_EQ((*opened)->incidents_after(0).number, 1U) << "a copy is of the past, noted or not";
  }
  stop = true;
  writer.join();
  EXPECT_FALSE(failed);
}

TEST_F(CheckpointTest, HasWhatWasOnlyBuffered) {
  open();
  const auto meta = create("t");
  ASSERT_TRUE(append(meta, 1, "buffered", Durability::buffered));
  ASSERT_TRUE(log_->checkpoint(copy()));
  open(copy());
  EXPECT_EQ(read(meta.id), std::vector<std::string>{"buffered"});
}

TEST_F(CheckpointTest, NeverGoesWhereSomethingIs) {
  open();
  fs::create_directory(copy());
  write_whole(copy() / "letter.txt", "dear");
  EXPECT_EQ(log_->checkpoint(copy()).errc(), Errc::store_not_writable);
  EXPECT_EQ(whole_tree(copy()).size(), 1U);
  EXPECT_EQ(log_->checkpoint(directory_.path() / "no" / "copy").errc(), Errc::store_not_writable);
  EXPECT_FALSE(fs::exists(directory_.path() / "no"));
  EXPECT_TRUE(append(create("t"), 1, "goes on"));
}

TEST_F(CheckpointTest, AnEngineThatCannotSaysSo) {
  EXPECT_EQ(MemoryLog().checkpoint(copy()).errc(), Errc::not_found);
}

// ---- backups ----

class StoreBackup : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path home() const { return directory_.path() / "data"; }
  [[nodiscard]] fs::path copy() const { return directory_.path() / "copy"; }

  void open(const fs::path& where) {
    close();
    EventStoreOptions options;
    options.clock.wall = [] { return Timestamp{1'764'000'000'000}; };
    store_ = EventStore::open(where, std::move(options)).value();
    waiting_ = std::make_unique<Waiting>(*store_);
  }
  void close() {
    waiting_.reset();
    store_.reset();
  }
  std::unique_ptr<PublishRequest> publish(const std::string& data) {
    auto done = waiting_->run(publish_of("t", {data}, "text/plain"));
    EXPECT_FALSE(done->error);
    return done;
  }
  Errc failure(const fs::path& where) {
    const auto opened = open_rocks_log(where, {});
    return opened ? Errc{} : opened.error().code;
  }
  /// "first" and "second" are in the backup, "later" only in the original; all is closed.
  BackupNote make() {
    open(home());
    publish("first");
    publish("second");
    auto note = store_->backup(copy());
    EXPECT_TRUE(note);
    publish("later");
    close();
    return note ? *note : BackupNote{};
  }

  TempDir directory_;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<Waiting> waiting_;
};

TEST_F(StoreBackup, NotesWhatItIs) {
  const auto made = make();
  EXPECT_EQ(made.time, Timestamp{1'764'000'000'000});
  EXPECT_EQ(made.topics, 1U);
  EXPECT_EQ(made.sequence, *HeadMarker::peek(copy() / "HEAD"));
  const auto read = read_backup_note(copy());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, made);
  EXPECT_TRUE(missing_files(copy(), made).empty());
  std::set<std::string> names{kBackupFile};
  for (const auto& file : made.files) names.insert(file.name);
  for (const auto& [name, content] : whole_tree(copy())) {
    EXPECT_TRUE(content == "(directory)" || names.contains(name)) << name;
  }
}

TEST_F(StoreBackup, IsReadWithoutBecomingAnythingElse) {
  make();
  const auto before = whole_tree(copy());
  {
    const auto log = open_rocks_log_to_read(copy());
    ASSERT_TRUE(log) << log.error().text;
    EXPECT_EQ((**(*log)->load(topic_name("t"))).tail.head, Offset{2});
  }
  EXPECT_EQ(whole_tree(copy()), before);
}

TEST_F(StoreBackup, OpensANewEpochInEveryTopicAndIsABackupNoMore) {
  make();
  open(home());
  const Epoch original = publish("more")->epoch;
  open(copy());
  EXPECT_FALSE(fs::exists(copy() / kBackupFile));
  const auto done = publish("after the restore");
  EXPECT_GT(done->epoch, original);
  EXPECT_EQ(done->offsets.first, Offset{3});
  const auto topic = store_->open_topic(topic_name("t")).value();
  EXPECT_EQ(topic->meta().lineage.size(), 2U);
  // A client that has seen what came after the backup is told so.
  const auto answer = store_->read(*topic, {.epoch = original, .offset = {4}});
  ASSERT_EQ(answer.state, ReadAnswer::State::gap);
  EXPECT_EQ(answer.gap.cause, GapCause::epoch);
}

TEST_F(StoreBackup, HasOneIncidentHoweverOftenItIsOpened) {
  make();
  for (int i = 0; i < 3; ++i) {
    const auto log = open_rocks_log(copy(), {});
    ASSERT_TRUE(log) << log.error().text;
    EXPECT_EQ((*log)->incidents_after(0).number, 1U);
    EXPECT_FALSE((*log)->incidents_after(0).buffered_only);
  }
  const auto log = open_rocks_log(home(), {});
  ASSERT_TRUE(log);
  EXPECT_EQ((*log)->incidents_after(0).number, 0U);
}

TEST_F(StoreBackup, IsOfThePastEvenIfItsNoteIsDamaged) {
  make();
  write_whole(copy() / kBackupFile, "?");
  const auto log = open_rocks_log(copy(), {});
  ASSERT_TRUE(log) << log.error().text;
  EXPECT_EQ((*log)->incidents_after(0).number, 1U);
  EXPECT_FALSE(fs::exists(copy() / kBackupFile));
}

TEST_F(StoreBackup, CopiedInPartIsNeverOpened) {
  const auto note = make();
  for (const auto& file : note.files) {
    const bool needed = file.name == "HEAD" || file.name == "db/CURRENT" ||
                        file.name.starts_with("db/MANIFEST-") || file.name.ends_with(".sst");
    if (!needed) continue;
    const auto part = directory_.path() / "part";
    fs::remove_all(part);
    fs::copy(copy(), part, fs::copy_options::recursive);
    fs::remove(part / file.name);
    EXPECT_EQ(missing_files(part, note).size(), 1U);
    EXPECT_NE(failure(part), Errc{}) << file.name;
    EXPECT_TRUE(fs::exists(part / kBackupFile)) << file.name;
  }
  const auto part = directory_.path() / "note";
  fs::create_directory(part);
  fs::copy_file(copy() / kBackupFile, part / kBackupFile);
  EXPECT_EQ(failure(part), Errc::store_lost_data);
  EXPECT_EQ(whole_tree(part).size(), 1U);
}

TEST_F(StoreBackup, NeverGoesWhereSomethingIs) {
  make();
  open(home());
  const auto before = whole_tree(copy());
  EXPECT_EQ(store_->backup(copy()).errc(), Errc::store_not_writable);
  EXPECT_EQ(whole_tree(copy()), before);
}

}  // namespace
}  // namespace tidemark::storage
