// How the vocabulary stands in JSON: what the tables of fields are made of.
// protocol/: for the decoders of either direction; a member is a name, how it is read, and whether
// it must be.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base64.hpp"
#include "protocol/json_fields.hpp"
#include "protocol/json_text.hpp"
#include "protocol/messages.hpp"
#include "protocol/subscribe_rules.hpp"

namespace tidemark::json_parts {

// ---- values ----

// Containers around a payload in the deepest case: message, events, event.
inline constexpr std::size_t kEnvelopeDepth = 3;

inline void get(JsonReading& in, std::uint64_t& v) { v = in.integer(); }
inline void get(JsonReading& in, std::uint32_t& v) {
  v = static_cast<std::uint32_t>(in.integer(std::numeric_limits<std::uint32_t>::max()));
}
inline void get(JsonReading& in, Offset& v) { v.value = in.integer(); }
inline void get(JsonReading& in, Epoch& v) { v.value = in.integer(); }
inline void get(JsonReading& in, Timestamp& v) { v.ms = static_cast<std::int64_t>(in.integer()); }
inline void get(JsonReading& in, std::string& v) { v = in.text(); }
inline void get(JsonReading& in, bool& v) { v = in.boolean(); }

inline void get(JsonReading& in, Errc& v) {
  const auto code = errc_named(in.text());
  if (!code) return in.must_be("the name of an error");
  v = *code;
}

inline void get(JsonReading& in, GapCause& v) {
  const auto name = in.text();
  for (int i = 0; i <= static_cast<int>(GapCause::corrupt); ++i) {
    v = static_cast<GapCause>(i);
    if (to_string(v) == name) return;
  }
  in.must_be("the name of a gap's cause");
}

template <class T>
void get(JsonReading& in, std::optional<T>& v) {
  get(in, v.emplace());
}

inline void get(JsonReading& in, std::vector<Header>& headers) {
  in.members([&](std::string_view name) {
    if (headers.size() == limits::headers) {
      return in.fail(Errc::invalid_headers, "more than 32 headers");
    }
    if (std::ranges::find(headers, name, &Header::name) != headers.end()) {
      return in.fail(Errc::invalid_headers, "header " + in_quotes(name) + " is given twice");
    }
    auto& header = headers.emplace_back(Header{std::string(name), std::string()});
    header.value = in.text();
  });
}

template <class T, auto... Path>
void get_path(JsonReading& in, T& message) {
  get(in, (message.*....*Path));
}

template <class T>
void pass_over(JsonReading& in, T&) {
  in.raw();
}

template <class T, auto... Path>
constexpr Field<T> must(std::string_view name) {
  return {name, &get_path<T, Path...>, true};
}

template <class T, auto... Path>
constexpr Field<T> may(std::string_view name) {
  return {name, &get_path<T, Path...>, false};
}

// The type has been looked at before the table was chosen.
template <class T>
constexpr Field<T> type() {
  return {"type", &pass_over<T>, false};
}

// ---- parts of messages ----

// What a message may say of one event. T is NewEvent or Event.
template <class T>
struct EventDraft {
  T event;
  int payloads = 0;
};

template <class T>
void get_data(JsonReading& in, EventDraft<T>& draft) {
  const auto value = in.raw();
  if (in.deep() && json_depth(value) > limits::json_depth) {
    return in.fail(Errc::invalid_payload, "data is nested deeper than 64");
  }
  draft.event.data = value;
  draft.event.form = Form::json;
  ++draft.payloads;
}

template <class T>
void get_base64(JsonReading& in, EventDraft<T>& draft) {
  auto bytes = read_base64(in.text());
  if (!bytes) return in.fail(Errc::invalid_payload, "data_base64 is not base64 with padding");
  draft.event.data = std::move(*bytes);
  ++draft.payloads;
}

template <class T>
void check_one_payload(JsonReading& in, const EventDraft<T>& draft) {
  if (draft.payloads == 1) return;
  in.fail(Errc::malformed_message, draft.payloads == 0
                                       ? "\"data\" or \"data_base64\" is missing"
                                       : "\"data\" and \"data_base64\" exclude each other");
}

using NewEventDraft = EventDraft<NewEvent>;

inline constexpr std::array kNewEvent{
    Field<NewEventDraft>{"data", get_data},
    Field<NewEventDraft>{"data_base64", get_base64},
    may<NewEventDraft, &NewEventDraft::event, &NewEvent::key>("key"),
    may<NewEventDraft, &NewEventDraft::event, &NewEvent::headers>("headers"),
};

// Of a message that names either a topic or a pattern.
template <class T>
struct TargetDraft {
  T message;
  GivenFields given;
};

template <class Draft>
void get_topic(JsonReading& in, Draft& draft) {
  draft.message.topic = in.text();
  draft.given.topic = true;
}

// In the struct an empty pattern is none at all.
template <class Draft>
void get_pattern(JsonReading& in, Draft& draft) {
  draft.message.pattern = in.text();
  draft.given.pattern = true;
  if (draft.message.pattern.empty()) {
    in.fail(Errc::invalid_pattern, "\"pattern\" must not be empty");
  }
}

inline void check_one_target(JsonReading& in, const GivenFields& given) {
  if (auto wrong = not_one_target(given.topic, given.pattern)) {
    in.fail(Errc::malformed_message, std::move(*wrong));
  }
}

inline constexpr std::array kPosition{
    may<Position, &Position::epoch>("epoch"),
    must<Position, &Position::offset>("offset"),
};

inline constexpr std::array kProducer{
    must<ProducerStamp, &ProducerStamp::id>("id"),
    must<ProducerStamp, &ProducerStamp::epoch>("epoch"),
    must<ProducerStamp, &ProducerStamp::sequence>("sequence"),
};

inline constexpr std::array kGap{
    must<Gap, &Gap::lost, &OffsetRange::first>("first"),
    must<Gap, &Gap::lost, &OffsetRange::end>("end"),
    must<Gap, &Gap::cause>("cause"),
    must<Gap, &Gap::epoch>("epoch"),
    must<Gap, &Gap::earliest>("earliest"),
    must<Gap, &Gap::head>("head"),
};

template <class T, std::size_t N>
T object(JsonReading& in, std::string_view name, const std::array<Field<T>, N>& fields) {
  static_assert(N < 32, "JsonReading remembers the fields it has seen in 32 bits");
  T out;
  in.object(name, std::span<const Field<T>>(fields), out);
  return out;
}

}  // namespace tidemark::json_parts
