// The body of a publish over HTTP: events out of JSON, or bytes that are one event.
// broker/: see publish_body.hpp.
#include "broker/publish_body.hpp"

#include <utility>
#include <variant>

#include "protocol/codec.hpp"

namespace tidemark::broker {
namespace {

bool refuse(storage::PublishRequest& request, Errc code, std::string text = {}) {
  request.error = code;
  request.error_text = std::move(text);
  return false;
}

/// The body as the WebSocket's publish message: what it lacks is put in front, so that the fields,
/// their checks and their error texts are the same. A body that has those fields too is refused for
/// having them twice. A topic's name needs no escapes.
Decoded<ClientMessage> decode_publish(std::string_view body, const TopicName& name) {
  const auto open = body.find_first_not_of(" \t\r\n");
  if (open == std::string_view::npos || body[open] != '{') {
    return DecodeError{Errc::malformed_message, "the body must be a JSON object", 0};
  }
  const auto rest = body.substr(open + 1);
  const auto next = rest.find_first_not_of(" \t\r\n");
  const bool empty = next == std::string_view::npos || rest[next] == '}';
  std::string text = R"({"type":"publish","topic":")" + name.str() + '"';
  if (!empty) text += ',';
  text += rest;
  return decode_client(WireForm::json, text);
}

/// curl's default for a body says nothing about it.
bool says_nothing(std::string_view content_type) {
  return content_type.empty() ||
         same_content_type(content_type, "application/x-www-form-urlencoded");
}

bool read_bytes(std::string_view content_type, std::string body, storage::PublishRequest& request) {
  NewEvent event;
  event.data = std::move(body);
  request.events.push_back(std::move(event));
  if (says_nothing(content_type)) return true;
  if (!valid_content_type(content_type)) return refuse(request, Errc::invalid_content_type);
  request.content_type = content_type;
  return true;
}

}  // namespace

bool read_publish(std::string_view content_type, std::string body, std::size_t max_events,
                  storage::PublishRequest& request) {
  if (!same_content_type(content_type, "application/json")) {
    return read_bytes(content_type, std::move(body), request);
  }
  auto message = decode_publish(body, request.topic);
  if (!message) return refuse(request, message.error().code, message.error().text);
  auto& publish = std::get<Publish>(*message);
  if (publish.events.size() > max_events) return refuse(request, Errc::too_many_events);
  request.events = std::move(publish.events);
  request.producer = std::move(publish.producer);
  request.expected_last = publish.expected_last;
  request.content_type = std::move(publish.content_type);
  return true;
}

bool check_events(storage::EventStore& store, storage::PublishRequest& request) {
  const auto topic = store.find_open(request.topic);
  if (!topic || topic->deleted()) return true;
  if (!request.content_type.empty() &&
      !same_content_type(request.content_type, topic->content_type())) {
    return refuse(request, Errc::content_type_mismatch,
                  "the topic's content type is " + topic->content_type());
  }
  for (std::size_t i = 0; i < request.events.size(); ++i) {
    const auto checked = check_event(request.events[i], topic->payload(), store.max_event_bytes());
    if (checked) continue;
    std::string text(info(checked.errc()).text);
    if (request.events.size() > 1) text += ": event " + std::to_string(i);
    return refuse(request, checked.errc(), std::move(text));
  }
  request.checked = true;
  return true;
}

}  // namespace tidemark::broker
