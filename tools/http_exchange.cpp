// One request to a broker and its answer, in the clear or by TLS.
// tools/: see http_exchange.hpp. One connection per request; these are rare.
#include "tools/http_exchange.hpp"

#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "protocol/client/secure_stream.hpp"
#include "protocol/client/signal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using client::kNoThrow;
using client::SecureStream;
using client::Trust;
using error_code = boost::system::error_code;

namespace {

asio::awaitable<error_code> connect(const HttpExchange& exchange, beast::tcp_stream& stream) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  auto resolved =
      co_await resolver.async_resolve(exchange.endpoint.host, exchange.endpoint.port, kNoThrow);
  auto& [resolve_error, addresses] = resolved;
  if (resolve_error) co_return resolve_error;
  auto connected = co_await stream.async_connect(addresses, kNoThrow);
  co_return std::get<0>(connected);
}

asio::awaitable<error_code> ask(HttpExchange& exchange, SecureStream& stream) {
  auto sent = co_await http::async_write(stream, exchange.request, kNoThrow);
  if (std::get<0>(sent)) co_return std::get<0>(sent);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(exchange.most_body);
  auto got = co_await http::async_read(stream, buffer, parser, kNoThrow);
  exchange.response = parser.release();
  co_return std::get<0>(got);
}

asio::awaitable<void> run(HttpExchange& exchange, std::shared_ptr<Trust> trust) {
  const auto executor = co_await asio::this_coro::executor;
  SecureStream stream(executor, std::move(trust));
  const auto failed = [&exchange](const char* what, const std::string& why) {
    exchange.failure = what + exchange.endpoint.authority() + ": " + why;
  };
  stream.next_layer().expires_after(exchange.patience);
  const error_code unconnected = co_await connect(exchange, stream.next_layer());
  if (unconnected) co_return failed("cannot connect to ", unconnected.message());
  const error_code insecure = co_await stream.secure(exchange.endpoint.host);
  if (insecure) co_return failed("no TLS with ", stream.explain(insecure));
  const error_code unanswered = co_await ask(exchange, stream);
  if (unanswered) co_return failed("no answer from ", unanswered.message());
}

}  // namespace

void perform(HttpExchange& exchange) {
  std::shared_ptr<Trust> trust;
  try {
    if (exchange.endpoint.tls) trust = std::make_shared<Trust>(exchange.trust);
  } catch (const std::invalid_argument& error) {
    exchange.failure = error.what();
    return;
  }
  asio::io_context io;
  asio::co_spawn(io, run(exchange, std::move(trust)), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  io.run();
}

}  // namespace tidemark::tools
