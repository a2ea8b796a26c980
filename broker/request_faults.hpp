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

/// Is the body compressed or otherwise coded? None is decoded here, so that no small body becomes a
/// large one; and stored as it is it would be taken for what it is not.
[[nodiscard]] bool is_coded(const boost::beast::http::request_header<>& head);

/// Is this all there is of a chunked body that is empty, and not its end yet? Beast's parser must
/// not see it: with "0\r\n" it has seen the last chunk, and asserts that the next time there are
/// five bytes, which there need not be.
[[nodiscard]] constexpr bool is_short_last_chunk(std::string_view pending) {
  return pending.size() < 5 && pending.starts_with("0\r\n");
}

}  // namespace tidemark::broker
