// The state of a topic over HTTP: what newcomers begin with, and what an application stores.
// broker/: see state_routes.hpp.
#include "broker/state_routes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>

#include "broker/answered.hpp"
#include "broker/etag.hpp"
#include "broker/head_fields.hpp"
#include "broker/routes.hpp"
#include "broker/state_body.hpp"
#include "broker/state_request.hpp"
#include "broker/stream_fields.hpp"
#include "broker/topic_defaults.hpp"
#include "broker/url_text.hpp"
#include "broker/with_topic.hpp"
#include "protocol/json_slices.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;
using Head = http::request_header<>;
using storage::StoreStateRequest;

namespace {

/// A request on its way through the routes.
struct Call {
  ConnectionGroup& group;
  std::shared_ptr<Exchange> exchange;
  TopicName name;

  void respond(HttpReply reply) const { exchange->respond(std::move(reply)); }
  void fail(Errc code, std::string_view text = {}) const { respond(failed(code, text)); }
};

/// Several fields of a name as one list.
std::string list_of(const Head& head, http::field name) {
  std::string out;
  const auto [first, last] = head.equal_range(name);
  for (auto at = first; at != last; ++at) {
    if (at != first) out += ", ";
    out += view(at->value());
  }
  return out;
}

// ---- GET ----

/// Bundles may differ in bytes although they are as good as one another, so the tag is a weak one.
std::string tag_of(const storage::Topic& topic, Position position) {
  return make_etag({.topic = topic.id(), .from = position, .to = position});
}

/// A bundle as it lies in memory, which all who are sent it share.
HttpReply bundle_reply(const std::shared_ptr<const StatePart>& part, const std::string& tag,
                       std::string_view if_none_match) {
  const auto& message = part->message();
  HttpReply reply;
  reply.add("ETag", "W/" + tag);
  if (names_etag(if_none_match, tag)) {
    reply.status = 304;
    return reply;
  }
  reply.content_type = message.content_type;
  reply.owner = part;
  reply.pieces.emplace_back(*message.bundle);
  return reply;
}

/// The first part is there.
void send_state(const storage::Topic& topic, std::string_view if_none_match, Exchange& exchange,
                std::unique_ptr<StateFeed> feed) {
  const auto& first = **feed->peek();
  const Position position = feed->position();
  if (!first->message().bundle) {
    HttpReply reply{.status = 200, .content_type = std::string(kJsonType)};
    add_next_offset(reply, position);
    return exchange.respond(std::move(reply), std::make_unique<StateBody>(std::move(feed)));
  }
  auto reply = bundle_reply(first, tag_of(topic, position), if_none_match);
  add_next_offset(reply, position);
  // What was made for one client is nobody else's, and what is asked for with a credential may be.
  if (!exchange.caller().is_known()) reply.cache_control = "private, no-cache";
  exchange.respond(std::move(reply));
}

void show(const Call& call, const Head& head) {
  auto& shard = call.group.shard();
  with_topic(shard, call.name,
             [call, tags = list_of(head, http::field::if_none_match)](const TopicFound& found) {
               if (!found) return call.fail(found.errc());
               const auto topic = *found;
               call.group.shard().store().touch(*topic);
               const auto request = std::make_shared<StateRequest>(
                   call.group, call.exchange, topic,
                   [topic, tags](Exchange& exchange, std::unique_ptr<StateFeed> feed) {
                     send_state(*topic, tags, exchange, std::move(feed));
                   });
               request->start();
             });
}

// ---- PUT ----

void stored(const Call& call, const StoreStateRequest& done) {
  if (done.error) {
    auto reply = failed(*done.error, done.error_text);
    if (*done.error == Errc::state_outdated) add_next_offset(reply, done.position);
    return call.respond(std::move(reply));
  }
  auto reply = to_reply(json_reply({{"topic", done.topic.str()},
                                    {"epoch", done.position.epoch.value},
                                    {"offset", done.position.offset.value}},
                                   done.existed ? 200 : 201));
  add_next_offset(reply, done.position);
  call.respond(std::move(reply));
}

/// nullopt: neither a token nor an offset.
std::optional<Position> parse_reflected(std::string_view text) {
  if (const auto token = parse_token(text)) return *token;
  const auto offset = parse_count(text);
  if (!offset || *offset > kMaxInteger) return std::nullopt;
  return Position{.epoch = {}, .offset = {*offset}};
}

/// Once the body is known to be what it says.
void submit(const Call& call, storage::StoredState state) {
  auto request = std::make_unique<Answered<StoreStateRequest>>(call.name);
  request->state = std::move(state);
  request->done = [call](const StoreStateRequest& done) { stored(call, done); };
  call.group.submit(std::move(request));
}

void store(const Call& call, const Head& head, std::string body) {
  const auto name = boost::beast::string_view(kStateOffset.data(), kStateOffset.size());
  if (head.count(name) != 1) {
    return call.fail(Errc::malformed_message, "a state comes with one Tidemark-Offset");
  }
  const auto position = parse_reflected(view(head.find(name)->value()));
  if (!position) {
    return call.fail(Errc::malformed_message,
                     "Tidemark-Offset must be an offset this broker has given, or a number");
  }
  const auto wait = call.group.admit_state(call.exchange->publisher(), call.name, body.size());
  if (wait.count() > 0) return call.respond(rate_limited_reply(wait));
  struct Work {
    storage::StoredState state;
    Result<void> checked = ok();
  };
  const auto work = std::make_shared<Work>();
  work->state = {.position = *position,
                 .stored = call.group.wall_now(),
                 .content_type = std::string(field(head, http::field::content_type).value_or("")),
                 .data = std::move(body)};
  // 8 MiB of JSON take 10 ms and more.
  call.group.shard().run_blocking(
      [work] { work->checked = check_state(work->state.content_type, work->state.data); },
      [work, call] {
        if (!work->checked) return call.fail(work->checked.errc());
        submit(call, std::move(work->state));
      });
}

// ---- DELETE ----

void forget(const Call& call) {
  auto request = std::make_unique<Answered<StoreStateRequest>>(call.name);
  request->done = [call](const StoreStateRequest& done) {
    if (done.error) return call.fail(*done.error, done.error_text);
    call.respond({.status = 204, .content_type = {}});
  };
  call.group.submit(std::move(request));
}

}  // namespace

