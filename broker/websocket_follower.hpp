// What a WebSocket connection has under way: its subscriptions and its publishes.
// broker/: between the sources of WebSocketSession alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/websocket_session.hpp"

namespace tidemark::broker {

/// A subscription of this connection.
struct WebSocketSession::Follower final : Waiter, Ready, std::enable_shared_from_this<Follower> {
  Follower(WebSocketSession& s, std::string t, const Subscribe& m)
      : session(s), topic(std::move(t)), id(m.id), on_gap(m.on_gap) {}
  void wake() override { make_ready(); }
  void enqueue();
  void make_ready();

  WebSocketSession& session;  // removes its followers when it ends
  const std::string topic;
  const RequestId id;
  const OnGap on_gap;
  std::optional<Cursor> cursor;  // none while the topic is being opened
  bool loading = false;
  bool removed = false;
};

inline void WebSocketSession::Follower::enqueue() {
  if (!cursor || loading || removed || Ready::is_linked()) return;
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
