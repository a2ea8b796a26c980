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
  return {
      Subscribe{.id = 1, .topic = "t", .start = StartAfter{position}, .on_gap = OnGap::earliest},
      Subscribe{.id = 0, .topic = "t", .start = StartAfter{{Epoch{}, Offset{7}}}},
      Subscribe{.id = 2, .topic = "t", .start = StartEarliest{}},
      Subscribe{.id = 3, .topic = "t", .start = StartNow{}},
      Subscribe{.id = 4, .topic = "t", .start = StartLast{10}},
      Subscribe{.id = 5, .topic = "t", .start = StartTime{Timestamp{1790000000000}}},
      Unsubscribe{.id = 6, .topic = "t"},
      full,
      Publish{.id = 7, .topic = "t", .events = {event("null", "key", {{"a", "b"}})}},
      Publish{.id = 0, .topic = "", .events = {event("\"text\"")}},
      Ping{.id = 8},
      Ping{},
      Authenticate{.id = 9, .token = "header.claims.signature"},
  };
}

inline std::vector<ServerMessage> server() {
  std::vector<ServerMessage> all{
      Subscribed{.id = 1,
                 .topic = "t",
                 .position = {Epoch{3}, Offset{42}},
                 .head = Offset{44},
                 .earliest = Offset{1},
                 .content_type = "text/plain; charset=utf-8"},
      Unsubscribed{.id = 2, .topic = "t", .reason = std::nullopt},
      Unsubscribed{.id = 0, .topic = "t", .reason = Errc::topic_deleted},
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
  };
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
}

}  // namespace tidemark::samples