Result<void> check_state(std::string_view content_type, std::string_view data) {
  if (!valid_content_type(content_type)) return Errc::invalid_content_type;
  switch (payload_of(content_type)) {
    case Payload::json:
      if (check_json(data, limits::json_depth).fault) return Errc::invalid_payload;
      break;
    case Payload::text:
      if (!valid_utf8(data)) return Errc::invalid_payload;
      break;
    case Payload::bytes:
      break;
  }
  return ok();
}

void answer_state(ConnectionGroup& group, const Head& head, std::string body,
                  std::shared_ptr<Exchange> exchange) {
  const auto path = percent_decoded(cut_target(view(head.target())).path);
  // What is routed to is a view into it.
  const std::string_view routable = path ? std::string_view(*path) : kStatePrefix;
  const auto routed = find_route(head.method(), routable);
  if (routed.route == nullptr) {
    auto reply = failed(Errc::method_not_allowed);
    reply.add("Allow", routed.allow);
    return exchange->respond(std::move(reply));
  }
  const auto name = path ? TopicName::parse(routed.topic) : Result<TopicName>(Errc::invalid_topic);
  if (!name) return exchange->respond(failed(name.errc()));
  const Call call{group, std::move(exchange), *name};
  switch (routed.route->endpoint) {
    case Endpoint::store_state:
      return store(call, head, std::move(body));
    case Endpoint::delete_state:
      return forget(call);
    default:
      return show(call, head);
  }
}

}  // namespace tidemark::broker
