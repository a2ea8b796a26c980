// The faulty file system itself: what was not synced is gone, what was is not, and what fails
// fails. tests/proof/: a disk that forgets nothing would prove nothing.
#include "faulty_file_system.hpp"

#include <fcntl.h>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "storage/head_marker.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::proof {
namespace {

namespace fs = std::filesystem;
using rocksdb::IOOptions;

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  FaultyFileSystemTest() {
    fs::create_directory(root());
    fs::create_directory(directory_.path() / "grave");
    files_ = std::make_unique<FaultyFileSystem>(root(), directory_.path() / "grave");
  }
  [[nodiscard]] fs::path root() const { return directory_.path() / "root"; }
  [[nodiscard]] fs::path at(const std::string& name) const { return root() / name; }

  std::unique_ptr<rocksdb::FSWritableFile> make(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files_->NewWritableFile(at(name), {}, &file, nullptr).ok());
    return file;
  }
  void write(const std::string& name, const std::string& text) {
    auto file = make(name);
    EXPECT_TRUE(file->Append(text, {}, nullptr).ok());
    EXPECT_TRUE(file->Sync({}, nullptr).ok());
    EXPECT_TRUE(file->Close({}, nullptr).ok());
  }
  rocksdb::IOStatus sync_root() {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    EXPECT_TRUE(files_->NewDirectory(root(), {}, &directory, nullptr).ok());
    return directory->FsyncWithDirOptions({}, nullptr, {});
  }
  static std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDir directory_;
  std::unique_ptr<FaultyFileSystem> files_;
};

TEST_F(FaultyFileSystemTest, DropsWhatFollowsTheLastSync) {
  auto file = make("a");
  ASSERT_TRUE(file->Append("kept", {}, nullptr).ok());
  ASSERT_TRUE(file->Sync({}, nullptr).ok());
  ASSERT_TRUE(file->Append(" lost", {}, nullptr).ok());
  ASSERT_TRUE(sync_root().ok());
  EXPECT_EQ(text_of(at("a")), "kept lost");
  file.reset();
  files_->lose_power({});
  EXPECT_EQ(text_of(at("a")), "kept");
}

TEST_F(FaultyFileSystemTest, KeepsSomeOfATornTail) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto file = make("a");
    ASSERT_TRUE(file->Append("ab", {}, nullptr).ok());
    ASSERT_TRUE(sync_root().ok());
    file.reset();
    files_->lose_power({.torn_tails = true, .keep_names = false, .seed = seed});
    seen.insert(text_of(at("a")));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "a", "ab"}));
}

TEST_F(FaultyFileSystemTest, ForgetsNamesThatWereNotSynced) {
  write("old", "old");
  ASSERT_TRUE(sync_root().ok());
  write("new", "new");
  ASSERT_TRUE(files_->DeleteFile(at("old"), {}, nullptr).ok());
  ASSERT_TRUE(files_->CreateDir(at("directory"), {}, nullptr).ok());
  files_->lose_power({});
  EXPECT_EQ(text_of(at("old")), "old");
  EXPECT_FALSE(fs::exists(at("new")));
  EXPECT_FALSE(fs::exists(at("directory")));
}

TEST_F(FaultyFileSystemTest, RevertsARenameThatWasNotSynced) {
  write("CURRENT", "1");
  ASSERT_TRUE(sync_root().ok());
  write("next", "2");
  ASSERT_TRUE(files_->RenameFile(at("next"), at("CURRENT"), {}, nullptr).ok());
  EXPECT_EQ(text_of(at("CURRENT")), "2");
  files_->lose_power({});
  EXPECT_EQ(text_of(at("CURRENT")), "1");
  write("next", "2");
  ASSERT_TRUE(files_->RenameFile(at("next"), at("CURRENT"), {}, nullptr).ok());
  ASSERT_TRUE(sync_root().ok());
  files_->lose_power({});
  EXPECT_EQ(text_of(at("CURRENT")), "2");
}

TEST_F(FaultyFileSystemTest, WhatASyncFailedOnNeverComesToDisk) {
  auto file = make("a");
  ASSERT_TRUE(sync_root().ok());
  ASSERT_TRUE(file->Append("lost", {}, nullptr).ok());
  files_->arm({.kind = FaultKind::sync, .nth = 1});
  EXPECT_TRUE(file->Sync({}, nullptr).IsIOError());
  EXPECT_TRUE(files_->fired());
  ASSERT_TRUE(file->Append("kept", {}, nullptr).ok());
  EXPECT_TRUE(file->Sync({}, nullptr).ok()) << "once";
  file.reset();
  files_->lose_power({});
  EXPECT_EQ(text_of(at("a")), std::string(4, '\0') + "kept");
}

TEST_F(FaultyFileSystemTest, FailsTheNthWriteAndIfToldEachAfterIt) {
  auto file = make("a");
  files_->arm({.kind = FaultKind::write, .nth = 2, .persistent = true, .no_space = true});
  EXPECT_TRUE(file->Append("one", {}, nullptr).ok());
  EXPECT_FALSE(files_->fired());
  EXPECT_TRUE(file->Append("more", {}, nullptr).IsNoSpace());
  EXPECT_TRUE(file->Append("more", {}, nullptr).IsNoSpace());
  files_->disarm();
  EXPECT_TRUE(file->Append("!", {}, nullptr).ok());
  EXPECT_EQ(text_of(at("a")), "onemomo!");
}

TEST_F(FaultyFileSystemTest, HoldsForTheHeadMarkerToo) {
  using storage::HeadMarker;
  {
    auto marker = HeadMarker::open(at("HEAD"), HeadMarker::Missing::create, files_->disk_calls());
    ASSERT_TRUE(marker);
    ASSERT_TRUE((*marker)->write(7));
    ASSERT_TRUE((*marker)->sync());
    ASSERT_TRUE((*marker)->write(8));
    files_->arm({.kind = FaultKind::sync, .nth = 1, .persistent = true});
    EXPECT_EQ((*marker)->sync().errc(), Errc::storage_failed);
    files_->arm({.kind = FaultKind::write, .nth = 1, .no_space = true});
    EXPECT_EQ((*marker)->write(9).errc(), Errc::disk_full);
    files_->cut_power();
    EXPECT_EQ((*marker)->write(10).errc(), Errc::storage_failed);
  }
  files_->lose_power({});
  EXPECT_EQ(HeadMarker::peek(at("HEAD")).value(), 7U);
}

TEST_F(FaultyFileSystemTest, ALyingDiskKeepsNothing) {
  files_->lie_about_sync(true);
  write("a", "gone");
  ASSERT_TRUE(sync_root().ok());
  files_->lose_power({});
  EXPECT_FALSE(fs::exists(at("a")));
}

}  // namespace
}  // namespace tidemark::proof
