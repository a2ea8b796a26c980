// After a failed write: the database is opened anew, or read until it can be.
// storage/: a part of RocksLog; see rocks_log.hpp.
#include <mutex>
#include <utility>

#include <rocksdb/env.h>

#include "storage/disk_guard.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"
#include "storage/rocks_pending.hpp"
#include "storage/rocks_start.hpp"

namespace tidemark::storage {

namespace {

// What opening writes besides the tables: MANIFEST, OPTIONS, a new WAL, the log of RocksDB.
constexpr std::uint64_t kRoomToOpen = std::uint64_t{1} << 20;

}  // namespace

LogHealth RocksLog::health() {
  LogHealth out{
      .readable = readable_, .errors = 0, .failed = false, .last_error = {}, .start = start_};
  if (!options_.errors) return out;
  auto errors = options_.errors->state();
  out.errors = errors.count;
  out.failed = errors.now;
  out.last_error = std::move(errors.last);
  return out;
}

/// Opening writes to files what is only in the WAL. On a full disk it fails, and what was open for
/// reading is closed then: so it is not tried before there is room for it. Errors: disk_full.
Result<void> RocksLog::room_to_reopen() {
  if (!failed_ || failure_ != Errc::disk_full) return ok();
  if (const auto store = enter(); database_ && !database_->read_only()) {
    std::uint64_t bytes = 0;
    for (auto* const family : database_->families()) {
      std::uint64_t held = 0;
      using Properties = rocksdb::DB::Properties;
      if (database_->db().GetIntProperty(family, Properties::kCurSizeAllMemTables, &held))
        bytes += held;
    }
    unflushed_ = bytes;
  }
  const auto disk = disk_of(directory_)();
  return !disk || disk->free >= unflushed_ + kRoomToOpen ? ok() : Result<void>(Errc::disk_full);
}

/// Whether the disk takes a file again. Until it does the database stays open as it is, and is
/// read.
Result<void> RocksLog::try_disk() {
  constexpr std::size_t kEnough = std::size_t{64} << 10;
  auto* const env = options_.env != nullptr ? options_.env : rocksdb::Env::Default();
  // Named as RocksDB's own passing files are, which it removes if we can't.
  const std::string file = (database_path(directory_) / "000000.dbtmp").string();
  const auto status = rocksdb::WriteStringToFile(env, std::string(kEnough, '\0'), file, true);
  env->DeleteFile(file).PermitUncheckedError();
  if (status.ok()) return ok();
  options_.errors->not_opened(status.ToString());
  return fail(errc_of(status));
}

Result<void> RocksLog::recover() {
  if (read_only_) return Errc::store_not_writable;
  if (auto room = room_to_reopen(); !room) return room;
  const std::lock_guard reopening(reopening_mutex_);
  failed_ = true;
  if (auto tried = try_disk(); !tried) return tried;
  reopening_ = true;
  cancel_compaction_ = true;
  const std::unique_lock store(store_mutex_);
  cancel_compaction_ = false;
  reopening_ = false;  // those who saw it wait for reopening_mutex_, the others for store_mutex_
  key_scans_.end_all();
  auto reopened = reopen();
  readable_ = database_ != nullptr;
  if (reopened) options_.errors->over();
  return reopened;
}

/// Pre: store_mutex_ is held alone.
Result<void> RocksLog::reopen() {
  database_.reset();
  events_only_ = false;
  const auto status = RocksDatabase::open(database_path(directory_), options_,
                                          RocksDatabase::Recovery::strict, database_);
  if (!status.ok()) {
    options_.errors->not_opened(status.ToString());
    reopen_to_read();
    return fail(errc_of(status));
  }
  if (database_->db().GetLatestSequenceNumber() < marker_->sequence()) {
    options_.errors->not_opened("the WAL ends before what was on disk");
    return fail(Errc::storage_failed);
  }
  const auto state = StoreState::read(*database_);
  if (!state) return fail(state.errc());
  take_state(*state);
  // What opening found in the WAL it has flushed to files, synced: after a failed fsync the page
  // cache may hold what the disk does not. And this write shows that the cause is gone.
  PendingWrite pending;
  pending.batch.Put(slice(store_keys::run),
                    encode_value(RunRecord{.boot_id = boot_id_, .clean = false}));
  if (auto written = write(pending, Durability::synced); !written) return written;
  failed_ = false;
  return ok();
}

/// The events there are can be read meanwhile, if they can be opened without writing.
void RocksLog::reopen_to_read() {
  const auto status = RocksDatabase::open_to_read(database_path(directory_),
                                                  RocksDatabase::Recovery::strict, database_);
  events_only_ = status.ok();
  if (!status.ok()) options_.errors->not_opened(status.ToString());
}

}  // namespace tidemark::storage
