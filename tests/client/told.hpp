// Deliveries in a few words, for tests that compare what was told.
// tests/client/: used by the tests over real sockets.
#pragma once

#include <string>
#include <vector>

#include "tests/client/harness.hpp"

namespace tidemark::test {

inline std::string range_of(const Gap& gap) {
  return std::to_string(gap.lost.first.value) + "-" + std::to_string(gap.lost.end.value);
}

/// "state first: a=va", "state last 4: b=vb", "state first last 4: {…}": what it is of the whole,
/// the position with the last part, then entries or bundle.
inline std::string in_short(const State& state) {
  std::string out = "state";
  if (state.first) out += " first";
  if (state.last) out += " last " + std::to_string(state.position.offset.value);
  out += ":";
  if (state.bundle) out += " " + *state.bundle;
  for (const auto& entry : state.entries) out += " " + entry.key + "=" + entry.data;
  return out;
}

/// An event is its data.
inline std::string in_short(const client::Delivery& delivery) {
  if (const auto* event = std::get_if<Event>(&delivery)) return event->data;
  if (const auto* state = std::get_if<State>(&delivery)) return in_short(*state);
  if (const auto* gap = std::get_if<Gap>(&delivery)) return "gap " + range_of(*gap);
  if (const auto* caught_up = std::get_if<CaughtUp>(&delivery)) {
    return "caught up " + std::to_string(caught_up->offset.value);
  }
  if (const auto* ended = std::get_if<client::TopicEnded>(&delivery)) {
    return "ended " + std::string(info(ended->why.code).name);
  }
  return "epoch " + std::to_string(std::get<EpochNotice>(delivery).first.value);
}

/// The next delivery; the name of the error at the end.
inline std::string told(Harness& harness, client::Subscription& subscription) {
  auto reply = harness.get(subscription.next());
  if (!reply) return std::string(info(reply.error().code).name);
  return in_short(*reply);
}

/// "topic: delivery"
inline std::string told(Harness& harness, client::PatternSubscription& subscription) {
  auto reply = harness.get(subscription.next());
  if (!reply) return std::string(info(reply.error().code).name);
  return reply->topic + ": " + in_short(reply->delivery);
}

/// Likewise, but that it is caught up is passed over: after a reconnect it may be told or not.
template <class Subscribing>
std::string told_of_events(Harness& harness, Subscribing& subscription) {
  std::string out = told(harness, subscription);
  while (out.find("caught up") != std::string::npos) out = told(harness, subscription);
  return out;
}

/// A part of a state of a topic of text, with an entry for each key.
inline State entries(const std::string& topic, Position position,
                     const std::vector<std::string>& keys, bool first = true, bool last = true) {
  State out{.topic = topic, .position = position, .first = first, .last = last};
  for (const auto& key : keys) {
    out.entries.push_back({.key = key, .offset = {1}, .time = {1}, .data = "v" + key});
  }
  return out;
}

}  // namespace tidemark::test
