// Named cursors over HTTP, and how much a reader has not read.
// broker/: api_routes leads here; JSON both ways.
#pragma once

#include <functional>

#include "broker/api_routes.hpp"
#include "broker/routes.hpp"

namespace tidemark::broker {

/// Answers a request to one of these endpoints, as answer_api does:
///   GET    /v1/cursors?topic=&prefix=&limit=&after=  cursors of the topics the caller may manage
///   GET    /v1/cursors/{topic}?cursor=               one of them
///   PUT    /v1/cursors/{topic}?cursor=&force=        acknowledges: {"epoch"?, "offset"} or
///                                                    {"after": token}; with force=true puts it
///                                                    there
///   DELETE /v1/cursors/{topic}?cursor=
///   GET    /v1/unread/{topic}?after= or ?cursor=     events behind a position
/// Pre: the route is one of these, and has been judged.
void answer_cursors(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                    std::function<void(ApiReply)> respond);

}  // namespace tidemark::broker
