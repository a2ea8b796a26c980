// One request to a broker and its answer, in the clear or by TLS.
// tools/: blocking; broker_http says what is asked and what the answer means.
#pragma once

#include <chrono>
#include <cstddef>
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
  std::chrono::seconds patience{15};              ///< for the whole of it
  std::size_t most_body = std::size_t{64} << 20;  ///< of the response
  boost::beast::http::response<boost::beast::http::string_body> response = {};
  std::string failure = {};  ///< why there is no response; empty: there is one
};

/// Waits for the response, as long as `patience` says.
void perform(HttpExchange& exchange);

}  // namespace tidemark::tools
