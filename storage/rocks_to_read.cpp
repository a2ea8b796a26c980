// Opening a data directory to look at it: nothing is written, whoever else has it open goes on.
// storage/: the way in for all that inspects; what to do about damage is decided above.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include "storage/head_marker.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"
#include "storage/rocks_start.hpp"
#include "storage/rocks_store.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kAttempts = 10;
constexpr std::chrono::milliseconds kPause{20};  // times the attempt: a second in all
constexpr std::size_t kCacheBytes = std::size_t{32} << 20;
constexpr rlim_t kMostFiles = 1 << 20;
constexpr rlim_t kOtherFiles = 64;  // of the process, besides tables

using Names = std::set<std::string>;

Names names_in(const fs::path& directory) {
  Names names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    names.insert(it->path().filename().string());
  return names;
}

bool is_table(const std::string& name) { return name.ends_with(".sst"); }
bool is_wal(const std::string& name) { return name.ends_with(".log"); }

bool looks_like_a_database(const fs::path& path) {
  const auto names = names_in(path);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "CURRENT" || name.starts_with("MANIFEST-") || is_table(name);
  });
}

// All tables are kept open if that can be: a broker may remove them while they are being read.
int files_to_open(const fs::path& database) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 128;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const rlim_t room = std::min(limit.rlim_cur, kMostFiles);
  const auto names = names_in(database);
  const auto tables = static_cast<rlim_t>(std::count_if(names.begin(), names.end(), is_table));
  if (tables + kOtherFiles <= room) return -1;
  return static_cast<int>(std::max<rlim_t>(room > kOtherFiles ? room - kOtherFiles : 0, 16));
}

rocksdb::DBOptions options_to_read(const fs::path& database, RocksDatabase::Recovery recovery) {
  using Recovery = RocksDatabase::Recovery;
  rocksdb::DBOptions db;
  db.create_if_missing = false;
  db.paranoid_checks = true;
  db.skip_stats_update_on_db_open = true;
  db.advise_random_on_open = false;
  db.max_open_files = files_to_open(database);
  db.wal_recovery_mode =
      recovery == Recovery::strict    ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
      : recovery == Recovery::salvage ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                      : rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  // In each mode: without it RocksDB 7.8 wants to note in the MANIFEST that it tracks no more, for
  // which a database that is only read has no place (it runs into an assertion).
  db.track_and_verify_wals_in_manifest = true;
  return db;
}

rocksdb::ColumnFamilyOptions family_to_read(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.max_auto_readahead_size = 0;  // the kernel reads ahead: see db_options in rocks_store.cpp
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

OpenError open_error(Errc code, std::string text) {
  return {.code = code, .text = std::move(text)};
}

OpenError newer_format(const fs::path& directory) {
  return open_error(Errc::store_newer_format,
                    "The log in " + directory.string() +
                        " was written by a later version of Tidemark, which this one can't read. "
                        "Use the version that wrote it, or a later one.");
}

OpenError not_readable(const fs::path& directory, const std::string& why) {
  return open_error(Errc::store_not_writable,
                    "The data directory " + directory.string() + " can't be read: " + why + ".");
}

OpenError lost_data(const fs::path& directory, const std::string& what) {
  return open_error(
      Errc::store_lost_data,
      "The log in " + directory.string() + " has lost data that was on disk: " + what +
          " \"tidemark verify\" says what there is, \"tidemark repair\" salvages it.");
}

OpenError damaged(const fs::path& directory, const std::string& what) {
  return open_error(
      Errc::corrupt_record,
      "The log in " + directory.string() + " is damaged: " + what +
          ". \"tidemark verify\" says what there is, \"tidemark repair\" salvages it.");
}

OpenError open_failure(const fs::path& directory, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (text.find("Permission denied") != std::string::npos) return not_readable(directory, text);
  // A file that should be there and is not is damage, whatever RocksDB calls it.
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
      status.IsInvalidArgument() || text.find("No such file") != std::string::npos)
    return damaged(directory, text);
  return open_error(errc_of(status),
                    "The log in " + directory.string() + " can't be opened: " + text + ".");
}

// Whose the directory is; nothing in it is opened yet.
boost::system::result<void, OpenError> look_at(const fs::path& directory) {
  std::error_code error;
  const auto status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found)
    return open_error(Errc::not_found, "There is no directory " + directory.string() + ".");
  if (status.type() == fs::file_type::none) return not_readable(directory, error.message());
  if (!fs::is_directory(status))
    return open_error(Errc::store_not_ours, directory.string() + " is not a directory.");
  if (::access(directory.c_str(), R_OK | X_OK) != 0)
    return not_readable(directory, std::strerror(errno));
  const bool database = fs::is_directory(database_path(directory), error);
  if (!fs::exists(directory / "HEAD", error) && !looks_like_a_database(database_path(directory)))
    return open_error(Errc::store_not_ours, "The directory " + directory.string() +
                                                " holds no Tidemark log. Give one with --data.");
  if (!database)
    return damaged(directory,
                   "the database in " + database_path(directory).string() + " is missing");
  if (::access(database_path(directory).c_str(), R_OK | X_OK) != 0)
    return not_readable(directory, database_path(directory).string() + ": " + std::strerror(errno));
  return {};
}

