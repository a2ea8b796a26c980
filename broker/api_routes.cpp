// The HTTP API: what a path and a method mean, and the answer as JSON.
// broker/: see api_routes.hpp.
#include "broker/api_routes.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "protocol/codec.hpp"
#include "protocol/json_text.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using boost::beast::http::verb;
using storage::Durability;
using storage::EventStore;
using storage::RetentionPolicy;
using storage::Topic;

namespace {

constexpr std::size_t kListDefault = 100;
constexpr std::size_t kListMost = 1'000;
constexpr std::string_view kTopics = "/v1/topics";

using Respond = std::function<void(ApiReply)>;

/// A committer's request that calls a function when it is done.
template <class Base>
struct Answered final : Base {
  using Base::Base;
  void answer() override { done(*this); }
  std::function<void(Base&)> done;
};

/// A request on its way through the routes.
struct Call {
  ConnectionGroup& group;
  ApiRequest request;
  Respond respond;

  [[nodiscard]] Shard& shard() const { return group.shard(); }
  [[nodiscard]] EventStore& store() const { return group.shard().store(); }
  void fail(Errc code, std::string_view text = {}) const { respond(error_reply(code, text)); }
};

ApiReply json_reply(const json::value& body, unsigned status = 200) {
  return {status, json::serialize(body) + "\n", {}};
}

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

ApiReply failed_reply(const storage::Request& request) {
  return error_reply(*request.error, request.error_text);
}

// ---- topics as JSON ----

json::object describe(std::string_view name, const storage::TopicSettings& settings, Epoch epoch,
                      Offset earliest, Offset head) {
  const auto& kept = settings.retention;
  return {{"name", view(name)},
          {"epoch", epoch.value},
          {"head", head.value},
          {"earliest", earliest.value},
          {"content_type", settings.content_type},
          {"durability", settings.durability == Durability::synced ? "synced" : "buffered"},
          {"retention",
           {{"max_events", kept.max_events},
            {"max_bytes", kept.max_bytes},
            {"max_age_ms", kept.max_age.count()}}}};
}

json::object describe(const Topic& topic) {
  const auto meta = topic.meta();
  const auto bounds = topic.bounds();
  return describe(meta.name, meta.settings, bounds.epoch, bounds.earliest, bounds.head);
}

json::object describe(const storage::LoadedTopic& topic) {
  const auto& meta = topic.meta;
  return describe(meta.name, meta.settings, meta.lineage.back().epoch, meta.earliest,
                  topic.tail.head);
}

// ---- reading bodies ----

/// The members of a JSON object, each to be taken once; what is left over is a fault.
class Members {
 public:
  /// `where`: what error texts call the object.
  Members(json::object object, std::string where)
      : object_(std::move(object)), where_(std::move(where)) {}

  std::optional<std::uint64_t> integer(std::string_view name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    if (!error && value->is_number() && number <= kMaxInteger) return number;
    fault(name, "must be an integer from 0 to 2^53 - 1");
    return std::nullopt;
  }

  std::optional<std::string> text(std::string_view name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    if (value->is_string()) return std::string(std::string_view(value->get_string()));
    fault(name, "must be a string");
    return std::nullopt;
  }

  std::optional<json::object> object(std::string_view name) {
    auto value = take(name);
    if (!value) return std::nullopt;
    if (value->is_object()) return std::move(value->get_object());
    fault(name, "must be an object");
    return std::nullopt;
  }

  void fault(std::string_view name, std::string_view text) {
    if (!fault_.empty()) return;
    fault_ = where_ + ": \"" + std::string(name) + "\" " + std::string(text);
  }

  /// A sentence, or empty.
  std::string finish() {
    if (fault_.empty() && !object_.empty()) {
      fault(std::string_view(object_.begin()->key()), "is not a field of it");
    }
    return fault_;
  }

 private:
  std::optional<json::value> take(std::string_view name) {
    const auto found = object_.find(view(name));
    if (found == object_.end()) return std::nullopt;
    json::value value = std::move(found->value());
    object_.erase(found);
    return value;
  }

