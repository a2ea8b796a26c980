// A file system on real directories that fails as it is told, and forgets what was not synced.
// tests/proof/: under RocksDB and the head marker, for the rows whose faults are in the process.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "storage/disk_calls.hpp"

namespace tidemark::proof {

enum class FaultKind : std::uint8_t {
  write,  ///< half of what was to be written is, and then an error
  sync,   ///< what was to be synced never will be, whatever later syncs say
};

/// The Nth call of a kind from now on fails, and with `persistent` each after it.
struct Fault {
  FaultKind kind = FaultKind::sync;
  std::uint64_t nth = 1;
  bool persistent = false;
  bool no_space = false;  ///< ENOSPC rather than EIO
};

/// What a loss of power leaves of that which was not synced.
struct PowerLoss {
  bool torn_tails = false;  ///< of each file's unsynced end some, else nothing
  bool keep_names = false;  ///< names made, moved and removed are as they were last, synced or not
  std::uint64_t seed = 0;   ///< of the torn tails
};

/// Directories are followed from `root` down, which must be there; what was there before counts as
/// synced. Files written past this object (RocksDB's LOG, its LOCK) are left alone.
/// Never asks the disk itself to sync: it takes the disk's place.
/// Of RocksDB's own threads a sync of a write-ahead log is not failed: a writer that waits for it
/// is an assertion of RocksDB 7.8, which is not ours to pass.
/// Threads: any; lose_power() only while nothing has a file open.
class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  /// `grave`: an empty directory on the same disk, for what may have to come back.
  FaultyFileSystem(std::filesystem::path root, std::filesystem::path grave);
  ~FaultyFileSystem() override;

  void arm(Fault fault);
  /// No faults from now on.
  void disarm();
  /// Whether the fault armed last has come to pass.
  [[nodiscard]] bool fired() const;
  /// Calls of a kind since the beginning.
  [[nodiscard]] std::uint64_t calls(FaultKind kind) const;

  /// Every call that would change something fails from now on.
  void cut_power();
  /// The disk as it is when the power is back.
  void lose_power(const PowerLoss& how);

  /// Syncs succeed and do nothing, as a disk does that lies. For controls.
  void lie_about_sync(bool lies) { lies_ = lies; }

  /// For StoreOptions.
  [[nodiscard]] rocksdb::Env* env() { return env_.get(); }
  [[nodiscard]] storage::DiskCalls& disk_calls() { return calls_; }

  [[nodiscard]] const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* out,
                                       rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out,
                                 rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus Truncate(const std::string& name, std::size_t size,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* context) override;

 private:
  class File;
  class Directory;
  using Path = std::filesystem::path;
  using Inode = std::uint64_t;  ///< 0: a directory

  class Calls : public storage::DiskCalls {
   public:
    explicit Calls(FaultyFileSystem& files) : files_(files) {}
    int open(const char* path, int flags, mode_t mode) override;
    ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t at) override;
    int fdatasync(int fd) override;
    int fsync(int fd) override;

   private:
    FaultyFileSystem& files_;
  };

  /// What of a file is on disk.
  struct Content {
    std::uint64_t synced = 0;                                   ///< bytes from its start
    std::vector<std::pair<std::uint64_t, std::uint64_t>> lost;  ///< ranges a failed sync gave up
    std::optional<std::string> whole;  ///< of a file that is overwritten: all of it as synced
  };

  [[nodiscard]] bool powerless() const;
  [[nodiscard]] std::optional<Fault> next(FaultKind kind);
  [[nodiscard]] std::optional<Fault> next_sync(const Path& file);
  [[nodiscard]] bool ours(const Path& path) const;
  void entered(const Path& path);
  void left(const Path& path);
  void settle(const Path& directory);
  void forget_unnamed();
  void sync_content(Inode inode, const Path& path, std::uint64_t size, bool failed);
  void restore_names();
  void restore_content(Inode inode, const Path& path, const PowerLoss& how,
                       std::mt19937_64& random);
  [[nodiscard]] Path in_grave(Inode inode) const;

  const Path root_;
  const Path grave_;
  Calls calls_{*this};
  std::unique_ptr<rocksdb::Env> env_;

  mutable std::mutex mutex_;
  std::optional<Fault> fault_;
  std::uint64_t left_ = 0;  ///< calls of its kind until it comes to pass
  bool fired_ = false;
  bool cut_ = false;
  std::atomic<bool> lies_{false};
  std::map<FaultKind, std::uint64_t> count_;
  std::map<Path, Inode> names_;         ///< as they are
  std::map<Path, Inode> synced_names_;  ///< as they would be after a loss of power
  std::map<Inode, Content> contents_;
};

}  // namespace tidemark::proof
