// The identity of the file HEAD: see store_place.hpp.
// storage/: one statx.
#include "storage/store_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace tidemark::storage {
namespace {

// A write sets both times to the same moment; network file systems may be a little less exact.
constexpr std::int64_t kSameMomentNs = 1'000'000'000;

std::int64_t nanoseconds(const struct statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

PlaceFound place_of(const std::filesystem::path& head) {
  struct statx found {};
  const unsigned wanted = STATX_INO | STATX_BTIME | STATX_MTIME | STATX_CTIME;
  if (::statx(AT_FDCWD, head.c_str(), 0, wanted, &found) != 0) return {};
  PlaceFound out{.place = {.inode = found.stx_ino, .born_ns = 0}, .touched = false};
  if ((found.stx_mask & STATX_BTIME) != 0) out.place.born_ns = nanoseconds(found.stx_btime);
  const std::int64_t apart = nanoseconds(found.stx_ctime) - nanoseconds(found.stx_mtime);
  out.touched = apart > kSameMomentNs || apart < -kSameMomentNs;
  return out;
}

}  // namespace tidemark::storage
