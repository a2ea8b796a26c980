// Subscriptions of a WebSocket connection: where they begin, and how they are taken back.
// broker/: see websocket_session.hpp.
#include <algorithm>

#include "broker/websocket_follower.hpp"

namespace tidemark::broker {

using storage::Topic;

namespace {

std::shared_ptr<const EventFilter> make_filter(const Filter& filter) {
  return filter.empty() ? nullptr : std::make_shared<const EventFilter>(filter);
}

}  // namespace

WebSocketSession::Follower::Follower(WebSocketSession& s, std::string t, const Subscribe& m)
    : session(s),
      topic(std::move(t)),
      id(m.id),
      on_gap(m.on_gap),
      filter(make_filter(m.filter)),
      beginning(std::make_shared<const Beginning>(
          Beginning{m.start, m.cursor, m.state, m.state_if_behind, false})) {}

// ---- where it begins ----

WebSocketSession::Found WebSocketSession::Found::look_up(storage::EventStore& store,
                                                         std::shared_ptr<Topic> topic,
                                                         const Beginning& wanted) {
  Found found;
  found.topic = std::move(topic);
  Start start = wanted.start;
  if (!wanted.cursor.empty()) {
    const auto at = store.cursors().find(*found.topic, wanted.cursor);
    if (!at) {
      found.start = at.errc();
      return found;
    }
    found.at_cursor = at->has_value();
    if (found.at_cursor) start = StartAfter{**at};
  }
  found.start = store.resolve(*found.topic, start);
  if (!found.start || !wanted.if_behind || !wanted.if_behind->bytes) return found;
  // How far a position is behind that is none of this history is a question without an answer.
  if (Cursor(found.topic, *found.start, OnGap::fail).gap_at_start()) return found;
  const auto lag = store.lag(*found.topic, *found.start);
  if (lag) {
    found.bytes = lag->bytes;
  } else {
    found.start = lag.errc();
  }
  return found;
}

void WebSocketSession::open(const std::shared_ptr<Follower>& follower, const TopicName& name,
                            std::shared_ptr<Topic> topic) {
  auto& shard = group().shard();
  auto& store = shard.store();
  const auto wanted = follower->beginning;
  if (topic && !wanted->needs_disk()) {
    return begin(*follower, Found::look_up(store, std::move(topic), *wanted));
  }
  auto found = std::make_shared<Found>();
  shard.run_blocking(
      [found, &store, name, wanted, topic = std::move(topic)]() mutable {
        if (!topic) {
          auto opened = store.open_topic(name);
          if (!opened) {
            found->start = opened.errc();
            return;
          }
          topic = std::move(*opened);
        }
        *found = Found::look_up(store, std::move(topic), *wanted);
      },
      [found, follower, self = shared_from_this()] {
        if (!follower->removed) self->begin(*follower, std::move(*found));
      });
}

void WebSocketSession::begin(Follower& follower, Found found) {
  if (!found.start) return fail(follower, found.start.errc());
  if (found.topic->deleted()) return fail(follower, Errc::unknown_topic);
  const auto wanted = follower.beginning;
  if (wanted->state && !found.at_cursor) {
    return ask_state(follower, found.topic,
                     wanted->new_topic ? std::optional(*found.start) : std::nullopt);
  }
  const Cursor cursor(found.topic, *found.start, follower.on_gap);
  if (const auto gap = cursor.gap_at_start()) {
    if (follower.on_gap == OnGap::fail) return fail(follower, errc_of(gap->cause), gap);
    if (follower.on_gap == OnGap::state) return ask_state(follower, found.topic, std::nullopt);
  } else if (const auto& most = wanted->if_behind) {
    const bool behind = (most->events && cursor.behind() > *most->events) ||
                        (most->bytes && found.bytes > *most->bytes);
    // Without a state the backlog is what there is.
    if (behind) return ask_state(follower, found.topic, *found.start);
  }
  start_at(follower, found.topic, *found.start);
}

/// It has not begun, and does not.
void WebSocketSession::fail(Follower& follower, Errc code, std::optional<Gap> gap) {
  const auto keep = follower.shared_from_this();
  const bool vanished = code == Errc::unknown_topic || code == Errc::topic_deleted;
  remove(follower);
  // Nobody has been told of a topic that a pattern was about to follow.
  if (!vanished || !follower.pattern) {
    Failure failure;
    failure.id = follower.id;
    failure.code = code;
    failure.topic = follower.topic;
    failure.gap = gap;
    answer_failure(std::move(failure));
  }
  if (vanished) follow_successor(*keep);
}

void WebSocketSession::start_at(Follower& follower, const std::shared_ptr<Topic>& topic,
                                Position start) {
  follower.cursor.emplace(topic, start, follower.on_gap);
  follower.told = start.offset;
  follower.beginning.reset();
  if (follower.successor == topic) follower.successor.reset();
  // Attach, then read: an event shown in between wakes us, and is found anyway.
  group().shard().attach(topic, follower);
  const auto bounds = topic->bounds();
  Subscribed subscribed;
  subscribed.id = follower.id;
  subscribed.topic = follower.topic;
  subscribed.position = start;
  subscribed.head = bounds.head;
  subscribed.earliest = bounds.earliest;
  subscribed.content_type = topic->content_type();
  answer(ServerMessage(std::move(subscribed)));
  follower.make_ready();
}

// ---- what is asked for ----

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
  if (const auto valid = check_filter(message.filter); !valid) return valid.errc();
  if (message.cursor.empty()) return std::nullopt;
  if (const auto valid = check_cursor_name(message.cursor); !valid) return valid.errc();
  return std::nullopt;
}

void WebSocketSession::handle(Subscribe&& message) {
  if (!message.pattern.empty()) return follow_pattern(std::move(message));
  const auto name = TopicName::parse(message.topic);
  if (!name) return refuse(message.id, name.errc(), message.topic);
  if (!caller().may(Right::subscribe, *name)) {
    return refuse(message.id, caller().refusal(), message.topic);
  }
  if (const auto code = refuse_subscribe(message)) {
    return refuse(message.id, *code, message.topic);
  }
  const auto follower = std::make_shared<Follower>(*this, message.topic, message);
  add(follower);
  open(follower, *name, group().shard().store().find_open(*name));
}

void WebSocketSession::handle(Unsubscribe&& message) {
  if (!message.pattern.empty()) return unfollow_pattern(message);
  auto* follower = find(message.topic);
  if (follower == nullptr) return refuse(message.id, Errc::not_subscribed, message.topic);
  // A subscribe that is still on its way gets its answer before the one that takes it back.
  if (!follower->cursor && !follower->pattern) {
    refuse(follower->id, Errc::cancelled, message.topic);
  }
  remove(*follower);
  answer(Unsubscribed{message.id, std::move(message.topic), {}, std::nullopt});
}

void WebSocketSession::add(const std::shared_ptr<Follower>& follower) {
  followers_.push_back(follower);
  group().counters().subscriptions[Channel::websocket].add();
}

void WebSocketSession::remove(const Follower& follower) {
  const auto found =
      std::ranges::find(followers_, &follower, [](const auto& f) { return f.get(); });
  if (found == followers_.end()) return;
  const auto keep = *found;
  keep->removed = true;
  keep->Waiter::unlink();
  keep->Ready::unlink();
  keep->state.reset();
  followers_.erase(found);
  group().counters().subscriptions[Channel::websocket].take();
}

}  // namespace tidemark::broker
