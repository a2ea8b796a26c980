// An address at which connections come in.
// broker/net/: a server has one for everyone, and one for operators if that is wanted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "broker/connection.hpp"
#include "broker/net/tls_context.hpp"
#include "broker/net/transport.hpp"

namespace tidemark::broker {

struct ListenerOptions {
  boost::asio::ip::tcp::endpoint endpoint;  ///< port 0: any free one
  std::shared_ptr<const TlsContext> tls;    ///< null: plain; shared with whoever reloads it
  bool operators = false;                   ///< what its connections say of themselves
};

/// Hands every connection to the next of the network's groups in turn, where it stays.
/// Threads: any; its work is done on the first shard's.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  /// Throws std::system_error if it can't listen (the message names address and port).
  Listener(std::shared_ptr<Network> network, ListenerOptions options);

  void start();
  /// Accepts no more.
  void stop();
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                      boost::asio::io_context::executor_type>;
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;

  void listen();
  void accept();
  void accepted(ConnectionGroup& group, boost::system::error_code error, Socket socket);
  void accept_later();
  void admit(ConnectionGroup& group, Socket socket);
  void turn_away(Socket socket, Errc why) const;

  const std::shared_ptr<Network> network_;  // shared: connections may outlive the server a moment
  const ListenerOptions options_;
  Acceptor acceptor_;
  Timer retry_;
  std::uint16_t port_ = 0;
  std::size_t turn_ = 0;
};

}  // namespace tidemark::broker
