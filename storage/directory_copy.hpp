// Copies files of a data directory somewhere else: whole, synced, never over anything.
// storage/: for restoring backups, and for repairs, which work on a copy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "storage/backup.hpp"

namespace tidemark::storage {

/// What went wrong with a copy, and with which file.
struct CopyError {
  Errc code = Errc::storage_failed;
  std::string text;  ///< a whole sentence
};

/// Copies these files of `from` below `to`, which is made if need be, and syncs them. A file that
/// is shorter than it should be is an error. `progress` gets the bytes so far and returns false to
/// stop (cancelled). What has been copied stays there on an error; the caller removes it. Errors:
/// disk_full, store_not_writable, corrupt_record (a file of the source is short or can't be read),
/// cancelled.
boost::system::result<void, CopyError> copy_files(
    const std::filesystem::path& from, const std::filesystem::path& to,
    const std::vector<BackupNote::File>& files,
    const std::function<bool(std::uint64_t bytes)>& progress);

}  // namespace tidemark::storage
