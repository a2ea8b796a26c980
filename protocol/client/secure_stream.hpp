// A TCP connection to a broker, in the clear or with TLS on it.
// protocol/client/: for the client's link and for tools that speak HTTP; their sources alone
// include it, since OpenSSL comes with it.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_stream.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "protocol/client/trust.hpp"

namespace tidemark::client {

/// An AsyncStream for Beast. Threads: the executor's. Not movable.
class SecureStream {
 public:
  using next_layer_type = boost::beast::tcp_stream;
  using executor_type = next_layer_type::executor_type;

  /// `trust`: whose certificates are believed; null: in the clear.
  SecureStream(const boost::asio::any_io_executor& executor, std::shared_ptr<Trust> trust);

  [[nodiscard]] executor_type get_executor() { return tcp_.get_executor(); }
  [[nodiscard]] next_layer_type& next_layer() { return tcp_; }
  [[nodiscard]] const next_layer_type& next_layer() const { return tcp_; }

  /// Once connected: agrees on TLS with `host`, whose name the certificate must bear. In the clear
  /// there is nothing to do.
  boost::asio::awaitable<boost::system::error_code> secure(std::string host);
  /// What to tell people of a secure() that failed.
  [[nodiscard]] std::string explain(const boost::system::error_code& error) const;

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& into, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& buffers) {
          tls_ ? tls_->async_read_some(buffers, std::move(handler))
               : tcp_.async_read_some(buffers, std::move(handler));
        },
        token, into);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& from, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& buffers) {
          tls_ ? tls_->async_write_some(buffers, std::move(handler))
               : tcp_.async_write_some(buffers, std::move(handler));
        },
        token, from);
  }

  /// Beast's hooks for the end of a WebSocket.
  friend void teardown(boost::beast::role_type role, SecureStream& stream,
                       boost::system::error_code& error) {
    using boost::beast::websocket::teardown;
    stream.tls_ ? teardown(role, *stream.tls_, error) : teardown(role, stream.tcp_, error);
  }
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, SecureStream& stream,
                             Handler&& handler) {
    using boost::beast::websocket::async_teardown;
    stream.tls_ ? async_teardown(role, *stream.tls_, std::forward<Handler>(handler))
                : async_teardown(role, stream.tcp_, std::forward<Handler>(handler));
  }

 private:
  // Flat: else header and payload of a message would be a record each.
  using Tls = boost::beast::flat_stream<boost::asio::ssl::stream<next_layer_type&>>;

  next_layer_type tcp_;
  const std::shared_ptr<Trust> trust_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace tidemark::client
