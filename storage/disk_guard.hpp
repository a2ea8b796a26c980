// Whether there is room for more: on the disk, and of what the log may hold.
// storage/: the committer asks before it appends; reading, trimming and deleting go on without.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace tidemark::storage {

struct DiskSpace {
  std::uint64_t free = 0;  ///< bytes that we may still write
  std::uint64_t total = 0;
};

/// Says how the disk is now; nullopt: it can't be told, which refuses nothing.
using DiskSource = std::function<std::optional<DiskSpace>()>;
/// The file system of `directory`, as statvfs tells.
[[nodiscard]] DiskSource disk_of(std::filesystem::path directory);

struct SpaceLimits {
  std::uint64_t reserve = std::uint64_t{256} << 20;  ///< bytes of the disk kept free; 0: none
  std::uint64_t most_held = 0;                       ///< bytes the log may take; 0: no limit
  bool operator==(const SpaceLimits&) const = default;
};

/// Refuses from the moment a limit is passed until it is kept again with a tenth of it to spare, so
/// that it does not change its mind with every file RocksDB makes or removes.
/// Threads: any. Lock: its own, held while the disk and the log are asked.
class DiskGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// The disk is asked again after this time, or once so much has been written: a quarter of the
  /// reserve within these bounds, so that a fast writer does not outrun a small one.
  static constexpr std::chrono::milliseconds kLookInterval{500};
  static constexpr std::uint64_t kLookBytes = std::uint64_t{16} << 20;
  static constexpr std::uint64_t kLeastLookBytes = std::uint64_t{1} << 20;

  /// Without `disk` there is no reserve, without `held` no other limit.
  DiskGuard(DiskSource disk, std::function<std::uint64_t()> held, SpaceLimits limits);

  /// Why nothing may be appended now; nullopt: it may. Asks the disk if it is time to.
  [[nodiscard]] std::optional<std::string> refusal(Time now);
  /// So much is on its way to the disk.
  void wrote(std::uint64_t bytes) { written_.fetch_add(bytes, std::memory_order_relaxed); }
  /// The disk is asked at the next occasion.
  void set_limits(SpaceLimits limits);

  /// As of the last look; asks the disk if it is time to.
  struct State {
    std::optional<std::string> why;  ///< as refusal()
    std::optional<DiskSpace> disk;
    std::uint64_t held = 0;
    SpaceLimits limits;
    bool refusing = false;
    std::uint64_t times = 0;  ///< it has begun to refuse
  };
  [[nodiscard]] State state(Time now);

 private:
  void look_if_due(Time now);
  void look();
  [[nodiscard]] std::optional<std::string> why() const;

  const DiskSource disk_;
  const std::function<std::uint64_t()> held_;
  std::atomic<std::uint64_t> written_{0};  ///< since the last look

  std::mutex mutex_;
  SpaceLimits limits_;
  std::optional<Time> next_look_;
  std::optional<DiskSpace> space_;
  std::uint64_t held_bytes_ = 0;
  bool disk_short_ = false;
  bool log_full_ = false;
  std::uint64_t times_ = 0;
};

}  // namespace tidemark::storage
