// Backups as directories: names, what is whole and what is not, one at a time, the end.
// tests/: broker/backups, on a log that is copied when the test lets it.
#include "broker/backups.hpp"

#include <algorithm>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/copied_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::broker {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BackupNames, AreFilesThatNobodyHides) {
  for (const auto* name : {"a", "Z-9_.x", "20261129T143000Z", "..."}) {
    EXPECT_EQ(check_backup_name(name), name[0] != '.') << name;
  }
  EXPECT_TRUE(check_backup_name(std::string(64, 'a')));
  EXPECT_FALSE(check_backup_name(std::string(65, 'a')));
  for (const auto* name : {"", ".a", "..", "a/b", "a b", "a~", "ä", "a\n"}) {
    EXPECT_FALSE(check_backup_name(name)) << name;
  }
}

TEST(BackupNames, OfATimeSortAsTimesDo) {
  EXPECT_EQ(backup_name({1'795'962'600'999}), "20261129T143000Z");
  EXPECT_EQ(backup_name({0}), "19700101T000000Z");
  EXPECT_TRUE(check_backup_name(backup_name({1'795'962'600'000})));
}

class BackupsTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path folder() const { return directory_.path() / "backups"; }

  std::future<Backups::Made> begin(const std::string& name) {
    auto promise = std::make_shared<std::promise<Backups::Made>>();
    auto made = promise->get_future();
    const auto begun =
        backups_.make(name, [promise](Backups::Made out) { promise->set_value(std::move(out)); });
    EXPECT_TRUE(begun) << info(begun.errc()).name;
    return made;
  }
  Backups::Made make(const std::string& name) {
    auto made = begin(name);
    if (made.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("stuck");
    return made.get();
  }
  static std::optional<Errc> error_of(const Backups::Made& made) {
    const auto* const fault = std::get_if<BackupFailure>(&made);
    return fault == nullptr ? std::nullopt : std::optional(fault->code);
  }
  [[nodiscard]] std::vector<std::string> listed() const {
    std::vector<std::string> out;
    const auto found = backups_.list();
    for (const auto& backup : std::get<std::vector<Backup>>(found)) out.push_back(backup.name);
    return out;
  }
  /// Everything that is in the folder, whatever it is called.
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder())) {
      out.push_back(entry.path().filename().string());
    }
    std::ranges::sort(out);
    return out;
  }

  TempDir directory_;
  std::unique_ptr<CopiedLog> made_log_ = std::make_unique<CopiedLog>();
  CopiedLog& log_ = *made_log_;
  MemoryStore memory_{std::move(made_log_), {}};
  Backups backups_{memory_.store, folder()};
};

TEST_F(BackupsTest, OneIsADirectoryWithANote) {
  EXPECT_THAT(listed(), IsEmpty()) << "there is not even a folder";
  memory_.requester.publish(name_of("t"), 3);
  const auto made = make("first");
  ASSERT_EQ(error_of(made), std::nullopt);
  const auto& backup = std::get<Backup>(made);
  EXPECT_EQ(backup.name, "first");
  EXPECT_EQ(backup.path, folder() / "first");
  EXPECT_EQ(backup.note.topics, 1U);
  EXPECT_EQ(storage::read_backup_note(backup.path).value(), backup.note);
  EXPECT_THAT(storage::missing_files(backup.path, backup.note), IsEmpty());
  EXPECT_THAT(entries(), ElementsAre("first"));
  EXPECT_EQ(fs::status(folder()).permissions(), fs::perms::owner_all);
}

TEST_F(BackupsTest, AreListedByName) {
  for (const auto* name : {"b", "c", "a"}) EXPECT_EQ(error_of(make(name)), std::nullopt);
  EXPECT_THAT(listed(), ElementsAre("a", "b", "c"));
}

TEST_F(BackupsTest, WhatIsNoneIsNotListed) {
  make("a");
  fs::create_directory(folder() / "folder");
  std::ofstream(folder() / "file") << "text";
  fs::copy(folder() / "a", folder() / ".a", fs::copy_options::recursive);
  fs::copy(folder() / "a", folder() / "damaged", fs::copy_options::recursive);
  fs::resize_file(folder() / "damaged" / storage::kBackupFile, 20);
  EXPECT_THAT(listed(), ElementsAre("a"));
}

TEST_F(BackupsTest, NoneIsReplaced) {
  make("a");
  const auto before = fs::last_write_time(folder() / "a" / storage::kBackupFile);
  EXPECT_EQ(error_of(make("a")), Errc::backup_exists);
  EXPECT_EQ(fs::last_write_time(folder() / "a" / storage::kBackupFile), before);
  std::ofstream(folder() / "mine") << "not a backup";
  EXPECT_EQ(error_of(make("mine")), Errc::backup_exists);
  EXPECT_TRUE(fs::is_regular_file(folder() / "mine"));
  EXPECT_EQ(backups_.figures().failed, 0U) << "nothing was tried";
}

