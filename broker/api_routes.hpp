// The HTTP API: what a path and a method mean, and the answer as JSON.
// broker/: HttpSession calls it with a whole request; it does no I/O of the network.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <boost/beast/http/verb.hpp>

#include "broker/connection.hpp"

namespace tidemark::broker {

struct ApiRequest {
  boost::beast::http::verb method = boost::beast::http::verb::get;
  std::string target;  ///< path and query, as sent
  std::string content_type;
  std::string body;
};

struct ApiReply {
  unsigned status = 200;
  std::string body;             ///< JSON; empty with 204
  std::string_view allow = {};  ///< with 405: the methods there are
};

/// `{"error":{"code":…,"message":…}}` with the status of the error table.
/// `text`: more than the table says; empty: what the table says.
[[nodiscard]] ApiReply error_reply(Errc code, std::string_view text = {});
/// As above, with a status that says more about HTTP than the table's.
[[nodiscard]] ApiReply error_reply(unsigned status, Errc code, std::string_view text);

/// Answers a request by calling `respond` once, on the shard of `group`, now or later. HEAD is
/// answered as GET.
///   GET    /healthz                  how the broker is
///   GET    /v1/topics?after=&limit=  topics by name
///   GET    /v1/topics/{topic}        one of them
///   PUT    /v1/topics/{topic}        creates it, or changes settings: content_type, durability,
///                                    retention (which is replaced as a whole)
///   DELETE /v1/topics/{topic}
///   POST   /v1/topics/{topic}/events publishes; answers when the events are durable
///   POST   /v1/topics/{topic}/trim   {"keep": offset}
/// A publish as application/json is what the WebSocket's publish message takes, without type, topic
/// and id; with any other content type the body is one event's payload. Topic names contain '/':
/// GET, PUT and DELETE take the whole rest of the path as the name, POST all but its last segment.
void answer_api(ConnectionGroup& group, ApiRequest request, std::function<void(ApiReply)> respond);

/// Checks a publish's events here, if the topic is in memory, since the committer is one thread for
/// all: sets `checked`, or an error and false.
bool check_events(storage::EventStore& store, storage::PublishRequest& request);

}  // namespace tidemark::broker
