// Where a reader is in one topic, and what each message of the broker does to that.
// protocol/client/: a feed has one, a pattern's feed one for every topic; both fill an inbox.
#pragma once

#include <optional>
#include <string>

#include "protocol/client/inbox.hpp"

namespace tidemark::client {

/// Checks what the broker promises, and keeps the position a lost connection is resumed from: that
/// of the last event received, or of the last whole state. Threads: the session's strand.
///
/// The functions that return a text say what is wrong with the message if it breaks a promise of
/// the broker's; it isn't delivered then. Messages that come while it isn't live are of an earlier
/// subscription, and dropped.
class Place {
 public:
  struct Rules {
    OnGap on_gap = OnGap::earliest;
    bool filtered = false;
  };
  /// What may come before the first event.
  enum class Beginning : std::uint8_t {
    events,  ///< no state
    either,  ///< a state, or none
    state,   ///< a state
  };

  /// `position`: where to go on from, if that is known already.
  Place(Inbox& inbox, Inbox::Slot slot, Rules rules, std::optional<Position> position);

  void subscribed(const Subscribed& answer, Beginning beginning);
  /// Until subscribed() again.
  void pause() { live_ = false; }

  [[nodiscard]] std::optional<std::string> event(Event event);
  [[nodiscard]] std::optional<std::string> state(State part);
  [[nodiscard]] std::optional<std::string> advanced(const Advanced& message);
  [[nodiscard]] std::optional<std::string> epoch(const EpochNotice& notice);
  [[nodiscard]] std::optional<std::string> caught_up(const CaughtUp& message);
  void gap(const Gap& gap);

  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] Inbox::Slot slot() const { return slot_; }
  /// Has the broker ever said anything of the topic?
  [[nodiscard]] bool known() const { return epoch_ != Epoch{}; }
  /// Where to go on from; none: nothing has come that would say so. Void if awaits_state().
  [[nodiscard]] const std::optional<Position>& position() const { return position_; }
  /// Nothing but a state, from its first part on, is of use now.
  [[nodiscard]] bool awaits_state() const { return awaits_state_; }
  /// Goes on with all there is of the topic instead of a state: after 0, so that what is no longer
  /// there is told as a gap. Pre: known().
  void begin_at_zero();
  /// Has it moved since this was asked last?
  [[nodiscard]] bool take_progress();

 private:
  [[nodiscard]] std::optional<std::string> settle(State& part) const;
  [[nodiscard]] std::optional<std::string> begin(const char* what);
  void hand_on(Delivery delivery);

  Inbox& inbox_;
  const Inbox::Slot slot_;
  const Rules rules_;
  std::optional<Position> position_;
  std::optional<Position> begun_;  ///< counts as soon as something other than a state comes
  Epoch epoch_;                    ///< of the history, as told last
  bool live_ = false;
  bool jump_ = false;  ///< after a gap the next event's offset is what it is
  bool awaits_state_ = false;
  bool in_state_ = false;  ///< its first part has come, its last has not
  bool progress_ = false;
  Payload payload_ = Payload::bytes;
};

/// What the answer to a request begins with, where there is no position to go on from.
[[nodiscard]] Place::Beginning beginning_of(const Subscribe& asked);

/// Where a reader stands once it has been told of a gap: before the earliest event there is, or
/// past a damaged stretch further on.
[[nodiscard]] Position after_gap(const Gap& gap);

/// What to do after a gap, by what was asked for.
[[nodiscard]] inline OnGap gap_answer(const std::optional<OnGap>& on_gap, bool state) {
  return on_gap.value_or(state ? OnGap::state : OnGap::earliest);
}

}  // namespace tidemark::client
