// What a WebSocket connection has under way: its subscriptions, its patterns and its publishes.
// broker/: between the sources of WebSocketSession alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "broker/event_filter.hpp"
#include "broker/state/states.hpp"
#include "broker/websocket_session.hpp"

namespace tidemark::broker {

/// How a subscription is to begin. Shared: by the followers of a pattern, and with reader threads.
struct WebSocketSession::Beginning {
  Start start = StartNow{};
  std::string cursor;  ///< rather after what this one has; empty: none
  bool state = false;  ///< with the topic's state, if there is no such cursor
  std::optional<StateIfBehind> if_behind;
  /// The topic has just come to be: its events are as good as the state it may not have yet.
  bool new_topic = false;

  [[nodiscard]] bool needs_disk() const {
    return std::holds_alternative<StartTime>(start) || !cursor.empty() ||
           (if_behind && if_behind->bytes);
  }
};

/// A topic that a follower is to begin with, and where.
struct WebSocketSession::Found {
  std::shared_ptr<storage::Topic> topic;
  Result<Position> start = Errc::unknown_topic;
  bool at_cursor = false;   ///< `start` is a named cursor's
  std::uint64_t bytes = 0;  ///< stored behind `start`, if it matters

  /// Blocks on the disk if `wanted` needs it.
  static Found look_up(storage::EventStore& store, std::shared_ptr<storage::Topic> topic,
                       const Beginning& wanted);
};

/// A state on its way to the client: asked for, then part by part.
struct WebSocketSession::Delivery {
  std::shared_ptr<storage::Topic> topic;
  std::shared_ptr<void> asked;
  std::unique_ptr<StateReading> reading;
  std::shared_ptr<const StatePart> part;  ///< to be sent next
  std::optional<Errc> failed;
  std::optional<Position> otherwise;  ///< where to begin if there is no state
  bool begun = false;                 ///< the client has been told that it comes
  bool waiting = false;               ///< for a part
  bool finished = false;              ///< the last part is on its way

  [[nodiscard]] bool arrived() const { return reading || failed; }
};

/// A pattern this connection follows.
struct WebSocketSession::Pattern final : PatternWatcher {
  Pattern(WebSocketSession& s, Subscribe&& message);
  void created(const std::shared_ptr<storage::Topic>& topic) override {
    if (!removed) session.follow_created(*this, topic);
  }
  using Positions = std::unordered_map<std::string, Position>;

  WebSocketSession& session;  // removes its patterns when it ends
  const std::string text;
  const OnGap on_gap;
  const std::shared_ptr<const EventFilter> filter;   // none: all pass
  const std::shared_ptr<const Beginning> beginning;  // of topics there are
  const std::shared_ptr<const Beginning> later;      // of topics that come to be
  std::shared_ptr<const Positions> positions;        // until the topics there are have been listed
  std::optional<std::string> list_after{std::in_place};  // none: they have been
  bool told_limit = false;
  bool removed = false;
};

/// A subscription of this connection.
struct WebSocketSession::Follower final : Waiter, Ready, std::enable_shared_from_this<Follower> {
  Follower(WebSocketSession& s, std::string t, const Subscribe& m);
  Follower(WebSocketSession& s, std::string t, const std::shared_ptr<Pattern>& p);
  void wake() override { make_ready(); }
  void enqueue();
  void make_ready();
  void take_reading(Result<std::unique_ptr<StateReading>> result);
  void take_part(Result<std::shared_ptr<const StatePart>> result);

  WebSocketSession& session;  // removes its followers when it ends
  const std::string topic;
  const RequestId id;  // 0: of a pattern
  const OnGap on_gap;
  const std::shared_ptr<const EventFilter> filter;  // none: all pass
  std::optional<Cursor> cursor;                     // none while it is being begun
  std::unique_ptr<Delivery> state;                  // none: events are being sent
  Offset passes_to;  // filtered: events before this, from the cursor on, are known to pass
  Offset told;       // filtered: what the client knows that it has
  bool loading = false;
  bool removed = false;
  std::shared_ptr<const Beginning> beginning;  // until it has begun
  std::shared_ptr<Pattern> pattern;            // it is followed because of this
  std::shared_ptr<storage::Topic> successor;   // of this name, to be followed when this one ends
};

inline void WebSocketSession::Follower::enqueue() {
  const bool begun = cursor || (state && state->arrived());
  if (!begun || loading || removed || Ready::is_linked()) return;
  session.ready_.push_back(*this);
}

inline void WebSocketSession::Follower::make_ready() {
  enqueue();
  session.schedule();
}

/// A publish of this connection on its way through the committer.
struct WebSocketSession::Publishing final : storage::PublishRequest {
  Publishing(TopicName name, std::shared_ptr<WebSocketSession> s, RequestId i)
      : PublishRequest(std::move(name)), session(std::move(s)), id(i) {}
  void answer() override { session->published(*this); }

  // Shared: the connection may be gone before the answer comes.
  const std::shared_ptr<WebSocketSession> session;
  const RequestId id;
};

}  // namespace tidemark::broker
