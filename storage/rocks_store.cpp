// Opening a data directory: whose it is, what it holds, whether anything of it is gone.
// storage/: makes a RocksLog; the options of RocksDB and the mapping of its errors live here too.
#include "storage/rocks_store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "storage/backup.hpp"
#include "storage/disk_guard.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_journal.hpp"
#include "storage/rocks_log.hpp"
#include "storage/rocks_tables.hpp"
#include "storage/store_place.hpp"

namespace tidemark::storage {

void throw_exception_from_error(const OpenError& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.text), where);
}
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

OpenError open_error(Errc code, std::string text) {
  return {.code = code, .text = std::move(text)};
}

OpenError not_writable(const fs::path& directory, const std::string& why) {
  return open_error(Errc::store_not_writable,
                    "The data directory " + directory.string() + " can't be written: " + why +
                        ". Give another one with --data, or change its owner.");
}

// What can be done about a directory that is not whole. Accepting the loss has been tried if it was
// asked for.
std::string advice(const fs::path& directory, bool accepting) {
  std::string out =
      " Restore the directory from a backup, or save what can be read of it with "
      "tidemark repair " +
      directory.string() + " NEW";
  if (!accepting)
    out += ", or start with --accept-data-loss, which goes on with what the database still opens";
  return out + ". Every topic then opens a new epoch and clients are told.";
}

OpenError lost_data(const fs::path& directory, const std::string& what) {
  return open_error(Errc::store_lost_data, "The log in " + directory.string() +
                                               " has lost data that was on disk: " + what +
                                               " Events that were acknowledged are missing." +
                                               advice(directory, false));
}

OpenError newer_format(const fs::path& directory) {
  return open_error(Errc::store_newer_format,
                    "The log in " + directory.string() +
                        " was written by a later version of Tidemark, which this one can't read. "
                        "Start the version that wrote it, or a later one.");
}

// Of a call that failed with our own code, about a file of the directory.
OpenError file_error(const fs::path& directory, Errc code, const std::string& what) {
  switch (code) {
    case Errc::store_locked:
      return open_error(code, "The data directory " + directory.string() +
                                  " is in use by another process. Stop it first, or give another "
                                  "directory with --data.");
    case Errc::store_newer_format:
      return newer_format(directory);
    case Errc::disk_full:
      return open_error(code, "The disk of the data directory " + directory.string() +
                                  " is full. Free some space and start again.");
    case Errc::store_not_writable:
      return not_writable(directory, what);
    default:
      return open_error(code,
                        "The log in " + directory.string() + " can't be opened: " + what + ".");
  }
}

OpenError damaged(const fs::path& directory, const std::string& what, bool accepting) {
  return open_error(Errc::corrupt_record, "The log in " + directory.string() + " is damaged: " +
                                              what + "." + advice(directory, accepting));
}

OpenError rocks_error(const fs::path& directory, const rocksdb::Status& status, bool accepting) {
  const std::string text = status.ToString();
  Errc code = errc_of(status);
  // Our own lock comes first, so this is a tool that opened the database alone.
  if (status.IsIOError() && (text.find("lock hold by") != std::string::npos ||
                             text.find("While lock file") != std::string::npos))
    code = Errc::store_locked;
  if (status.IsIOError() && text.find("Permission denied") != std::string::npos)
    code = Errc::store_not_writable;
  // A file of the database that is missing is damage like any other.
  if (status.IsPathNotFound() || text.find("No such file or directory") != std::string::npos)
    code = Errc::corrupt_record;
  if (code == Errc::corrupt_record) return damaged(directory, text, accepting);
  return file_error(directory, code, text);
}

// What a directory looks like before anything in it is opened.
struct Found {
  bool marker = false;
  bool database = false;
  bool backup = false;
};

bool is_ours(const fs::path& name) {
  return name == "HEAD" || name == "db" || name == "HEAD.damaged";
}

