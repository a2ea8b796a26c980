// The routes of the HTTP side: one table, for the router, for Allow, and for what describes them.
// broker/: see routes.hpp.
#include "broker/routes.hpp"

#include <array>
#include <optional>

namespace tidemark::broker {

using boost::beast::http::verb;

namespace {

// Topic names contain '/', so a path may fit more than one of these; the method then decides. In
// the order in which Allow names the methods.
constexpr std::array kRoutes{
    Route{verb::get, "/healthz", Endpoint::health, Needs::nothing},
    Route{verb::get, "/readyz", Endpoint::ready, Needs::nothing},
    Route{verb::get, "/metrics", Endpoint::metrics, Needs::operate},
    Route{verb::get, "/v1/openapi.json", Endpoint::openapi, Needs::nothing},
    Route{verb::get, "/v1/topics", Endpoint::list_topics, Needs::anything},
    Route{verb::get, "/v1/topics/{topic}", Endpoint::show_topic, Needs::see},
    Route{verb::put, "/v1/topics/{topic}", Endpoint::configure_topic, Needs::manage},
    Route{verb::delete_, "/v1/topics/{topic}", Endpoint::delete_topic, Needs::manage},
    Route{verb::post, "/v1/topics/{topic}/events", Endpoint::publish, Needs::publish},
    Route{verb::post, "/v1/topics/{topic}/trim", Endpoint::trim_topic, Needs::manage},
    Route{verb::get, "/v1/state/{topic}", Endpoint::show_state, Needs::subscribe},
    Route{verb::put, "/v1/state/{topic}", Endpoint::store_state, Needs::publish},
    Route{verb::delete_, "/v1/state/{topic}", Endpoint::delete_state, Needs::publish},
    Route{verb::get, "/v1/cursors", Endpoint::list_cursors, Needs::anything},
    Route{verb::get, "/v1/cursors/{topic}", Endpoint::show_cursor, Needs::subscribe},
    Route{verb::put, "/v1/cursors/{topic}", Endpoint::move_cursor, Needs::subscribe},
    Route{verb::delete_, "/v1/cursors/{topic}", Endpoint::delete_cursor, Needs::manage},
    Route{verb::get, "/v1/unread/{topic}", Endpoint::count_unread, Needs::subscribe},
    Route{verb::get, "/v1/producers/{topic}", Endpoint::list_producers, Needs::manage},
    Route{verb::get, "/v1/offsets/{topic}", Endpoint::find_offset, Needs::see},
    Route{verb::get, "/v1/stats", Endpoint::stats, Needs::operate},
    Route{verb::get, "/v1/backups", Endpoint::list_backups, Needs::operate},
    Route{verb::post, "/v1/backups", Endpoint::make_backup, Needs::operate},
    Route{verb::delete_, "/v1/backups", Endpoint::delete_backup, Needs::operate},
    Route{verb::get, "/v1/ws", Endpoint::web_socket, Needs::web_socket},
    Route{verb::get, "/v1/stream/{topic}", Endpoint::stream, Needs::subscribe},
    Route{verb::put, "/v1/stream/{topic}", Endpoint::stream, Needs::publish},
    Route{verb::post, "/v1/stream/{topic}", Endpoint::stream, Needs::publish},
    Route{verb::delete_, "/v1/stream/{topic}", Endpoint::stream, Needs::manage},
    Route{verb::get, "/", Endpoint::page, Needs::nothing},
    Route{verb::get, "/console", Endpoint::page, Needs::nothing},
    Route{verb::get, "/console/{page}", Endpoint::page, Needs::nothing},
    Route{verb::get, "/demo", Endpoint::page, Needs::nothing},
    Route{verb::get, "/demo/{page}", Endpoint::page, Needs::nothing},
    Route{verb::get, "/client/{page}", Endpoint::page, Needs::nothing},
};

/// What stands for the name in braces, or nothing to stand for; nullopt: the path is another.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  const auto at = pattern.find('{');
  if (at == std::string_view::npos) {
    return path == pattern ? std::optional<std::string_view>("") : std::nullopt;
  }
  const auto before = pattern.substr(0, at);
  const auto behind = pattern.substr(pattern.find('}', at) + 1);
  if (path.size() < before.size() + behind.size()) return std::nullopt;
  if (!path.starts_with(before) || !path.ends_with(behind)) return std::nullopt;
  return path.substr(at, path.size() - before.size() - behind.size());
}

void add_method(std::string& allow, verb method) {
  const auto name = boost::beast::http::to_string(method);
  if (!allow.empty()) allow += ", ";
  allow.append(name.data(), name.size());
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Routed find_route(verb method, std::string_view path) {
  if (method == verb::head) method = verb::get;
  Routed out;
  for (const Route& route : kRoutes) {
    const auto topic = fit(route.path, path);
    if (!topic) continue;
    add_method(out.allow, route.method);
    if (route.method == verb::get) add_method(out.allow, verb::head);
    if (route.method != method) continue;
    out.route = &route;
    out.topic = *topic;
  }
  return out;
}

}  // namespace tidemark::broker