// One look at a database that may be changing. `again`: what went wrong may have been a change.
rocksdb::Status try_open(const fs::path& directory, RocksDatabase::Recovery recovery,
                         std::unique_ptr<RocksDatabase>& out, bool& again) {
  const auto path = database_path(directory);
  const Names before = names_in(path);
  auto status = RocksDatabase::open_to_read(path, recovery, out);
  const Names after = names_in(path);
  if (!status.ok()) {
    again = before != after || writer_of(directory).has_value();
    return status;
  }
  // The MANIFEST is read before the write-ahead logs. One that has gone in between is in a table
  // which that MANIFEST does not know, so what was read has a hole.
  again = std::any_of(before.begin(), before.end(), [&](const std::string& name) {
    return is_wal(name) && !after.contains(name);
  });
  if (!again) return status;
  out.reset();
  return rocksdb::Status::Busy("its write-ahead log changes faster than it can be read");
}

Result<std::uint64_t> format_of(RocksDatabase& database) {
  const auto format = database.integer(store_keys::format);
  if (format && *format > kFormatVersion) return Errc::store_newer_format;
  return format;
}

}  // namespace

rocksdb::Status RocksDatabase::open_to_read(const fs::path& directory, Recovery recovery,
                                            std::unique_ptr<RocksDatabase>& out) {
  const auto options = options_to_read(directory, recovery);
  std::vector<std::string> there;
  auto status = rocksdb::DB::ListColumnFamilies(options, directory.string(), &there);
  if (!status.ok()) return status;
  const auto family = family_to_read(rocksdb::NewLRUCache(kCacheBytes));
  std::vector<rocksdb::ColumnFamilyDescriptor> open;
  for (const char* name : kFamilyNames)
    if (std::find(there.begin(), there.end(), name) != there.end()) open.emplace_back(name, family);
  std::unique_ptr<RocksDatabase> database(new RocksDatabase);
  database->read_only_ = true;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  status = rocksdb::DB::OpenForReadOnly(options, directory.string(), open, &handles, &db);
  if (!status.ok()) return status;
  database->db_.reset(db);
  // In the order of kFamilyNames; giving back the handle of `default` itself does nothing.
  auto next = handles.begin();
  for (const char* name : kFamilyNames) {
    const bool has = next != handles.end() && (*next)->GetName() == name;
    database->families_.push_back(has ? *next++ : db->DefaultColumnFamily());
  }
  out = std::move(database);
  return status;
}

boost::system::result<std::unique_ptr<RocksDatabase>, OpenError> open_database_to_read(
    const fs::path& directory, RocksDatabase::Recovery recovery) {
  const auto found = look_at(directory);
  if (!found) return found.error();
  std::unique_ptr<RocksDatabase> database;
  rocksdb::Status status;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    bool again = false;
    status = try_open(directory, recovery, database, again);
    if (status.ok() || !again) break;
    std::this_thread::sleep_for(kPause * attempt);
  }
  if (!status.ok()) return open_failure(directory, status);
  const auto format = format_of(*database);
  if (!format && format.errc() == Errc::store_newer_format) return newer_format(directory);
  // What else may be wrong with it does not keep anything from being read.
  return database;
}

boost::system::result<std::unique_ptr<Log>, OpenError> open_rocks_log_to_read(
    const fs::path& directory) {
  const auto found = look_at(directory);
  if (!found) return found.error();
  // Before the database, which goes on meanwhile: it must have come at least as far.
  const auto want = HeadMarker::peek(directory / "HEAD");
  if (!want) {
    switch (want.errc()) {
      case Errc::not_found:
        return lost_data(directory, "the file HEAD, which says how far the log went, is missing.");
      case Errc::corrupt_record:
        return lost_data(directory, "the file HEAD, which says how far the log went, is damaged.");
      case Errc::store_newer_format:
        return newer_format(directory);
      case Errc::store_not_writable:
        return not_readable(directory, "the file HEAD may not be read");
      default:
        return open_error(want.errc(),
                          "The file " + (directory / "HEAD").string() + " can't be read.");
    }
  }
  auto database = open_database_to_read(directory, RocksDatabase::Recovery::strict);
  if (!database) return database.error();
  const auto have = (*database)->db().GetLatestSequenceNumber();
  if (have < *want)
    return lost_data(directory, "it ends at change " + std::to_string(have) +
                                    ", but was on disk up to change " + std::to_string(*want) +
                                    ".");
  const auto state = StoreState::read(**database);
  if (!state) return damaged(directory, "what it remembers of itself can't be read");
  return std::unique_ptr<Log>(
      std::make_unique<RocksLog>(RocksLog::Parts{.directory = directory,
                                                 .options = {},
                                                 .marker = nullptr,
                                                 .database = std::move(*database),
                                                 .boot_id = {}},
                                 *state));
}

std::optional<int> writer_of(const fs::path& directory) {
  // RocksDB's own lock, by fcntl, which can be asked for without taking it; that of HEAD can't.
  const int fd = ::open((database_path(directory) / "LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool held = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(fd);
  if (!held) return std::nullopt;
  return std::max(static_cast<int>(lock.l_pid), 0);  // of another container it is -1
}

}  // namespace tidemark::storage
