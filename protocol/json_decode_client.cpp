// A client's messages, each read by a table of its fields.
// protocol/: see json_codec.hpp.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/json_codec.hpp"
#include "protocol/json_messages.hpp"
#include "protocol/json_names.hpp"
#include "protocol/json_parts.hpp"

namespace tidemark {
namespace {

using namespace json_parts;  // NOLINT(google-build-using-namespace): made for the decoders alone

struct SubscribeDraft : TargetDraft<Subscribe> {
  int starts = 0;

  void start(Start start) {
    message.start = start;
    given.start = true;
    ++starts;
  }
};

std::string more_than(std::size_t most, std::string_view what) {
  return "more than " + std::to_string(most) + ' ' + std::string(what);
}

void get_after(JsonReading& in, SubscribeDraft& draft) {
  draft.start(StartAfter{object(in, "after", kPosition)});
}

void get_from(JsonReading& in, SubscribeDraft& draft) {
  const auto from = in.text();
  if (from == "earliest") return draft.start(StartEarliest{});
  if (from == "now") return draft.start(StartNow{});
  in.must_be("\"earliest\" or \"now\"");
}

void get_last(JsonReading& in, SubscribeDraft& draft) { draft.start(StartLast{in.integer()}); }

void get_time(JsonReading& in, SubscribeDraft& draft) {
  draft.start(StartTime{Timestamp{static_cast<std::int64_t>(in.integer())}});
}

void get_on_gap(JsonReading& in, SubscribeDraft& draft) {
  constexpr std::array kNames{
      std::pair<std::string_view, OnGap>{"fail", OnGap::fail},
      std::pair<std::string_view, OnGap>{"earliest", OnGap::earliest},
      std::pair<std::string_view, OnGap>{"state", OnGap::state},
  };
  const auto on_gap = in.text();
  const auto* const known =
      std::ranges::find(kNames, on_gap, &std::pair<std::string_view, OnGap>::first);
  if (known == kNames.end()) return in.must_be("\"fail\", \"earliest\" or \"state\"");
  draft.message.on_gap = known->second;
}

constexpr std::array kStateIfBehind{
    may<StateIfBehind, &StateIfBehind::events>("events"),
    may<StateIfBehind, &StateIfBehind::bytes>("bytes"),
};

void get_state_if_behind(JsonReading& in, SubscribeDraft& draft) {
  draft.message.state_if_behind = object(in, "state_if_behind", kStateIfBehind);
}

// ---- its filter ----

void get_keys(JsonReading& in, Filter& filter) {
  in.items("keys[]", [&] {
    if (filter.keys.size() == limits::filter_keys) {
      return in.fail(Errc::invalid_filter, more_than(limits::filter_keys, "keys"));
    }
    filter.keys.push_back(in.text());
  });
}

void get_values(JsonReading& in, Filter::Match& match) {
  if (in.at('"')) return match.values.push_back(in.text());
  if (!in.at('[')) return in.must_be("a string or an array of strings");
  in.items("values[]", [&] {
    if (match.values.size() == limits::filter_values) {
      return in.fail(Errc::invalid_filter, more_than(limits::filter_values, "values of a header"));
    }
    match.values.push_back(in.text());
  });
  if (match.values.empty()) {
    in.fail(Errc::invalid_filter, "header " + in_quotes(match.name) + " has no value to match");
  }
}

void get_matches(JsonReading& in, Filter& filter) {
  in.members([&](std::string_view name) {
    if (filter.headers.size() == limits::filter_headers) {
      return in.fail(Errc::invalid_filter, more_than(limits::filter_headers, "headers"));
    }
    if (std::ranges::find(filter.headers, name, &Filter::Match::name) != filter.headers.end()) {
      return in.fail(Errc::invalid_filter, "header " + in_quotes(name) + " is given twice");
    }
    get_values(in, filter.headers.emplace_back(Filter::Match{std::string(name), {}}));
  });
}

constexpr std::array kFilter{
    Field<Filter>{"keys", get_keys},
    Field<Filter>{"headers", get_matches},
};

void get_filter(JsonReading& in, SubscribeDraft& draft) {
  draft.message.filter = object(in, "filter", kFilter);
}

// ---- and the rest of it ----

// In the struct an empty name is none at all.
void get_cursor(JsonReading& in, SubscribeDraft& draft) {
  draft.message.cursor = in.text();
  if (draft.message.cursor.empty()) {
    in.fail(Errc::invalid_cursor, "\"cursor\" must not be empty");
  }
}

void get_positions(JsonReading& in, SubscribeDraft& draft) {
  auto& positions = draft.message.positions.emplace();
  in.members([&](std::string_view topic) {
    if (positions.size() == limits::positions) {
      return in.fail(Errc::malformed_message, more_than(limits::positions, "positions"));
    }
    auto& position = positions.emplace_back(TopicPosition{std::string(topic), {}});
    position.position = object(in, "position", kPosition);
  });
}

constexpr std::array kSubscribe{
    type<SubscribeDraft>(),
    may<SubscribeDraft, &SubscribeDraft::message, &Subscribe::id>("id"),
    Field<SubscribeDraft>{"topic", get_topic},
    Field<SubscribeDraft>{"after", get_after},
    Field<SubscribeDraft>{"from", get_from},
    Field<SubscribeDraft>{"last", get_last},
    Field<SubscribeDraft>{"time", get_time},
    Field<SubscribeDraft>{"on_gap", get_on_gap},
    may<SubscribeDraft, &SubscribeDraft::message, &Subscribe::state>("state"),
    Field<SubscribeDraft>{"state_if_behind", get_state_if_behind},
    Field<SubscribeDraft>{"filter", get_filter},
    Field<SubscribeDraft>{"cursor", get_cursor},
    Field<SubscribeDraft>{"pattern", get_pattern},
    Field<SubscribeDraft>{"positions", get_positions},
};

ClientMessage read_subscribe(JsonReading& in) {
  auto draft = object(in, "subscribe", kSubscribe);
  if (in.fault()) return std::move(draft.message);
  if (draft.starts > 1) {
    in.fail(Errc::malformed_message,
            "\"after\", \"from\", \"last\" and \"time\" exclude each other");
  } else if (auto wrong = contradiction(draft.message, draft.given)) {
    in.fail(Errc::malformed_message, std::move(*wrong));
  }
  return std::move(draft.message);
}

using UnsubscribeDraft = TargetDraft<Unsubscribe>;

constexpr std::array kUnsubscribe{
    type<UnsubscribeDraft>(),
    may<UnsubscribeDraft, &UnsubscribeDraft::message, &Unsubscribe::id>("id"),
    Field<UnsubscribeDraft>{"topic", get_topic},
    Field<UnsubscribeDraft>{"pattern", get_pattern},
};

ClientMessage read_unsubscribe(JsonReading& in) {
  auto draft = object(in, kUnsubscribeName, kUnsubscribe);
  check_one_target(in, draft.given);
  return std::move(draft.message);
}

constexpr std::array kAck{
    type<Acknowledge>(),
    may<Acknowledge, &Acknowledge::id>("id"),
    must<Acknowledge, &Acknowledge::topic>("topic"),
    must<Acknowledge, &Acknowledge::cursor>("cursor"),
    may<Acknowledge, &Acknowledge::position, &Position::epoch>("epoch"),
    must<Acknowledge, &Acknowledge::position, &Position::offset>("offset"),
};

struct PublishDraft {
  Publish message;
  NewEventDraft single;
  bool has_events = false;
};

void get_events(JsonReading& in, PublishDraft& draft) {
  draft.has_events = true;
  in.items("events[]", [&] {
    if (draft.message.events.size() == limits::events_per_publish) {
      return in.fail(Errc::too_many_events, "more than 4096 events");
    }
    auto item = object(in, "event", kNewEvent);
    check_one_payload(in, item);
    draft.message.events.push_back(std::move(item.event));
  });
}

void get_producer(JsonReading& in, PublishDraft& draft) {
  draft.message.producer = object(in, "producer", kProducer);
  if (!in.fault() && !check_producer(*draft.message.producer)) {
    in.fail(Errc::invalid_producer, "\"producer\" needs an id of 1 to 128 bytes");
  }
}

// The four fields of a single event at the message's own level.
template <auto Read>
void get_single(JsonReading& in, PublishDraft& draft) {
  Read(in, draft.single);
}

constexpr std::array kPublish{
    type<PublishDraft>(),
    may<PublishDraft, &PublishDraft::message, &Publish::id>("id"),
    must<PublishDraft, &PublishDraft::message, &Publish::topic>("topic"),
    Field<PublishDraft>{"data", get_single<&get_data<NewEvent>>},
    Field<PublishDraft>{"data_base64", get_single<&get_base64<NewEvent>>},
    may<PublishDraft, &PublishDraft::single, &NewEventDraft::event, &NewEvent::key>("key"),
    may<PublishDraft, &PublishDraft::single, &NewEventDraft::event, &NewEvent::headers>("headers"),
    Field<PublishDraft>{"events", get_events},
    Field<PublishDraft>{"producer", get_producer},
    may<PublishDraft, &PublishDraft::message, &Publish::expected_last>("expected_last"),
    may<PublishDraft, &PublishDraft::message, &Publish::content_type>("content_type"),
};

bool is_blank(const NewEventDraft& draft) {
  return draft.payloads == 0 && draft.event.key.empty() && draft.event.headers.empty();
}

ClientMessage read_publish(JsonReading& in) {
  auto draft = object(in, "publish", kPublish);
  if (!draft.has_events) {
    check_one_payload(in, draft.single);
    draft.message.events.push_back(std::move(draft.single.event));
  } else if (!is_blank(draft.single)) {
    in.fail(Errc::malformed_message, "\"events\" and a single event's fields exclude each other");
  } else if (draft.message.events.empty()) {
    in.fail(Errc::malformed_message, "\"events\" must not be empty");
  }
  return std::move(draft.message);
}

constexpr std::array kPing{type<Ping>(), may<Ping, &Ping::id>("id")};

constexpr std::array kAuth{
    type<Authenticate>(),
    may<Authenticate, &Authenticate::id>("id"),
    must<Authenticate, &Authenticate::token>("token"),
};

constexpr std::array kClientTypes{
    Type<ClientMessage>{"publish", read_publish},
    Type<ClientMessage>{"subscribe", read_subscribe},
    Type<ClientMessage>{kAckName, read_plain<ClientMessage, kAck, kAckName>},
    Type<ClientMessage>{kUnsubscribeName, read_unsubscribe},
    Type<ClientMessage>{kPingName, read_plain<ClientMessage, kPing, kPingName>},
    Type<ClientMessage>{kAuthName, read_plain<ClientMessage, kAuth, kAuthName>},
};

}  // namespace

Decoded<ClientMessage> decode_json_client(std::string_view text) {
  return json_parts::decode_message(text, kClientTypes, Unknown::refuse);
}

}  // namespace tidemark
