// How far the log was known to be on disk, kept outside RocksDB, which may lose its WAL silently.
// storage/: the store writes it after every synced write and compares it on opening.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "protocol/result.hpp"
#include "storage/disk_calls.hpp"

namespace tidemark::storage {

/// The file HEAD of a data directory; FORMAT.md has its bytes. It also is the directory's lock and
/// the sign that a directory is ours.
/// Two slots are written in turn, so a torn write leaves the one before it.
/// Threads: one at a time.
class HeadMarker {
 public:
  enum class Missing { refuse, create };

  /// Opens the marker and locks it for the life of the object; `create` makes a new one (sequence
  /// 0, on disk with its directory entry) if there is none, or one whose making was interrupted
  /// (shorter than both slots, or nothing in them). Errors: not_found (none, and not to be
  /// created), store_locked (another holds it), corrupt_record (no slot is intact),
  /// store_newer_format, store_not_writable, disk_full, storage_failed.
  /// Lifetime: `disk` outlives the marker.
  static Result<std::unique_ptr<HeadMarker>> open(const std::filesystem::path& file,
                                                  Missing missing,
                                                  DiskCalls& disk = DiskCalls::system());
  /// The sequence in a marker, without a lock and without writing. Errors: not_found,
  /// corrupt_record (no slot is intact), store_newer_format, store_not_writable, storage_failed.
  static Result<std::uint64_t> peek(const std::filesystem::path& file);
  ~HeadMarker();
  HeadMarker(const HeadMarker&) = delete;
  HeadMarker& operator=(const HeadMarker&) = delete;

  /// Everything up to this RocksDB sequence number has been on disk.
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }

  /// Hands `sequence` to the operating system; it survives a kill at once, and the loss of power
  /// after the sync that follows within a second of writing. Pre: what it counts is on disk.
  Result<void> write(std::uint64_t sequence);
  /// What was written is on disk when this returns.
  Result<void> sync();

 private:
  HeadMarker(int fd, DiskCalls& disk) : disk_(disk), fd_(fd) {}

  DiskCalls& disk_;
  int fd_;
  std::uint64_t generation_ = 0;
  std::uint64_t sequence_ = 0;
  bool dirty_ = false;
  std::chrono::steady_clock::time_point synced_at_;
};

/// What is in a directory is on disk with its name when this returns: not its files' content.
Result<void> sync_directory(const std::filesystem::path& directory,
                            DiskCalls& disk = DiskCalls::system());

/// The error of a failed system call: disk_full, store_not_writable or storage_failed.
[[nodiscard]] Errc errc_of_errno(int error);

}  // namespace tidemark::storage
