// What goes out over a WebSocket: answers, then events of its subscriptions in turn.
// broker/: see websocket_session.hpp.
#include <algorithm>

#include "broker/websocket_follower.hpp"
#include "protocol/frames.hpp"

namespace tidemark::broker {

namespace {

// Enough to fill a socket's buffer; more would only delay the other sessions of the thread.
constexpr int kStepsPerFlush = 8;
// Events that filters look at in a turn: some 0.2 ms.
constexpr std::size_t kLooksPerFlush = 4'096;
// A client that is sent nothing learns where it is this often, so that it resumes there.
constexpr std::uint64_t kToldEvery = 10'000;
// A buffer that answers have left behind is kept for the next ones up to this size.
constexpr std::size_t kKeptReplies = std::size_t{32} << 10;
}  // namespace

void WebSocketSession::prefetch() const {
  prefetch_lines(&ws_.next_layer(), sizeof(FanoutStream));
  if (ready_.empty()) return;
  prefetch_lines(&static_cast<const Follower&>(ready_.front()), sizeof(Follower));
}

void WebSocketSession::flush() {
  if (over_ || !open_) return;
  looks_ = kLooksPerFlush;
  for (int steps = 0; stream().free(); ++steps) {
    forget_sent();
    if (steps == kStepsPerFlush || looks_ == 0) {
      schedule();
      break;
    }
    if (!replies_.empty()) {
      send_replies();
      continue;
    }
    if (closing_) return start_close();
    if (ready_.empty()) break;
    const auto follower = static_cast<Follower&>(ready_.front()).shared_from_this();
    ready_.pop_front();
    if (serve(*follower)) follower->enqueue();
  }
  read();
}

/// The stream is free, so what was being sent has gone.
void WebSocketSession::forget_sent() {
  pinned_.reset();
  pins_state_ = false;
  if (sending_.empty()) return;
  sending_.clear();
  if (sending_.capacity() > kKeptReplies) sending_ = {};
}

/// What was answered before the peer's close, or before it broke the protocol, comes before the
/// end.
std::string_view WebSocketSession::before_close() {
  if (over_ || replies_.empty()) return {};
  forget_sent();
  replies_.swap(sending_);
  group().counters().bytes_out[Channel::websocket].add(sending_.size());
  return sending_;
}

void WebSocketSession::send_replies() {
  replies_.swap(sending_);
  group().counters().bytes_out[Channel::websocket].add(sending_.size());
  stream().send_run(sending_);
}

/// One step of a subscription; true if there may be more.
bool WebSocketSession::serve(Follower& follower) {
  if (follower.state) return serve_state(follower);
  auto next = follower.cursor->next(group().shard().store(), group().counters().reads);
  if (auto* events = std::get_if<step::Events>(&next)) {
    follower.filter ? send_passing(follower, events->slice) : send_events(follower, events->slice);
    return true;
  }
  if (std::holds_alternative<step::Load>(next)) {
    load(follower);
  } else if (std::holds_alternative<step::Wait>(next)) {
    tell_advanced(follower);
  } else if (std::holds_alternative<step::State>(next)) {
    ask_state(follower, follower.cursor->topic(), std::nullopt);
  } else if (auto* ended = std::get_if<step::Ended>(&next)) {
    end(follower, ended->reason);
  } else {
    notify(follower, next);
    return true;
  }
  return false;
}

/// Of what the client has to know between events.
void WebSocketSession::notify(Follower& follower, Step& step) {
  if (auto* epoch = std::get_if<step::Epoch>(&step)) {
    append_frame(form_, std::move(epoch->notice), Payload::json, replies_);
  } else if (auto* gap = std::get_if<step::Gap>(&step)) {
    append_frame(form_, std::move(gap->notice), Payload::json, replies_);
    follower.passes_to = {};
    follower.told = follower.cursor->position().offset;
  } else if (auto* caught_up = std::get_if<step::CaughtUp>(&step)) {
    tell_advanced(follower);
    append_frame(form_, std::move(caught_up->message), Payload::json, replies_);
  }
}

void WebSocketSession::send_events(Follower& follower, const storage::Slice& slice) {
  auto shared = group().shard().frames(*follower.cursor->topic(), slice, frame_form(form_),
                                       group().limits().bytes_in_flight);
  follower.cursor->advance(Offset{shared.run.offsets.end.value - 1});
  send_frames(shared.run, std::move(shared.segment));
}

/// The next events that pass, if there are any among those that may be looked at.
void WebSocketSession::send_passing(Follower& follower, const storage::Slice& slice) {
  OffsetRange passing{slice.offsets.first, std::min(follower.passes_to, slice.offsets.end)};
  if (passing.empty()) {
    const auto untold = follower.told.value + kToldEvery + 1 - slice.offsets.first.value;
    passing = follower.filter->first_run(*slice.segment, slice.offsets,
                                         std::min<std::size_t>(looks_, untold));
    looks_ -= std::min<std::size_t>(looks_, passing.end.value - slice.offsets.first.value);
    follower.passes_to = passing.end;
  }
  if (passing.empty()) {
    follower.cursor->advance(Offset{passing.end.value - 1});
    if (passing.end.value - 1 - follower.told.value >= kToldEvery) tell_advanced(follower);
    return;
  }
  const auto run = slice.segment->frames(frame_form(form_), passing.first,
                                         group().limits().bytes_in_flight, passing.end);
  follower.told = Offset{run.offsets.end.value - 1};
  follower.cursor->advance(follower.told);
  send_frames(run, slice.segment);
}

void WebSocketSession::send_frames(const storage::FrameRun& run,
                                   std::shared_ptr<const storage::Segment> segment) {
  pinned_ = std::move(segment);
  auto& counters = group().counters();
  counters.events_out[Channel::websocket].add(run.offsets.count());
  counters.bytes_out[Channel::websocket].add(run.bytes);
  stream().send_run({run.data, run.bytes});
}

/// Once for however many events in a row were filtered out.
void WebSocketSession::tell_advanced(Follower& follower) {
  const Offset at = follower.cursor->position().offset;
  if (!follower.filter || at <= follower.told) return;
  follower.told = at;
  append_frame(form_, Advanced{follower.topic, at}, Payload::json, replies_);
}

void WebSocketSession::load(Follower& follower) {
  follower.loading = true;
  const auto& cursor = *follower.cursor;
  group().shard().load(
      cursor.topic(), cursor.position().offset,
      [keep = follower.shared_from_this(), self = shared_from_this()](const Result<void>& loaded) {
        keep->loading = false;
        if (keep->removed) return;
        if (!loaded) return self->end(*keep, loaded.errc());
        keep->make_ready();
      });
}

/// The subscription is over without the client's doing.
void WebSocketSession::end(Follower& follower, Errc reason) {
  const auto keep = follower.shared_from_this();
  remove(follower);
  answer(Unsubscribed{0, follower.topic, {}, reason});
  if (reason == Errc::topic_deleted) follow_successor(*keep);
}

}  // namespace tidemark::broker
