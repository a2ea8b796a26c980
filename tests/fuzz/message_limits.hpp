// The hard limits, said of decoded messages once more and apart from the decoders.
// tests/fuzz/: whatever form a message came in, what was accepted is within these.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/codec.hpp"

namespace tidemark::fuzz {

inline void check_integer(std::uint64_t value) {
  TIDEMARK_ENSURE(value <= kMaxInteger, "integers have 53 bits");
}
inline void check_text(std::string_view text) {
  TIDEMARK_ENSURE(valid_utf8(text), "text is UTF-8");
}
inline void check_position(const Position& position) {
  check_integer(position.epoch.value);
  check_integer(position.offset.value);
}

inline void check_headers(const std::vector<Header>& headers) {
  TIDEMARK_ENSURE(headers.size() <= limits::headers, "an event has at most 32 headers");
  for (const auto& header : headers) {
    check_text(header.name);
    check_text(header.value);
  }
}

inline void check_start(const Start& start) {
  if (const auto* after = std::get_if<StartAfter>(&start)) check_position(after->position);
  if (const auto* last = std::get_if<StartLast>(&start)) check_integer(last->count);
  if (const auto* time = std::get_if<StartTime>(&start)) {
    check_integer(static_cast<std::uint64_t>(time->time.ms));
  }
}

inline void check_filter_limits(const Filter& filter) {
  TIDEMARK_ENSURE(filter.keys.size() <= limits::filter_keys, "a filter has at most 256 keys");
  TIDEMARK_ENSURE(filter.headers.size() <= limits::filter_headers,
                  "a filter has at most 16 headers");
  for (const auto& key : filter.keys) check_text(key);
  for (const auto& match : filter.headers) {
    check_text(match.name);
    TIDEMARK_ENSURE(!match.values.empty() && match.values.size() <= limits::filter_values,
                    "a header is matched with 1 to 64 values");
    for (const auto& value : match.values) check_text(value);
  }
}

/// Of every message there is: the fields it is asked for are those a session acts on unseen.
struct CheckLimits {
  void operator()(const Subscribe& m) const {
    check_integer(m.id);
    TIDEMARK_ENSURE(m.topic.empty() || m.pattern.empty(), "a topic and a pattern exclude another");
    for (const auto& text : {m.topic, m.pattern, m.cursor}) check_text(text);
    check_start(m.start);
    check_filter_limits(m.filter);
    TIDEMARK_ENSURE(m.on_gap <= OnGap::state, "what to do at a gap is known");
    if (!m.positions) return;
    TIDEMARK_ENSURE(m.positions->size() <= limits::positions, "at most 10,000 positions");
    for (const auto& each : *m.positions) {
      check_text(each.topic);
      check_position(each.position);
    }
  }
  void operator()(const Unsubscribe& m) const {
    check_integer(m.id);
    TIDEMARK_ENSURE(m.topic.empty() || m.pattern.empty(), "a topic and a pattern exclude another");
  }
  void operator()(const Publish& m) const {
    check_integer(m.id);
    check_text(m.topic);
    check_text(m.content_type);
    TIDEMARK_ENSURE(m.events.size() <= limits::events_per_publish, "at most 4,096 events");
    for (const auto& event : m.events) {
      check_text(event.key);
      check_headers(event.headers);
    }
    if (m.expected_last) check_integer(m.expected_last->value);
    if (!m.producer) return;
    TIDEMARK_ENSURE(check_producer(*m.producer), "a producer's id is within its limits");
    check_integer(m.producer->epoch);
    check_integer(m.producer->sequence);
  }
  void operator()(const Event& m) const {
    check_integer(m.offset.value);
    check_integer(static_cast<std::uint64_t>(m.time.ms));
    check_headers(m.headers);
  }
  void operator()(const State& m) const {
    check_position(m.position);
    TIDEMARK_ENSURE(!m.bundle || m.entries.empty(), "a bundle and entries exclude another");
    for (const auto& entry : m.entries) check_headers(entry.headers);
  }
  void operator()(const Published& m) const {
    check_integer(m.epoch.value);
    check_integer(m.offsets.first.value);
  }
  void operator()(const Acknowledge& m) const {
    check_text(m.cursor);
    check_position(m.position);
  }
  template <class Other>
  void operator()(const Other& message) const {
    if constexpr (requires { message.topic; }) check_text(message.topic);
    if constexpr (requires { message.id; }) check_integer(message.id);
    if constexpr (requires { message.offset; }) check_integer(message.offset.value);
  }
};

template <class Message>
void check_limits(const Message& message) {
  std::visit(CheckLimits(), message);
}

/// Of a refusal: a sentence that can be sent.
inline void check_refusal(const DecodeError& error) {
  TIDEMARK_ENSURE(!error.text.empty() && valid_utf8(error.text), "a refusal is a sentence");
  TIDEMARK_ENSURE(error.id <= kMaxInteger, "a refusal's id can be sent");
}

}  // namespace tidemark::fuzz
