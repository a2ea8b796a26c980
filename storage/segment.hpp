// An append-only run of consecutive events in memory: the unit of caching, reading and sending.
// storage/: rings and the segment cache hold them, cursors send straight out of them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/frames.hpp"
#include "protocol/types.hpp"
#include "storage/record_batch.hpp"

namespace tidemark::storage {

/// One framer per form for one topic.
class TopicFramers {
 public:
  TopicFramers(const TopicName& topic, std::string_view content_type)
      : framers_{EventFramer(FrameForm::json, topic, payload_of(content_type)),
                 EventFramer(FrameForm::binary, topic, payload_of(content_type)),
                 EventFramer(FrameForm::body, topic, stream_payload_of(content_type)),
                 EventFramer(FrameForm::sse, topic, stream_payload_of(content_type)),
                 EventFramer(FrameForm::event, topic, payload_of(content_type))} {}
  [[nodiscard]] const EventFramer& of(FrameForm form) const {
    return framers_[static_cast<std::size_t>(form)];
  }

 private:
  std::array<EventFramer, kFrameForms> framers_;
};

/// Whole, contiguous frames of consecutive events. A view into a segment.
struct FrameRun {
  const char* data = nullptr;
  std::size_t bytes = 0;
  OffsetRange offsets;
};

/// Consecutive events of one topic and one epoch, at stable addresses.
/// Threads: one appends, any number read; a reader sees a batch whole or not at all.
class Segment {
 public:
  struct Capacity {
    std::size_t record_bytes = 0;
    std::uint32_t events = 0;
  };

  Segment(std::shared_ptr<const TopicFramers> framers, Epoch epoch, Offset first,
          Capacity capacity);

  /// Appends a whole batch; false if it does not fit. Pre: it starts at end(), of this epoch.
  bool append(const BatchView& batch);

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] Offset first() const { return first_; }
  [[nodiscard]] Offset end() const { return {first_.value + count()}; }
  [[nodiscard]] bool holds(Offset offset) const { return offset >= first_ && offset < end(); }
  [[nodiscard]] Capacity capacity() const { return capacity_; }

  /// Pre: holds(offset). Lifetime: the segment's.
  [[nodiscard]] EventView event(Offset offset) const;

  /// Frames of the events from `from` on, at least one and otherwise at most `max_bytes` of them,
  /// as far as they lie contiguously, and none from `end` on. Encodes what no reader of this form
  /// has asked for yet. Pre: holds(from); `end` is after it. Lifetime: the segment's.
  [[nodiscard]] FrameRun frames(FrameForm form, Offset from, std::size_t max_bytes,
                                Offset end = Offset{kMaxInteger}) const;

  /// The data of the events from `from` on, where it lies: at least one event, otherwise at most
  /// `max_bytes`. Adds to `out`; returns past the last event. Pre: holds(from). Lifetime: the
  /// segment's.
  Offset gather(Offset from, std::size_t max_bytes, std::vector<std::string_view>& out) const;
  /// Of its events' records, on average. Pre: there is one.
  [[nodiscard]] std::size_t mean_record_bytes() const;

  /// Memory it takes, frames encoded so far included.
  [[nodiscard]] std::size_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  /// Frames of events [first, first + ends.size()), one after another in a block that never moves.
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::uint32_t first = 0;
    std::vector<std::uint32_t> ends;
    [[nodiscard]] std::size_t used() const { return ends.empty() ? 0 : ends.back(); }
    [[nodiscard]] std::uint32_t end() const {
      return first + static_cast<std::uint32_t>(ends.size());
    }
  };
  struct Encoded {
    std::mutex mutex;
    std::vector<Block> blocks;
    std::uint32_t count = 0;
  };

  [[nodiscard]] std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string_view record(std::uint32_t i) const;
  [[nodiscard]] EventView view(std::uint32_t i) const;
  void encode_pending(FrameForm form, Encoded& encoded) const;
  Block& block_for(Encoded& encoded, std::size_t frame_bytes, std::uint32_t next) const;

  const std::shared_ptr<const TopicFramers> framers_;
  const Epoch epoch_;
  const Offset first_;
  const Capacity capacity_;
  std::unique_ptr<char[]> records_;
  std::unique_ptr<std::uint32_t[]> ends_;
  std::unique_ptr<Timestamp[]> times_;
  std::atomic<std::uint32_t> count_{0};
  mutable std::atomic<std::size_t> memory_;
  mutable std::array<Encoded, kFrameForms> encoded_;
};

}  // namespace tidemark::storage
