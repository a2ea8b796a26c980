// What an event stream sends of a topic: runs of events, of all or of those that pass, and states.
// broker/: see sse_session.hpp.
#include "broker/sse_session.hpp"

namespace tidemark::broker {

namespace {

// Events a filter looks at in one step: some 100 µs, so that other sessions have their turn.
constexpr std::size_t kFilteredPerStep = 1'024;
// After so many that did not pass a client is told where it is, so that it doesn't lose the way.
constexpr std::uint64_t kTellAfter = 10'000;

}  // namespace

// ---- events ----

/// True: the cursor is to be asked again.
bool SseSession::take_events(const storage::Slice& slice) {
  storage::Slice passing = slice;
  if (!filter_.passes_all()) {
    passing.offsets = filter_.first_run(*slice.segment, slice.offsets, kFilteredPerStep);
    if (passing.offsets.empty()) {
      return pass_over({.first = slice.offsets.first, .end = passing.offsets.end});
    }
  }
  send_events(passing);
  return true;
}

/// None of these is for this reader; where it is then it is told now and then, and at the tail.
bool SseSession::pass_over(OffsetRange offsets) {
  passed_over_ += offsets.count();
  cursor_.advance(Offset{offsets.end.value - 1});
  if (passed_over_ < kTellAfter) return true;
  tell_place();
  send();
  return true;
}

/// Of all events as everybody else has them; of those that pass no further than the slice.
SharedRun SseSession::frames(const storage::Slice& slice) const {
  const auto form = dialect_->form();
  const auto room = group().limits().bytes_in_flight;
  if (filter_.passes_all()) return group().shard().frames(*cursor_.topic(), slice, form, room);
  return {.segment = slice.segment,
          .run = slice.segment->frames(form, slice.offsets.first, room, slice.offsets.end)};
}

void SseSession::send_events(const storage::Slice& slice) {
  auto run = frames(slice);
  const auto offsets = run.run.offsets;
  group().counters().events_out[Channel::sse].add(offsets.count());
  cursor_.advance(Offset{offsets.end.value - 1});
  passed_over_ = 0;
  dialect_->events(std::move(run), out_);
  send();
}

// ---- states ----

/// What is to be sent next comes by a feed. It is this session's, so it keeps it not alive.
void SseSession::watch_feed() {
  feed_->set_ready([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->schedule();
  });
}

void SseSession::ask_for_state() {
  feed_ = std::make_unique<StateFeed>();
  watch_feed();
  feed_->ask(group().network().hub.states(), group().shard(), cursor_.topic(),
             wanted_by(standing_.caller()));
}

/// One part of the state; false if there is none yet.
bool SseSession::serve_state() {
  const auto part = feed_->take();
  if (!part) return false;
  *part ? send_part(**part) : state_failed(part->errc());
  return true;
}

void SseSession::send_part(const std::shared_ptr<const StatePart>& part) {
  if (part->message().last) {
    cursor_.restart(feed_->position());
    feed_.reset();
    owes_state_ = false;
    passed_over_ = 0;
  }
  dialect_->state(part, out_);
  send();
}

/// The client may try again, but not with all others at once.
void SseSession::state_failed(Errc code) {
  feed_.reset();
  group().counters().refusals[code].add();
  finish({.why = SseEnd::Why::no_state,
          .reason = code,
          .come_back_after = std::chrono::seconds(1) + group().reconnect_delay()});
}

}  // namespace tidemark::broker
