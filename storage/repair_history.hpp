// Which epochs a salvaged topic's batches get, so that no client takes a hole for a whole log.
// storage/: pure; a part of repair.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "storage/settings.hpp"

namespace tidemark::storage {

/// Epochs and offsets above are no log's: what has them is damaged.
inline constexpr std::uint64_t kMostRepaired = kMaxInteger - (std::uint64_t{1} << 40);

/// The lineage of a topic, put together anew from what was known of it and the batches there still
/// are. Where events are lost, what follows gets an epoch of its own: a position in the epoch of
/// before ends at the hole, so who claims more of it is told. Example: epochs 10 from 1 and 20 from
/// 41; of the events 21 to 30 nothing is left. Then it is 10 from 1, some epoch above 10 and below
/// 20 from 31, 20 from 41. Threads: one.
class RepairedHistory {
 public:
  /// A fork that reads this topic's events up to `inherited` as its own, and the epoch in which its
  /// own begin: what is inherited has to have a lower one.
  struct Heir {
    Offset inherited;
    Epoch epoch;
  };
  struct Start {
    std::vector<EpochStart> inherited;  ///< a fork's: what its source's has become, up to there
    std::vector<EpochStart> own;        ///< what was known, behind that; empty: nothing
    std::optional<Offset> first;        ///< event it should begin with; nullopt: nobody knows
    std::vector<Heir> heirs;
  };
  RepairedHistory(Start start, std::function<std::uint64_t()> random);

  /// The events that should come next.
  [[nodiscard]] std::optional<Offset> expected() const { return expected_; }
  /// The last epoch that was given or known; 0: none yet.
  [[nodiscard]] Epoch epoch() const;

  /// The epoch a batch of these events has from now on. nullopt: it does not fit what came before.
  /// Pre: !offsets.empty().
  std::optional<Epoch> place(OffsetRange offsets, Epoch epoch);
  /// No more batches come: epochs that had no events, or whose events are lost, are there too.
  void close();
  /// With the epoch for what comes next, from `next` on. Pre: close() was called; epoch > epoch().
  [[nodiscard]] std::vector<EpochStart> finish(Offset next, Epoch epoch);
  [[nodiscard]] const std::vector<EpochStart>& lineage() const { return lineage_; }

 private:
  void enter(EpochStart start);
  [[nodiscard]] Epoch own_epoch(Offset first) const;

  std::vector<EpochStart> lineage_;
  std::vector<EpochStart> known_;
  std::size_t next_ = 0;  ///< of known_, not in lineage_ yet
  Epoch original_;        ///< the greatest that was met, as it was
  std::optional<Offset> expected_;
  Offset end_;  ///< behind the last batch
  std::vector<Heir> heirs_;
  std::function<std::uint64_t()> random_;
};

/// Those entries that can be one lineage: epochs that increase, offsets that do not decrease.
[[nodiscard]] std::vector<EpochStart> sound_lineage(const std::vector<EpochStart>& lineage);

}  // namespace tidemark::storage
