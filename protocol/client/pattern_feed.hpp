// Every topic that matches a pattern followed: a place in each, and one inbox for all.
// protocol/client/: the session feeds it messages; the application's side takes deliveries.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "protocol/client/backoff.hpp"
#include "protocol/client/inbox.hpp"
#include "protocol/client/place.hpp"
#include "protocol/client/standing.hpp"

namespace tidemark::client {

/// Threads: as its inbox.
class PatternFeed : public Inbox {
 public:
  PatternFeed(const boost::asio::any_io_executor& strand, std::string pattern,
              PatternOptions options, Backoff backoff);

  [[nodiscard]] const std::string& pattern() const { return pattern_; }
  [[nodiscard]] const std::string& cursor() const { return options_.cursor; }

  // ---- for the session: the pattern as a whole ----

  /// The request to send now. Once the broker has answered one, all others say where to go on in
  /// the topics it has told of; what has been created meanwhile begins with its first event.
  [[nodiscard]] Subscribe ask(RequestId id);
  void disconnected();
  [[nodiscard]] bool asked(RequestId id) const { return standing_.asked(id); }
  void following();
  /// The pattern was refused: over, unless it is worth trying again at retry_at().
  void refused(const Failure& failure, Clock::time_point now);
  void unsubscribed(const Unsubscribed& message, Clock::time_point now);
  void end(Refusal reason);

  [[nodiscard]] bool live() const { return standing_.live(); }
  /// When to ask again, because it was refused, or one of its topics was: it may be live.
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return standing_.retry_at(); }

  // ---- for the session: its topics ----

  /// Is it live, and the topic one of those it means?
  [[nodiscard]] bool takes(const std::string& topic) const;
  /// Where it is in a topic that it follows now; null if it does not.
  [[nodiscard]] Place* place_of(const std::string& topic);
  /// Pre: takes the topic, also of the two below.
  void topic_begins(const Subscribed& message);
  void topic_refused(const Failure& failure, Clock::time_point now);
  void topic_ends(const Unsubscribed& message, Clock::time_point now);

 private:
  struct Topic {
    Place place;
    std::optional<Errc> told;  ///< the application knows that it ended, and why
  };

  Topic& add_topic(const std::string& name, std::optional<Position> position);
  std::vector<TopicPosition> known_positions();
  void end_topic(const std::string& name, const Refusal& why);

  const std::string pattern_;
  const PatternOptions options_;
  std::map<std::string, Topic> topics_;  ///< also those that have ended otherwise than by deletion
  Standing standing_;
  bool followed_ = false;  ///< the broker has answered once
  Place::Beginning beginning_ = Place::Beginning::events;
};

}  // namespace tidemark::client
