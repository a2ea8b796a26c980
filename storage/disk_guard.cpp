// Whether there is room for more: see disk_guard.hpp.
// storage/: two limits with hysteresis, and a sentence for whoever is refused.
#include "storage/disk_guard.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <sys/statvfs.h>
#include <utility>

namespace tidemark::storage {

namespace {

// It goes on when a limit is kept with this part of it to spare.
constexpr std::uint64_t kSparePart = 10;

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value,
                kUnits.at(unit));
  return text.data();
}

}  // namespace

DiskSource disk_of(std::filesystem::path directory) {
  return [directory = std::move(directory)]() -> std::optional<DiskSpace> {
    struct statvfs found {};
    if (::statvfs(directory.c_str(), &found) != 0) return std::nullopt;
    const std::uint64_t block = found.f_frsize;
    return DiskSpace{.free = found.f_bavail * block, .total = found.f_blocks * block};
  };
}

DiskGuard::DiskGuard(DiskSource disk, std::function<std::uint64_t()> held, SpaceLimits limits)
    : disk_(std::move(disk)), held_(std::move(held)), limits_(limits) {}

std::optional<std::string> DiskGuard::refusal(Time now) {
  const std::lock_guard lock(mutex_);
  look_if_due(now);
  return why();
}

std::optional<std::string> DiskGuard::why() const {
  if (disk_short_) {
    return bytes_text(space_->free) + " are free on the disk, and " + bytes_text(limits_.reserve) +
           " are kept free; publishing goes on when there are " +
           bytes_text(limits_.reserve + limits_.reserve / kSparePart);
  }
  if (log_full_) {
    return "the log holds " + bytes_text(held_bytes_) + " of the " + bytes_text(limits_.most_held) +
           " it may hold; publishing goes on below " +
           bytes_text(limits_.most_held - limits_.most_held / kSparePart);
  }
  return std::nullopt;
}

void DiskGuard::set_limits(SpaceLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  // What has been refused under the old limits is judged by the new ones alone.
  disk_short_ = log_full_ = false;
  next_look_.reset();
}

DiskGuard::State DiskGuard::state(Time now) {
  const std::lock_guard lock(mutex_);
  look_if_due(now);
  return {.why = why(),
          .disk = space_,
          .held = held_bytes_,
          .limits = limits_,
          .refusing = disk_short_ || log_full_,
          .times = times_};
}

void DiskGuard::look_if_due(Time now) {
  const std::uint64_t most = std::clamp(limits_.reserve / 4, kLeastLookBytes, kLookBytes);
  const bool due =
      !next_look_ || now >= *next_look_ || written_.load(std::memory_order_relaxed) >= most;
  if (!due) return;
  next_look_ = now + kLookInterval;
  written_.store(0, std::memory_order_relaxed);
  look();
}

void DiskGuard::look() {
  const bool refused = disk_short_ || log_full_;
  space_ = disk_ ? disk_() : std::nullopt;
  held_bytes_ = held_ ? held_() : 0;
  const std::uint64_t reserve = limits_.reserve;
  const std::uint64_t needed = disk_short_ ? reserve + reserve / kSparePart : reserve;
  disk_short_ = space_ && reserve > 0 && space_->free < needed;
  const std::uint64_t most = limits_.most_held;
  const std::uint64_t allowed = log_full_ ? most - most / kSparePart : most;
  log_full_ = most > 0 && held_bytes_ >= allowed;
  if (!refused && (disk_short_ || log_full_)) ++times_;
}

}  // namespace tidemark::storage
