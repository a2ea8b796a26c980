// The HTTP API: what a path and a method mean, and the answer as JSON.
// broker/: see api_routes.hpp.
#include "broker/api_routes.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/answered.hpp"
#include "broker/backup_routes.hpp"
#include "broker/cursor_routes.hpp"
#include "broker/json_members.hpp"
#include "broker/offset_routes.hpp"
#include "broker/openapi.hpp"
#include "broker/operator_routes.hpp"
#include "broker/producer_routes.hpp"
#include "broker/query.hpp"
#include "broker/routes.hpp"
#include "broker/shapes/topic_shape.hpp"
#include "broker/topic_defaults.hpp"
#include "broker/topics_json.hpp"
#include "broker/url_text.hpp"

namespace tidemark::broker {

namespace json = boost::json;
using storage::EventStore;
using storage::LoadedTopic;

namespace {

using Respond = std::function<void(ApiReply)>;

/// A request on its way through the routes.
struct Call {
  ConnectionGroup& group;
  ApiRequest request;
  Respond respond;

  [[nodiscard]] Shard& shard() const { return group.shard(); }
  [[nodiscard]] Hub& hub() const { return group.network().hub; }
  [[nodiscard]] EventStore& store() const { return group.shard().store(); }
  void fail(Errc code, std::string_view text = {}) const { respond(error_reply(code, text)); }
  /// Answers with what `make` returns, which may block on the disk.
  void respond_later(std::function<ApiReply()> make) const {
    auto reply = std::make_shared<ApiReply>();
    shard().run_blocking([reply, make = std::move(make)] { *reply = make(); },
                         [reply, answer = respond] { answer(std::move(*reply)); });
  }
};

ApiReply failed_reply(const storage::Request& request) {
  return error_reply(*request.error, request.error_text);
}

// ---- looking; these block on the disk ----

/// The rest of what there is to say of a topic to this caller.
Result<json::object> look_at(Hub& hub, const Caller& caller, LoadedTopic topic,
                             std::optional<TopicDetail> detail = {}) {
  auto& store = hub.store();
  const auto bytes = store.stored_bytes(topic);
  // Damage where the topic begins hides how much there is; the rest can be told.
  if (!bytes && bytes.errc() != Errc::corrupt_record) return bytes.error();
  TopicView view{.topic = std::move(topic), .bytes = {}, .subscribers = 0, .detail = detail};
  if (bytes) view.bytes = *bytes;
  if (const auto name = TopicName::parse(view.topic.meta.name)) {
    if (const auto open = store.find_open(*name)) view.subscribers = hub.subscribers(*open);
  }
  // A fork may be shown to who must not know what it was made from.
  if (const auto& origin = view.topic.meta.origin) {
    const auto source = TopicName::parse(origin->source);
    if (!source || !caller.may_see(*source)) view.topic.meta.origin.reset();
  }
  return describe(view);
}

/// Times of the oldest and the newest event; damage hides the first.
Result<void> add_times(EventStore& store, const LoadedTopic& topic, TopicDetail& detail) {
  if (topic.meta.earliest > topic.tail.head) return ok();
  const auto oldest = store.time_of(topic, topic.meta.earliest);
  if (!oldest && oldest.errc() != Errc::corrupt_record) return oldest.error();
  if (oldest) detail.oldest = *oldest;
  detail.newest = topic.tail.last_time;
  return ok();
}

/// Who writes a topic and who reads it: as many as there are, so for those only who look after it.
Result<void> add_counts(EventStore& store, const storage::Topic& topic, TopicDetail& detail) {
  std::uint64_t producers = 0;
  const auto visited = store.producers(topic, "", [&](std::string_view, const auto&) {
    ++producers;
    return true;
  });
  if (!visited) return visited;
  const auto cursors = store.cursors().count(topic);
  if (!cursors) return cursors.error();
  detail.producers = producers;
  detail.cursors = *cursors;
  return ok();
}

enum class Telling : std::uint8_t { in_brief, in_detail };

Result<json::object> describe_open(Hub& hub, const Caller& caller, const storage::Topic& topic,
                                   Telling telling) {
  // The end after the beginning: between the two a topic grows, and may be trimmed up to what it
  // has grown by.
  auto meta = topic.meta();
  if (meta.gone) return Errc::topic_deleted;
  LoadedTopic loaded{.meta = std::move(meta), .tail = topic.tail()};
  if (telling == Telling::in_brief) return look_at(hub, caller, std::move(loaded));
  TopicDetail detail;
  detail.memory_bytes = topic.memory();
  detail.damaged = hub.store().damage().of(topic.name());
  if (auto added = add_times(hub.store(), loaded, detail); !added) return added.error();
  if (caller.may(Right::manage, topic.name())) {
    if (auto added = add_counts(hub.store(), topic, detail); !added) return added.error();
  }
  return look_at(hub, caller, std::move(loaded), detail);
}

ApiReply topic_reply(Hub& hub, const Caller& caller, const TopicName& name, unsigned status,
                     Telling telling = Telling::in_brief) {
  const auto topic = hub.store().open_topic(name);
  if (!topic) return error_reply(topic.errc());
  const auto described = describe_open(hub, caller, **topic, telling);
  return described ? json_reply(*described, status) : error_reply(described.errc());
}

struct Page {
  Caller caller;
  std::size_t hidden_most = 0;  ///< topics to go past that the caller can't see
  std::string after;
  std::string prefix;
  std::size_t limit = kListDefault;
};

ApiReply page_reply(Network& network, const Page& page) {
  auto& hub = network.hub;
  std::size_t hidden = 0;
  std::string passed;  // the last name of those too many
  auto topics = hub.store().list(page.after, page.limit, page.prefix, [&](const TopicName& name) {
    if (page.caller.may_see(name)) return EventStore::Listing::take;
    if (++hidden < page.hidden_most) return EventStore::Listing::skip;
    passed = name.str();
    return EventStore::Listing::stop;
  });
  if (!topics) return error_reply(topics.errc());
  json::object body;
  // There may be more: the next page begins after this name. One that must not be seen is sealed.
  if (topics->size() == page.limit) body["next"] = topics->back().meta.name;
  if (!passed.empty()) body["next"] = network.page_tokens.seal(passed);
  json::array array;
  for (auto& topic : *topics) {
    if (topic.meta.gone) continue;
    auto described = look_at(hub, page.caller, std::move(topic));
    if (!described) return error_reply(described.errc());
    array.push_back(std::move(*described));
  }
  body["topics"] = std::move(array);
  return json_reply(body);
}

// ---- endpoints ----

void health(const Call& call) {
  call.respond_later([&network = call.group.network(), caller = call.request.caller] {
    return health_reply(network, caller);
  });
}

void ready(const Call& call) {
  call.respond_later([&network = call.group.network(), caller = call.request.caller] {
    return ready_reply(network, caller);
  });
}

void metrics(const Call& call) {
  if (!from_operator(call.request)) return call.fail(Errc::forbidden);
  call.respond_later([&network = call.group.network(), gzip = call.request.gzip] {
    return metrics_reply(network, gzip);
  });
}

void stats(const Call& call) {
  if (!from_operator(call.request)) return call.fail(Errc::forbidden);
  call.respond_later([&network = call.group.network()] { return stats_reply(network); });
}

void list(const Call& call) {
  Page page{.caller = call.request.caller, .hidden_most = call.group.limits().hidden_per_page};
  auto& network = call.group.network();
  for (auto& [name, value] : parameters(cut_target(call.request.target).query)) {
    if (name == "after") {
      page.after = std::move(value);
      if (!PageTokens::is_token(page.after)) continue;
      const auto opened = network.page_tokens.open(page.after);
      if (!opened)
        return call.fail(Errc::malformed_message, "\"after\" is of no page of this broker");
      page.after = *opened;
    } else if (name == "prefix") {
      page.prefix = std::move(value);
    } else if (name == "limit") {
      page.limit = parse_count(value).value_or(0);
      if (page.limit == 0 || page.limit > kListMost) {
        return call.fail(Errc::malformed_message, kLimitFault);
      }
    } else {
      return call.fail(Errc::malformed_message,
                       "the parameters are \"prefix\", \"after\" and \"limit\"");
    }
  }
  call.respond_later([&network, page = std::move(page)] { return page_reply(network, page); });
}

void show(const Call& call, const TopicName& name) {
  call.respond_later([&hub = call.hub(), caller = call.request.caller, name] {
    return topic_reply(hub, caller, name, 200, Telling::in_detail);
  });
}

void configure(const Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::ConfigureRequest>>(name);
  if (const auto fault = read_settings(call.request.body, *request); !fault.empty()) {
    return call.fail(Errc::malformed_message, fault);
  }
  if (request->content_type && !valid_content_type(*request->content_type)) {
    return call.fail(Errc::invalid_content_type);
  }
  const Call later{call.group, {.caller = call.request.caller}, call.respond};
  request->done = [later](const storage::ConfigureRequest& done) {
    if (done.error) return later.respond(failed_reply(done));
    later.respond_later(
        [&hub = later.hub(), caller = later.request.caller, name = done.topic,
         created = done.created] { return topic_reply(hub, caller, name, created ? 201 : 200); });
  };
  call.group.submit(std::move(request));
}

void erase(const Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::EraseRequest>>(name);
  request->done = [respond = call.respond](const storage::EraseRequest& done) {
    respond(done.error ? failed_reply(done) : ApiReply{.status = 204, .body = {}});
  };
  call.group.submit(std::move(request));
}

void trim(const Call& call, const TopicName& name) {
  std::string fault;
  auto object = parse_object(call.request.body, fault);
  if (!object) return call.fail(Errc::malformed_message, fault);
  JsonMembers members(std::move(*object), "trim");
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

ApiReply published_reply(const storage::PublishRequest& done) {
  if (done.error) {
    return error_reply({.code = *done.error,
                        .detail = done.error_text,
                        .head = done.head,
                        .expected_sequence = done.expected_sequence,
                        .producer_epoch = done.producer_epoch});
  }
  json::object body{{"topic", done.topic.str()}, {"epoch", done.epoch.value}};
  if (!done.offsets.empty()) {
    body["first"] = done.offsets.first.value;
    body["last"] = done.offsets.end.value - 1;
  }
  if (done.duplicate) body["duplicate"] = true;
  return json_reply(body);
}

void publish(Call& call, const TopicName& name) {
  auto request = std::make_unique<Answered<storage::PublishRequest>>(name);
  auto& sent = call.request;
  const auto most = call.group.limits().events_per_publish;
  if (!read_publish(sent.content_type, std::move(sent.body), most, *request) ||
      !check_events(call.store(), *request)) {
    return call.respond(failed_reply(*request));
  }
  const auto wait = call.group.admit_publish(Channel::http, sent.publisher, name, request->events);
  if (wait.count() > 0) {
    const auto ms = static_cast<std::uint64_t>(wait.count());
    return call.respond(error_reply({.code = Errc::rate_limited, .retry_after_ms = ms}));
  }
  request->done = [respond = call.respond](const storage::PublishRequest& done) {
    respond(published_reply(done));
  };
  call.group.submit(std::move(request));
}

// ---- routing ----

/// Where the path names a topic.
void route_topic(Call& call, const Routed& routed) {
  const auto name = TopicName::parse(routed.topic);
  if (!name) return call.fail(name.errc());
  switch (routed.route->endpoint) {
    case Endpoint::show_topic:
      return show(call, *name);
    case Endpoint::configure_topic:
      return configure(call, *name);
    case Endpoint::delete_topic:
      return erase(call, *name);
    case Endpoint::publish:
      return publish(call, *name);
    case Endpoint::trim_topic:
      return trim(call, *name);
    default:
      // HttpSession answers these before it comes here.
      return call.fail(Errc::not_found);
  }
}

void route(Call& call, const Routed& routed) {
  switch (routed.route->endpoint) {
    case Endpoint::health:
      return health(call);
    case Endpoint::ready:
      return ready(call);
    case Endpoint::metrics:
      return metrics(call);
    case Endpoint::openapi:
      return call.respond({.status = 200, .body = std::string(openapi_document())});
    case Endpoint::stats:
      return stats(call);
    case Endpoint::list_backups:
    case Endpoint::make_backup:
    case Endpoint::delete_backup:
      return answer_backups(call.group, call.request, routed, call.respond);
    case Endpoint::list_producers:
      return answer_producers(call.group, call.request, routed, call.respond);
    case Endpoint::find_offset:
      return answer_offset(call.group, call.request, routed, call.respond);
    case Endpoint::list_topics:
      return list(call);
    case Endpoint::list_cursors:
    case Endpoint::show_cursor:
    case Endpoint::move_cursor:
    case Endpoint::delete_cursor:
    case Endpoint::count_unread:
      return answer_cursors(call.group, call.request, routed, call.respond);
    case Endpoint::page:
      // What HttpSession has not taken for one is written with escapes, which no page's name has.
      return call.fail(Errc::not_found);
    default:
      return route_topic(call, routed);
  }
}

/// A path there is, and a method it does not take.
void refuse_method(const Call& call, std::string_view path, std::string allow) {
  const bool forgot_what =
      call.request.method == boost::beast::http::verb::post && path.starts_with("/v1/topics/");
  auto reply = error_reply(
      Errc::method_not_allowed,
      forgot_what ? "POST goes to /v1/topics/{topic}/events, to /v1/topics/{topic}/trim or to "
                    "/v1/stream/{topic}"
                  : "");
  reply.allow = std::move(allow);
  call.respond(std::move(reply));
}

}  // namespace

bool from_operator(const ApiRequest& request) {
  return request.operators || !request.caller.is_everybody() || request.client.is_loopback();
}

void answer_api(ConnectionGroup& group, ApiRequest request, Respond respond) {
  Call call{group, std::move(request), std::move(respond)};
  const auto path = percent_decoded(cut_target(call.request.target).path);
  if (!path || !path->starts_with('/')) {
    return call.fail(Errc::malformed_message, "the request's target is not a path");
  }
  auto routed = find_route(call.request.method, *path);
  if (routed.allow.empty()) return call.fail(Errc::not_found);
  if (routed.route == nullptr) return refuse_method(call, *path, std::move(routed.allow));
  route(call, routed);
}

}  // namespace tidemark::broker
