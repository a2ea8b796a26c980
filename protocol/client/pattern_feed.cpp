// What a pattern asks for, and what becomes of its topics.
// protocol/client/: see pattern_feed.hpp.
#include "protocol/client/pattern_feed.hpp"

#include <utility>

#include "protocol/topic_pattern.hpp"

namespace tidemark::client {
namespace {

bool is_of_deletion(Errc code) {
  return code == Errc::topic_deleted || code == Errc::unknown_topic;
}

}  // namespace

PatternFeed::PatternFeed(const boost::asio::any_io_executor& strand, std::string pattern,
                         PatternOptions options, Backoff backoff)
    : Inbox(strand, {.events = options.queued_events, .bytes = options.queued_bytes}),
      pattern_(std::move(pattern)),
      options_(std::move(options)),
      standing_(std::move(backoff)) {
  if (!options_.positions) return;
  for (const auto& [topic, position] : *options_.positions) {
    if (!topics_.contains(topic)) add_topic(topic, position);
  }
}

PatternFeed::Topic& PatternFeed::add_topic(const std::string& name,
                                           std::optional<Position> position) {
  const Place::Rules rules{.on_gap = gap_answer(options_.on_gap, options_.state),
                           .filtered = !options_.filter.empty()};
  Place place(*this, add(name, position), rules, position);
  return topics_.emplace(name, Topic{.place = std::move(place), .told = {}}).first->second;
}

// ---- the pattern as a whole ----

Subscribe PatternFeed::ask(RequestId id) {
  standing_.ask(id);
  for (auto& [name, topic] : topics_) topic.place.pause();
  Subscribe out{.id = id};
  out.pattern = pattern_;
  out.on_gap = gap_answer(options_.on_gap, options_.state);
  out.state = options_.state;
  out.state_if_behind = options_.state_if_behind;
  out.filter = options_.filter;
  if (followed_ || options_.positions) {
    out.positions = known_positions();
  } else {
    out.cursor = options_.cursor;
    if (!out.state) out.start = options_.start;
  }
  beginning_ = beginning_of(out);
  return out;
}

std::vector<TopicPosition> PatternFeed::known_positions() {
  std::vector<TopicPosition> out;
  for (auto& [name, topic] : topics_) {
    Place& place = topic.place;
    if (place.awaits_state() || !place.position()) {
      // Left out it begins with its state, which is what it needs. Where only a gap brings a state,
      // all of the topic does as well, and if it has not all any more, there is the gap again.
      if (options_.state || !place.known()) continue;
      place.begin_at_zero();
    }
    out.push_back({name, *place.position()});
  }
  return out;
}

void PatternFeed::disconnected() {
  standing_.stop();
  standing_.calm();
  for (auto& [name, topic] : topics_) topic.place.pause();
}

void PatternFeed::end(Refusal reason) {
  standing_.stop_for_good();
  for (auto& [name, topic] : topics_) topic.place.pause();
  Inbox::end(std::move(reason));
}

void PatternFeed::following() {
  standing_.go();
  followed_ = true;
}

void PatternFeed::refused(const Failure& failure, Clock::time_point now) {
  if (!may_come_back(failure.code)) return end(refusal_of(failure));
  standing_.stop();
  standing_.retry(now);
}

void PatternFeed::unsubscribed(const Unsubscribed& message, Clock::time_point now) {
  if (!live()) return;  // of an earlier subscription
  if (!message.reason) return end(refusal_of(Errc::cancelled));
  if (!may_come_back(*message.reason)) return end(refusal_of(*message.reason));
  standing_.stop();
  standing_.retry(now);
}

// ---- its topics ----

bool PatternFeed::takes(const std::string& topic) const {
  return live() && matches_topic(pattern_, topic);
}

Place* PatternFeed::place_of(const std::string& topic) {
  const auto at = topics_.find(topic);
  return live() && at != topics_.end() && at->second.place.live() ? &at->second.place : nullptr;
}

void PatternFeed::topic_begins(const Subscribed& message) {
  const auto at = topics_.find(message.topic);
  Topic& topic = at == topics_.end() ? add_topic(message.topic, std::nullopt) : at->second;
  topic.told.reset();
  const bool goes_on = topic.place.position() && !topic.place.awaits_state();
  topic.place.subscribed(message, goes_on ? Place::Beginning::events : beginning_);
}

void PatternFeed::topic_refused(const Failure& failure, Clock::time_point now) {
  if (failure.code == Errc::already_subscribed) return;  // a subscription of its own has it
  if (may_come_back(failure.code)) return standing_.retry(now);
  const auto at = topics_.find(failure.topic);
  if (at == topics_.end()) {
    if (is_of_deletion(failure.code)) return;  // it was never told of
    add_topic(failure.topic, std::nullopt);
  } else if (at->second.told == failure.code) {
    return;
  }
  if (failure.gap) {
    push(topics_.at(failure.topic).place.slot(), *failure.gap, std::nullopt);
  }
  end_topic(failure.topic, refusal_of(failure));
}

void PatternFeed::topic_ends(const Unsubscribed& message, Clock::time_point now) {
  const auto at = topics_.find(message.topic);
  if (at == topics_.end()) return;
  at->second.place.pause();
  const Errc why = message.reason.value_or(Errc::cancelled);
  if (may_come_back(why)) return standing_.retry(now);
  if (at->second.told != why) end_topic(message.topic, refusal_of(why));
}

/// Pre: it is one of topics_.
void PatternFeed::end_topic(const std::string& name, const Refusal& why) {
  const auto at = topics_.find(name);
  const bool deleted = is_of_deletion(why.code);
  at->second.place.pause();
  at->second.told = why.code;
  push(at->second.place.slot(), TopicEnded{.why = why, .deleted = deleted}, std::nullopt);
  if (deleted) topics_.erase(at);
}

}  // namespace tidemark::client
