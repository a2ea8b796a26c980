// Acknowledgements on their way: one request at a time for each cursor, the newest after it.
// protocol/client/: a state machine without I/O; the session feeds it answers and sends what it
// says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/client/options.hpp"

namespace tidemark::client {

/// A cursor only moves forward, so of several positions that wait for one answer the latest stands
/// for all, with its answer. An unanswered one is sent again with the next connection.
/// Threads: one.
class Acknowledgements {
 public:
  using Done = std::function<void(Reply<Position>)>;
  using NextId = std::function<RequestId()>;
  using Send = std::function<void(const ClientMessage&)>;
  using Ticket = std::uint64_t;

  /// `done` is called once, from one of the calls below, unless abandoned. It must not call back.
  Ticket add(std::string topic, std::string cursor, Position position, Done done);
  /// The caller no longer waits; the position goes on its way all the same.
  void abandon(Ticket ticket);

  /// Hands to `send` what may be sent now. Call after each of the others. Pre: connected.
  void pump(const NextId& next_id, const Send& send);

  void acknowledged(const Acknowledged& answer);
  /// False if the failure is about none of these.
  bool failed(const Failure& failure);
  void disconnected();
  void refuse_all(const Refusal& refusal);

 private:
  struct Waiter {
    Ticket ticket = 0;
    Done done;
    bool sent = false;
  };
  struct Cursor {
    std::optional<Position> next;  ///< to be sent
    Position sent;
    RequestId id = 0;  ///< of the request under way; 0: none
    std::vector<Waiter> waiters;
  };
  using Cursors = std::map<std::pair<std::string, std::string>, Cursor>;  ///< by topic and name

  bool answer(RequestId id, const Reply<Position>& reply);

  Cursors cursors_;  ///< those with something unanswered
  Ticket last_ticket_ = 0;
};

}  // namespace tidemark::client
