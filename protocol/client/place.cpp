// Positions and promises.
// protocol/client/: see place.hpp.
#include "protocol/client/place.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::client {

Position after_gap(const Gap& gap) {
  const bool other_history = gap.cause == GapCause::epoch || gap.cause == GapCause::ahead;
  const Offset next = other_history ? gap.earliest : std::max(gap.lost.end, gap.earliest);
  return {gap.epoch, Offset{next.value == 0 ? 0 : next.value - 1}};
}

Place::Beginning beginning_of(const Subscribe& asked) {
  if (asked.state) return asked.cursor.empty() ? Place::Beginning::state : Place::Beginning::either;
  // Nobody is behind what comes next, and nothing after it can be gone.
  const bool now =
      !asked.positions && asked.cursor.empty() && std::holds_alternative<StartNow>(asked.start);
  const bool may = asked.on_gap == OnGap::state || asked.state_if_behind.has_value();
  return may && !now ? Place::Beginning::either : Place::Beginning::events;
}

Place::Place(Inbox& inbox, Inbox::Slot slot, Rules rules, std::optional<Position> position)
    : inbox_(inbox), slot_(slot), rules_(rules), position_(position) {}

void Place::subscribed(const Subscribed& answer, Beginning beginning) {
  live_ = true;
  jump_ = false;
  in_state_ = false;
  awaits_state_ = beginning == Beginning::state;
  payload_ = payload_of(answer.content_type);
  epoch_ = answer.position.epoch;
  inbox_.describe(slot_, answer.content_type);
  begun_.reset();
  if (position_) return;
  if (beginning == Beginning::events) {
    position_ = answer.position;
    return inbox_.move(slot_, *position_);
  }
  // It may be the position of a state that is lost on its way.
  begun_ = answer.position;
}

/// Before anything but a state.
std::optional<std::string> Place::begin(const char* what) {
  if (awaits_state_) return what + std::string(" came before the whole of the topic's state");
  if (begun_) position_ = std::exchange(begun_, std::nullopt);
  return std::nullopt;
}

void Place::hand_on(Delivery delivery) { inbox_.push(slot_, std::move(delivery), position_); }

std::optional<std::string> Place::event(Event event) {
  if (!live_) return std::nullopt;
  if (auto wrong = begin("an event")) return wrong;
  if (!jump_ && event.offset <= position_->offset) return std::nullopt;  // seen
  if (!jump_ && !rules_.filtered && event.offset != position_->offset.next()) {
    return "event " + std::to_string(event.offset.value) + " came after " +
           std::to_string(position_->offset.value) + " without a word about those between";
  }
  if (!settle_payload(event.data, event.form, payload_)) {
    return "the data of event " + std::to_string(event.offset.value) +
           " does not fit the topic's content type";
  }
  jump_ = false;
  progress_ = true;
  position_->offset = event.offset;
  hand_on(std::move(event));
  return std::nullopt;
}

std::optional<std::string> Place::settle(State& part) const {
  for (auto& entry : part.entries) {
    if (settle_payload(entry.data, entry.form, payload_)) continue;
    return "the data of event " + std::to_string(entry.offset.value) +
           " in a state does not fit the topic's content type";
  }
  return std::nullopt;
}

// Until a state is whole its reader is where it was: that is what a connection lost meanwhile is
// resumed from if it was only about to come, and what an application may have stored.
std::optional<std::string> Place::state(State part) {
  if (!live_) return std::nullopt;
  if (!part.first && !in_state_) return "a part of a state came without those before it";
  if (auto wrong = settle(part)) return wrong;
  in_state_ = !part.last;
  awaits_state_ = !part.last;
  if (part.last) {
    begun_.reset();
    position_ = part.position;
    epoch_ = part.position.epoch;
    jump_ = false;
    progress_ = true;
  }
  hand_on(std::move(part));
  return std::nullopt;
}

std::optional<std::string> Place::advanced(const Advanced& message) {
  if (!live_) return std::nullopt;
  if (auto wrong = begin("a word about what was filtered out")) return wrong;
  if (message.offset <= position_->offset) return std::nullopt;
  if (!rules_.filtered) {
    return "it advances to " + std::to_string(message.offset.value) +
           ", but nothing was to be filtered out";
  }
  position_->offset = message.offset;
  jump_ = false;
  inbox_.move(slot_, *position_);
  return std::nullopt;
}

std::optional<std::string> Place::epoch(const EpochNotice& notice) {
  if (!live_) return std::nullopt;
  if (auto wrong = begin("a new epoch")) return wrong;
  position_->epoch = notice.epoch;
  epoch_ = notice.epoch;
  hand_on(notice);
  return std::nullopt;
}

std::optional<std::string> Place::caught_up(const CaughtUp& message) {
  if (!live_) return std::nullopt;
  if (auto wrong = begin("\"caught up\"")) return wrong;
  hand_on(message);
  return std::nullopt;
}

void Place::gap(const Gap& gap) {
  if (!live_) return;
  begun_.reset();
  in_state_ = false;
  epoch_ = gap.epoch;
  if (rules_.on_gap == OnGap::state) {
    awaits_state_ = true;
  } else {
    awaits_state_ = false;
    position_ = after_gap(gap);
    jump_ = true;
  }
  hand_on(gap);
}

void Place::begin_at_zero() {
  position_ = Position{epoch_, Offset{0}};
  begun_.reset();
  awaits_state_ = false;
}

bool Place::take_progress() { return std::exchange(progress_, false); }

}  // namespace tidemark::client
