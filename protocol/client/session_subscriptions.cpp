// Topics and patterns followed: asking for them, routing what comes, asking again.
// protocol/client/: see session.hpp.
#include <algorithm>
#include <functional>
#include <utility>

#include "protocol/client/session.hpp"
#include "protocol/topic_pattern.hpp"

namespace tidemark::client {
namespace asio = boost::asio;

namespace {

/// A pattern is a topic's name with stars in it. Errors: invalid_pattern.
Result<void> check_pattern(std::string pattern) {
  std::ranges::replace(pattern, '*', 'x');
  if (!TopicName::parse(pattern)) return Errc::invalid_pattern;
  return ok();
}

Result<void> check_cursor(const std::string& cursor) {
  return cursor.empty() ? ok() : check_cursor_name(cursor);
}

}  // namespace

std::shared_ptr<Feed> Session::make_feed(std::string topic, SubscribeOptions options) {
  const std::uint64_t seed = seed_ ^ std::hash<std::string>{}(topic);
  return std::make_shared<Feed>(strand_, std::move(topic), std::move(options),
                                Backoff(options_.backoff_min, options_.backoff_max, seed));
}

std::shared_ptr<PatternFeed> Session::make_feed(std::string pattern, PatternOptions options) {
  const std::uint64_t seed = seed_ ^ std::hash<std::string>{}(pattern);
  return std::make_shared<PatternFeed>(strand_, std::move(pattern), std::move(options),
                                       Backoff(options_.backoff_min, options_.backoff_max, seed));
}

// ---- what the application asks for ----

asio::awaitable<void> Session::arrival(std::shared_ptr<Inbox> inbox) {
  // Nobody else takes, so what made the caller wait can only have been changed by an arrival.
  if (inbox->over() || inbox->holds()) co_return;
  co_await inbox->arrived().wait();
}

void Session::follow(const std::shared_ptr<Feed>& feed) {
  if (closing_) return feed->end(*end_reason_);
  const auto name = TopicName::parse(feed->topic());
  if (!name) return feed->end(refusal_of(name.errc()));
  const auto cursor = check_cursor(feed->cursor());
  if (!cursor) return feed->end(refusal_of(cursor.errc()));
  if (!feeds_.emplace(feed->topic(), feed).second) {
    return feed->end(refusal_of(Errc::already_subscribed));
  }
  start();
  if (usable()) ask(*feed);
}

void Session::follow(const std::shared_ptr<PatternFeed>& feed) {
  if (closing_) return feed->end(*end_reason_);
  const auto pattern = check_pattern(feed->pattern());
  if (!pattern) return feed->end(refusal_of(pattern.errc()));
  const auto cursor = check_cursor(feed->cursor());
  if (!cursor) return feed->end(refusal_of(cursor.errc()));
  const auto same = [&feed](const auto& other) { return other->pattern() == feed->pattern(); };
  if (std::ranges::any_of(patterns_, same)) {
    return feed->end(refusal_of(Errc::already_subscribed));
  }
  patterns_.push_back(feed);
  start();
  if (usable()) ask(*feed);
}

void Session::leave(const std::shared_ptr<Feed>& feed) {
  feed->end(refusal_of(Errc::cancelled));
  const auto at = feeds_.find(feed->topic());
  if (at == feeds_.end() || at->second != feed) return;
  feeds_.erase(at);
  drained_.raise();
  if (usable()) send(Unsubscribe{.id = ++last_id_, .topic = feed->topic(), .pattern = {}});
}

void Session::leave(const std::shared_ptr<PatternFeed>& feed) {
  feed->end(refusal_of(Errc::cancelled));
  if (std::erase(patterns_, feed) == 0) return;
  drained_.raise();
  if (usable()) send(Unsubscribe{.id = ++last_id_, .topic = {}, .pattern = feed->pattern()});
}

void Session::end_feeds(const Refusal& refusal) {
  for (const auto& [topic, feed] : feeds_) feed->end(refusal);
  for (const auto& feed : patterns_) feed->end(refusal);
  feeds_.clear();
  patterns_.clear();
}

// ---- asking ----

void Session::ask(Feed& feed) { send(feed.ask(++last_id_)); }

void Session::ask(PatternFeed& feed) {
  // Asked for anew because of one topic: the broker has it already, and a connection has each once.
  if (feed.live()) send(Unsubscribe{.id = ++last_id_, .topic = {}, .pattern = feed.pattern()});
  send(feed.ask(++last_id_));
}

/// Topics before patterns, so that with every connection it is the same one that gets a topic both
/// mean.
void Session::ask_all() {
  for (const auto& [topic, feed] : feeds_) ask(*feed);
  for (const auto& feed : patterns_) ask(*feed);
}

void Session::retry_feeds(Clock::time_point now) {
  if (!usable()) return;
  for (const auto& [topic, feed] : feeds_) {
    if (feed->retry_at() && *feed->retry_at() <= now) ask(*feed);
  }
  for (const auto& feed : patterns_) {
    if (feed->retry_at() && *feed->retry_at() <= now) ask(*feed);
  }
}

Clock::time_point Session::next_retry() const {
  auto out = Clock::time_point::max();
  for (const auto& [topic, feed] : feeds_) out = std::min(out, feed->retry_at().value_or(out));
  for (const auto& feed : patterns_) out = std::min(out, feed->retry_at().value_or(out));
  return out;
}

/// What is over is forgotten, and what waits is waited for.
void Session::reap(const std::string& topic) {
  const auto at = feeds_.find(topic);
  if (at == feeds_.end()) return;
  if (at->second->over()) {
    feeds_.erase(at);
  } else if (const auto retry = at->second->retry_at()) {
    due_by(*retry);
  }
}

void Session::reap_patterns() {
  std::erase_if(patterns_, [](const auto& feed) { return feed->over(); });
  for (const auto& feed : patterns_) {
    if (const auto retry = feed->retry_at()) due_by(*retry);
  }
}

// ---- routing ----

std::shared_ptr<Feed> Session::feed_of(const std::string& topic) {
  const auto at = feeds_.find(topic);
  return at == feeds_.end() ? nullptr : at->second;
}

/// The pattern that a topic without a subscription of its own belongs to.
std::shared_ptr<PatternFeed> Session::pattern_of(const std::string& topic) {
  const auto has = [&topic](const auto& feed) { return feed->place_of(topic) != nullptr; };
  const auto takes = [&topic](const auto& feed) { return feed->takes(topic); };
  auto at = std::ranges::find_if(patterns_, has);
  if (at == patterns_.end()) at = std::ranges::find_if(patterns_, takes);
  return at == patterns_.end() ? nullptr : *at;
}

Session::Route Session::route(const std::string& topic) {
  if (const auto feed = feed_of(topic); feed && feed->live()) return {&feed->place(), feed};
  for (const auto& feed : patterns_) {
    if (auto* place = feed->place_of(topic)) return {place, feed};
  }
  return {};
}

void Session::received(const Route& route, const std::optional<std::string>& wrong) {
  if (wrong)
    link_->fail(refusal_of(Errc::malformed_message, "the broker broke its word: " + *wrong));
  if (route.inbox->full()) full_ = route.inbox;
}

void Session::on(Subscribed& message) {
  if (message.id == 0) {
    if (const auto pattern = pattern_of(message.topic)) pattern->topic_begins(message);
    return;
  }
  const auto feed = feed_of(message.topic);
  if (feed && feed->asked(message.id)) feed->subscribed(message);
}

void Session::on(Following& message) {
  for (const auto& feed : patterns_) {
    if (feed->asked(message.id)) feed->following();
  }
}

void Session::on(Unsubscribed& message) {
  const auto now = Clock::now();
  if (!message.pattern.empty()) {
    for (const auto& feed : patterns_) {
      if (feed->pattern() == message.pattern) feed->unsubscribed(message, now);
    }
    return reap_patterns();
  }
  const auto feed = feed_of(message.topic);
  if (feed && feed->live()) {
    feed->unsubscribed(message, now);
    return reap(message.topic);
  }
  // With an id it answers the unsubscribe of a topic, which a pattern never sends.
  if (message.id != 0) return;
  if (const auto pattern = pattern_of(message.topic)) pattern->topic_ends(message, now);
  reap_patterns();
}

void Session::on(Event& message) {
  const auto to = route(message.topic);
  if (to.place != nullptr) received(to, to.place->event(std::move(message)));
}

void Session::on(State& message) {
  const auto to = route(message.topic);
  if (to.place != nullptr) received(to, to.place->state(std::move(message)));
}

void Session::on(Advanced& message) {
  const auto to = route(message.topic);
  if (to.place != nullptr) received(to, to.place->advanced(message));
}

void Session::on(CaughtUp& message) {
  const auto to = route(message.topic);
  if (to.place != nullptr) received(to, to.place->caught_up(message));
}

void Session::on(GapNotice& message) {
  const auto to = route(message.topic);
  if (to.place == nullptr) return;
  to.place->gap(message.gap);
  received(to, std::nullopt);
}

void Session::on(EpochNotice& message) {
  const auto to = route(message.topic);
  if (to.place != nullptr) received(to, to.place->epoch(message));
}

/// False if the failure is about nothing that is followed.
bool Session::feed_failed(const Failure& message) {
  const auto now = Clock::now();
  if (message.id == 0) {
    const auto pattern = message.topic.empty() ? nullptr : pattern_of(message.topic);
    if (!pattern) return false;
    pattern->topic_refused(message, now);
    reap_patterns();
    return true;
  }
  for (const auto& [topic, feed] : feeds_) {
    if (!feed->asked(message.id)) continue;
    feed->refused(message, now);
    reap(std::string(topic));
    return true;
  }
  for (const auto& feed : patterns_) {
    if (!feed->asked(message.id)) continue;
    feed->refused(message, now);
    reap_patterns();
    return true;
  }
  return false;
}

}  // namespace tidemark::client
