// One subscription: what has been received, what waits for the application, where to go on from.
// protocol/client/: the session feeds it messages; the application's side takes deliveries.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "protocol/client/backoff.hpp"
#include "protocol/client/options.hpp"
#include "protocol/client/signal.hpp"

namespace tidemark::client {

/// What a subscription hands over, in order. CaughtUp comes again after a reconnect or a gap.
using Delivery = std::variant<Event, Gap, CaughtUp, EpochNotice>;

/// Threads: the part for the application locks; the part for the session is for its strand only.
class Feed {
 public:
  Feed(const boost::asio::any_io_executor& strand, std::string topic, SubscribeOptions options,
       Backoff backoff);

  // ---- for the application ----

  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// The next delivery, or why there will be no more; nothing if it has to be waited for.
  /// `made_room`: full() has just ceased, and the session must be told.
  [[nodiscard]] std::optional<Reply<Delivery>> take(bool& made_room);
  /// What the application has been handed: where another subscription would go on from.
  [[nodiscard]] Position position() const;
  /// Empty until the broker has answered.
  [[nodiscard]] std::string content_type() const;
  /// Holds as much as it may; nothing should be read from the broker meanwhile.
  [[nodiscard]] bool full() const { return full_.load(); }

  // ---- for the session ----

  /// The request to send now. Whatever comes before its answer belongs to an earlier subscription.
  [[nodiscard]] Subscribe ask(RequestId id);
  void disconnected() { state_ = State::idle; }
  /// Is this the answer to the last ask()?
  [[nodiscard]] bool asked(RequestId id) const { return state_ == State::asked && asked_id_ == id; }

  void subscribed(const Subscribed& answer);
  /// The subscription was refused: over, unless it is worth trying again at retry_at().
  void refused(const Failure& failure, Clock::time_point now);
  void unsubscribed(const Unsubscribed& message, Clock::time_point now);
  /// What is wrong with the message, if it breaks the broker's promises; it isn't delivered then.
  [[nodiscard]] std::optional<std::string> event(Event event);
  void gap(const Gap& gap);
  void epoch(const EpochNotice& notice);
  void caught_up(const CaughtUp& message);
  /// There will be no more; the first reason stays.
  void end(Refusal reason);

  [[nodiscard]] bool live() const { return state_ == State::live; }
  [[nodiscard]] bool over() const;
  /// Is there something to take before the end?
  [[nodiscard]] bool holds() const;
  /// When to ask again, after a refusal that may pass.
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }
  /// Raised when there is something to take.
  [[nodiscard]] Signal& arrived() { return arrived_; }

 private:
  enum class State : std::uint8_t { idle, asked, live };

  void push(Delivery delivery);
  void retry(Clock::time_point now);

  const std::string topic_;
  const SubscribeOptions options_;

  // The session's.
  State state_ = State::idle;
  RequestId asked_id_ = 0;
  std::optional<Position> received_;  ///< nothing until the first answer
  bool jump_ = false;                 ///< after a gap the next event's offset is what it is
  Payload payload_ = Payload::bytes;
  Backoff backoff_;
  std::optional<Clock::time_point> retry_at_;
  Signal arrived_;

  // Shared, under the lock.
  mutable std::mutex mutex_;
  std::deque<Delivery> queue_;
  std::size_t queued_bytes_ = 0;
  Position handed_;
  std::optional<Refusal> ended_;
  std::string content_type_;
  std::atomic<bool> full_{false};
};

}  // namespace tidemark::client
