// Which copy of a data directory this is, as far as the file system can tell.
// storage/: plain POSIX; the store remembers the answer and compares it at the next start.
#pragma once

#include <cstdint>
#include <filesystem>

namespace tidemark::storage {

/// The file HEAD as the file system knows it. A copy has another inode, or where a number was given
/// again, another time of birth; moving a directory within its file system changes neither.
struct StorePlace {
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  ///< 0: the file system does not say
  bool operator==(const StorePlace&) const = default;
};

struct PlaceFound {
  StorePlace place;
  /// HEAD has last been changed by something else than writing to it: whoever copies a file over it
  /// and gives it the times it had leaves this behind. So does a change of owner or mode.
  bool touched = false;
};

/// Inode 0 if the file can't be looked at. Never fails: who does not know compares nothing.
[[nodiscard]] PlaceFound place_of(const std::filesystem::path& head);

}  // namespace tidemark::storage
