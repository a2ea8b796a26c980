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
  if (draining_ && publishes_ == 0) say_goodbye();
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
  look_at_standing(std::chrono::steady_clock::now());
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
    auth_by_ = now + group().limits().handshake_timeout;
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
      refuse(follower->id, Errc::forbidden, follower->topic);
      remove(*follower);
    }
  }
}

// ---- subscribe ----

WebSocketSession::Follower* WebSocketSession::find(std::string_view topic) const {
  for (const auto& follower : followers_) {
    if (follower->topic == topic) return follower.get();
  }
  return nullptr;
}

std::optional<Errc> WebSocketSession::refuse_subscribe(const Subscribe& message) const {
  if (draining_) return Errc::shutting_down;
  if (find(message.topic) != nullptr) return Errc::already_subscribed;
  if (followers_.size() >= group().limits().subscriptions_per_connection) {
    return Errc::too_many_subscriptions;
  }
  return std::nullopt;
}

void WebSocketSession::handle(Subscribe&& message) {
  const auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::subscribe, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (const auto code = refuse_subscribe(message)) {
    return refuse(message.id, *code, message.topic);
  }
  auto follower = std::make_shared<Follower>(*this, message.topic, message);
  followers_.push_back(follower);
  group().counters().subscriptions[Channel::websocket].add();

  auto& store = group().shard().store();
  const auto topic = store.find_open(*name);
  // Only a time has to be looked up on the disk.
  if (topic && !std::holds_alternative<StartTime>(message.start)) {
    return begin(*follower, topic, store.resolve(*topic, message.start));
  }
  open(follower, *name, std::move(message));
}

void WebSocketSession::open(const std::shared_ptr<Follower>& follower, const TopicName& name,
                            Subscribe&& message) {
  struct Found {
    std::shared_ptr<Topic> topic;
    Result<Position> start = Errc::unknown_topic;
  };
  auto found = std::make_shared<Found>();
  auto& shard = group().shard();
  shard.run_blocking(
      [found, &store = shard.store(), name, start = message.start] {
        auto topic = store.open_topic(name);
        if (!topic) {
          found->start = topic.errc();
          return;
        }
        found->topic = std::move(*topic);
        found->start = store.resolve(*found->topic, start);
      },
      [found, follower, self = shared_from_this()] {
        if (!follower->removed) self->begin(*follower, found->topic, found->start);
      });
}

void WebSocketSession::begin(Follower& follower, const std::shared_ptr<Topic>& topic,
                             Result<Position> start) {
  const auto fail = [&](Errc code, std::optional<Gap> gap) {
    Failure failure;
    failure.id = follower.id;
    failure.code = code;
    failure.topic = follower.topic;
    failure.gap = gap;
    remove(follower);
    answer_failure(std::move(failure));
  };
  if (!start) return fail(start.errc(), std::nullopt);
  if (topic->deleted()) return fail(Errc::unknown_topic, std::nullopt);
  follower.cursor.emplace(topic, *start, follower.on_gap);
  const auto gap = follower.cursor->gap_at_start();
  if (gap && follower.on_gap == OnGap::fail) return fail(errc_of(gap->cause), gap);

  // Attach, then read: an event shown in between wakes us, and is found anyway.
  group().shard().attach(topic, follower);
  const auto bounds = topic->bounds();
  Subscribed subscribed;
  subscribed.id = follower.id;
  subscribed.topic = follower.topic;
  subscribed.position = *start;
  subscribed.head = bounds.head;
  subscribed.earliest = bounds.earliest;
  subscribed.content_type = topic->content_type();
  answer(ServerMessage(std::move(subscribed)));
  follower.make_ready();
}

void WebSocketSession::handle(Unsubscribe&& message) {
  auto* follower = find(message.topic);
  if (follower == nullptr) return refuse(message.id, Errc::not_subscribed, message.topic);
  // A subscribe that is still on its way gets its answer before the one that takes it back.
  if (!follower->cursor) refuse(follower->id, Errc::cancelled, message.topic);
  remove(*follower);
  answer(Unsubscribed{message.id, std::move(message.topic), std::nullopt});
}

void WebSocketSession::remove(const Follower& follower) {
  const auto found =
      std::ranges::find(followers_, &follower, [](const auto& f) { return f.get(); });
  if (found == followers_.end()) return;
  const auto keep = *found;
  keep->removed = true;
  keep->Waiter::unlink();
  keep->Ready::unlink();
  followers_.erase(found);
  group().counters().subscriptions[Channel::websocket].take();
}

}  // namespace tidemark::broker
