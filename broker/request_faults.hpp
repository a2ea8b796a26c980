// What is wrong with a request's head that Beast's parser would let pass.
// broker/: HttpSession asks before it believes a head; what lets requests be smuggled past a proxy.
#pragma once

#include <optional>
#include <ostream>  // Beast's verb.hpp needs it
#include <string_view>

#include <boost/beast/http/message.hpp>

namespace tidemark::broker {

/// Is something wrong with the raw head of a request, as far as it has come, that the parser would
/// let pass? Lines end with CRLF and nothing else does, none is folded, no control characters, no
/// blanks before a field's colon. A sentence, or nullopt. `head`: from the request line on.
[[nodiscard]] std::optional<std::string_view> fault_of_head(std::string_view head);

/// Is something wrong with how a request says where it ends, or whom it is for? A proxy in front
/// must never see another end than we do: Transfer-Encoding is exactly "chunked", never together
/// with Content-Length and never in HTTP/1.0; one Host.
[[nodiscard]] std::optional<std::string_view> fault_of_framing(
    const boost::beast::http::request_header<>& head);

}  // namespace tidemark::broker
