// Where in a topic a moment is, over HTTP.
// broker/: api_routes leads here.
#pragma once

#include <functional>

#include "broker/api_routes.hpp"
#include "broker/routes.hpp"

namespace tidemark::broker {

/// Answers, as answer_api does:
///   GET    /v1/offsets/{topic}?time=MS  {"topic","offset","token"}: the first event appended at or
///                                       after that time, head + 1 if there is none, and the
///                                       position just before it
/// Pre: the route is this, and has been judged.
void answer_offset(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                   std::function<void(ApiReply)> respond);

}  // namespace tidemark::broker
