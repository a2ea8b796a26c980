// The verbs of Durable Streams: what each does with a topic, and the answer.
// broker/: HttpSession hands over requests to /v1/stream/; PROTOCOL.md, "Streams over HTTP".
#pragma once

#include <memory>
#include <string>

#include <boost/beast/http/message.hpp>

#include "broker/exchange.hpp"

namespace tidemark::broker {

/// Answers a whole request through `exchange`, now or later.
///   PUT     creates a topic, empty or with content, open or closed, or as a fork
///   POST    appends, closes, or both; answers when it is durable
///   GET     reads: catch-up, live=long-poll or live=sse
///   HEAD    where the topic ends
///   DELETE
/// Threads: the shard's.
void answer_stream(ConnectionGroup& group, const boost::beast::http::request_header<>& head,
                   std::string body, std::shared_ptr<Exchange> exchange);

}  // namespace tidemark::broker
