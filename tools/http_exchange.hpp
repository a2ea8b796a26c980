// One request to a broker and its answer, in the clear or by TLS.
// tools/: blocking; broker_http says what is asked and what the answer means.
#pragma once

#include <string>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "protocol/client/endpoint.hpp"
#include "protocol/client/trust.hpp"

namespace tidemark::tools {

struct HttpExchange {
  client::Endpoint endpoint;
  client::TrustOptions trust = {};
  boost::beast::http::request<boost::beast::http::string_body> request = {};
  boost::beast::http::response<boost::beast::http::string_body> response = {};
  std::string failure = {};  ///< why there is no response; empty: there is one
};

/// Waits for the response for a quarter of a minute at most.
void perform(HttpExchange& exchange);

}  // namespace tidemark::tools
