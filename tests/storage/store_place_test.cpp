// A data directory that was copied is of a moment nobody knows; one that was moved is not.
// tests/: the unit store_place, and what open_rocks_log makes of it.
#include "storage/store_place.hpp"

#include <chrono>

#include "storage/key_codec.hpp"
#include "storage/rocks_database.hpp"
#include "tests/storage/store_fixture.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

class StorePlaceTest : public StoreFixture {
 protected:
  void SetUp() override {
    open();
    meta_ = create("t");
    ASSERT_TRUE(append(meta_, 1, "one"));
  }
  [[nodiscard]] std::uint64_t incidents() { return log_->incidents_after(0).number; }
  // As an operator's backup has it: with the times the files had.
  void copy_with_times(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    for (const auto& entry : fs::recursive_directory_iterator(from))
      if (entry.is_regular_file())
        fs::last_write_time(to / fs::relative(entry.path(), from), an_hour_ago());
  }
  static fs::file_time_type an_hour_ago() {
    return fs::file_time_type::clock::now() - std::chrono::hours(1);
  }
  // The closed store's database, behind the back of the log.
  [[nodiscard]] std::unique_ptr<RocksDatabase> raw() const {
    std::unique_ptr<RocksDatabase> database;
    const auto status = RocksDatabase::open(database_path(home()), StoreOptions{},
                                            RocksDatabase::Recovery::strict, database);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return database;
  }
  void write_place(StorePlace place) const {
    const auto value = encode_value(place);
    ASSERT_TRUE(raw()->db().Put({}, slice(store_keys::place), value).ok());
  }
  [[nodiscard]] fs::path aside() const { return directory_.path() / "aside"; }

  TopicMeta meta_;
};

TEST_F(StorePlaceTest, RestartsAreInTheSamePlace) {
  for (std::uint64_t i = 2; i <= 5; ++i) {
    close();
    open();
    ASSERT_TRUE(append(meta_, i, "more"));
  }
  EXPECT_EQ(incidents(), 0U);
}

TEST_F(StorePlaceTest, AMovedDirectoryIsTheSame) {
  close();
  fs::rename(home(), aside());
  open(aside());
  EXPECT_EQ(incidents(), 0U);
}

TEST_F(StorePlaceTest, AnOlderCopyPutBackIsOfThePast) {
  close();
  copy_with_times(home(), aside());
  open();
  ASSERT_TRUE(append(meta_, 2, "after the copy"));
  close();
  fs::remove_all(home());
  copy_with_times(aside(), home());
  open();
  EXPECT_EQ(incidents(), 1U);
  EXPECT_FALSE(log_->incidents_after(0).buffered_only);
  EXPECT_EQ(read(meta_.id).size(), 1U);
  close();
  open();
  EXPECT_EQ(incidents(), 1U) << "told once";
}

TEST_F(StorePlaceTest, AnOlderCopyOverTheFilesIsOfThePast) {
  close();
  copy_with_times(home(), aside());
  open();
  ASSERT_TRUE(append(meta_, 2, "after the copy"));
  close();
  const auto before = place_of(home() / "HEAD");
  EXPECT_FALSE(before.touched);
  copy_with_times(aside(), home());
  EXPECT_EQ(place_of(home() / "HEAD").place, before.place) << "it is the same file";
  EXPECT_TRUE(place_of(home() / "HEAD").touched);
  open();
  EXPECT_EQ(incidents(), 1U);
  close();
  open();
  EXPECT_EQ(incidents(), 1U) << "told once";
}

TEST_F(StorePlaceTest, ANumberThatWasGivenAgainIsTheSamePlaceOnlyIfBornThen) {
  close();
  const auto here = place_of(home() / "HEAD").place;
  const auto seen_as = [&](StorePlace remembered) {
    write_place(remembered);
    open();
    const auto number = incidents();
    close();
    return number;
  };
  EXPECT_EQ(seen_as({.inode = here.inode, .born_ns = 0}), 0U) << "a file system that did not say";
  EXPECT_EQ(seen_as({.inode = 0, .born_ns = 0}), 0U);
  EXPECT_EQ(seen_as(here), 0U);
  EXPECT_EQ(seen_as({.inode = here.inode + 1, .born_ns = 0}), 1U);
  if (here.born_ns != 0) {
    EXPECT_EQ(seen_as({.inode = here.inode, .born_ns = here.born_ns - 1}), 2U);
  }
}

TEST_F(StorePlaceTest, AStoreThatRemembersNoPlaceIsNoCopy) {
  close();
  ASSERT_TRUE(raw()->db().Delete({}, slice(store_keys::place)).ok());
  copy_with_times(home(), aside());
  open(aside());
  EXPECT_EQ(incidents(), 0U);
}

}  // namespace
}  // namespace tidemark::storage
