// One WebSocket connection to a broker, from resolving its name to the end.
// protocol/client/: the session makes a new one whenever the last has failed.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "protocol/client/endpoint.hpp"
#include "protocol/client/options.hpp"
#include "protocol/client/signal.hpp"

namespace tidemark::client {

/// Threads: its strand. Fails once, for the first reason; everything under way then returns.
class Link : public std::enable_shared_from_this<Link> {
 public:
  /// `trust`: for TLS; null: in the clear.
  Link(const boost::asio::any_io_executor& strand, const ClientOptions& options,
       std::shared_ptr<Trust> trust);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Connects and shakes hands within connect_timeout, showing `credential` (empty: none). True if
  /// it is open; else reason() says why.
  boost::asio::awaitable<bool> open(Endpoint endpoint, std::string credential);
  /// The next message; nothing once it has failed. Valid until the next read.
  boost::asio::awaitable<std::optional<std::string_view>> read();
  /// Sends what is queued, until it fails. Runs beside the reader.
  boost::asio::awaitable<void> write_queued();
  /// Says goodbye properly, for at most `patience`; then fails with cancelled.
  boost::asio::awaitable<void> close(milliseconds patience);

  /// Queues a message. What bounds the queue: publishes in flight, one request per subscription.
  void send(std::string message);
  void fail(Refusal reason);

  [[nodiscard]] bool failed() const { return reason_.has_value(); }
  [[nodiscard]] const Refusal& reason() const { return *reason_; }
  [[nodiscard]] Clock::time_point last_heard() const { return last_heard_; }
  void heard(Clock::time_point now) { last_heard_ = now; }

 private:
  struct Stream;

  boost::asio::awaitable<bool> connect(Endpoint endpoint);
  boost::asio::awaitable<bool> shake_hands(std::string authority);
  void watch(milliseconds patience, std::string late);
  bool settle(const boost::system::error_code& error, const char* doing);
  void show(const std::string& credential);
  [[nodiscard]] Refusal closed() const;

  const ClientOptions& options_;
  boost::asio::ip::tcp::resolver resolver_;
  const std::unique_ptr<Stream> stream_;  // OpenSSL's headers stay out of this one
  boost::asio::steady_timer watchdog_;
  boost::beast::flat_buffer buffer_;
  std::deque<std::string> queue_;
  Signal queued_;
  std::optional<Refusal> reason_;
  Clock::time_point last_heard_ = Clock::now();
};

}  // namespace tidemark::client
