// A table of fields per message, and the writing of each.
// protocol/: see json_codec.hpp.
#include "protocol/json_codec.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "protocol/base64.hpp"
#include "protocol/json_fields.hpp"
#include "protocol/json_text.hpp"

namespace tidemark {
namespace {

// ---- reading: values ----

// Containers around a payload in the deepest case: message, events, event.
constexpr std::size_t kEnvelopeDepth = 3;

void get(JsonReading& in, std::uint64_t& v) { v = in.integer(); }
void get(JsonReading& in, std::uint32_t& v) {
  v = static_cast<std::uint32_t>(in.integer(std::numeric_limits<std::uint32_t>::max()));
}
void get(JsonReading& in, Offset& v) { v.value = in.integer(); }
void get(JsonReading& in, Epoch& v) { v.value = in.integer(); }
void get(JsonReading& in, Timestamp& v) { v.ms = static_cast<std::int64_t>(in.integer()); }
void get(JsonReading& in, std::string& v) { v = in.text(); }
void get(JsonReading& in, bool& v) { v = in.boolean(); }

void get(JsonReading& in, Errc& v) {
  const auto code = errc_named(in.text());
  if (!code) return in.must_be("the name of an error");
  v = *code;
}

void get(JsonReading& in, GapCause& v) {
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

void get(JsonReading& in, std::vector<Header>& headers) {
  in.members([&](std::string_view name) {
    if (headers.size() == limits::headers) {
      return in.fail(Errc::invalid_headers, "more than 32 headers");
    }
    if (std::ranges::find(headers, name, &Header::name) != headers.end()) {
      return in.fail(Errc::invalid_headers, "header " + in_quotes(name) + " is given twice");
    }
    auto& header = headers.emplace_back(std::string(name), std::string());
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

// ---- reading: parts ----

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

constexpr std::array kNewEvent{
    Field<NewEventDraft>{"data", get_data},
    Field<NewEventDraft>{"data_base64", get_base64},
    may<NewEventDraft, &NewEventDraft::event, &NewEvent::key>("key"),
    may<NewEventDraft, &NewEventDraft::event, &NewEvent::headers>("headers"),
};

constexpr std::array kPosition{
    may<Position, &Position::epoch>("epoch"),
    must<Position, &Position::offset>("offset"),
};

constexpr std::array kProducer{
    must<ProducerStamp, &ProducerStamp::id>("id"),
    must<ProducerStamp, &ProducerStamp::epoch>("epoch"),
    must<ProducerStamp, &ProducerStamp::sequence>("sequence"),
};

constexpr std::array kGap{
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

// ---- reading: from the client ----

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

// ---- reading: from the broker ----

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

// ---- reading: which message it is ----

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

constexpr std::string_view kUnsubscribeName = "unsubscribe";
constexpr std::string_view kPingName = "ping";
constexpr std::string_view kAuthName = "auth";
constexpr std::string_view kSubscribedName = "subscribed";
constexpr std::string_view kUnsubscribedName = "unsubscribed";
constexpr std::string_view kCaughtUpName = "caught_up";
constexpr std::string_view kGapName = "gap";
constexpr std::string_view kEpochName = "epoch";
constexpr std::string_view kPongName = "pong";
constexpr std::string_view kGoodbyeName = "goodbye";
constexpr std::string_view kErrorName = "error";
constexpr std::string_view kAuthenticatedName = "authenticated";
constexpr std::string_view kTokenExpiresName = "token_expires";

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

// ---- writing ----

// One object, member by member.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }
  JsonObject(std::string& out, std::string_view type) : JsonObject(out) { text("type", type); }

  JsonObject& name(std::string_view name) {
    if (out_.back() != '{') out_.push_back(',');
    out_.push_back('"');
    out_.append(name).append("\":");
    return *this;
  }
  JsonObject& number(std::string_view key, std::uint64_t value) {
    name(key);
    append_number(out_, value);
    return *this;
  }
  JsonObject& number(std::string_view key, Offset value) { return number(key, value.value); }
  JsonObject& number(std::string_view key, Epoch value) { return number(key, value.value); }
  template <class T>
  JsonObject& number(std::string_view key, const std::optional<T>& value) {
    return value ? number(key, *value) : *this;
  }
  JsonObject& text(std::string_view key, std::string_view value) {
    name(key);
    append_json_string(out_, value);
    return *this;
  }
  // What is left out when it is zero or empty.
  JsonObject& id(RequestId value) { return value != 0 ? number("id", value) : *this; }
  JsonObject& text_if_any(std::string_view key, std::string_view value) {
    return value.empty() ? *this : text(key, value);
  }
  void end() { out_.push_back('}'); }
  std::string& out() { return out_; }

 private:
  std::string& out_;
};

void put_headers(JsonObject& object, const std::vector<Header>& headers) {
  if (headers.empty()) return;
  object.name("headers");
  JsonObject inner(object.out());
  for (const auto& h : headers) {
    // A name is free text, so it goes through the escaping the fixed names do without.
    if (&h != &headers.front()) inner.out().push_back(',');
    append_json_string(inner.out(), h.name);
    inner.out().push_back(':');
    append_json_string(inner.out(), h.value);
  }
  inner.end();
}

void put_data(JsonObject& object, std::string_view data, Form form, Payload payload) {
  if (form == Form::json || payload == Payload::json) {
    object.name("data").out().append(data);
  } else if (payload == Payload::text) {
    object.text("data", data);
  } else {
    std::string& out = object.name("data_base64").out();
    out.push_back('"');
    const std::size_t at = out.size();
    out.resize(at + base64_size(data.size()));
    write_base64(data, out.data() + at);
    out.push_back('"');
  }
}

void put_event(JsonObject& object, const NewEvent& event, Payload payload) {
  object.text_if_any("key", event.key);
  put_headers(object, event.headers);
  put_data(object, event.data, event.form, payload);
}

void put_gap(JsonObject& object, const Gap& gap) {
  object.number("first", gap.lost.first).number("end", gap.lost.end);
  object.text("cause", to_string(gap.cause)).number("epoch", gap.epoch);
  object.number("earliest", gap.earliest).number("head", gap.head);
}

void put_start(JsonObject& object, const Start& start) {
  if (const auto* after = std::get_if<StartAfter>(&start)) {
    object.name("after");
    JsonObject position(object.out());
    if (after->position.epoch.value != 0) position.number("epoch", after->position.epoch);
    position.number("offset", after->position.offset).end();
  } else if (std::holds_alternative<StartEarliest>(start)) {
    object.text("from", "earliest");
  } else if (const auto* last = std::get_if<StartLast>(&start)) {
    object.number("last", last->count);
  } else if (const auto* time = std::get_if<StartTime>(&start)) {
    object.number("time", static_cast<std::uint64_t>(time->time.ms));
  } else {
    object.text("from", "now");
  }
}

struct Writer {
  std::string& out;
  Payload payload;

  void operator()(const Subscribe& m) const {
    JsonObject object(out, "subscribe");
    object.id(m.id).text("topic", m.topic);
    put_start(object, m.start);
    if (m.on_gap == OnGap::earliest) object.text("on_gap", "earliest");
    object.end();
  }
  void operator()(const Unsubscribe& m) const {
    JsonObject(out, kUnsubscribeName).id(m.id).text("topic", m.topic).end();
  }
  void operator()(const Publish& m) const {
    JsonObject object(out, "publish");
    object.id(m.id).text("topic", m.topic);
    if (m.producer) put_producer(object, *m.producer);
    object.number("expected_last", m.expected_last).text_if_any("content_type", m.content_type);
    if (m.events.size() == 1) {
      put_event(object, m.events.front(), payload);
    } else {
      put_events(object, m.events);
    }
    object.end();
  }
  void operator()(const Ping& m) const { JsonObject(out, kPingName).id(m.id).end(); }
  void operator()(const Authenticate& m) const {
    JsonObject(out, kAuthName).id(m.id).text("token", m.token).end();
  }

  void operator()(const Subscribed& m) const {
    JsonObject object(out, kSubscribedName);
    object.id(m.id).text("topic", m.topic).number("epoch", m.position.epoch);
    object.number("offset", m.position.offset).number("head", m.head);
    object.number("earliest", m.earliest).text("content_type", m.content_type).end();
  }
  void operator()(const Unsubscribed& m) const {
    JsonObject object(out, kUnsubscribedName);
    object.id(m.id).text("topic", m.topic);
    if (m.reason) object.text("reason", info(*m.reason).name);
    object.end();
  }
  void operator()(const Event& m) const {
    JsonObject object(out, "event");
    object.text("topic", m.topic).number("offset", m.offset);
    object.number("time", static_cast<std::uint64_t>(m.time.ms)).text_if_any("key", m.key);
    put_headers(object, m.headers);
    put_data(object, m.data, m.form, payload);
    object.end();
  }
  void operator()(const CaughtUp& m) const {
    JsonObject(out, kCaughtUpName).text("topic", m.topic).number("offset", m.offset).end();
  }
  void operator()(const GapNotice& m) const {
    JsonObject object(out, kGapName);
    object.text("topic", m.topic);
    put_gap(object, m.gap);
    object.end();
  }
  void operator()(const EpochNotice& m) const {
    JsonObject object(out, kEpochName);
    object.text("topic", m.topic).number("epoch", m.epoch).number("first", m.first).end();
  }
  void operator()(const Published& m) const {
    JsonObject object(out, "published");
    object.id(m.id).text("topic", m.topic).number("epoch", m.epoch);
    if (!m.offsets.empty()) {
      object.number("first", m.offsets.first).number("last", m.offsets.end.value - 1);
    }
    if (m.duplicate) object.name("duplicate").out().append("true");
    object.end();
  }
  void operator()(const Pong& m) const { JsonObject(out, kPongName).id(m.id).end(); }
  void operator()(const Goodbye& m) const {
    JsonObject(out, kGoodbyeName).number("reconnect_after_ms", m.reconnect_after_ms).end();
  }
  void operator()(const Failure& m) const {
    JsonObject object(out, kErrorName);
    object.id(m.id).text("code", info(m.code).name).text("message", m.text);
    object.text_if_any("topic", m.topic);
    if (m.gap) {
      object.name("gap");
      JsonObject gap(out);
      put_gap(gap, *m.gap);
      gap.end();
    }
    object.number("head", m.head).number("expected_sequence", m.expected_sequence);
    object.number("producer_epoch", m.producer_epoch).number("retry_after_ms", m.retry_after_ms);
    object.end();
  }
  void operator()(const Authenticated& m) const {
    JsonObject object(out, kAuthenticatedName);
    object.id(m.id).text("subject", m.subject);
    if (m.expires) object.number("expires", static_cast<std::uint64_t>(m.expires->ms));
    object.end();
  }
  void operator()(const TokenExpires& m) const {
    JsonObject(out, kTokenExpiresName).number("in_ms", m.in_ms).end();
  }

 private:
  void put_producer(JsonObject& object, const ProducerStamp& stamp) const {
    object.name("producer");
    JsonObject producer(out);
    producer.text("id", stamp.id).number("epoch", stamp.epoch);
    producer.number("sequence", stamp.sequence).end();
  }
  void put_events(JsonObject& object, const std::vector<NewEvent>& events) const {
    object.name("events").out().push_back('[');
    for (const auto& event : events) {
      if (&event != &events.front()) out.push_back(',');
      JsonObject item(out);
      put_event(item, event, payload);
      item.end();
    }
    out.push_back(']');
  }
};

}  // namespace

Decoded<ClientMessage> decode_json_client(std::string_view text) {
  return decode(text, kClientTypes, Unknown::refuse);
}

Decoded<ServerMessage> decode_json_server(std::string_view text) {
  return decode(text, kServerTypes, Unknown::skip);
}

void encode_json(const ClientMessage& message, Payload payload, std::string& out) {
  std::visit(Writer{out, payload}, message);
}

void encode_json(const ServerMessage& message, Payload payload, std::string& out) {
  std::visit(Writer{out, payload}, message);
}

}  // namespace tidemark
