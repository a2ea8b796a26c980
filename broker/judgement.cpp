// Whether a caller may use a route: decided once for every transport of HTTP, in one place.
// broker/: see judgement.hpp.
#include "broker/judgement.hpp"

#include <algorithm>
#include <string>

#include "broker/stream_request.hpp"
#include "broker/url_text.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;
using Head = http::request_header<>;

namespace {

std::string path_of(const Head& head) {
  const auto target = head.target();
  return percent_decoded(cut_target({target.data(), target.size()}).path).value_or("");
}

bool may(const Caller& caller, Needs needs, const TopicName& topic) {
  switch (needs) {
    case Needs::publish:
      return caller.may(Right::publish, topic);
    case Needs::subscribe:
      return caller.may(Right::subscribe, topic);
    case Needs::manage:
      return caller.may(Right::manage, topic);
    case Needs::see:
      return caller.may_see(topic);
    case Needs::nothing:
    case Needs::anything:
    case Needs::operate:
    case Needs::web_socket:
      return true;
  }
  return false;
}

/// A fork hands on what its source holds.
bool may_fork(const Caller& caller, const Head& head) {
  const auto source = fork_source(head);
  return !source || caller.may(Right::subscribe, *source);
}

/// A cursor is moved forward by its reader, and put anywhere by whoever looks after the topic. More
/// than one such parameter is for the route to refuse, so any of them counts.
bool forces_cursor(const Head& head) {
  const auto target = head.target();
  const auto all = parameters(cut_target({target.data(), target.size()}).query);
  return std::ranges::any_of(
      all, [](const Parameter& p) { return p.name == "force" && p.value != "false"; });
}

}  // namespace

Needs needs_of(const Head& head) {
  const auto path = path_of(head);
  const auto routed = find_route(head.method(), path);
  return routed.route == nullptr ? Needs::nothing : routed.route->needs;
}

std::optional<Errc> judge(const Caller& caller, const Head& head) {
  const auto path = path_of(head);
  const auto routed = find_route(head.method(), path);
  if (routed.route == nullptr || routed.route->needs == Needs::nothing) return std::nullopt;
  if (routed.route->needs == Needs::web_socket) return std::nullopt;
  if (!caller.may_anything()) return caller.refusal();
  if (routed.route->needs == Needs::operate && !caller.may_operate()) return caller.refusal();
  const auto name = TopicName::parse(routed.topic);
  if (!name) return std::nullopt;
  const bool creates =
      routed.route->endpoint == Endpoint::stream && head.method() == http::verb::put;
  const bool forces = routed.route->endpoint == Endpoint::move_cursor && forces_cursor(head);
  const auto needs = forces ? Needs::manage : routed.route->needs;
  const bool fine = may(caller, needs, *name) && (!creates || may_fork(caller, head));
  return fine ? std::nullopt : std::optional(caller.refusal());
}

HttpReply access_refused(Errc code, bool shown) {
  auto reply = failed(code);
  if (reply.status == 401) {
    reply.add("WWW-Authenticate", shown ? "Bearer error=\"invalid_token\"" : "Bearer");
  }
  return reply;
}

}  // namespace tidemark::broker
