// What a repair writes: groups of some size into a new log, and epochs it has not given yet.
// storage/: a part of repair.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/log.hpp"
#include "storage/repair_history.hpp"

namespace tidemark::storage {

/// The new log as a repair fills it. Every call's error is kept: after one nothing more is written.
/// Threads: one.
class RepairTarget {
 public:
  /// `last_epoch`: the greatest that the old store is known to have given.
  RepairTarget(Log& log, std::uint64_t last_epoch, std::function<std::uint64_t()> random);

  void add(EncodedBatch batch);
  void add(ProducerUpdate update);
  void add(LatestUpdate update);
  void add(StateUpdate update);
  void add(CursorUpdate update);
  void add(const TopicMeta& meta);
  /// What was added is in the log, not synced.
  void flush();
  /// Pre: nothing of the topic's keys is waiting to be flushed.
  [[nodiscard]] std::optional<Offset> latest(TopicId topic, std::string_view key);

  /// Later than all there have been, in the old store or here.
  [[nodiscard]] Epoch next_epoch();
  /// An epoch that is in use.
  void note(Epoch epoch);
  [[nodiscard]] const std::function<std::uint64_t()>& random() const { return random_; }

  /// What went wrong first.
  [[nodiscard]] const Result<void>& status() const { return status_; }

 private:
  void grew(std::size_t bytes);

  Log& log_;
  std::uint64_t last_epoch_;
  std::function<std::uint64_t()> random_;
  CommitGroup group_;
  std::size_t bytes_ = 0;
  Result<void> status_ = ok();
};

}  // namespace tidemark::storage
