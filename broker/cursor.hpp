// A reader's place in a topic: what to send next, as a state machine without I/O.
// broker/: live delivery, resuming, catching up and joining are all this.
#pragma once

#include <memory>
#include <variant>

#include "broker/metrics/counters.hpp"
#include "protocol/messages.hpp"
#include "storage/event_store.hpp"

namespace tidemark::broker {

/// What a cursor's owner has to do next.
namespace step {
/// Send events of `slice`, as many as wanted; then Cursor::advance.
struct Events {
  storage::Slice slice;
};
/// Tell the reader; the cursor has taken it into account already.
struct Epoch {
  EpochNotice notice;
};
struct Gap {
  GapNotice notice;
};
struct CaughtUp {
  tidemark::CaughtUp message;
};
/// Bring what follows position() into memory (EventStore::load, off the I/O thread), then ask
/// again.
struct Load {};
/// The reader has been told of the gap: send the topic's state, then Cursor::restart.
struct State {};
/// Nothing to do until the topic advances.
struct Wait {};
/// The subscription is over; nothing follows.
struct Ended {
  Errc reason = Errc::topic_deleted;
};
}  // namespace step

using Step = std::variant<step::Events, step::Epoch, step::Gap, step::CaughtUp, step::Load,
                          step::State, step::Wait, step::Ended>;

/// Every subscription sees, in this order and each only if it applies: Gap, State, Epoch, Events …
/// CaughtUp, then Events as they come. A gap that the state does not lead past ends it.
/// Position::epoch may be 0 at the start ("not compared"). Threads: one at a time (its shard's).
/// Costs a lock of the topic per step and no memory of its own beyond the members.
class Cursor {
 public:
  /// `start`: as EventStore::resolve gave it.
  Cursor(std::shared_ptr<storage::Topic> topic, Position start, OnGap on_gap)
      : topic_(std::move(topic)), position_(start), told_epoch_(start.epoch), on_gap_(on_gap) {}

  /// Is the start position one this topic can serve? The gap it would be told, if not. Call before
  /// the first next(): a subscription with OnGap::fail is refused with it.
  [[nodiscard]] std::optional<Gap> gap_at_start() const;

  /// Counts what it finds.
  [[nodiscard]] Step next(storage::EventStore& store, ReadCounters& counters);
  [[nodiscard]] Step next(storage::EventStore& store);
  /// The reader has been sent everything up to and including `last`. Pre: after position(), and in
  /// the segment of the last Events step (Shard::frames may reach beyond the slice).
  void advance(Offset last);

  /// The reader has been sent the state as of `position`: what follows it comes next. CaughtUp
  /// comes again.
  void restart(Position position);

  [[nodiscard]] Position position() const { return position_; }
  /// Nothing follows: next() says why.
  [[nodiscard]] bool ended() const { return ended_.has_value(); }
  [[nodiscard]] const std::shared_ptr<storage::Topic>& topic() const { return topic_; }

  /// Has it been served from the disk last?
  [[nodiscard]] bool is_cold() const { return cold_; }
  /// Events between it and the end of the topic.
  [[nodiscard]] std::uint64_t behind() const;

 private:
  Step pass(const Gap& gap);
  Step serve(storage::Slice slice);

  std::shared_ptr<storage::Topic> topic_;
  Position position_;
  Epoch told_epoch_;  ///< what the reader takes the next event's epoch to be; 0: it must be told
  OnGap on_gap_;
  bool told_caught_up_ = false;
  bool cold_ = false;
  bool wants_state_ = false;  ///< nothing but step::State until restart()
  Offset past_gap_;           ///< where the last gap ended that a state was to lead past
  std::optional<Errc> ended_;
};

/// The error that refuses or ends a subscription because of a gap.
[[nodiscard]] Errc errc_of(GapCause cause);

}  // namespace tidemark::broker
