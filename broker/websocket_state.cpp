// A topic's state on its way to a WebSocket client: asked for, told of, sent part by part.
// broker/: see websocket_session.hpp. The parts are shared, so a slow client holds no copy.
#include "broker/state_feed.hpp"
#include "broker/websocket_follower.hpp"

namespace tidemark::broker {

// What the source of the state hands over is only noted: it is looked at in a flush, where what
// handed it over may be destroyed.

void WebSocketSession::Follower::take_reading(Result<std::unique_ptr<StateReading>> result) {
  if (result) {
    state->reading = std::move(*result);
  } else {
    state->failed = result.errc();
  }
  make_ready();
}

void WebSocketSession::Follower::take_part(Result<std::shared_ptr<const StatePart>> result) {
  state->waiting = false;
  if (result) {
    state->part = std::move(*result);
  } else {
    state->failed = result.errc();
  }
  make_ready();
}

/// `otherwise`: where the subscription begins if the topic has no state.
void WebSocketSession::ask_state(Follower& follower, const std::shared_ptr<storage::Topic>& topic,
                                 std::optional<Position> otherwise) {
  auto asked = std::make_unique<Delivery>();
  asked->topic = topic;
  asked->otherwise = otherwise;
  follower.state = std::move(asked);
  // The follower owns what is asked for, and with that the call to come.
  auto handle = group().network().hub.states().ask(
      group().shard(), topic, wanted_by(caller()),
      [&follower](Result<std::unique_ptr<StateReading>> reading) {
        follower.take_reading(std::move(reading));
      });
  follower.state->asked = std::move(handle);
}

/// One step of a state; true if there may be more.
bool WebSocketSession::serve_state(Follower& follower) {
  Delivery& state = *follower.state;
  if (state.failed) {
    state_failed(follower, *state.failed);
    return false;
  }
  if (!state.reading || state.waiting) return false;
  if (state.finished) {  // the stream is free, so the last part has gone
    follower.state.reset();
    return true;
  }
  if (!state.begun) {
    begin_state(follower);
    return true;
  }
  return send_part(follower);
}

void WebSocketSession::begin_state(Follower& follower) {
  Delivery& state = *follower.state;
  state.begun = true;
  const Position at = state.reading->position();
  if (!follower.cursor) return start_at(follower, state.topic, at);
  follower.cursor->restart(at);
  follower.passes_to = {};
  follower.told = at.offset;
}

/// Asked for when the part before has gone: what waits for a slow client is one part at most.
bool WebSocketSession::send_part(Follower& follower) {
  Delivery& state = *follower.state;
  if (!state.part) {
    state.waiting = true;
    state.reading->next([&follower](Result<std::shared_ptr<const StatePart>> part) {
      follower.take_part(std::move(part));
    });
    if (state.waiting) return false;
    if (!state.part) return true;  // it failed
  }
  const auto part = std::exchange(state.part, nullptr);
  state.finished = part->message().last;
  auto frame = part->frame(form_);
  const std::string_view bytes = *frame;
  pinned_ = std::move(frame);
  pins_state_ = true;
  group().counters().bytes_out[Channel::websocket].add(bytes.size());
  // Last: if this fails, the follower is no more.
  stream().send_run(bytes);
  return true;
}

void WebSocketSession::state_failed(Follower& follower, Errc reason) {
  const auto state = std::move(follower.state);
  if (follower.cursor) return end(follower, reason);
  if (reason == Errc::no_state && state->otherwise) {
    return start_at(follower, state->topic, *state->otherwise);
  }
  fail(follower, reason);
}

}  // namespace tidemark::broker
