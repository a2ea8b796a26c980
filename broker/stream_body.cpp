// The body of a create or an append, as events.
// broker/: see stream_body.hpp.
#include "broker/stream_body.hpp"

#include "protocol/json_slices.hpp"

namespace tidemark::broker {

namespace {

NewEvent json_event(std::string_view value) {
  NewEvent event;
  event.data = value;
  event.form = Form::json;  // checked with the body
  return event;
}

}  // namespace

BodyEvents split_body(std::string body, std::string_view content_type, std::size_t max_events) {
  BodyEvents out;
  if (stream_payload_of(content_type) != Payload::json) {
    out.events.emplace_back();
    out.events.back().data = std::move(body);
    return out;
  }
  auto check = check_json(body, limits::json_depth + 1);
  if (check.fault) {
    out.error = Errc::invalid_payload;
    out.text = "the body is not JSON: " + *check.fault;
    return out;
  }
  JsonCursor cursor(body);
  if (cursor.peek() != '[') {
    if (check.depth > limits::json_depth) out.error = Errc::invalid_payload;
    out.events.push_back(json_event(cursor.take()));
    return out;
  }
  cursor.enter();
  while (cursor.next_item()) {
    if (out.events.size() == max_events) {
      out.error = Errc::too_many_events;
      return out;
    }
    out.events.push_back(json_event(cursor.take()));
  }
  return out;
}

}  // namespace tidemark::broker