  json::object object_;
  std::string where_;
  std::string fault_;
};

std::optional<json::object> parse_object(std::string_view body, std::string& fault) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  auto value = json::parse(view(body), error, {}, options);
  if (error) {
    fault = "the body is not JSON: " + error.message();
  } else if (!value.is_object()) {
    fault = "the body must be a JSON object";
  } else {
    return std::move(value.get_object());
  }
  return std::nullopt;
}

RetentionPolicy read_retention(json::object object, std::string& fault) {
  Members members(std::move(object), "retention");
  RetentionPolicy policy;
  policy.max_events = members.integer("max_events").value_or(0);
  policy.max_bytes = members.integer("max_bytes").value_or(0);
  policy.max_age = std::chrono::milliseconds(members.integer("max_age_ms").value_or(0));
  fault = members.finish();
  return policy;
}

/// Fills in what the body of a PUT says; a fault, or empty.
std::string read_settings(std::string_view body, storage::ConfigureRequest& request) {
  if (body.empty()) return {};
  std::string fault;
  auto object = parse_object(body, fault);
  if (!object) return fault;
  Members members(std::move(*object), "topic settings");
  request.content_type = members.text("content_type");
  if (const auto durability = members.text("durability")) {
    const bool synced = *durability == "synced";
    if (!synced && *durability != "buffered") {
      members.fault("durability", "must be \"synced\" or \"buffered\"");
    }
    request.durability = synced ? Durability::synced : Durability::buffered;
  }
  if (auto retention = members.object("retention")) {
    request.retention = read_retention(std::move(*retention), fault);
  }
  return fault.empty() ? members.finish() : fault;
}

// ---- requests to the committer ----

void configure(const Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::ConfigureRequest>>(name);
  if (const auto fault = read_settings(call.request.body, *request); !fault.empty()) {
    return call.fail(Errc::malformed_message, fault);
  }
  if (request->content_type && !valid_content_type(*request->content_type)) {
    return call.fail(Errc::invalid_content_type);
  }
  request->done = [&store = call.store(),
                   respond = call.respond](const storage::ConfigureRequest& done) {
    if (done.error) return respond(failed_reply(done));
    const auto topic = store.find_open(done.topic);
    // It may have been deleted, or put away, since.
    const auto body = topic ? describe(*topic) : json::object{{"name", done.topic.str()}};
    respond(json_reply(body, done.created ? 201 : 200));
  };
  call.group.submit(std::move(request));
}

void erase(const Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::EraseRequest>>(name);
  request->done = [respond = call.respond](const storage::EraseRequest& done) {
    respond(done.error ? failed_reply(done) : ApiReply{204, {}, {}});
  };
  call.group.submit(std::move(request));
}

void trim(const Call& call, const TopicName& name) {
  std::string fault;
  auto object = parse_object(call.request.body, fault);
  if (!object) return call.fail(Errc::malformed_message, fault);
  Members members(std::move(*object), "trim");
  const auto keep = members.integer("keep");
  if (!keep) members.fault("keep", "is missing");
  fault = members.finish();
  if (!fault.empty()) return call.fail(Errc::malformed_message, fault);

  auto request =
      std::make_unique<Answered<storage::TrimRequest>>(name, Offset{*keep}, GapCause::trimmed);
  request->done = [respond = call.respond](const storage::TrimRequest& done) {
    if (done.error) return respond(failed_reply(done));
    respond(json_reply({{"topic", done.topic.str()},
                        {"epoch", done.bounds.epoch.value},
                        {"head", done.bounds.head.value},
                        {"earliest", done.bounds.earliest.value}}));
  };
  call.group.submit(std::move(request));
}

// ---- publish ----

ApiReply published_reply(const storage::PublishRequest& done) {
  if (done.error) {
    auto reply = error_reply(*done.error, done.error_text);
    if (!done.head && !done.expected_sequence && !done.producer_epoch) return reply;
    auto body = json::parse(reply.body);
    auto& error = body.as_object()["error"].as_object();
    if (done.head) error["head"] = done.head->value;
    if (done.expected_sequence) error["expected_sequence"] = *done.expected_sequence;
    if (done.producer_epoch) error["producer_epoch"] = *done.producer_epoch;
    reply.body = json::serialize(body) + "\n";
    return reply;
  }
  json::object body{{"topic", done.topic.str()}, {"epoch", done.epoch.value}};
  if (!done.offsets.empty()) {
    body["first"] = done.offsets.first.value;
    body["last"] = done.offsets.end.value - 1;
  }
  if (done.duplicate) body["duplicate"] = true;
  return json_reply(body);
}

