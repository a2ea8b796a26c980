// Copies of files: whole, with their progress, never over anything, stopped when that is asked for.
// tests/: the unit directory_copy.
#include "storage/directory_copy.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/rocks_store.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

class DirectoryCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_sample_log(from());
    files_ = *files_of(from());
    for (const auto& file : files_) total_ += file.bytes;
  }
  [[nodiscard]] fs::path from() const { return directory_.path() / "from"; }
  [[nodiscard]] fs::path to() const { return directory_.path() / "new" / "to"; }
  /// Errc{}: it went well.
  Errc copy(const std::function<bool(std::uint64_t)>& progress = {}) {
    const auto copied = copy_files(from(), to(), files_, progress);
    if (copied) return Errc{};
    text_ = copied.error().text;
    return copied.error().code;
  }

  TempDir directory_;
  std::vector<BackupNote::File> files_;
  std::uint64_t total_ = 0;
  std::string text_;
};

TEST_F(DirectoryCopy, IsWholeAndTellsHowFarItIs) {
  std::vector<std::uint64_t> told;
  ASSERT_EQ(copy([&](std::uint64_t bytes) { return told.push_back(bytes), true; }), Errc{});
  for (const auto& file : files_)
    EXPECT_EQ(test::read_whole(to() / file.name), test::read_whole(from() / file.name));
  EXPECT_EQ(*files_of(to()), files_);
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), total_);
  const auto log = open_rocks_log_to_read(to());
  EXPECT_TRUE(log);
}

TEST_F(DirectoryCopy, NeverGoesOverAnything) {
  fs::create_directories(to());
  test::write_whole(to() / "HEAD", "mine");
  EXPECT_EQ(copy(), Errc::store_not_writable);
  EXPECT_NE(text_.find("HEAD"), std::string::npos) << text_;
  EXPECT_EQ(test::read_whole(to() / "HEAD"), "mine");
}

TEST_F(DirectoryCopy, AFileThatIsShortOrGoneIsDamage) {
  const auto table = test::files_like(from(), "", ".sst").front();
  test::cut_to(table, fs::file_size(table) / 2);
  EXPECT_EQ(copy(), Errc::corrupt_record);
  EXPECT_NE(text_.find(table.filename().string()), std::string::npos) << text_;
  fs::remove_all(to());
  fs::remove(table);
  EXPECT_EQ(copy(), Errc::corrupt_record);
}

TEST_F(DirectoryCopy, StopsWhenItIsTold) {
  int pieces = 0;
  EXPECT_EQ(copy([&](std::uint64_t) { return ++pieces < 2; }), Errc::cancelled);
  EXPECT_EQ(pieces, 2);
}

}  // namespace
}  // namespace tidemark::storage
