// `tidemark restore` of directories that are whole, damaged, or no backups at all.
// tests/tools/: see tools/inspect/backup.hpp; brokers on restored logs are in cli_backup_test.
#include <chrono>
#include <csignal>
#include <thread>

#include <boost/json/parse.hpp>

#include "storage/backup.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class CliRestore : public Cli {
 protected:
  void SetUp() override {  // no broker is asked
    write_sample_log(backup());
    note();
  }
  fs::path backup() const { return files_.path() / "backup"; }
  fs::path restored() const { return files_.path() / "restored"; }
  fs::path partial() const { return files_.path() / "restored.partial"; }

  void note() const {
    storage::write_backup_note(backup(), {.time = SampleLog::kStart,
                                          .sequence = 1,
                                          .topics = 6,
                                          .files = storage::files_of(backup()).value()})
        .value();
  }
  Ended restore(const std::string& more = {}) const {
    return run("tidemark restore backup restored " + more);
  }
  /// With the exit code and nothing left behind, not even of what was there.
  void expect_refused(const Ended& ended, int exit_code, const std::string& says) const {
    EXPECT_EQ(ended.exit_code, exit_code) << ended.errors;
    EXPECT_THAT(ended.errors, HasSubstr(says));
    EXPECT_THAT(ended.output, IsEmpty());
    EXPECT_FALSE(fs::exists(restored()));
    EXPECT_FALSE(fs::exists(partial()));
  }
};

TEST_F(CliRestore, CopiesAllOfItUnderANewName) {
  const auto before = whole_tree(backup());
  const auto ended = restore();
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("restored: "), HasSubstr("of 6 topics, as of 2025-")));
  EXPECT_THAT(ended.errors, HasSubstr("tidemarkd --data "));
  EXPECT_TRUE(whole_tree(backup()) == before);
  const auto files = storage::read_backup_note(backup()).value().files;
  auto there = whole_tree(restored());
  EXPECT_EQ(there.erase("db"), 1U);
  EXPECT_EQ(there.size(), files.size() + 1) << "the note too";
  for (const auto& [name, bytes] : there) EXPECT_EQ(bytes, before.at(name)) << name;
  EXPECT_FALSE(fs::exists(partial()));
  EXPECT_EQ(fs::status(restored()).permissions(), fs::perms::owner_all);
}