/// The body as the WebSocket's publish message: what it lacks is put in front, so that the fields,
/// their checks and their error texts are the same. A body that has those fields too is refused for
/// having them twice. A topic's name needs no escapes.
Decoded<ClientMessage> decode_publish(std::string_view body, const TopicName& name) {
  const auto open = body.find_first_not_of(" \t\r\n");
  if (open == std::string_view::npos || body[open] != '{') {
    return DecodeError{Errc::malformed_message, "the body must be a JSON object", 0};
  }
  const auto rest = body.substr(open + 1);
  const auto next = rest.find_first_not_of(" \t\r\n");
  const bool empty = next == std::string_view::npos || rest[next] == '}';
  std::string text = R"({"type":"publish","topic":")" + name.str() + '"';
  if (!empty) text += ',';
  text += rest;
  return decode_client(WireForm::json, text);
}

/// curl's default for a body says nothing about it.
bool says_nothing(std::string_view content_type) {
  return content_type.empty() ||
         same_content_type(content_type, "application/x-www-form-urlencoded");
}

/// Fills in events from the body; false if it has been answered.
bool read_events(const Call& call, const TopicName& name, storage::PublishRequest& request) {
  const auto& type = call.request.content_type;
  if (!same_content_type(type, "application/json")) {
    NewEvent event;
    event.data = call.request.body;
    request.events.push_back(std::move(event));
    if (says_nothing(type)) return true;
    request.content_type = type;
    if (valid_content_type(type)) return true;
    call.fail(Errc::invalid_content_type);
    return false;
  }
  auto message = decode_publish(call.request.body, name);
  if (!message) {
    call.fail(message.error().code, message.error().text);
    return false;
  }
  auto& publish = std::get<Publish>(*message);
  if (publish.events.size() > call.group.limits().events_per_publish) {
    call.fail(Errc::too_many_events);
    return false;
  }
  request.events = std::move(publish.events);
  request.producer = std::move(publish.producer);
  request.expected_last = publish.expected_last;
  request.content_type = std::move(publish.content_type);
  return true;
}

void publish(const Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::PublishRequest>>(name);
  if (!read_events(call, name, *request)) return;
  if (!check_events(call.store(), *request)) return call.respond(failed_reply(*request));
  request->done = [respond = call.respond](const storage::PublishRequest& done) {
    respond(published_reply(done));
  };
  call.group.submit(std::move(request));
}

// ---- looking ----

void show(const Call& call, const TopicName& name) {
  auto reply = std::make_shared<ApiReply>();
  call.shard().run_blocking(
      [reply, name, &store = call.store()] {
        const auto topic = store.open_topic(name);
        *reply = topic ? json_reply(describe(**topic)) : error_reply(topic.errc());
      },
      [reply, respond = call.respond] { respond(std::move(*reply)); });
}

void list(const Call& call, std::string after, std::size_t limit) {
  auto reply = std::make_shared<ApiReply>();
  call.shard().run_blocking(
      [reply, after = std::move(after), limit, &store = call.store()] {
        const auto topics = store.list(after, limit);
        if (!topics) {
          *reply = error_reply(topics.errc());
          return;
        }
        json::array array;
        for (const auto& topic : *topics) array.push_back(describe(topic));
        json::object body{{"topics", std::move(array)}};
        // There may be more: the next page begins after this name.
        if (topics->size() == limit) body["next"] = topics->back().meta.name;
        *reply = json_reply(body);
      },
      [reply, respond = call.respond] { respond(std::move(*reply)); });
}

void health(const Call& call) {
  const auto& network = call.group.network();
  const bool failing = call.store().stats().failing;
  const bool stopping = network.stopping;
  json::object body{{"status", failing    ? "failing"
                               : stopping ? "stopping"
                                          : "ok"},
                    {"connections", network.connections.load()},
                    {"websockets", network.websockets.load()},
                    {"topics", call.store().topic_count()}};
  call.respond(json_reply(body, failing || stopping ? 503 : 200));
}

// ---- routing ----

