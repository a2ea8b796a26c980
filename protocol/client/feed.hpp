// One topic followed: what has been received, what waits for the application, where to go on from.
// protocol/client/: the session feeds it messages; the application's side takes deliveries.
#pragma once

#include <optional>
#include <string>

#include "protocol/client/backoff.hpp"
#include "protocol/client/inbox.hpp"
#include "protocol/client/place.hpp"
#include "protocol/client/standing.hpp"

namespace tidemark::client {

/// Threads: as its inbox.
class Feed : public Inbox {
 public:
  Feed(const boost::asio::any_io_executor& strand, std::string topic, SubscribeOptions options,
       Backoff backoff);

  // ---- for the application ----

  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] const std::string& cursor() const { return options_.cursor; }
  /// What the application has been handed: where another subscription would go on from.
  [[nodiscard]] Position position() const {
    return position_of(place_.slot()).value_or(Position{});
  }
  /// Empty until the broker has answered.
  [[nodiscard]] std::string content_type() const { return content_type_of(place_.slot()); }

  // ---- for the session ----

  /// The request to send now. Whatever comes before its answer belongs to an earlier subscription.
  [[nodiscard]] Subscribe ask(RequestId id);
  void disconnected();
  /// Is this the answer to the last ask()?
  [[nodiscard]] bool asked(RequestId id) const { return standing_.asked(id); }

  void subscribed(const Subscribed& answer);
  /// The subscription was refused: over, unless it is worth trying again at retry_at().
  void refused(const Failure& failure, Clock::time_point now);
  void unsubscribed(const Unsubscribed& message, Clock::time_point now);
  void end(Refusal reason);

  /// What the messages of the topic are for.
  [[nodiscard]] Place& place() { return place_; }
  [[nodiscard]] bool live() const { return standing_.live(); }
  /// When to ask again, after a refusal that may pass.
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return standing_.retry_at(); }

 private:
  void retry(Clock::time_point now);

  const std::string topic_;
  const SubscribeOptions options_;
  Place place_;
  Standing standing_;
  Place::Beginning beginning_ = Place::Beginning::events;  ///< of what was asked for last
};

}  // namespace tidemark::client
