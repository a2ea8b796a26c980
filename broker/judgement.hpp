// Whether a caller may use a route: decided once for every transport of HTTP, in one place.
// broker/: between the table of routes and the identities; nothing is looked up for it.
#pragma once

#include <optional>
#include <ostream>  // Beast's verb.hpp needs it

#include <boost/beast/http/message.hpp>

#include "broker/caller.hpp"
#include "broker/http_reply.hpp"
#include "broker/routes.hpp"

namespace tidemark::broker {

/// What a request needs, from its method, its target and (for a fork) its head. `nothing` also for
/// paths there are not and methods they do not take: that is told to everybody.
[[nodiscard]] Needs needs_of(const boost::beast::http::request_header<>& head);

/// Why `caller` may not do what the request asks for; the same whether the topic exists or not. A
/// name that is none is not judged: there is nothing behind it, and the route says so.
/// Errors: unauthorized, forbidden.
[[nodiscard]] std::optional<Errc> judge(const Caller& caller,
                                        const boost::beast::http::request_header<>& head);

/// The answer to who was judged so: 401 with a challenge, or 403. `shown`: a credential was, and it
/// is what was refused.
[[nodiscard]] HttpReply access_refused(Errc code, bool shown);

}  // namespace tidemark::broker