// Makes the directory and those above it that are missing, each on disk with its name.
boost::system::result<void, OpenError> make_directory(const fs::path& directory, DiskCalls& disk) {
  std::error_code error;
  std::vector<fs::path> above;
  for (fs::path at = fs::absolute(directory / "").parent_path(); !fs::exists(at, error);
       at = at.parent_path())
    above.push_back(at.parent_path());
  fs::create_directories(directory, error);
  if (error) return file_error(directory, errc_of_errno(error.value()), error.message());
  for (const auto& each : above) {
    const auto synced = sync_directory(each, disk);
    // One that may be written but not read can't be synced, and that is its owner's choice.
    if (!synced && synced.errc() != Errc::store_not_writable)
      return file_error(each, synced.errc(), "it can't be synced");
  }
  return boost::system::in_place_value;
}

boost::system::result<Found, OpenError> look_at(const fs::path& directory, DiskCalls& disk) {
  std::error_code error;
  const auto status = fs::status(directory, error);
  if (!fs::exists(status)) {
    if (auto made = make_directory(directory, disk); !made) return made.error();
    fs::permissions(directory, fs::perms::owner_all, error);
  } else if (!fs::is_directory(status)) {
    return not_writable(directory, "it is not a directory");
  }
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
    return not_writable(directory, std::strerror(errno));
  Found found;
  bool others = false;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename();
    if (name != "lost+found" && !is_ours(name)) others = true;
  }
  if (error) return not_writable(directory, error.message());
  found.marker = fs::exists(directory / "HEAD", error);
  found.database = fs::exists(database_path(directory) / "CURRENT", error);
  found.backup = fs::exists(directory / kBackupFile, error);
  if (found.backup && !found.marker && !found.database)
    return open_error(Errc::store_lost_data,
                      "The backup in " + directory.string() +
                          " is not whole: there is no database. Copy it again, or give another "
                          "directory with --data.");
  if (others && !found.marker && !found.database)
    return open_error(Errc::store_not_ours,
                      "The directory " + directory.string() +
                          " holds files, but no Tidemark log. Give an empty or a new directory "
                          "with --data.");
  return found;
}

// Opens the marker, or says why the directory must not be used; sets `lost` if it starts afresh.
boost::system::result<std::unique_ptr<HeadMarker>, OpenError> open_marker(
    const fs::path& directory, Found found, const StoreOptions& options, bool& lost) {
  const auto file = directory / "HEAD";
  if (!found.marker && found.database) {
    if (!options.accept_loss)
      return lost_data(directory, "the file HEAD, which says how far the log went, is missing.");
    lost = true;
  }
  auto marker = HeadMarker::open(
      file, found.database && !lost ? HeadMarker::Missing::refuse : HeadMarker::Missing::create,
      options.disk_calls());
  if (!marker && marker.errc() == Errc::corrupt_record) {
    if (!options.accept_loss)
      return lost_data(directory, "the file HEAD, which says how far the log went, is damaged.");
    lost = true;
    std::error_code error;
    fs::rename(file, directory / "HEAD.damaged", error);
    marker = HeadMarker::open(file, HeadMarker::Missing::create, options.disk_calls());
  }
  if (!marker) return file_error(directory, marker.errc(), std::string(info(marker.errc()).text));
  if (!found.database && (*marker)->sequence() > 0) {
    if (!options.accept_loss)
      return lost_data(directory,
                       "the database in " + database_path(directory).string() + " is missing.");
    lost = true;
  }
  return std::move(*marker);
}

boost::system::result<std::unique_ptr<RocksDatabase>, OpenError> open_database(
    const fs::path& directory, const StoreOptions& options, bool& lost) {
  std::unique_ptr<RocksDatabase> database;
  auto status = RocksDatabase::open(database_path(directory), options,
                                    RocksDatabase::Recovery::strict, database);
  if (status.IsCorruption() && options.accept_loss) {
    lost = true;
    status = RocksDatabase::open(database_path(directory), options,
                                 RocksDatabase::Recovery::salvage, database);
  }
  if (!status.ok()) return rocks_error(directory, status, options.accept_loss);
  return database;
}

