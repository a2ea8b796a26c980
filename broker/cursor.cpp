// A reader's place in a topic: see cursor.hpp.
// broker/: decides what comes next; whoever owns the cursor does the sending.
#include "broker/cursor.hpp"

namespace tidemark::broker {

Errc errc_of(GapCause cause) {
  switch (cause) {
    case GapCause::epoch:
      return Errc::wrong_epoch;
    case GapCause::ahead:
      return Errc::position_ahead;
    case GapCause::corrupt:
      return Errc::corrupt_record;
    case GapCause::count:
    case GapCause::bytes:
    case GapCause::age:
    case GapCause::trimmed:
      break;
  }
  return Errc::position_trimmed;
}

std::optional<Gap> Cursor::gap_at_start() const {
  const storage::ReadAnswer answer = topic_->read(position_);
  if (answer.state != storage::ReadAnswer::State::gap) return std::nullopt;
  return answer.gap;
}

Step Cursor::next(storage::EventStore& store, ReadCounters& counters) {
  Step step = next(store);
  if (const auto* const events = std::get_if<step::Events>(&step)) {
    (events->slice.cached ? counters.from_cache : counters.from_ring).add();
  } else if (const auto* const gap = std::get_if<step::Gap>(&step)) {
    counters.gaps[gap->notice.gap.cause].add();
  } else if (std::holds_alternative<step::Load>(step)) {
    counters.cold.add();
  }
  return step;
}

std::uint64_t Cursor::behind() const {
  const Offset head = topic_->bounds().head;
  return head > position_.offset ? head.value - position_.offset.value : 0;
}

Step Cursor::next(storage::EventStore& store) {
  using State = storage::ReadAnswer::State;
  if (ended_) return step::Ended{*ended_};
  if (wants_state_) return step::State{};
  storage::ReadAnswer answer = store.read(*topic_, position_);
  switch (answer.state) {
    case State::events:
      cold_ = answer.slice.cached;
      return serve(std::move(answer.slice));
    case State::gap:
      return pass(answer.gap);
    case State::cold:
      cold_ = true;
      return step::Load{};
    case State::caught_up:
      cold_ = false;
      if (told_caught_up_) return step::Wait{};
      told_caught_up_ = true;
      return step::CaughtUp{{.topic = topic_->name().str(), .offset = position_.offset}};
    case State::deleted:
      break;
  }
  ended_ = Errc::topic_deleted;
  return step::Ended{*ended_};
}

void Cursor::restart(Position position) {
  TIDEMARK_ENSURE(!ended_, "nothing follows the end of a subscription");
  position_ = position;
  told_epoch_ = position.epoch;  // the state says which it is of
  told_caught_up_ = false;
  wants_state_ = false;
}

void Cursor::advance(Offset last) {
  TIDEMARK_ENSURE(last > position_.offset, "a cursor only moves forward");
  position_.offset = last;
}

Step Cursor::serve(storage::Slice slice) {
  const Epoch epoch = slice.segment->epoch();
  if (epoch == told_epoch_) return step::Events{std::move(slice)};
  told_epoch_ = epoch;
  position_.epoch = epoch;
  return step::Epoch{{.topic = topic_->name().str(),
                      .epoch = epoch,
                      .first = topic_->epoch_at(slice.offsets.first).start.first}};
}

Step Cursor::pass(const Gap& gap) {
  step::Gap told{{.topic = topic_->name().str(), .gap = gap}};
  if (on_gap_ == OnGap::fail) {
    ended_ = errc_of(gap.cause);
    return told;
  }
  if (on_gap_ == OnGap::state) {
    // A state of before the damage leads to it again, however often it is sent.
    if (gap.lost.end == past_gap_) {
      ended_ = errc_of(gap.cause);
    } else {
      past_gap_ = gap.lost.end;
      wants_state_ = true;
    }
    return told;
  }
  const Offset next = gap.cause == GapCause::corrupt ? gap.lost.end : gap.earliest;
  // The history of the event to come, so that a position taken right here can be resumed.
  const Epoch there = topic_->epoch_at(next).start.epoch;
  // Whether the reader goes by the epoch it had or by the gap's is its own affair; unless both are
  // the one that follows, it is told.
  const bool known = there == gap.epoch && there == told_epoch_;
  position_ = {.epoch = there, .offset = {next.value - 1}};
  told_epoch_ = known ? there : Epoch{};
  told_caught_up_ = false;
  return told;
}

}  // namespace tidemark::broker
