// One HTTP request's way to its answer.
// broker/: HttpSession is one; the stream routes and readers answer through it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/caller.hpp"
#include "broker/connection.hpp"
#include "broker/cursor.hpp"
#include "broker/http_reply.hpp"
#include "broker/state_feed.hpp"

namespace tidemark::broker {

/// Someone who will answer when there is something to say. Threads: the shard's.
class PendingAnswer {
 public:
  PendingAnswer() = default;
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;
  virtual ~PendingAnswer() = default;
  /// Nobody is to be answered any more.
  virtual void client_gone() = 0;
  /// Looks at its own deadline.
  virtual void sweep(SteadyTime now) = 0;
  /// The broker is stopping: answer now.
  virtual void drain() = 0;
  /// Does it wait for events, as a subscriber does? Else for something that ends soon by itself.
  [[nodiscard]] virtual bool follows() const { return true; }
};

/// A body that is made while it is sent: only the part being sent is in memory. Threads: the
/// shard's.
class BodyParts {
 public:
  BodyParts() = default;
  BodyParts(const BodyParts&) = delete;
  BodyParts& operator=(const BodyParts&) = delete;
  virtual ~BodyParts() = default;
  struct Part {
    std::string bytes;  ///< may be empty
    bool last = false;
  };
  /// The part after the one before; nullopt: nothing yet, and `ready`, which only takes note, is
  /// called when it is worth asking again. Nothing is asked for after the last part or an error,
  /// which cuts the answer off.
  virtual std::optional<Result<Part>> next(std::function<void()> ready) = 0;
};

/// How an event stream of whole messages goes on and ends: see MessageDialect.
enum class StreamsUntil : std::uint8_t {
  left,  ///< for as long as a stream lasts
  tail,  ///< until the reader has what there is
  news,  ///< the same, but who has everything already waits for what comes next
};

/// What an event stream begins with.
struct EventStreamStart {
  Cursor cursor;
  std::optional<std::uint64_t> client_cursor = {};  ///< Stream-Cursor the client has seen
  OnGap on_gap = OnGap::fail;                       ///< the cursor's
  Filter filter = {};                               ///< what it passes is sent
  /// Begins with this state, instead of where the cursor is; null: there is none.
  std::unique_ptr<StateFeed> state = {};
  /// Given: it speaks in the protocol's messages; else as Durable Streams has it.
  std::optional<StreamsUntil> messages = {};
  Caller caller = {};  ///< filled in by the exchange
};

/// Ends with respond() or stream(), one of them once. Threads: the shard's.
class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;
  /// As Connection::publisher.
  [[nodiscard]] virtual std::string publisher() const = 0;
  /// Who asks, and may: that has been judged.
  [[nodiscard]] virtual const Caller& caller() const = 0;
  /// Has it come by TLS?
  [[nodiscard]] virtual bool is_secure() const = 0;
  virtual void respond(HttpReply reply) = 0;
  /// The same with a body whose length nobody knows yet. Pre: `head` has a content type and no
  /// body.
  virtual void respond(HttpReply head, std::unique_ptr<BodyParts> body) = 0;
  /// From here on the client's leaving is watched; `answer` is told, until it responds.
  virtual void wait_with(std::shared_ptr<PendingAnswer> answer) = 0;
  /// Makes the connection a stream of events.
  virtual void stream(EventStreamStart start) = 0;
};

}  // namespace tidemark::broker
