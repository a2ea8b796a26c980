// Opening the database itself: the options of RocksDB, what it fails at, how it is closed.
// storage/: the mapping of RocksDB's errors to ours lives here, too.
#include "storage/rocks_database.hpp"

#include <algorithm>
#include <chrono>
#include <sys/resource.h>
#include <thread>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>

#include "storage/disk_guard.hpp"
#include "storage/rocks_journal.hpp"
#include "storage/rocks_tables.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kFlushPatience{3};
constexpr std::size_t kSmallMemtable = std::size_t{8} << 20;  // all families but events

// Half of what the process may open is for connections; 8 MiB files, so 512 are 4 GiB of them.
int max_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 128;
  return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur / 4, 48, 512));
}

// Called by RocksDB's threads, which nothing may leave by an exception.
class ErrorListener final : public rocksdb::EventListener {
 public:
  explicit ErrorListener(std::shared_ptr<EngineErrors> errors) : errors_(std::move(errors)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    errors_->met(status->ToString());
  }
  // By itself it only gets over errors that stop no writes. After one that does we open it anew:
  // once a full disk has room RocksDB would flush one family after another, past the group that
  // failed, and our opening it in between would find that group in some of them.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status error,
                            bool* by_itself) override {
    if (error.severity() >= rocksdb::Status::Severity::kHardError) *by_itself = false;
  }

 private:
  const std::shared_ptr<EngineErrors> errors_;
};

// RocksDB lays out space for a whole WAL ahead, 70 MiB. ext4 gives what it has even where it has
// not that much, and a small disk is full before anything is written.
bool may_lay_out_ahead(const fs::path& database) {
  constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;
  const auto disk = disk_of(database.parent_path())();
  return !disk || disk->free >= kPlenty;
}

rocksdb::DBOptions db_options(const fs::path& database, const StoreOptions& options,
                              RocksDatabase::Recovery recovery) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  db.max_background_jobs = 2;
  // The kernel reads ahead where reads are sequential. RocksDB's own reading ahead (2 MiB) costs a
  // copy of everything, and what it has read too far goes with the iterator: JSON from disk came at
  // 2.4 M events/s with it, at 4.6 M without (tidemark bench http-catchup --from disk).
  db.advise_random_on_open = false;
  db.max_open_files = max_open_files();
  // The default mode drops what follows a flipped bit without a word. In this one RocksDB 7.8 sets
  // recycle_log_file_num to 0 whatever is asked for, so WALs are never recycled.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;  // finds a closed WAL that is missing or short
  if (recovery == RocksDatabase::Recovery::salvage) {
    db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    db.track_and_verify_wals_in_manifest = false;
  }
  db.recycle_log_file_num = 0;
  db.allow_fallocate = may_lay_out_ahead(database);
  db.max_bgerror_resume_count = 0;  // recovering by itself may write WAL entries twice before 9.6
  // Families with little data keep old WALs alive; this flushes them, and bounds a replay.
  db.max_total_wal_size = options.memtable_bytes + kSmallMemtable;
  db.info_log = std::make_shared<RocksJournal>(database);
  if (options.errors) db.listeners.push_back(std::make_shared<ErrorListener>(options.errors));
  // Counts alone: an add per event of RocksDB's, of which we cause few.
  db.statistics = rocksdb::CreateDBStatistics();
  db.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  return db;
}

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options,
                                            rocksdb::BlockBasedTableOptions table) {
  table.block_size = std::size_t{16} << 10;
  table.format_version = 5;
  table.max_auto_readahead_size = 0;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.table_properties_collector_factories = {keys_of_tables()};
  family.compaction_style = rocksdb::kCompactionStyleLevel;
  family.compression = options.compress ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  family.write_buffer_size = kSmallMemtable;
  family.target_file_size_base = std::uint64_t{8} << 20;  // 64 MiB files: a trim freed nothing
  return family;
}

rocksdb::ColumnFamilyOptions events_options(rocksdb::ColumnFamilyOptions family,
                                            const StoreOptions& options) {
  family.write_buffer_size = options.memtable_bytes;
  family.max_write_buffer_number = 3;
  return family;
}

}  // namespace

Errc errc_of(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit)
    return Errc::disk_full;
  if (status.IsCorruption()) return Errc::corrupt_record;
  return Errc::storage_failed;
}

rocksdb::Status RocksDatabase::open(const fs::path& directory, const StoreOptions& options,
                                    Recovery recovery, std::unique_ptr<RocksDatabase>& out) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  const auto small = family_options(options, table);
  // The committer asks for each key whether it is new; of one that is, no file should be read.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  const auto keys = family_options(options, table);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, small},
      {"events", events_options(small, options)},
      {"topics", small},
      {"producers", small},
      {"keys", keys},
      {"states", small},
      {"cursors", small}};
  std::unique_ptr<RocksDatabase> database(new RocksDatabase);
  database->errors_ = options.errors;
  database->env_ = environment_of_tables(options.env);
  auto all = db_options(directory, options, recovery);
  all.env = database->env_.get();
  rocksdb::DB* db = nullptr;
  auto status = rocksdb::DB::Open(all, directory.string(), families, &database->families_, &db);
  database->db_.reset(db);
  if (status.ok()) out = std::move(database);
  return status;
}

// Closed while a flush syncs a WAL, RocksDB 7.8 as Debian builds it can run into an assertion
// (WritableFileWriter, sync_without_flush_called_). A flush takes a fraction of a second.
void RocksDatabase::let_flushes_finish() {
  using Properties = rocksdb::DB::Properties;
  const auto flushes = [this] {
    std::uint64_t running = 0;
    db_->GetIntProperty(Properties::kNumRunningFlushes, &running);
    // After an error RocksDB begins no flush, and what is pending stays so.
    if (errors_ && errors_->state().now) return running;
    for (auto* const family : families_) {
      std::uint64_t pending = 0;
      if (db_->GetIntProperty(family, Properties::kMemTableFlushPending, &pending))
        running += pending;
    }
    return running;
  };
  const auto until = std::chrono::steady_clock::now() + kFlushPatience;
  while (flushes() > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

RocksDatabase::~RocksDatabase() {
  if (!db_) return;
  let_flushes_finish();
  for (auto* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  db_->Close().PermitUncheckedError();  // nothing is owed: the WAL has what was promised
}

rocksdb::Status RocksDatabase::flush() { return db_->Flush(rocksdb::FlushOptions(), families_); }

Result<std::uint64_t> RocksDatabase::integer(std::string_view key) {
  std::string bytes;
  const auto status = db_->Get({}, slice(key), &bytes);
  if (status.IsNotFound()) return std::uint64_t{0};
  if (!status.ok()) return errc_of(status);
  if (bytes.size() != 8) return Errc::corrupt_record;
  return load_be64(bytes);
}

}  // namespace tidemark::storage
