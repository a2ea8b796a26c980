// The note that makes a directory a backup: which moment it is of, and what belongs to it.
// storage/: FORMAT.md has the file; the store answers it when it opens such a directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace tidemark::storage {

/// The file of a backup that holds its note. A directory that has one is of the past, however it
/// came where it is: whoever opens it for writing opens a new epoch in every topic, since clients
/// may be ahead of it, and removes the file then.
inline constexpr const char* kBackupFile = "BACKUP";

struct BackupNote {
  struct File {
    std::string name;  ///< relative to the directory: "db/000012.sst"
    std::uint64_t bytes = 0;
    bool operator==(const File&) const = default;
  };
  Timestamp time;
  std::uint64_t sequence = 0;  ///< of the database, at least
  std::uint64_t topics = 0;
  std::vector<File> files;  ///< all but the note itself, by name

  [[nodiscard]] std::uint64_t bytes() const;
  bool operator==(const BackupNote&) const = default;
};

/// The files there are in a data directory: HEAD and what is below db. Errors: storage_failed.
[[nodiscard]] Result<std::vector<BackupNote::File>> files_of(
    const std::filesystem::path& directory);

/// Writes it whole or not at all, synced with its directory. Errors: disk_full,
/// store_not_writable, storage_failed.
Result<void> write_backup_note(const std::filesystem::path& directory, const BackupNote& note);
/// Errors: not_found (it is no backup), corrupt_record, store_newer_format, storage_failed.
[[nodiscard]] Result<BackupNote> read_backup_note(const std::filesystem::path& directory);

/// Makes a backup a data directory like any other. On disk when this returns. Errors: those of
/// write_backup_note.
Result<void> remove_backup_note(const std::filesystem::path& directory);

/// What is missing of a backup or has another size, a sentence each; empty: it is whole.
[[nodiscard]] std::vector<std::string> missing_files(const std::filesystem::path& directory,
                                                     const BackupNote& note);

}  // namespace tidemark::storage
