// The writing of each message, member by member.
// protocol/: see json_codec.hpp.
#include <optional>
#include <variant>
#include <vector>

#include "protocol/base64.hpp"
#include "protocol/json_codec.hpp"
#include "protocol/json_names.hpp"
#include "protocol/json_text.hpp"

namespace tidemark {
namespace {

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
  JsonObject& flag(std::string_view key, bool value) {
    name(key).out_.append(value ? "true" : "false");
    return *this;
  }
  // A member whose name is free text, so it goes through the escaping the fixed names do without.
  std::string& free_name(std::string_view name) {
    if (out_.back() != '{') out_.push_back(',');
    append_json_string(out_, name);
    out_.push_back(':');
    return out_;
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
  for (const auto& h : headers) append_json_string(inner.free_name(h.name), h.value);
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

void put_position(std::string& out, const Position& position) {
  JsonObject object(out);
  if (position.epoch.value != 0) object.number("epoch", position.epoch);
  object.number("offset", position.offset).end();
}

void put_target(JsonObject& object, std::string_view topic, std::string_view pattern) {
  if (pattern.empty() || !topic.empty()) object.text("topic", topic);
  object.text_if_any("pattern", pattern);
}

void put_start(JsonObject& object, const Start& start) {
  if (const auto* after = std::get_if<StartAfter>(&start)) {
    put_position(object.name("after").out(), after->position);
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

void put_positions(JsonObject& object, const std::vector<TopicPosition>& positions) {
  object.name("positions");
  JsonObject inner(object.out());
  for (const auto& p : positions) put_position(inner.free_name(p.topic), p.position);
  inner.end();
}

void put_texts(std::string& out, const std::vector<std::string>& texts) {
  out.push_back('[');
  for (const auto& text : texts) {
    if (&text != &texts.front()) out.push_back(',');
    append_json_string(out, text);
  }
  out.push_back(']');
}

void put_filter(JsonObject& object, const Filter& filter) {
  if (filter.empty()) return;
  object.name("filter");
  JsonObject inner(object.out());
  if (!filter.keys.empty()) put_texts(inner.name("keys").out(), filter.keys);
  if (!filter.headers.empty()) {
    inner.name("headers");
    JsonObject headers(inner.out());
    for (const auto& match : filter.headers) {
      std::string& out = headers.free_name(match.name);
      if (match.values.size() == 1) {
        append_json_string(out, match.values.front());
      } else {
        put_texts(out, match.values);
      }
    }
    headers.end();
  }
  inner.end();
}

void put_on_gap(JsonObject& object, OnGap on_gap) {
  if (on_gap == OnGap::earliest) object.text("on_gap", "earliest");
  if (on_gap == OnGap::state) object.text("on_gap", "state");
}

void put_state_if_behind(JsonObject& object, const StateIfBehind& bounds) {
  object.name("state_if_behind");
  JsonObject inner(object.out());
  inner.number("events", bounds.events).number("bytes", bounds.bytes).end();
}

void put_entry(JsonObject& object, const StateEntry& entry, Payload payload) {
  object.text("key", entry.key).number("offset", entry.offset);
  object.number("time", static_cast<std::uint64_t>(entry.time.ms));
  put_headers(object, entry.headers);
  put_data(object, entry.data, entry.form, payload);
}

struct Writer {
  std::string& out;
  Payload payload;

  void operator()(const Subscribe& m) const {
    JsonObject object(out, "subscribe");
    object.id(m.id);
    put_target(object, m.topic, m.pattern);
    // A start that contradicts what follows is for the broker to refuse.
    const bool starts_otherwise = m.state || m.positions;
    if (!starts_otherwise || m.start != Start(StartNow{})) put_start(object, m.start);
    if (m.positions) put_positions(object, *m.positions);
    put_on_gap(object, m.on_gap);
    if (m.state) object.flag("state", true);
    if (m.state_if_behind) put_state_if_behind(object, *m.state_if_behind);
    put_filter(object, m.filter);
    object.text_if_any("cursor", m.cursor).end();
  }
  void operator()(const Unsubscribe& m) const {
    JsonObject object(out, kUnsubscribeName);
    object.id(m.id);
    put_target(object, m.topic, m.pattern);
    object.end();
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
  void operator()(const Acknowledge& m) const {
    JsonObject object(out, kAckName);
    object.id(m.id).text("topic", m.topic).text("cursor", m.cursor);
    if (m.position.epoch.value != 0) object.number("epoch", m.position.epoch);
    object.number("offset", m.position.offset).end();
  }

  void operator()(const Subscribed& m) const {
    JsonObject object(out, kSubscribedName);
    object.id(m.id).text("topic", m.topic).number("epoch", m.position.epoch);
    object.number("offset", m.position.offset).number("head", m.head);
    object.number("earliest", m.earliest).text("content_type", m.content_type).end();
  }
  void operator()(const Unsubscribed& m) const {
    JsonObject object(out, kUnsubscribedName);
    object.id(m.id);
    put_target(object, m.topic, m.pattern);
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
    if (m.duplicate) object.flag("duplicate", true);
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
  void operator()(const Following& m) const {
    JsonObject(out, kFollowingName).id(m.id).text("pattern", m.pattern).end();
  }
  void operator()(const State& m) const {
    JsonObject object(out, kStateName);
    object.text("topic", m.topic).number("epoch", m.position.epoch);
    object.number("offset", m.position.offset).flag("first", m.first).flag("last", m.last);
    object.text_if_any("content_type", m.content_type);
    if (m.bundle) {
      put_data(object, *m.bundle, Form::raw, payload_of(m.content_type));
    } else {
      put_entries(object, m.entries);
    }
    object.end();
  }
  void operator()(const Advanced& m) const {
    JsonObject(out, kAdvancedName).text("topic", m.topic).number("offset", m.offset).end();
  }
  void operator()(const Acknowledged& m) const {
    JsonObject object(out, kAcknowledgedName);
    object.id(m.id).text("topic", m.topic).text("cursor", m.cursor);
    object.number("epoch", m.position.epoch).number("offset", m.position.offset).end();
  }

 private:
  void put_entries(JsonObject& object, const std::vector<StateEntry>& entries) const {
    object.name("entries").out().push_back('[');
    for (const auto& entry : entries) {
      if (&entry != &entries.front()) out.push_back(',');
      JsonObject item(out);
      put_entry(item, entry, payload);
      item.end();
    }
    out.push_back(']');
  }
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

void encode_json(const ClientMessage& message, Payload payload, std::string& out) {
  std::visit(Writer{out, payload}, message);
}

void encode_json(const ServerMessage& message, Payload payload, std::string& out) {
  std::visit(Writer{out, payload}, message);
}

void encode_json(const State& message, Payload payload, std::string& out) {
  Writer{out, payload}(message);
}

}  // namespace tidemark
