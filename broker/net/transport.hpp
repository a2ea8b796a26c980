// The bytes of one connection: what sessions send and receive by.
// broker/net/: the server makes one for every connection it accepts; it goes from session to
// session.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace tidemark::broker {

/// With the executor spelled out: smaller and faster than the type-erased one.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// What one attempt to send or receive has come to.
struct Transfer {
  enum class Outcome : std::uint8_t {
    moved,    ///< some bytes, at least one
    blocked,  ///< none now; wait()
    ended,    ///< none ever again: the peer sends no more
    failed,   ///< none ever again, and `error` says why
  };
  std::size_t bytes = 0;
  int error = 0;  ///< as errno
  Outcome outcome = Outcome::moved;

  [[nodiscard]] bool moved() const { return outcome == Outcome::moved; }
  [[nodiscard]] bool blocked() const { return outcome == Outcome::blocked; }
  [[nodiscard]] boost::system::error_code error_code() const {
    return {error, boost::system::system_category()};
  }
};

/// Attempts never wait; waits are asynchronous. One wait for each direction at most is outstanding.
/// Threads: the socket's executor's. Movable, also while something waits.
class Transport {
 public:
  using executor_type = Socket::executor_type;
  enum class Ready : std::uint8_t { to_send, to_receive };

  explicit Transport(Socket socket) : socket_(std::move(socket)) {}

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }

  /// Sends the first of the bytes, as many as are taken at once. After `blocked` the next attempt
  /// begins with the same bytes, and as many of them at least; they may lie elsewhere by then.
  Transfer send(std::string_view bytes) {
    return result(::send(socket_.native_handle(), bytes.data(), bytes.size(), kSendFlags));
  }
  /// The same of several pieces, as if they lay in a row.
  Transfer send(std::span<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return result(::sendmsg(socket_.native_handle(), &message, kSendFlags));
  }
  /// Takes what there is, up to the size of `into`. Pre: which is not 0.
  Transfer receive(std::span<char> into) { return receive(into, MSG_DONTWAIT); }
  /// As receive() of one byte, which is still there afterwards.
  Transfer peek() {
    std::array<char, 1> byte{};
    return receive(byte, MSG_DONTWAIT | MSG_PEEK);
  }

  /// Calls `handler(error)` when another attempt is worth while; with operation_aborted if the
  /// transport is closed meanwhile. Never from within the call.
  template <class Handler>
  void wait(Ready ready, Handler&& handler) {
    socket_.async_wait(ready == Ready::to_send ? Socket::wait_write : Socket::wait_read,
                       std::forward<Handler>(handler));
  }
  /// Calls `handler(error, bytes)` when there are some, or the end. Never from within the call.
  template <class MutableBuffers, class Handler>
  void read_some(const MutableBuffers& into, Handler&& handler) {
    socket_.async_read_some(into, std::forward<Handler>(handler));
  }

  /// Tells the peer that nothing more comes; receiving goes on.
  boost::system::error_code end_sending() {
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    return error;
  }
  /// Whatever waits fails with operation_aborted.
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  /// What Beast closes a stream's lowest layer by.
  friend void beast_close_socket(Transport& transport) { transport.close(); }

  /// Unspecified (0.0.0.0) if the peer is gone.
  [[nodiscard]] boost::asio::ip::address peer_address() const {
    boost::system::error_code ignored;
    return socket_.remote_endpoint(ignored).address();
  }

 private:
  static constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

  /// Of ::send and its like.
  static Transfer result(ssize_t count) {
    if (count >= 0) return {.bytes = static_cast<std::size_t>(count)};
    const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return {.error = errno,
            .outcome = again ? Transfer::Outcome::blocked : Transfer::Outcome::failed};
  }
  Transfer receive(std::span<char> into, int flags) {
    Transfer got = result(::recv(socket_.native_handle(), into.data(), into.size(), flags));
    if (got.moved() && got.bytes == 0) got.outcome = Transfer::Outcome::ended;
    return got;
  }

  Socket socket_;
};

}  // namespace tidemark::broker
