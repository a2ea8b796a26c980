// A data directory opened as a log: its options, and what a person is told if it cannot be.
// storage/: the way in, without RocksDB's headers; only units named rocks_* include those.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/result.hpp"
#include "storage/disk_calls.hpp"
#include "storage/engine_errors.hpp"
#include "storage/log.hpp"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace tidemark::storage {

struct StoreOptions {
  std::size_t memtable_bytes = std::size_t{64} << 20;
  std::size_t block_cache_bytes = std::size_t{64} << 20;
  bool compress = true;  ///< LZ4 per block; costs nothing measurable on what does not compress
  /// Start although data is known to be lost; every topic opens a new epoch.
  bool accept_loss = false;
  /// reclaim() rewrites files once this much is waiting to be given back; below, RocksDB's own
  /// compactions do it in time.
  std::size_t reclaim_bytes = std::size_t{64} << 20;

  /// Is told what RocksDB fails at; null: open_rocks_log makes one.
  std::shared_ptr<EngineErrors> errors;

  // for tests; null or empty: the system's
  std::function<Timestamp()> clock;
  std::function<std::uint64_t()> random;
  std::string boot_id;
  // The file system under RocksDB, and under what is beside it; they outlive the log.
  rocksdb::Env* env = nullptr;
  DiskCalls* disk = nullptr;
  [[nodiscard]] DiskCalls& disk_calls() const { return disk ? *disk : DiskCalls::system(); }
};

/// What went wrong with a data directory, for the person at the terminal.
struct OpenError {
  Errc code = Errc::storage_failed;
  std::string text;  ///< whole sentences: what was found, where, what can be done
};
/// What value() of a failed open throws, found by Boost's result: a runtime_error with the text.
[[noreturn]] void throw_exception_from_error(const OpenError& error,
                                             const boost::source_location& where);

/// Opens the log in `directory` for reading: what had been written when this was called, also while
/// a broker goes on writing it. Never writes or creates anything, takes no lock, and whatever would
/// write (commit, sync, recover, reclaim, checkpoint) fails with store_not_writable. Earlier
/// formats are read as they are. Files of the database are kept open, so that what a broker removes
/// meanwhile can still be read.
/// Errors: not_found (no such directory), store_not_ours, store_not_writable (it can't be read),
/// store_newer_format, store_lost_data (it ends before the head marker), corrupt_record,
/// storage_failed.
boost::system::result<std::unique_ptr<Log>, OpenError> open_rocks_log_to_read(
    const std::filesystem::path& directory);

/// The other process that has the log in `directory` open for writing; 0: one that has no number
/// here, as in another container; nullopt: none. Writes nothing, takes no lock.
[[nodiscard]] std::optional<int> writer_of(const std::filesystem::path& directory);

/// Opens (or creates) the log in `directory`.
/// Errors: store_locked (another process has it), store_not_writable, store_newer_format,
/// store_not_ours (files, but none of ours), store_lost_data (the WAL ends before the head marker),
/// corrupt_record (RocksDB refuses the files), disk_full, storage_failed.
///
/// Head marker: a small file outside the WAL with the last synced RocksDB sequence number; opening
/// below it is store_lost_data. Incidents: an unclean stop of the machine (boot id changed without
/// a clean close) is one that concerns topics with buffered durability; an accepted loss, and a
/// directory that is a backup (see backup.hpp; it is none from then on), are ones that concern all.
boost::system::result<std::unique_ptr<Log>, OpenError> open_rocks_log(
    const std::filesystem::path& directory, const StoreOptions& options);

}  // namespace tidemark::storage
