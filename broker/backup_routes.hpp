// Backups over HTTP, for those who run the broker.
// broker/: api_routes leads here; Backups does it.
#pragma once

#include <functional>

#include "broker/api_routes.hpp"
#include "broker/routes.hpp"

namespace tidemark::broker {

/// Answers a request to one of these endpoints, as answer_api does:
///   GET    /v1/backups        {"backups":[{"name","created","bytes","topics","path"}]}, by name
///   POST   /v1/backups        makes one, {"name":"…"} or of the time: 201 with the same when it is
///                             done; 409 backup_exists, backup_running
///   DELETE /v1/backups?name=
/// Pre: the route is one of these, and has been judged.
void answer_backups(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                    std::function<void(ApiReply)> respond);

}  // namespace tidemark::broker