TEST_F(CliRestore, SaysItAsJson) {
  const auto ended = restore("--json");
  const auto said = boost::json::parse(ended.output);
  EXPECT_EQ(said.at("directory").as_string(), restored().string());
  EXPECT_EQ(said.at("topics").as_int64(), 6);
  EXPECT_GT(said.at("bytes").to_number<std::uint64_t>(), 1'000U);
  EXPECT_EQ(said.at("time").as_string(), "2025-11-24T16:00:00.000Z");
  EXPECT_THAT(ended.errors, IsEmpty());
}

TEST_F(CliRestore, AMissingFileIsNamed) {
  const auto table = files_like(backup() / "db", "", ".sst").at(0);
  fs::remove(table);
  expect_refused(restore(), 6, table.filename().string());
}

TEST_F(CliRestore, AFileThatIsCutOffIsNamed) {
  const auto table = files_like(backup() / "db", "", ".sst").at(0);
  cut_to(table, fs::file_size(table) - 1);
  expect_refused(restore(), 6, table.filename().string());
}

TEST_F(CliRestore, ADamagedNoteIsNoNote) {
  flip_bit(backup() / storage::kBackupFile, 30);
  expect_refused(restore(), 6, "BACKUP");
}

TEST_F(CliRestore, ACopyThatCannotBeOpenedIsNotKept) {
  const auto manifest = files_like(backup() / "db", "MANIFEST-").at(0);
  flip_bit(manifest, fs::file_size(manifest) / 2);
  expect_refused(restore(), 6, "");
}

TEST_F(CliRestore, WhatIsNoBackupIsToldApart) {
  fs::remove(backup() / storage::kBackupFile);
  expect_refused(restore(), 2, "--plain-copy");
  file("README", "not ours");
  fs::create_directory(files_.path() / "other");
  expect_refused(run("tidemark restore other restored"), 3, "is no backup");
  expect_refused(run("tidemark restore other restored --plain-copy"), 3, "is no backup");
  expect_refused(run("tidemark restore nowhere restored"), 3, "there is no directory");
  expect_refused(run("tidemark restore README restored"), 3, "there is no directory");
}

TEST_F(CliRestore, APlainCopyGetsANote) {
  fs::remove(backup() / storage::kBackupFile);
  const auto before = whole_tree(backup());
  const auto ended = restore("--plain-copy");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_TRUE(whole_tree(backup()) == before);
  const auto note_there = storage::read_backup_note(restored());
  ASSERT_TRUE(note_there);
  EXPECT_EQ(note_there->topics, 6U);
  EXPECT_GT(note_there->sequence, 0U);
  EXPECT_THAT(storage::missing_files(restored(), *note_there), IsEmpty());
}

TEST_F(CliRestore, APlainCopyThatIsNotWholeIsRefused) {
  fs::remove(backup() / storage::kBackupFile);
  fs::remove(files_like(backup() / "db", "", ".sst").at(0));
  const auto half = restore("--plain-copy");
  EXPECT_NE(half.exit_code, 0);
  EXPECT_FALSE(fs::exists(restored()));
  EXPECT_FALSE(fs::exists(partial()));
  fs::remove(backup() / "HEAD");
  expect_refused(restore("--plain-copy"), 3, "is no backup");
}

TEST_F(CliRestore, NothingIsWrittenOver) {
  fs::create_directory(restored());
  write_whole(restored() / "mine", "precious");
  const auto full = restore();
  EXPECT_EQ(full.exit_code, 4);
  EXPECT_THAT(full.errors, HasSubstr("is not empty"));
  EXPECT_EQ(whole_tree(restored()).size(), 1U);
  fs::remove(restored() / "mine");
  EXPECT_EQ(restore().exit_code, 0) << "an empty one is taken";
  EXPECT_TRUE(fs::exists(restored() / "db"));
  EXPECT_EQ(restore().exit_code, 4);
}

TEST_F(CliRestore, AFileInItsPlaceIsLeftThere) {
  write_whole(restored(), "precious");
  EXPECT_EQ(restore().exit_code, 4);
  EXPECT_EQ(read_whole(restored()), "precious");
}

TEST_F(CliRestore, WhatAnotherRestoreHasBegunIsLeftAlone) {
  fs::create_directory(partial());
  write_whole(partial() / "HEAD", "begun");
  const auto ended = restore();
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("restored.partial is there"));
  EXPECT_EQ(read_whole(partial() / "HEAD"), "begun");
  EXPECT_FALSE(fs::exists(restored()));
}

TEST_F(CliRestore, PlacesThatCannotBeAreRefused) {
  expect_refused(run("tidemark restore backup nowhere/restored"), 3, "there is no directory");
  const auto before = whole_tree(backup());
  expect_refused(run("tidemark restore backup backup/inside"), 4, "within");
  EXPECT_TRUE(whole_tree(backup()) == before);
  EXPECT_EQ(run("tidemark restore backup/ restored/").exit_code, 0) << "slashes say nothing";
  EXPECT_TRUE(fs::exists(restored() / "db"));
}

TEST_F(CliRestore, InterruptedItLeavesNothing) {
  // Sparse, so that it is here at once, and long enough to be caught on its way.
  write_whole(backup() / "db" / "999999.sst", "");
  fs::resize_file(backup() / "db" / "999999.sst", std::uintmax_t{1} << 30);
  note();
  Program program({TIDEMARK_CLI, "restore", backup().string(), restored().string()});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!fs::exists(partial()) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  program.signal(SIGINT);
  expect_refused(program.wait(), 5, "interrupted");
}

}  // namespace
}  // namespace tidemark::test
