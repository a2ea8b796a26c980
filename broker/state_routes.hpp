// The state of a topic over HTTP: what newcomers begin with, and what an application stores.
// broker/: HttpSession hands over requests to /v1/state/; PROTOCOL.md, "States over HTTP".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/beast/http/message.hpp>

#include "broker/exchange.hpp"

namespace tidemark::broker {

/// The path of a state is this and its topic's name.
inline constexpr std::string_view kStatePrefix = "/v1/state/";
/// The last event a state reflects: a position token, or a decimal offset of the topic's epoch now.
inline constexpr std::string_view kStateOffset = "Tidemark-Offset";

/// Answers a whole request through `exchange`, now or later.
///   GET     the state, wherever it comes from: a bundle with its own content type, or the newest
///           event of each key as a JSON array. Stream-Next-Offset says what follows it
///   PUT     stores the body as the state as of Tidemark-Offset
///   DELETE  forgets what is stored
/// Threads: the shard's.
void answer_state(ConnectionGroup& group, const boost::beast::http::request_header<>& head,
                  std::string body, std::shared_ptr<Exchange> exchange);

/// Is `data` of this content type what it says it is, so that it can be embedded in messages?
/// Errors: invalid_content_type, invalid_payload.
[[nodiscard]] Result<void> check_state(std::string_view content_type, std::string_view data);

}  // namespace tidemark::broker
