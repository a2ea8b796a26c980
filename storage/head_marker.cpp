// The head marker's file: two slots of 32 bytes, a page apart, the newer intact one counts.
// storage/: below the store; plain POSIX, no RocksDB.
#include "storage/head_marker.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidemark::storage {
namespace {

constexpr std::string_view kMagic = "TIDEMRK";  // and a byte with the version of this file
constexpr unsigned char kVersion = 1;
constexpr std::size_t kSlotSize = 32;
constexpr off_t kSlotDistance = 4096;  // a torn page takes one slot at most
constexpr std::chrono::seconds kSyncEvery{1};

using Slot = std::array<unsigned char, kSlotSize>;

void store_u64(unsigned char* at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) at[i] = static_cast<unsigned char>(value >> (8 * i));
}

std::uint64_t load_u64(const unsigned char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | at[i];
  return value;
}

struct SlotFields {
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
};

Slot encode(const SlotFields& fields) {
  Slot slot{};
  std::memcpy(slot.data(), kMagic.data(), kMagic.size());
  slot[kMagic.size()] = kVersion;
  store_u64(&slot[8], fields.generation);
  store_u64(&slot[16], fields.sequence);
  store_u64(&slot[24], XXH3_64bits(slot.data(), 24));
  return slot;
}

Result<SlotFields> decode(const Slot& slot) {
  if (std::memcmp(slot.data(), kMagic.data(), kMagic.size()) != 0 ||
      load_u64(&slot[24]) != XXH3_64bits(slot.data(), 24))
    return Errc::corrupt_record;
  if (slot[kMagic.size()] > kVersion) return Errc::store_newer_format;
  return SlotFields{.generation = load_u64(&slot[8]), .sequence = load_u64(&slot[16])};
}

// The newer intact slot.
Result<SlotFields> newest_slot(int fd) {
  std::optional<SlotFields> best;
  for (off_t i = 0; i < 2; ++i) {
    Slot slot{};
    if (::pread(fd, slot.data(), slot.size(), i * kSlotDistance) < 0) return errc_of_errno(errno);
    const auto fields = decode(slot);
    if (!fields && fields.errc() == Errc::store_newer_format) return fields.errc();
    if (fields && (!best || fields->generation > best->generation)) best = *fields;
  }
  if (!best) return Errc::corrupt_record;
  return *best;
}

// Whether making it was interrupted: less than both slots, or nothing in them.
Result<bool> half_made(int fd, off_t size) {
  if (size < kSlotDistance + static_cast<off_t>(kSlotSize)) return true;
  for (off_t i = 0; i < 2; ++i) {
    Slot slot{};
    if (::pread(fd, slot.data(), slot.size(), i * kSlotDistance) < 0) return errc_of_errno(errno);
    if (slot != Slot{}) return false;
  }
  return true;
}

}  // namespace

Result<void> sync_directory(const std::filesystem::path& directory, DiskCalls& disk) {
  const int fd = disk.open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return errc_of_errno(errno);
  const int error = disk.fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return errc_of_errno(error);
  return ok();
}

Errc errc_of_errno(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Errc::disk_full;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOENT:
      return Errc::store_not_writable;
    default:
      return Errc::storage_failed;
  }
}

Result<std::unique_ptr<HeadMarker>> HeadMarker::open(const std::filesystem::path& file,
                                                     Missing missing, DiskCalls& disk) {
  const int flags = O_RDWR | O_CLOEXEC | (missing == Missing::create ? O_CREAT : 0);
  const int fd = disk.open(file.c_str(), flags, 0600);
  if (fd < 0) {
    if (errno == ENOENT && missing == Missing::refuse) return Errc::not_found;
    return errc_of_errno(errno);
  }
  std::unique_ptr<HeadMarker> marker(new HeadMarker(fd, disk));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? Errc::store_locked : Errc::storage_failed;
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size < 0) return Errc::storage_failed;
  const auto newest = newest_slot(fd);
  bool unmade = false;
  if (missing == Missing::create && !newest && newest.errc() == Errc::corrupt_record) {
    const auto half = half_made(fd, size);
    if (!half) return half.errc();
    unmade = *half;
  }
  if (unmade) {
    // Both slots, so that from now on a file with fewer intact ones has been damaged.
    for (int i = 0; i < 2; ++i)
      if (auto done = marker->write(0); !done) return done.errc();
    if (auto done = marker->sync(); !done) return done.errc();
    if (auto done = sync_directory(file.parent_path(), disk); !done) return done.errc();
    return marker;
  }
  if (!newest) return newest.errc();
  marker->generation_ = newest->generation;
  marker->sequence_ = newest->sequence;
  return marker;
}

Result<std::uint64_t> HeadMarker::peek(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? Errc::not_found : errc_of_errno(errno);
  const auto newest = newest_slot(fd);
  ::close(fd);
  if (!newest) return newest.errc();
  return newest->sequence;
}

HeadMarker::~HeadMarker() { ::close(fd_); }

Result<void> HeadMarker::write(std::uint64_t sequence) {
  const auto slot = encode({.generation = generation_ + 1, .sequence = sequence});
  const auto at = static_cast<off_t>((generation_ + 1) % 2) * kSlotDistance;
  const auto written = disk_.pwrite(fd_, slot.data(), slot.size(), at);
  if (written != static_cast<ssize_t>(slot.size()))
    return written < 0 ? errc_of_errno(errno) : Errc::disk_full;
  ++generation_;
  sequence_ = sequence;
  dirty_ = true;
  // Not on every write: a marker that is a second old after a power loss still finds a lost WAL.
  if (std::chrono::steady_clock::now() - synced_at_ >= kSyncEvery) return sync();
  return ok();
}

Result<void> HeadMarker::sync() {
  if (!dirty_) return ok();
  synced_at_ = std::chrono::steady_clock::now();
  if (disk_.fdatasync(fd_) != 0) return errc_of_errno(errno);
  dirty_ = false;
  return ok();
}

}  // namespace tidemark::storage
