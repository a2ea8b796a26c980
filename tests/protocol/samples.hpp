// One of every message, with every optional part present and absent.
// tests/protocol/: round trips, truncation, mutation and frames all run over these.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/codec.hpp"

namespace tidemark::samples {

inline NewEvent event(std::string data, std::string key = {}, std::vector<Header> headers = {}) {
  return {.data = std::move(data), .key = std::move(key), .headers = std::move(headers)};
}

inline Gap gap(GapCause cause) {
  return {.lost = {Offset{43}, Offset{100}},
          .cause = cause,
          .epoch = Epoch{3},
          .earliest = Offset{100},
          .head = Offset{180}};
}

/// Every field a subscription to a pattern can have.
inline Subscribe full_subscribe() {
  Subscribe out;
  out.id = 10;
  out.on_gap = OnGap::state;
  out.state = true;
  out.state_if_behind = StateIfBehind{.events = 5000, .bytes = 1 << 20};
  out.filter.keys = {"order-7", "user-*"};
  out.filter.headers = {{"region", {"eu", "us"}}, {"k\"nd", {"ü"}}};
  out.cursor = "device \"7\"";
  out.pattern = "rooms/*";
  out.positions = {{"rooms/1", {Epoch{3}, Offset{42}}}, {"rooms/2", {Epoch{}, Offset{0}}}};
  return out;
}

inline Subscribe subscribe_to(std::string topic) {
  Subscribe out;
  out.id = 11;
  out.topic = std::move(topic);
  return out;
}

inline std::vector<ClientMessage> subscriptions() {
  std::vector<ClientMessage> all{full_subscribe()};
  auto with_state = subscribe_to("t");
  with_state.state = true;
  all.emplace_back(with_state);
  auto behind = subscribe_to("t");
  behind.start = StartAfter{{Epoch{3}, Offset{42}}};
  behind.cursor = "device-7";
  behind.state_if_behind = StateIfBehind{.events = std::nullopt, .bytes = 0};
  all.emplace_back(behind);
  auto filtered = subscribe_to("t");
  filtered.filter.headers = {{"", {""}}};
  all.emplace_back(filtered);
  auto pattern = subscribe_to("");
  pattern.pattern = "**";
  pattern.start = StartEarliest{};
  all.emplace_back(pattern);
  pattern.start = StartNow{};
  pattern.positions.emplace();
  all.emplace_back(pattern);
  return all;
}

/// States of every kind of bundle, and of keys: none, and some with and without headers.
inline std::vector<State> states() {
  const Position position{Epoch{3}, Offset{42}};
  State json{.topic = "t", .position = position, .content_type = "application/json"};
  json.bundle = R"({"orders" : [1.0]})";
  auto text = json;
  text.content_type = "text/plain; charset=utf-8";
  text.bundle = "a \"line\"\n";
  auto bytes = json;
  bytes.content_type = "image/png";
  bytes.bundle = std::string("\0\xff\r", 3);
  auto untyped = json;
  untyped.content_type = {};
  untyped.bundle = "";
  State none{.topic = "t", .position = position};
  State page{.topic = "t", .position = position, .first = true, .last = false};
  page.entries = {{.key = "a\"",
                   .offset = Offset{3},
                   .time = Timestamp{1790000000000},
                   .headers = {{"trace", "a1"}},
                   .data = "{\"a\" : 1.0}"},
                  {.key = "b", .offset = Offset{42}, .time = {}, .headers = {}, .data = "0"}};
  auto end = page;
  end.first = false;
  end.last = true;
  end.entries.resize(1);
  return {json, text, bytes, untyped, none, page, end};
}

/// Payloads are JSON documents, so that they fit topics of all three kinds.
inline std::vector<ClientMessage> client() {
  const Position position{Epoch{3}, Offset{42}};
  Publish full{.id = kMaxInteger,
               .topic = "a/b~c",
               .events = {event("{\"total\":1.0}", "k\"\\\n", {{"trace", "ü"}, {"", "empty name"}}),
                          event("[1,2]"), event("12345678901234567890123")},
               .producer = ProducerStamp{.id = "till", .epoch = 2, .sequence = 41},
               .expected_last = Offset{0},
               .content_type = "application/json"};
  std::vector<ClientMessage> all{
      Subscribe{.id = 1, .topic = "t", .start = StartAfter{position}, .on_gap = OnGap::earliest},
      Subscribe{.id = 0, .topic = "t", .start = StartAfter{{Epoch{}, Offset{7}}}},
      Subscribe{.id = 2, .topic = "t", .start = StartEarliest{}},
      Subscribe{.id = 3, .topic = "t", .start = StartNow{}},
      Subscribe{.id = 4, .topic = "t", .start = StartLast{10}},
      Subscribe{.id = 5, .topic = "t", .start = StartTime{Timestamp{1790000000000}}},
      Unsubscribe{.id = 6, .topic = "t", .pattern = {}},
      Unsubscribe{.id = 6, .topic = {}, .pattern = "rooms/**"},
      full,
      Publish{.id = 7, .topic = "t", .events = {event("null", "key", {{"a", "b"}})}},
      Publish{.id = 0, .topic = "", .events = {event("\"text\"")}},
      Ping{.id = 8},
      Ping{},
      Authenticate{.id = 9, .token = "header.claims.signature"},
      Acknowledge{.id = 12, .topic = "t", .cursor = "device-7", .position = position},
      Acknowledge{.id = 0, .topic = "t", .cursor = "ü\t", .position = {Epoch{}, Offset{0}}},
  };
  for (auto& message : subscriptions()) all.push_back(std::move(message));
  return all;
}

inline std::vector<ServerMessage> server() {
  std::vector<ServerMessage> all{
      Subscribed{.id = 1,
                 .topic = "t",
                 .position = {Epoch{3}, Offset{42}},
                 .head = Offset{44},
                 .earliest = Offset{1},
                 .content_type = "text/plain; charset=utf-8"},
      Unsubscribed{.id = 2, .topic = "t", .pattern = {}, .reason = std::nullopt},
      Unsubscribed{.id = 0, .topic = "t", .pattern = {}, .reason = Errc::topic_deleted},
      Unsubscribed{.id = 9, .topic = {}, .pattern = "rooms/*", .reason = std::nullopt},
      Event{.topic = "t",
            .offset = Offset{43},
            .time = Timestamp{1790000000000},
            .key = "k\"",
            .headers = {{"trace", "a1"}, {"x", "\t"}},
            .data = "{\"a\" : 1.0}"},
      Event{.topic = "t", .offset = Offset{1}, .key = {}, .headers = {}, .data = "0"},
      CaughtUp{.topic = "t", .offset = Offset{44}},
      EpochNotice{.topic = "t", .epoch = Epoch{4}, .first = Offset{45}},
      Published{.id = 3,
                .topic = "t",
                .epoch = Epoch{3},
                .offsets = {Offset{8}, Offset{10}},
                .duplicate = false},
      Published{.id = 4, .topic = "t", .epoch = Epoch{3}, .offsets = {}, .duplicate = true},
      Pong{.id = 5},
      Goodbye{.reconnect_after_ms = 0xffffffff},
      Failure{.id = 6, .code = Errc::malformed_message, .text = "what \"was\" wrong", .topic = {}},
      Failure{.id = 7,
              .code = Errc::position_trimmed,
              .text = "gone",
              .topic = "t",
              .gap = gap(GapCause::count),
              .head = Offset{0},
              .expected_sequence = 0,
              .producer_epoch = kMaxInteger,
              .retry_after_ms = 1500},
      Authenticated{.id = 8, .subject = "ada", .expires = Timestamp{1790000000000}},
      Authenticated{.id = 0, .subject = "", .expires = std::nullopt},
      TokenExpires{.in_ms = 60'000},
      Following{.id = 10, .pattern = "rooms/*"},
      Advanced{.topic = "t", .offset = Offset{57}},
      Acknowledged{
          .id = 12, .topic = "t", .cursor = "device \"7\"", .position = {Epoch{3}, Offset{42}}},
  };
  for (auto& state : states()) all.emplace_back(std::move(state));
  for (int cause = 0; cause <= static_cast<int>(GapCause::corrupt); ++cause) {
    all.emplace_back(GapNotice{.topic = "t", .gap = gap(static_cast<GapCause>(cause))});
  }
  return all;
}

template <class Message>
std::string encoded(WireForm form, const Message& message, Payload payload = Payload::json) {
  std::string out;
  encode(form, message, payload, out);
  return out;
}

/// As a session would: data that came as JSON becomes the payload of a topic.
inline void settle(ClientMessage& message, Payload payload) {
  if (auto* publish = std::get_if<Publish>(&message)) {
    for (auto& e : publish->events) {
      if (!settle_payload(e.data, e.form, payload)) e.data = "(does not settle)";
    }
  }
}

inline void settle(ServerMessage& message, Payload payload) {
  if (auto* e = std::get_if<Event>(&message)) {
    if (!settle_payload(e->data, e->form, payload)) e->data = "(does not settle)";
  }
  if (auto* state = std::get_if<State>(&message)) {
    if (!settle_state(*state, payload)) state->content_type = "(does not settle)";
  }
}

}  // namespace tidemark::samples
