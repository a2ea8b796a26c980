// The newest segments of one topic, under a byte budget.
// storage/: owned and locked by Topic.
#pragma once

#include <deque>
#include <memory>

#include "storage/segment.hpp"

namespace tidemark::storage {

/// Threads: one at a time; Topic's lock guards it. The segments handed out need no lock.
class Ring {
 public:
  /// `max_bytes`: budget of this topic; the newest segment is kept whatever it takes.
  Ring(std::shared_ptr<const TopicFramers> framers, std::size_t max_bytes)
      : framers_(std::move(framers)), max_bytes_(max_bytes) {}

  /// Appends a batch, opening a segment where the newest has no room or is of another epoch, and
  /// drops what is over the budget. Pre: it starts where the ring ends, or the ring is empty.
  void append(const BatchView& batch);

  /// The segment that holds `offset`, or null.
  [[nodiscard]] std::shared_ptr<const Segment> find(Offset offset) const;

  /// Forgets the oldest segment; false if there was only the newest (which goes too if `all`).
  bool drop_oldest(bool all);
  /// Forgets segments wholly before `keep`.
  void drop_before(Offset keep);
  void clear() { segments_.clear(); }

  [[nodiscard]] bool empty() const { return segments_.empty(); }
  /// Memory of the segments, frames included.
  [[nodiscard]] std::size_t memory() const;

 private:
  [[nodiscard]] Segment::Capacity next_capacity(const BatchView& batch) const;

  std::shared_ptr<const TopicFramers> framers_;
  std::size_t max_bytes_;
  std::deque<std::shared_ptr<Segment>> segments_;
};

}  // namespace tidemark::storage
