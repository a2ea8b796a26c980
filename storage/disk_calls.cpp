// The calls of the operating system: see disk_calls.hpp.
// storage/: handed on as they are.
#include "storage/disk_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace tidemark::storage {

int DiskCalls::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }

ssize_t DiskCalls::pwrite(int fd, const void* bytes, std::size_t size, off_t at) {
  return ::pwrite(fd, bytes, size, at);
}

int DiskCalls::fdatasync(int fd) { return ::fdatasync(fd); }

int DiskCalls::fsync(int fd) { return ::fsync(fd); }

DiskCalls& DiskCalls::system() {
  static DiskCalls calls;
  return calls;
}

}  // namespace tidemark::storage
