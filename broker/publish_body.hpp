// The body of a publish over HTTP: events out of JSON, or bytes that are one event.
// broker/: the routes fill a request with it, then hand that to the committer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/event_store.hpp"

namespace tidemark::broker {

/// Fills in events and conditions. application/json takes what the WebSocket's publish message
/// takes, without type, topic and id; with any other content type the body is one event's payload,
/// and the type is the topic's. On failure sets the request's error and returns false.
/// Errors: those of decode_client; invalid_content_type, too_many_events (more than `max_events`).
bool read_publish(std::string_view content_type, std::string body, std::size_t max_events,
                  storage::PublishRequest& request);

/// Checks a publish's events here, if the topic is in memory, since the committer is one thread for
/// all: sets `checked`, or an error and false.
bool check_events(storage::EventStore& store, storage::PublishRequest& request);

}  // namespace tidemark::broker
