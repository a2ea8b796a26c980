// What can be wrong with a store, each with a name: for health, metrics and log alike.
// storage/: pure; EventStore::troubles() puts in what there is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/committer.hpp"
#include "storage/damage.hpp"
#include "storage/store_clock.hpp"

namespace tidemark::storage {

enum class Problem : std::uint8_t {
  recovering,      ///< a write has failed, and nothing is written until the log has recovered
  unreadable,      ///< and meanwhile older events can't be read either
  disk_full,       ///< nothing is published for want of room
  engine_error,    ///< RocksDB has met an error at work, and nobody has written since
  damaged,         ///< stored events were found damaged
  clock_jumped,    ///< lately, or the believed time has not caught up with it
  data_lost,       ///< this start has accepted a loss: every topic has a new epoch
  backup_restored  ///< this start was on a backup: every topic has a new epoch
};
inline constexpr std::size_t kProblems = 8;

struct ProblemInfo {
  Problem problem;
  std::string_view name;  ///< "disk_full": for health, metrics and log
  bool not_ready;         ///< no clients should be sent while it lasts
};
/// In the order of the enum.
[[nodiscard]] const std::array<ProblemInfo, kProblems>& problems();

/// How one of the problems is.
struct Trouble {
  Problem problem = Problem::recovering;
  bool now = false;
  std::uint64_t times = 0;  ///< it has begun, or become worse, since the start
  std::string detail;       ///< for those who run the broker; if it is, or has been
};
/// Entry i is the problem with that value.
using Troubles = std::array<Trouble, kProblems>;

/// What they are told from.
struct StoreSigns {
  CommitterStats writing;
  DiskGuard::State space;
  LogHealth log;
  Damage::Figures damage;
  ClockState clock;
};
/// A clock that jumped is told for as long, or until the believed time has caught up.
inline constexpr std::chrono::minutes kJumpTold{10};

[[nodiscard]] Troubles troubles_of(const StoreSigns& signs);

}  // namespace tidemark::storage
