// Beast underneath; every way it can end becomes one reason for people.
// protocol/client/: see link.hpp.
#include "protocol/client/link.hpp"

#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "protocol/client/secure_stream.hpp"
#include "protocol/codec.hpp"

namespace tidemark::client {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using error_code = boost::system::error_code;

struct Link::Stream : websocket::stream<SecureStream> {
  using websocket::stream<SecureStream>::stream;
};

Link::Link(const asio::any_io_executor& strand, const ClientOptions& options,
           std::shared_ptr<Trust> trust)
    : options_(options),
      resolver_(strand),
      stream_(std::make_unique<Stream>(strand, std::move(trust))),
      watchdog_(strand),
      queued_(strand) {
  stream_->binary(options_.form == WireForm::binary);
  stream_->read_message_max(options_.message_bytes);
}

/// What the request for the upgrade says.
void Link::show(const std::string& credential) {
  stream_->set_option(
      websocket::stream_base::decorator([form = options_.form, credential](auto& request) {
        request.set(http::field::sec_websocket_protocol, std::string(subprotocol(form)));
        request.set(http::field::user_agent, "tidemark-client");
        if (!credential.empty()) request.set(http::field::authorization, "Bearer " + credential);
      }));
}

Link::~Link() = default;

void Link::fail(Refusal reason) {
  if (reason_) return;
  reason_ = std::move(reason);
  watchdog_.cancel();
  resolver_.cancel();
  error_code ignored;
  beast::get_lowest_layer(*stream_).socket().close(ignored);
  queued_.raise();
}

void Link::watch(milliseconds patience, std::string late) {
  watchdog_.expires_after(patience);
  watchdog_.async_wait([self = weak_from_this(), late = std::move(late)](error_code error) {
    if (error) return;
    if (const auto link = self.lock()) link->fail(refusal_of(Errc::timed_out, late));
  });
}

/// True if there was no error; else the link has failed.
bool Link::settle(const error_code& error, const char* doing) {
  if (error == websocket::error::closed) {
    fail(closed());
  } else if (error == websocket::error::message_too_big) {
    fail(refusal_of(Errc::malformed_message, "the broker sent a message beyond the limit"));
  } else if (error) {
    fail(refusal_of(Errc::connection_lost, std::string(doing) + ": " + error.message()));
  }
  return !error && !failed();
}

Refusal Link::closed() const {
  const auto& why = stream_->reason();
  const auto code = errc_named({why.reason.data(), why.reason.size()});
  if (code && is_of_credential(*code)) return refusal_of(*code);
  Refusal out = refusal_of(Errc::connection_lost, "the broker closed the connection");
  if (why.code == websocket::close_code::too_big) out = refusal_of(Errc::message_too_large);
  if (!why.reason.empty()) out.text += ": " + std::string(why.reason.data(), why.reason.size());
  if (why.code != websocket::close_code::none && why.code != websocket::close_code::normal) {
    out.text += " (" + std::to_string(static_cast<unsigned>(why.code)) + ")";
  }
  return out;
}

asio::awaitable<bool> Link::open(Endpoint endpoint, std::string credential) {
  show(credential);
  watch(options_.connect_timeout,
        "no connection to " + endpoint.authority() + " within the connect timeout");
  const std::string authority = endpoint.authority();
  bool open = co_await connect(std::move(endpoint));
  if (open) open = co_await shake_hands(authority);
  watchdog_.cancel();
  last_heard_ = Clock::now();
  co_return open && !failed();
}

asio::awaitable<bool> Link::connect(Endpoint endpoint) {
  auto resolved = co_await resolver_.async_resolve(endpoint.host, endpoint.port, kNoThrow);
  auto& [resolve_error, addresses] = resolved;
  const std::string to = "cannot connect to " + endpoint.authority();
  if (!settle(resolve_error, to.c_str())) co_return false;
  auto& tcp = beast::get_lowest_layer(*stream_);
  auto connected = co_await asio::async_connect(tcp.socket(), addresses, kNoThrow);
  if (!settle(std::get<0>(connected), to.c_str())) co_return false;
  error_code ignored;
  tcp.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto insecure = co_await stream_->next_layer().secure(endpoint.host);
  if (!insecure) co_return !failed();
  fail(refusal_of(Errc::connection_lost, "no TLS with " + endpoint.authority() + ": " +
                                             stream_->next_layer().explain(insecure)));
  co_return false;
}

asio::awaitable<bool> Link::shake_hands(std::string authority) {
  websocket::response_type response;
  auto shaken = co_await stream_->async_handshake(response, authority, "/v1/ws", kNoThrow);
  const auto& [error] = shaken;
  if (error == websocket::error::upgrade_declined) {
    fail(refusal_of_answer(authority, response.result_int(), response.body()));
    co_return false;
  }
  if (!settle(error, ("no WebSocket handshake with " + authority).c_str())) co_return false;
  if (response[http::field::sec_websocket_protocol] != subprotocol(options_.form)) {
    fail(refusal_of(Errc::connection_lost,
                    authority + " does not speak " + std::string(subprotocol(options_.form))));
    co_return false;
  }
  co_return true;
}

asio::awaitable<std::optional<std::string_view>> Link::read() {
  buffer_.consume(buffer_.size());
  auto got = co_await stream_->async_read(buffer_, kNoThrow);
  if (!settle(std::get<0>(got), "the connection broke")) co_return std::nullopt;
  last_heard_ = Clock::now();
  const auto bytes = buffer_.cdata();
  co_return std::string_view(static_cast<const char*>(bytes.data()), bytes.size());
}

void Link::send(std::string message) {
  queue_.push_back(std::move(message));
  queued_.raise();
}

asio::awaitable<void> Link::write_queued() {
  while (!failed()) {
    if (queue_.empty()) {
      co_await queued_.wait();
      continue;
    }
    const std::string message = std::move(queue_.front());
    queue_.pop_front();
    auto sent = co_await stream_->async_write(asio::buffer(message), kNoThrow);
    // The reader learns why: a close frame with a reason may be waiting to be read.
    if (std::get<0>(sent)) co_return;
  }
}

asio::awaitable<void> Link::close(milliseconds patience) {
  watch(patience, "the broker did not answer the close");
  auto closing = co_await stream_->async_close(websocket::close_code::normal, kNoThrow);
  static_cast<void>(closing);
  fail(refusal_of(Errc::cancelled));
}

}  // namespace tidemark::client
