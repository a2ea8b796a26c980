// What a client asks for over its WebSocket: to publish, to follow, to be someone.
// broker/: see websocket_session.hpp.
#include <algorithm>

#include "broker/judgement.hpp"
#include "broker/publish_body.hpp"
#include "broker/websocket_follower.hpp"

namespace tidemark::broker {

using std::chrono::milliseconds;
using storage::Topic;

namespace {

// To verify a signature costs some 100 µs: an auth a second, and so many at once.
constexpr std::chrono::milliseconds kAuthPace{1'000};
constexpr int kAuthsAtOnce = 4;

/// Blocks on the disk.
Result<Position> move_cursor(storage::EventStore& store, const Acknowledge& ack) {
  const auto name = TopicName::parse(ack.topic);
  if (!name) return name.errc();
  const auto topic = store.open_topic(*name);
  if (!topic) return topic.errc();
  return store.cursors().acknowledge(**topic, ack.cursor, ack.position);
}

}  // namespace

// ---- ping, publish ----

void WebSocketSession::handle(Ping&& message) { answer(Pong{message.id}); }

void WebSocketSession::handle(Publish&& message) {
  auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::publish, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (draining_) return refuse(message.id, Errc::shutting_down, message.topic);
  if (message.events.size() > group().limits().events_per_publish) {
    return refuse(message.id, Errc::too_many_events, message.topic);
  }
  auto publishing = std::make_unique<Publishing>(std::move(*name), shared_from_this(), message.id);
  publishing->events = std::move(message.events);
  publishing->producer = std::move(message.producer);
  publishing->expected_last = message.expected_last;
  publishing->content_type = std::move(message.content_type);
  if (!check_events(group().shard().store(), *publishing)) {
    return refuse(message.id, *publishing->error, message.topic, publishing->error_text);
  }
  if (const auto wait = group().admit_publish(Channel::websocket, publisher(caller()),
                                              publishing->topic, publishing->events);
      wait.count() > 0) {
    Failure failure;
    failure.id = message.id;
    failure.code = Errc::rate_limited;
    failure.topic = std::move(message.topic);
    failure.retry_after_ms = static_cast<std::uint64_t>(wait.count());
    return answer_failure(std::move(failure));
  }
  group().submit(std::move(publishing));
  ++publishes_;
}

void WebSocketSession::published(Publishing& request) {
  --publishes_;
  if (request.error) {
    Failure failure;
    failure.id = request.id;
    failure.code = *request.error;
    failure.text = std::move(request.error_text);
    failure.topic = request.topic.str();
    failure.head = request.head;
    failure.expected_sequence = request.expected_sequence;
    failure.producer_epoch = request.producer_epoch;
    answer_failure(std::move(failure));
  } else {
    answer(Published{request.id, request.topic.str(), request.epoch, request.offsets,
                     request.duplicate});
  }
  if (draining_) drain();
  read();
}

// ---- acknowledge ----

/// On a reader thread, since a cursor may have to be read from the disk; one batch at a time, so
/// that the answers come in the order of the requests.
void WebSocketSession::handle(Acknowledge&& message) {
  const auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::subscribe, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (const auto valid = check_cursor_name(message.cursor); !valid) {
    return refuse(message.id, valid.errc(), message.topic);
  }
  if (draining_) return refuse(message.id, Errc::shutting_down, message.topic);
  acks_.push_back(std::move(message));
  if (!acknowledging_) acknowledge_waiting();
}

struct WebSocketSession::Acknowledgements {
  std::vector<Acknowledge> asked;
  std::vector<Result<Position>> outcomes;
};

void WebSocketSession::acknowledge_waiting() {
  acknowledging_ = true;
  auto batch = std::make_shared<Acknowledgements>();
  batch->asked = std::exchange(acks_, {});
  auto& shard = group().shard();
  shard.run_blocking(
      [batch, &store = shard.store()] {
        for (const auto& ack : batch->asked) batch->outcomes.push_back(move_cursor(store, ack));
      },
      [batch, self = shared_from_this()] { self->acknowledged(*batch); });
}

void WebSocketSession::acknowledged(Acknowledgements& batch) {
  acknowledging_ = false;
  if (over_) return;
  for (std::size_t i = 0; i < batch.asked.size(); ++i) {
    auto& [id, topic, cursor, position] = batch.asked[i];
    const auto& outcome = batch.outcomes[i];
    if (!outcome) {
      refuse(id, outcome.errc(), topic);
    } else {
      answer(ServerMessage(Acknowledged{id, std::move(topic), std::move(cursor), *outcome}));
    }
  }
  if (!acks_.empty()) return acknowledge_waiting();
  if (draining_) drain();
  read();
}

// ---- access ----

/// The time to wait before another try; nullopt: none, and this one is counted.
std::optional<milliseconds> WebSocketSession::wait_to_authenticate() {
  const auto now = std::chrono::steady_clock::now();
  const auto due = std::max(auth_next_, now);
  const auto ahead = due - now - (kAuthsAtOnce - 1) * kAuthPace;
  if (ahead > milliseconds(0)) return std::chrono::ceil<milliseconds>(ahead);
  auth_next_ = due + kAuthPace;
  return std::nullopt;
}

/// What comes behind this message is read when it is known who sent it.
void WebSocketSession::handle(Authenticate&& message) {
  if (!group().network().access) {  // every credential is as good as another
    return answer(ServerMessage(Authenticated{.id = message.id, .subject = {}, .expires = {}}));
  }
  if (const auto wait = wait_to_authenticate()) {
    Failure failure;
    failure.id = message.id;
    failure.code = Errc::rate_limited;
    failure.text = "a connection says who it is at most once a second";
    failure.retry_after_ms = static_cast<std::uint64_t>(wait->count());
    return answer_failure(std::move(failure));
  }
  authenticating_ = true;
  group().authenticator().ask(
      message.token, [self = shared_from_this(), id = message.id](const AuthOutcome& outcome) {
        self->authenticated(id, outcome);
      });
}

void WebSocketSession::authenticated(RequestId id, const AuthOutcome& outcome) {
  authenticating_ = false;
  if (over_ || closing_) return;
  if (const auto* const refusal = std::get_if<AccessRefusal>(&outcome)) {
    log_auth_refused(speaker(), *refusal);
    note_auth(refusal->code == Errc::token_expired ? AuthEvent::expired : AuthEvent::refused);
    refuse(id, refusal->code, {});
    return close(refusal->code);
  }
  const auto& identity = std::get<std::shared_ptr<const Identity>>(outcome);
  if (caller().is_known() && !caller().identity()->same_client(*identity)) {
    group().counters().auth[AuthEvent::refused].add();
    refuse(id, Errc::unauthorized, {}, "the credential is not of the client this connection is of");
    return close(Errc::unauthorized);
  }
  note_auth(caller().is_known() ? AuthEvent::refreshed : AuthEvent::accepted);
  replace_caller(id, Caller(identity));
}

void WebSocketSession::note_auth(AuthEvent event) { group().counters().auth[event].add(); }

void WebSocketSession::replace_caller(RequestId id, Caller caller) {
  standing_.replace(std::move(caller));
  const auto& now = standing_.caller();
  answer(ServerMessage(
      Authenticated{.id = id, .subject = std::string(now.name()), .expires = now.expires()}));
  end_forbidden();
  // It may expire within the notice's time already. Reading goes on at the end of the turn.
  look_at_standing(group().clock());
}

/// Its credential is over.
void WebSocketSession::end_for(AuthEvent event) {
  if (!closing_) note_auth(event);
  close(event == AuthEvent::ended ? Errc::token_expired : Errc::unauthorized);
}

/// Acts on what has become of the credential; false if the connection ends.
bool WebSocketSession::look_at_standing(SteadyTime now) {
  using Change = Standing::Change;
  const auto wall = group().wall_now();
  const auto change = standing_.look(wall);
  if (change == Change::expired) return end_for(AuthEvent::ended), false;
  if (change == Change::withdrawn) return end_for(AuthEvent::withdrawn), false;
  if (change == Change::rights) end_forbidden();
  if (change == Change::notice) {
    answer(TokenExpires{static_cast<std::uint32_t>(standing_.left(wall).count())});
  }
  if (caller().may_anything()) {
    auth_by_ = {};
  } else if (auth_by_ == SteadyTime{}) {
    auth_by_ = group().ends_within(group().limits().handshake_timeout);
  } else if (now >= auth_by_ && !authenticating_) {
    return close(Errc::unauthorized), false;
  }
  return true;
}

/// Ends the subscriptions the caller has no right to, or not any more.
void WebSocketSession::end_forbidden() {
  for (const auto& follower : std::vector(followers_)) {
    const auto name = TopicName::parse(follower->topic);
    if (name && caller().may(Right::subscribe, *name)) continue;
    if (follower->cursor) {
      end(*follower, Errc::forbidden);
    } else {
      // The client has not been told of one that a pattern was about to follow.
      if (!follower->pattern) refuse(follower->id, Errc::forbidden, follower->topic);
      remove(*follower);
    }
  }
}

}  // namespace tidemark::broker
