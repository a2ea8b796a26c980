// A state that is in memory whole: what newcomers share.
// broker/state/: made once by a source, handed out by States, kept for as long as it is good.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/state/states.hpp"

namespace tidemark::broker {

using StateParts = std::vector<std::shared_ptr<const StatePart>>;

/// Bytes of all states there are; outlives whoever counts.
using StateBytes = std::shared_ptr<std::atomic<std::size_t>>;

/// Threads: any.
class MadeState {
 public:
  /// Pre: there is a part, and the last one is State::last.
  MadeState(Position position, StateParts parts, std::size_t bytes, StateBytes counter);
  ~MadeState();
  MadeState(const MadeState&) = delete;
  MadeState& operator=(const MadeState&) = delete;

  [[nodiscard]] Position position() const { return position_; }
  [[nodiscard]] const StateParts& parts() const { return parts_; }

  /// Keeps what follows the position in the log of its topic. Shared by those who begin within a
  /// few seconds, since a topic has few holds; one that is older is near its end (Topic::kHoldsFor)
  /// and not given to others any more.
  [[nodiscard]] std::shared_ptr<const storage::Hold> hold(
      const std::shared_ptr<storage::Topic>& topic);

 private:
  const Position position_;
  const StateParts parts_;
  const std::size_t bytes_;
  const StateBytes counter_;

  std::mutex mutex_;  // a Topic's may be taken under it
  std::weak_ptr<const storage::Hold> hold_;
  std::chrono::steady_clock::time_point held_since_;
};

/// A reading of it.
[[nodiscard]] std::unique_ptr<StateReading> reading_of(
    std::shared_ptr<MadeState> made, const std::shared_ptr<storage::Topic>& topic);

}  // namespace tidemark::broker