void refuse_method(const Call& call, std::string_view allow) {
  auto reply = error_reply(Errc::method_not_allowed);
  reply.allow = allow;
  call.respond(std::move(reply));
}

void route_list(const Call& call, const boost::urls::url_view& url) {
  if (call.request.method != verb::get) return refuse_method(call, "GET, HEAD");
  std::string after;
  std::size_t limit = kListDefault;
  for (const auto& param : url.params()) {
    if (param.key == "after") {
      after = param.value;
    } else if (param.key == "limit") {
      const auto* const end = param.value.data() + param.value.size();
      const auto [stop, error] = std::from_chars(param.value.data(), end, limit);
      if (error != std::errc{} || stop != end || limit == 0 || limit > kListMost) {
        return call.fail(Errc::malformed_message, "\"limit\" must be an integer from 1 to 1000");
      }
    } else {
      return call.fail(Errc::malformed_message, "the parameters are \"after\" and \"limit\"");
    }
  }
  list(call, std::move(after), limit);
}

/// POST: the last segment says what to do with the topic before it.
void route_post(const Call& call, std::string_view rest) {
  const auto slash = rest.rfind('/');
  const auto what = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  const auto act = what == "events" ? publish : what == "trim" ? trim : nullptr;
  if (act == nullptr || slash == std::string_view::npos) {
    return call.fail(Errc::not_found, "POST goes to /v1/topics/{topic}/events or …/trim");
  }
  const auto name = TopicName::parse(rest.substr(0, slash));
  if (!name) return call.fail(name.errc());
  act(call, *name);
}

void route_topic(const Call& call, std::string_view rest) {
  const auto method = call.request.method;
  if (method == verb::post) return route_post(call, rest);
  const auto act = method == verb::get       ? show
                   : method == verb::put     ? configure
                   : method == verb::delete_ ? erase
                                             : nullptr;
  if (act == nullptr) return refuse_method(call, "GET, HEAD, PUT, DELETE, POST");
  const auto name = TopicName::parse(rest);
  if (!name) return call.fail(name.errc());
  act(call, *name);
}

}  // namespace

ApiReply error_reply(unsigned status, Errc code, std::string_view text) {
  const auto& row = info(code);
  std::string body = R"({"error":{"code":")" + std::string(row.name) + R"(","message":)";
  append_json_string(body, text.empty() ? row.text : text);
  body += "}}\n";
  return {status, std::move(body), {}};
}

ApiReply error_reply(Errc code, std::string_view text) {
  return error_reply(info(code).http_status, code, text);
}

void answer_api(ConnectionGroup& group, ApiRequest request, Respond respond) {
  if (request.method == verb::head) request.method = verb::get;
  const Call call{group, std::move(request), std::move(respond)};
  const auto parsed = boost::urls::parse_origin_form(call.request.target);
  if (!parsed) return call.fail(Errc::malformed_message, "the request's target is not a path");
  const boost::urls::url_view url = *parsed;
  const std::string path = url.path();
  if (path == "/healthz") {
    if (call.request.method != verb::get) return refuse_method(call, "GET, HEAD");
    return health(call);
  }
  if (path == kTopics) return route_list(call, url);
  if (path.starts_with(kTopics) && path[kTopics.size()] == '/') {
    return route_topic(call, std::string_view(path).substr(kTopics.size() + 1));
  }
  call.fail(Errc::not_found);
}

bool check_events(EventStore& store, storage::PublishRequest& request) {
  const auto topic = store.find_open(request.topic);
  if (!topic || topic->deleted()) return true;
  const auto refuse = [&](Errc code, std::string text) {
    request.error = code;
    request.error_text = std::move(text);
    return false;
  };
  if (!request.content_type.empty() &&
      !same_content_type(request.content_type, topic->content_type())) {
    return refuse(Errc::content_type_mismatch,
                  "the topic's content type is " + topic->content_type());
  }
  for (std::size_t i = 0; i < request.events.size(); ++i) {
    const auto checked = check_event(request.events[i], topic->payload(), store.max_event_bytes());
    if (checked) continue;
    std::string text(info(checked.errc()).text);
    if (request.events.size() > 1) text += ": event " + std::to_string(i);
    return refuse(checked.errc(), std::move(text));
  }
  request.checked = true;
  return true;
}

}  // namespace tidemark::broker
