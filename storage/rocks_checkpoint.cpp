// A copy of the whole log while it goes on: RocksDB's checkpoint, and a head marker that fits it.
// storage/: a part of RocksLog; backups are made of it.
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <rocksdb/utilities/checkpoint.h>

#include "storage/head_marker.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_log.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

Result<void> sync_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errc_of_errno(errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? ok() : Result<void>(errc_of_errno(error));
}

// RocksDB syncs what it copies, but not what it links, as a write-ahead log that is full.
Result<void> sync_files(const fs::path& database) {
  std::error_code error;
  for (fs::directory_iterator it(database, error), end; !error && it != end; it.increment(error))
    if (auto synced = sync_file(it->path()); !synced) return synced;
  if (error) return errc_of_errno(error.value());
  return sync_directory(database);
}

Result<void> copy_database(rocksdb::DB& db, const fs::path& to) {
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(&db, &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(to.string(), 0);
  if (!status.ok()) return errc_of(status);
  return sync_files(to);
}

Result<void> write_marker(const fs::path& directory, std::uint64_t sequence) {
  const auto marker = HeadMarker::open(directory / "HEAD", HeadMarker::Missing::create);
  if (!marker) return marker.errc();
  if (auto written = (*marker)->write(sequence); !written) return written;
  return (*marker)->sync();
}

Result<void> fill(rocksdb::DB& db, const fs::path& directory, std::uint64_t sequence) {
  if (auto copied = copy_database(db, database_path(directory)); !copied) return copied;
  // After the database, so that one that is left half made is refused: it has no marker.
  if (auto marked = write_marker(directory, sequence); !marked) return marked;
  if (auto synced = sync_directory(directory); !synced) return synced;
  const auto parent = directory.parent_path();
  return sync_directory(parent.empty() ? fs::path(".") : parent);
}

}  // namespace

Result<std::uint64_t> RocksLog::synced_sequence() {
  const std::lock_guard writing(write_mutex_);
  if (auto can = writable(); !can) return can.errc();
  if (auto synced = sync_locked(); !synced) return synced.errc();
  return database_->db().GetLatestSequenceNumber();
}

Result<void> RocksLog::checkpoint(const fs::path& directory) {
  const auto store = enter();
  // What is on disk now will be in the copy, and more: writing goes on while it is made.
  const auto sequence = synced_sequence();
  if (!sequence) return sequence.errc();
  if (::mkdir(directory.c_str(), 0700) != 0) return errc_of_errno(errno);
  auto filled = fill(database_->db(), directory, *sequence);
  if (filled) return filled;
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  return filled;
}

}  // namespace tidemark::storage
