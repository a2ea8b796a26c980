// What sessions tell operators: on whose connection, at which request, and what came of it.
// broker/: lines of broker/log; `conn` is the same in all lines of one connection.
#pragma once

#include <cstdint>
#include <string_view>

#include "broker/access/access.hpp"
#include "broker/caller.hpp"
#include "broker/http_reply.hpp"
#include "broker/limits/client_address.hpp"

namespace tidemark::broker {

/// Whom a line is about. Lifetime: views; made for one call.
struct Speaker {
  std::uint64_t connection = 0;  ///< Connection::id()
  std::uint64_t request = 0;     ///< the connection's first HTTP request is 1; 0: none
  const ClientAddress& client;
  const Caller& caller;
};

/// An answer: `request_failed` (warn) if it is the broker's fault, `request_refused` (info) if the
/// client may not or not so much, else `request` (debug). `asked`: method and path, without the
/// query, which may hold what is secret.
void log_answer(const Speaker& speaker, std::string_view asked, const HttpReply& reply);

/// `message_refused` (debug): an error told over a WebSocket.
void log_refusal(const Speaker& speaker, Errc code, std::string_view topic);

/// `connection_closed`: a WebSocket, and why; info, or debug when the client did or the broker
/// stops.
void log_closed(const Speaker& speaker, Errc reason);

/// `auth_refused` (info): a credential was not taken. Never the credential itself.
void log_auth_refused(const Speaker& speaker, const AccessRefusal& refusal);

}  // namespace tidemark::broker
