// The body of a create or an append, as events.
// broker/: Durable Streams, "JSON mode": an array is its items; everything else is one event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"

namespace tidemark::broker {

struct BodyEvents {
  std::vector<NewEvent> events;
  std::optional<Errc> error;
  std::string text;  ///< more than the code says, or empty
};

/// Takes a body apart that is not empty. Of application/json an array's items are the events, one
/// level of them, and there may be none; other JSON values and other types are one event. Whether
/// the events suit a topic is for check_event.
/// Errors: invalid_payload (no JSON), too_many_events.
[[nodiscard]] BodyEvents split_body(std::string body, std::string_view content_type,
                                    std::size_t max_events);

}  // namespace tidemark::broker
