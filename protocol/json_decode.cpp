// A table of fields per message, by which it is read.
// protocol/: see json_codec.hpp.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "protocol/json_codec.hpp"
#include "protocol/json_names.hpp"
#include "protocol/json_parts.hpp"

namespace tidemark {
namespace {

using namespace json_parts;  // NOLINT(google-build-using-namespace): its only reader

// ---- from the client ----

struct SubscribeDraft {
  Subscribe message;
  int starts = 0;

  void start(Start start) {
    message.start = start;
    ++starts;
  }
};

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
  const auto on_gap = in.text();
  if (on_gap != "fail" && on_gap != "earliest") return in.must_be("\"fail\" or \"earliest\"");
  draft.message.on_gap = on_gap == "fail" ? OnGap::fail : OnGap::earliest;
}

constexpr std::array kSubscribe{
    type<SubscribeDraft>(),
    may<SubscribeDraft, &SubscribeDraft::message, &Subscribe::id>("id"),
    must<SubscribeDraft, &SubscribeDraft::message, &Subscribe::topic>("topic"),
    Field<SubscribeDraft>{"after", get_after},
    Field<SubscribeDraft>{"from", get_from},
    Field<SubscribeDraft>{"last", get_last},
    Field<SubscribeDraft>{"time", get_time},
    Field<SubscribeDraft>{"on_gap", get_on_gap},
};

ClientMessage read_subscribe(JsonReading& in) {
  auto draft = object(in, "subscribe", kSubscribe);
  if (draft.starts > 1) {
    in.fail(Errc::malformed_message,
            "\"after\", \"from\", \"last\" and \"time\" exclude each other");
  }
  return std::move(draft.message);
}

constexpr std::array kUnsubscribe{
    type<Unsubscribe>(),
    may<Unsubscribe, &Unsubscribe::id>("id"),
    must<Unsubscribe, &Unsubscribe::topic>("topic"),
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

// ---- from the broker ----

constexpr std::array kSubscribed{
    type<Subscribed>(),
    may<Subscribed, &Subscribed::id>("id"),
    must<Subscribed, &Subscribed::topic>("topic"),
    must<Subscribed, &Subscribed::position, &Position::epoch>("epoch"),
    must<Subscribed, &Subscribed::position, &Position::offset>("offset"),
    must<Subscribed, &Subscribed::head>("head"),
    must<Subscribed, &Subscribed::earliest>("earliest"),
    must<Subscribed, &Subscribed::content_type>("content_type"),
};

constexpr std::array kUnsubscribed{
    type<Unsubscribed>(),
    may<Unsubscribed, &Unsubscribed::id>("id"),
    must<Unsubscribed, &Unsubscribed::topic>("topic"),
    may<Unsubscribed, &Unsubscribed::reason>("reason"),
};

using SentEvent = EventDraft<Event>;

constexpr std::array kEvent{
    type<SentEvent>(),
    must<SentEvent, &SentEvent::event, &Event::topic>("topic"),
    must<SentEvent, &SentEvent::event, &Event::offset>("offset"),
    must<SentEvent, &SentEvent::event, &Event::time>("time"),
    may<SentEvent, &SentEvent::event, &Event::key>("key"),
    may<SentEvent, &SentEvent::event, &Event::headers>("headers"),
    Field<SentEvent>{"data", get_data},
    Field<SentEvent>{"data_base64", get_base64},
};

ServerMessage read_event(JsonReading& in) {
  auto draft = object(in, "event", kEvent);
  check_one_payload(in, draft);
  return std::move(draft.event);
}

constexpr std::array kCaughtUp{
    type<CaughtUp>(),
    must<CaughtUp, &CaughtUp::topic>("topic"),
    must<CaughtUp, &CaughtUp::offset>("offset"),
};

constexpr std::array kGapNotice{
    type<GapNotice>(),
    must<GapNotice, &GapNotice::topic>("topic"),
    must<GapNotice, &GapNotice::gap, &Gap::lost, &OffsetRange::first>("first"),
    must<GapNotice, &GapNotice::gap, &Gap::lost, &OffsetRange::end>("end"),
    must<GapNotice, &GapNotice::gap, &Gap::cause>("cause"),
    must<GapNotice, &GapNotice::gap, &Gap::epoch>("epoch"),
    must<GapNotice, &GapNotice::gap, &Gap::earliest>("earliest"),
    must<GapNotice, &GapNotice::gap, &Gap::head>("head"),
};

constexpr std::array kEpochNotice{
    type<EpochNotice>(),
    must<EpochNotice, &EpochNotice::topic>("topic"),
    must<EpochNotice, &EpochNotice::epoch>("epoch"),
    must<EpochNotice, &EpochNotice::first>("first"),
};

struct PublishedDraft {
  Published message;
  std::optional<Offset> first;
  std::optional<Offset> last;
};

constexpr std::array kPublished{
    type<PublishedDraft>(),
    may<PublishedDraft, &PublishedDraft::message, &Published::id>("id"),
    must<PublishedDraft, &PublishedDraft::message, &Published::topic>("topic"),
    must<PublishedDraft, &PublishedDraft::message, &Published::epoch>("epoch"),
    may<PublishedDraft, &PublishedDraft::first>("first"),
    may<PublishedDraft, &PublishedDraft::last>("last"),
    may<PublishedDraft, &PublishedDraft::message, &Published::duplicate>("duplicate"),
};

ServerMessage read_published(JsonReading& in) {
  auto draft = object(in, "published", kPublished);
  if (draft.first && draft.last && *draft.first <= *draft.last) {
    draft.message.offsets = {*draft.first, draft.last->next()};
  } else if (draft.first || draft.last) {
    in.fail(Errc::malformed_message, "\"first\" and \"last\" are no range");
  }
  return std::move(draft.message);
}

constexpr std::array kPong{type<Pong>(), may<Pong, &Pong::id>("id")};

constexpr std::array kGoodbye{type<Goodbye>(),
                              must<Goodbye, &Goodbye::reconnect_after_ms>("reconnect_after_ms")};

void get_failure_gap(JsonReading& in, Failure& failure) { failure.gap = object(in, "gap", kGap); }

constexpr std::array kFailure{
    type<Failure>(),
    may<Failure, &Failure::id>("id"),
    must<Failure, &Failure::code>("code"),
    must<Failure, &Failure::text>("message"),
    may<Failure, &Failure::topic>("topic"),
    Field<Failure>{"gap", get_failure_gap},
    may<Failure, &Failure::head>("head"),
    may<Failure, &Failure::expected_sequence>("expected_sequence"),
    may<Failure, &Failure::producer_epoch>("producer_epoch"),
    may<Failure, &Failure::retry_after_ms>("retry_after_ms"),
};

constexpr std::array kAuthenticated{
    type<Authenticated>(),
    may<Authenticated, &Authenticated::id>("id"),
    must<Authenticated, &Authenticated::subject>("subject"),
    may<Authenticated, &Authenticated::expires>("expires"),
};

constexpr std::array kTokenExpires{type<TokenExpires>(),
                                   must<TokenExpires, &TokenExpires::in_ms>("in_ms")};

// ---- which message it is ----

template <class Message>
struct Type {
  std::string_view name;
  Message (*read)(JsonReading&);
};

// A message that is read by its table alone.
template <class Message, const auto& Fields, const auto& Name>
Message read_plain(JsonReading& in) {
  return object(in, Name, Fields);
}

constexpr std::array kClientTypes{
    Type<ClientMessage>{"publish", read_publish},
    Type<ClientMessage>{"subscribe", read_subscribe},
    Type<ClientMessage>{kUnsubscribeName,
                        read_plain<ClientMessage, kUnsubscribe, kUnsubscribeName>},
    Type<ClientMessage>{kPingName, read_plain<ClientMessage, kPing, kPingName>},
    Type<ClientMessage>{kAuthName, read_plain<ClientMessage, kAuth, kAuthName>},
};

constexpr std::array kServerTypes{
    Type<ServerMessage>{"event", read_event},
    Type<ServerMessage>{"published", read_published},
    Type<ServerMessage>{kSubscribedName, read_plain<ServerMessage, kSubscribed, kSubscribedName>},
    Type<ServerMessage>{kUnsubscribedName,
                        read_plain<ServerMessage, kUnsubscribed, kUnsubscribedName>},
    Type<ServerMessage>{kCaughtUpName, read_plain<ServerMessage, kCaughtUp, kCaughtUpName>},
    Type<ServerMessage>{kGapName, read_plain<ServerMessage, kGapNotice, kGapName>},
    Type<ServerMessage>{kEpochName, read_plain<ServerMessage, kEpochNotice, kEpochName>},
    Type<ServerMessage>{kPongName, read_plain<ServerMessage, kPong, kPongName>},
    Type<ServerMessage>{kGoodbyeName, read_plain<ServerMessage, kGoodbye, kGoodbyeName>},
    Type<ServerMessage>{kErrorName, read_plain<ServerMessage, kFailure, kErrorName>},
    Type<ServerMessage>{kAuthenticatedName,
                        read_plain<ServerMessage, kAuthenticated, kAuthenticatedName>},
    Type<ServerMessage>{kTokenExpiresName,
                        read_plain<ServerMessage, kTokenExpires, kTokenExpiresName>},
};

// The value of a member of a valid object, as it stands.
std::optional<std::string_view> member(std::string_view object, std::string_view quoted_key) {
  JsonCursor at(object);
  at.enter();
  while (const auto key = at.next_member()) {
    const auto value = at.take();
    if (*key == quoted_key) return value;
  }
  return std::nullopt;
}

RequestId id_in(std::string_view message) {
  const auto value = member(message, "\"id\"");
  if (!value) return 0;
  JsonReading in(*value, Unknown::skip, false);
  const auto id = in.integer();
  return in.fault() ? 0 : id;
}

DecodeError malformed(std::string text) {
  return {Errc::malformed_message, "message: " + std::move(text), 0};
}

template <class Message, std::size_t N>
DecodeError unknown_type(std::string_view type, const std::array<Type<Message>, N>& types) {
  std::array<std::string_view, N> names;
  std::ranges::transform(types, names.begin(), &Type<Message>::name);
  std::string text = "there is no message " + in_quotes(type);
  if (const auto meant = nearest(type, names)) text += "; did you mean " + in_quotes(*meant) + "?";
  return {Errc::unknown_message, std::move(text), 0};
}

template <class Message, std::size_t N>
Decoded<Message> decode(std::string_view text, const std::array<Type<Message>, N>& types,
                        Unknown unknown) {
  const auto check = check_json(text, limits::json_depth + kEnvelopeDepth);
  if (check.fault) return malformed(*check.fault);
  if (JsonCursor(text).peek() != '{') return malformed("it is not an object");
  const auto type = member(text, "\"type\"");
  if (!type) return malformed("\"type\" is missing");
  if (!type->starts_with('"')) return malformed("\"type\" must be a string");
  const auto name = type->substr(1, type->size() - 2);
  const auto row = std::ranges::find(types, name, &Type<Message>::name);
  if (row == types.end()) {
    auto error = unknown_type(name, types);
    error.id = id_in(text);
    return error;
  }
  JsonReading in(text, unknown, check.depth > limits::json_depth);
  auto message = row->read(in);
  if (!in.fault()) return message;
  auto error = *in.fault();
  error.id = id_in(text);
  return error;
}

}  // namespace

Decoded<ClientMessage> decode_json_client(std::string_view text) {
  return decode(text, kClientTypes, Unknown::refuse);
}

Decoded<ServerMessage> decode_json_server(std::string_view text) {
  return decode(text, kServerTypes, Unknown::skip);
}

}  // namespace tidemark
