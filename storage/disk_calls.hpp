// The calls of the operating system by which our own files beside RocksDB reach the disk.
// storage/: the head marker and whoever syncs a directory make them; tests put faults in between.
#pragma once

#include <cstddef>
#include <sys/types.h>

namespace tidemark::storage {

/// Each as the system's call of its name: -1 and errno, or a result. Threads: any.
class DiskCalls {
 public:
  virtual ~DiskCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t at);
  virtual int fdatasync(int fd);
  virtual int fsync(int fd);

  /// The system itself.
  static DiskCalls& system();
};

}  // namespace tidemark::storage
