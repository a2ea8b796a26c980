// The HTTP API: what a path and a method mean, and the answer as JSON.
// broker/: HttpSession calls it with a whole request; it does no I/O of the network.
#pragma once

#include <functional>
#include <string>

#include <boost/beast/http/verb.hpp>

#include "broker/api_reply.hpp"
#include "broker/caller.hpp"
#include "broker/connection.hpp"
#include "broker/publish_body.hpp"

namespace tidemark::broker {

struct ApiRequest {
  boost::beast::http::verb method = boost::beast::http::verb::get;
  std::string target;  ///< path and query, as sent
  std::string content_type;
  std::string body;
  bool gzip = false;       ///< the answer may come as gzip
  ClientAddress client;    ///< where it comes from
  std::string publisher;   ///< as Connection::publisher
  bool operators = false;  ///< as Connection::operators
  Caller caller;           ///< who asks, and may: that has been judged (judgement.hpp)
};

/// Is it from somebody who runs the broker, and may know of it as a whole? Where access is
/// configured they have been judged, elsewhere they are on this machine.
[[nodiscard]] bool from_operator(const ApiRequest& request);

/// Answers a request by calling `respond` once, on the shard of `group`, now or later. HEAD is
/// answered as GET.
///   GET    /healthz                  how the broker is
///   GET    /readyz                   whether it should be sent clients, and why not
///   GET    /metrics                  figures for Prometheus
///   GET    /v1/openapi.json          what all of this is, for programs
///   GET    /v1/topics?prefix=&after=&limit=  topics by name, those the caller may see
///   GET    /v1/topics/{topic}        one of them
///   PUT    /v1/topics/{topic}        creates it, or changes settings: see read_settings
///   DELETE /v1/topics/{topic}
///   POST   /v1/topics/{topic}/events publishes; answers when the events are durable
///   POST   /v1/topics/{topic}/trim   {"keep": offset}
///   /v1/cursors, /v1/unread          see cursor_routes
///   GET    /v1/stats                 figures of the store
///   /v1/producers                    see producer_routes
///   /v1/offsets                      see offset_routes
///   /v1/backups                      see backup_routes
/// Topic names contain '/': GET, PUT and DELETE take the whole rest of the path as the name, POST
/// all but its last segment. The table is in routes.hpp; shapes are in shapes/, topics_json,
/// publish_body and api_reply.
void answer_api(ConnectionGroup& group, ApiRequest request, std::function<void(ApiReply)> respond);

}  // namespace tidemark::broker