TEST_F(BackupsTest, OneIsMadeAtATime) {
  log_.gated = true;
  auto first = begin("a");
  ASSERT_TRUE(log_.begun.try_acquire_for(kPatience));
  EXPECT_TRUE(backups_.figures().running);
  EXPECT_EQ(backups_.make("b", [](Backups::Made) { ADD_FAILURE(); }).errc(), Errc::backup_running);
  EXPECT_THAT(listed(), IsEmpty()) << "it is not whole yet";
  EXPECT_THAT(entries(), ElementsAre(".a.partial"));
  memory_.requester.publish(name_of("t"), 1);  // goes on meanwhile
  log_.go.release();
  EXPECT_EQ(error_of(first.get()), std::nullopt);
  EXPECT_THAT(entries(), ElementsAre("a"));
  log_.gated = false;
  EXPECT_EQ(error_of(make("b")), std::nullopt) << "as soon as the one before is told to be done";
}

TEST_F(BackupsTest, OneThatFailsLeavesNothing) {
  log_.fails = Errc::disk_full;
  const auto made = make("a");
  ASSERT_EQ(error_of(made), Errc::disk_full);
  EXPECT_THAT(std::get<BackupFailure>(made).text, HasSubstr(folder().string()));
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_EQ(backups_.figures().failed, 1U);
  EXPECT_EQ(backups_.figures().made, 0U);
  log_.fails.reset();
  EXPECT_EQ(error_of(make("a")), std::nullopt);
}

TEST_F(BackupsTest, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(folder()) << "in the way";
  const auto made = make("a");
  ASSERT_EQ(error_of(made), Errc::store_not_writable);
  EXPECT_THAT(std::get<BackupFailure>(made).text, HasSubstr(folder().string()));
  EXPECT_TRUE(std::holds_alternative<BackupFailure>(backups_.list()));
}

TEST_F(BackupsTest, WhatABrokerThatWasKilledHasLeftIsRemovedByTheNext) {
  make("a");
  fs::create_directories(folder() / ".b.partial" / "db");
  std::ofstream(folder() / ".b.partial" / "db" / "000001.sst") << "half a table";
  fs::create_directories(folder() / ".a~.partial");
  fs::create_directories(folder() / ".mine");
  EXPECT_EQ(error_of(make("b")), std::nullopt);
  EXPECT_THAT(entries(), ElementsAre(".mine", "a", "b"));
}

TEST_F(BackupsTest, OneThatIsRemovedIsNoMore) {
  make("a");
  make("b");
  EXPECT_EQ(backups_.remove("a"), std::nullopt);
  EXPECT_THAT(entries(), ElementsAre("b"));
  EXPECT_EQ(error_of(make("a")), std::nullopt) << "the name is free";
}

TEST_F(BackupsTest, OnlyBackupsAreRemoved) {
  make("a");
  fs::create_directories(folder() / "mine" / "db");
  for (const auto* name : {"mine", "none"}) {
    const auto fault = backups_.remove(name);
    ASSERT_TRUE(fault) << name;
    EXPECT_EQ(fault->code, Errc::not_found);
  }
  EXPECT_TRUE(fs::exists(folder() / "mine" / "db"));
}

TEST_F(BackupsTest, OneWithADamagedNoteCanBeRemoved) {
  make("a");
  fs::resize_file(folder() / "a" / storage::kBackupFile, 20);
  EXPECT_EQ(backups_.remove("a"), std::nullopt);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(BackupsTest, TheLastIsKnownToTheNextBroker) {
  EXPECT_EQ(backups_.figures().last_success, std::nullopt);
  make("a");
  const auto last = backups_.figures().last_success;
  ASSERT_TRUE(last);
  EXPECT_EQ(backups_.figures().made, 1U);
  EXPECT_GT(backups_.figures().took.count(), 0);
  const Backups next(memory_.store, folder());
  EXPECT_EQ(next.figures().last_success, last);
  EXPECT_EQ(next.figures().made, 0U);
}

TEST_F(BackupsTest, StoppingWaitsForTheOneBeingMade) {
  log_.gated = true;
  auto first = begin("a");
  ASSERT_TRUE(log_.begun.try_acquire_for(kPatience));
  std::thread stopper([&] { backups_.stop(); });
  // Refused from the moment stop() has begun, which gives no sign, hence the polling: until then
  // it is refused for the one being made.
  const auto refused = [&] { return backups_.make("b", [](Backups::Made) {}).errc(); };
  while (refused() != Errc::shutting_down) std::this_thread::yield();
  EXPECT_EQ(first.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  log_.go.release();
  stopper.join();
  ASSERT_EQ(first.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(error_of(first.get()), std::nullopt) << "it was finished, not broken off";
  backups_.stop();
}

TEST(BackupsWithoutAFolder, AreNotPossible) {
  MemoryStore memory;
  const Backups none(memory.store, {});
  EXPECT_FALSE(none.possible());
  EXPECT_TRUE(std::get<std::vector<Backup>>(none.list()).empty());
}

}  // namespace
}  // namespace tidemark::broker