std::string boot_id(const StoreOptions& options) {
  if (!options.boot_id.empty()) return options.boot_id;
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

Timestamp now(const StoreOptions& options) {
  if (options.clock) return options.clock();
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

Result<std::uint64_t> count_topics(RocksDatabase& database) {
  std::uint64_t count = 0;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(rocksdb::ReadOptions(), database.topics()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
  if (!it->status().ok()) return errc_of(it->status());
  return count;
}

// What the store remembers, brought up to date with what this start found; written synced.
class Start {
 public:
  Start(RocksDatabase& database, const StoreOptions& options, std::string boot)
      : database_(database), options_(options), boot_(std::move(boot)) {}

  struct Findings {
    bool lost = false;    ///< a loss was accepted
    bool backup = false;  ///< it is of the past
    PlaceFound place;     ///< before anything was written
  };
  Result<StoreState> run(Findings findings) {
    auto format = database_.integer(store_keys::format);
    if (!format) return format.errc();
    if (*format > kFormatVersion) return Errc::store_newer_format;
    auto state = StoreState::read(database_);
    if (!state) return state.errc();
    put(store_keys::format, kFormatVersion);
    auto last = last_run();
    if (!last) return last.errc();
    const auto copied = is_copy(findings.place);
    if (!copied) return copied.errc();
    // Another boot, and the log had not been closed: what had not been synced may be gone.
    const bool stopped = !last->clean && last->boot_id != boot_;
    if (findings.lost) {
      const auto count = count_topics(database_);
      if (!count) return count.errc();
      state->topic_count = *count;
      put(store_keys::topic_count, *count);
      state->start = StartKind::accepted_loss;
      add_incident(*state, false, "a loss of data was accepted");
    } else if (findings.backup) {
      // Clients may have been told of events that came after it.
      state->start = StartKind::backup;
      add_incident(*state, false, "a backup was restored");
    } else if (*copied) {
      // Of when, nobody can know. If nothing is missing, the new epoch costs clients nothing.
      add_incident(*state, false, "the log is a copy of a data directory");
    } else if (stopped) {
      state->start = StartKind::unclean;
      add_incident(*state, true, "the machine stopped without closing the log");
    }
    batch_.Put(slice(store_keys::place), encode_value(findings.place.place));
    batch_.Put(slice(store_keys::run), encode_value(RunRecord{.boot_id = boot_, .clean = false}));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto status = database_.db().Write(synced, &batch_);
    if (!status.ok()) return errc_of(status);
    return state;
  }

 private:
  void put(std::string_view key, std::uint64_t value) {
    std::string bytes;
    append_be64(bytes, value);
    batch_.Put(slice(key), bytes);
  }

  Result<RunRecord> last_run() {
    std::string bytes;
    const auto status = database_.db().Get({}, slice(store_keys::run), &bytes);
    if (status.IsNotFound()) return RunRecord{.boot_id = {}, .clean = true};
    if (!status.ok()) return errc_of(status);
    return decode_value<RunRecord>(bytes);
  }

  // Whether the directory is another than the one that was written to. Where the file system does
  // not say when a file was born, only its number is compared.
  Result<bool> is_copy(const PlaceFound& found) {
    std::string bytes;
    const auto status = database_.db().Get({}, slice(store_keys::place), &bytes);
    if (status.IsNotFound()) return false;  // new, or of a version that did not look
    if (!status.ok()) return errc_of(status);
    const auto last = decode_value<StorePlace>(bytes);
    if (!last) return last.errc();
    if (last->inode == 0 || found.place.inode == 0) return false;
    const bool births = last->born_ns != 0 && found.place.born_ns != 0;
    return found.touched || last->inode != found.place.inode ||
           (births && last->born_ns != found.place.born_ns);
  }

  void add_incident(StoreState& state, bool buffered_only, std::string text) {
    const std::uint64_t number = state.incidents.empty() ? 1 : state.incidents.back().number + 1;
    IncidentRecord incident{.number = number,
                            .time = now(options_),
                            .buffered_only = buffered_only,
                            .text = std::move(text)};
    std::string key(store_keys::incident_prefix);
    append_be64(key, number);
    batch_.Put(key, encode_value(incident));
    state.incidents.push_back(std::move(incident));
  }

  RocksDatabase& database_;
  const StoreOptions& options_;
  const std::string boot_;
  rocksdb::WriteBatch batch_;
};

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

Result<StoreState> StoreState::read(RocksDatabase& database) {
  const auto next = database.integer(store_keys::next_topic_id);
  const auto epoch = database.integer(store_keys::last_epoch);
  const auto count = database.integer(store_keys::topic_count);
  for (const auto* value : {&next, &epoch, &count})
    if (!*value) return value->errc();
  StoreState state{.next_topic_id = std::max<std::uint64_t>(*next, 1),
                   .last_epoch = *epoch,
                   .topic_count = *count,
                   .incidents = {},
                   .start = StartKind::clean};
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(rocksdb::ReadOptions(), database.store()));
  for (it->Seek(slice(store_keys::incident_prefix));
       it->Valid() && it->key().starts_with(slice(store_keys::incident_prefix)); it->Next()) {
    auto incident = decode_value<IncidentRecord>(view(it->value()));
    if (!incident) return incident.errc();
    state.incidents.push_back(std::move(*incident));
  }
  if (!it->status().ok()) return errc_of(it->status());
  return state;
}

boost::system::result<std::unique_ptr<Log>, OpenError> open_rocks_log(const fs::path& directory,
                                                                      const StoreOptions& asked) {
  StoreOptions options = asked;
  if (!options.errors) options.errors = std::make_shared<EngineErrors>();
  const auto found = look_at(directory, options.disk_calls());
  if (!found) return found.error();
  bool lost = false;
  auto marker = open_marker(directory, *found, options, lost);
  if (!marker) return marker.error();
  auto database = open_database(directory, options, lost);
  if (!database) return database.error();
  // RocksDB syncs what is in its directory, but not that there is one.
  if (auto synced = sync_directory(directory, options.disk_calls()); !synced)
    return file_error(directory, synced.errc(), "it can't be synced");
  const auto have = (*database)->db().GetLatestSequenceNumber();
  const auto want = (*marker)->sequence();
  if (have < want) {
    if (!options.accept_loss)
      return lost_data(directory, "it ends at change " + std::to_string(have) +
                                      ", but was on disk up to change " + std::to_string(want) +
                                      ".");
    lost = true;
  }
  const std::string boot = boot_id(options);
  const PlaceFound place = place_of(directory / "HEAD");
  auto state =
      Start(**database, options, boot).run({.lost = lost, .backup = found->backup, .place = place});
  if (!state && state.errc() == Errc::corrupt_record)
    return damaged(directory, "what the store remembers of itself can't be read",
                   options.accept_loss);
  if (!state) return file_error(directory, state.errc(), std::string(info(state.errc()).text));
  // After the incident is on disk: a stop in between only asks for the acceptance again.
  if (auto done = (*marker)->write((*database)->db().GetLatestSequenceNumber()); !done)
    return file_error(directory, done.errc(), "HEAD can't be written");
  if (auto done = (*marker)->sync(); !done)
    return file_error(directory, done.errc(), "HEAD can't be written");
  if (found->backup) {
    // The incident is on disk. A stop before this adds another, which is one epoch more.
    if (auto done = remove_backup_note(directory); !done)
      return file_error(directory, done.errc(),
                        "the file BACKUP, which says that it is one, can't be removed");
  }
  return std::unique_ptr<Log>(
      std::make_unique<RocksLog>(RocksLog::Parts{.directory = directory,
                                                 .options = options,
                                                 .marker = std::move(*marker),
                                                 .database = std::move(*database),
                                                 .boot_id = boot},
                                 *state));
}

}  // namespace tidemark::storage
