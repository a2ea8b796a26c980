// Every call that asks for the disk says yes and does nothing: for LD_PRELOAD.
// tests/proof/: the control of a power loss: with it a broker has to lose what it acknowledged.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int fsync(int descriptor) {
  (void)descriptor;
  return 0;
}

int fdatasync(int descriptor) {
  (void)descriptor;
  return 0;
}

int sync_file_range(int descriptor, off64_t offset, off64_t bytes, unsigned int flags) {
  (void)descriptor;
  (void)offset;
  (void)bytes;
  (void)flags;
  return 0;
}

int msync(void* address, size_t bytes, int flags) {
  (void)address;
  (void)bytes;
  (void)flags;
  return 0;
}

int syncfs(int descriptor) {
  (void)descriptor;
  return 0;
}

void sync(void) {}
