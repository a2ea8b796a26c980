// Row 3, of RocksDB itself: the disk fails as a compaction that has dropped everything ends.
// tests/proof/: without storage/rocks_tables RocksDB 7.8 as Debian builds it ends the process here.
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "faulty_file_system.hpp"
#include "storage/rocks_tables.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::proof {
namespace {

namespace fs = std::filesystem;

class EmptyTable {
 public:
  EmptyTable() {
    fs::create_directories(root());
    fs::create_directories(directory_.path() / "grave");
    files_ = std::make_unique<FaultyFileSystem>(root(), directory_.path() / "grave");
    env_ = storage::environment_of_tables(files_->env());
    open();
  }

  /// Two tables, of which the second removes all that is in the first.
  void fill() {
    ASSERT_TRUE(db_->Put({}, "a", "1").ok());
    ASSERT_TRUE(db_->Flush({}).ok());
    ASSERT_TRUE(db_->DeleteRange({}, db_->DefaultColumnFamily(), "a", "b").ok());
    ASSERT_TRUE(db_->Flush({}).ok());
  }
  rocksdb::Status compact() {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    return db_->CompactRange(options, nullptr, nullptr);
  }
  [[nodiscard]] rocksdb::Status find(const char* key) {
    std::string value;
    return db_->Get({}, key, &value);
  }
  void open() {
    db_.reset();
    rocksdb::Options options;
    options.create_if_missing = true;
    options.disable_auto_compactions = true;
    options.max_bgerror_resume_count = 0;
    options.env = env_.get();
    options.table_properties_collector_factories = {storage::keys_of_tables()};
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options, root().string(), &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }
  [[nodiscard]] rocksdb::DB& db() { return *db_; }
  [[nodiscard]] FaultyFileSystem& disk() { return *files_; }

 private:
  [[nodiscard]] fs::path root() const { return directory_.path() / "db"; }
  TempDir directory_;
  std::unique_ptr<FaultyFileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST(Row03FailingDisk, ATableWithoutKeysMayFailToBeWritten) {
  for (std::uint64_t nth = 1; nth <= 6 && !HasFailure(); ++nth) {
    for (const auto kind : {FaultKind::write, FaultKind::sync}) {
      SCOPED_TRACE((kind == FaultKind::sync ? "sync " : "write ") + std::to_string(nth));
      EmptyTable table;
      table.fill();
      table.disk().arm({.kind = kind, .nth = nth, .no_space = nth % 2 == 0});
      static_cast<void>(table.compact());  // that it comes back at all is what is shown
      table.disk().disarm();
      table.open();
      EXPECT_TRUE(table.find("a").IsNotFound());
      ASSERT_TRUE(table.db().Put({}, "a", "2").ok());
      EXPECT_TRUE(table.compact().ok());
      EXPECT_TRUE(table.find("a").ok());
    }
  }
}

/// Of any other nothing is hidden.
TEST(Row03FailingDisk, ATableWithKeysMayNot) {
  for (const auto kind : {FaultKind::write, FaultKind::sync}) {
    EmptyTable table;
    ASSERT_TRUE(table.db().Put({}, "a", "1").ok());
    table.disk().arm({.kind = kind, .nth = 1, .persistent = true});
    EXPECT_FALSE(table.db().Flush({}).ok());
    EXPECT_TRUE(table.disk().fired());
    table.disk().disarm();
    table.open();
    EXPECT_TRUE(table.find("a").ok());
  }
}

}  // namespace
}  // namespace tidemark::proof
