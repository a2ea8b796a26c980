// The routes of the HTTP side: one table, for the router, for Allow, and for what describes them.
// broker/: a route that is not in here is not there; openapi.json is held against it by a test.
#pragma once

#include <cstdint>
#include <ostream>  // verb.hpp needs it
#include <span>
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>

namespace tidemark::broker {

/// What answers.
enum class Endpoint : std::uint8_t {
  health,
  ready,
  metrics,
  openapi,
  list_topics,
  show_topic,
  configure_topic,
  delete_topic,
  publish,
  trim_topic,
  show_state,  ///< state_routes, as those with `state` below
  store_state,
  delete_state,
  list_cursors,  ///< cursor_routes, as those below
  show_cursor,
  move_cursor,
  delete_cursor,
  count_unread,
  list_producers,
  find_offset,
  stats,
  list_backups,  ///< backup_routes, as those below
  make_backup,
  delete_backup,
  web_socket,  ///< HttpSession by itself
  stream,      ///< stream_routes
  page,        ///< page_routes
};

/// What a caller has to have a right to, where there is access at all.
enum class Needs : std::uint8_t {
  nothing,   ///< its credential is not even looked at
  anything,  ///< some right; of what follows from it the route itself shows only that
  publish,   ///< to the topic in the path, as those below
  subscribe,
  manage,
  see,         ///< subscribe or manage
  operate,     ///< to manage every topic: what concerns the broker as a whole
  web_socket,  ///< nothing yet: each message is judged by itself
};

struct Route {
  boost::beast::http::verb method;
  std::string_view path;  ///< `{topic}` or `{page}` stands for any text with its slashes, none too
  Endpoint endpoint;
  Needs needs;
};

/// All of them. Where there is GET there is HEAD.
[[nodiscard]] std::span<const Route> routes();

/// What a method and a path, percent-decoded and without its query, come to.
struct Routed {
  const Route* route = nullptr;  ///< nullptr: none
  std::string_view topic = {};   ///< what stands for {topic} or {page}; a view into the path
  std::string allow = {};        ///< methods the path takes, "GET, HEAD"; empty: no such path
};
[[nodiscard]] Routed find_route(boost::beast::http::verb method, std::string_view path);

}  // namespace tidemark::broker
