// How far positions are behind a topic's end, and what retention will take from them.
// storage/: one topic at one moment; cursors are measured with it.
#pragma once

#include <chrono>
#include <optional>

#include "storage/log.hpp"

namespace tidemark::storage {

/// How far a position is behind its topic's end.
struct Lag {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;            ///< as stored, to within a batch
  std::chrono::milliseconds time{0};  ///< age of the oldest event it has not; 0 if it has all
  std::uint64_t lost = 0;             ///< of `events`, those no longer retained
  /// Retention would drop some of the rest if it kept a tenth less than it does.
  bool falling = false;
};

/// Retention that keeps a tenth less; where that would be nothing, the least there is.
[[nodiscard]] RetentionPolicy a_tenth_less(const RetentionPolicy& policy);

/// Measures positions of one topic as it is now; cheap for many of them that are close together.
/// Threads: one at a time. Lifetime: the log's at most.
class LagMeter {
 public:
  LagMeter(Log& log, LoadedTopic topic, Timestamp now);

  /// Of a position that claims more than the log has, only what they have in common counts. Time
  /// and bytes are those of what is still there; 0 where that is damaged. Blocks on the disk.
  /// Errors: storage_failed.
  [[nodiscard]] Result<Lag> of(Position position);

 private:
  /// nullopt: what is there is damaged, or has just been trimmed.
  Result<std::optional<BatchHeader>> header_at(Offset offset);
  /// The first event that retention would keep.
  Result<Offset> safe_from();

  Log& log_;
  const LoadedTopic topic_;
  const Timestamp now_;
  std::optional<BatchHeader> last_;  ///< found by the last look-up
  std::optional<Offset> safe_from_;
};

}  // namespace tidemark::storage
