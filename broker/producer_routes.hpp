// Who has published to a topic and is remembered, over HTTP.
// broker/: api_routes leads here.
#pragma once

#include <functional>

#include "broker/api_routes.hpp"
#include "broker/routes.hpp"

namespace tidemark::broker {

/// Answers, as answer_api does:
///   GET    /v1/producers/{topic}?after=&limit=  {"producers":[…],"next":"…"?} by id, of
///                                               producer_shape; `next`: there are more after it
/// Pre: the route is this, and has been judged.
void answer_producers(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                      std::function<void(ApiReply)> respond);

}  // namespace tidemark::broker
