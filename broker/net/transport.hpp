// The bytes of one connection: what sessions send and receive by.
// broker/net/: the server makes one for every connection it accepts; it goes from session to
// session.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/system/error_code.hpp>

#include "broker/net/tls_session.hpp"
#include "broker/net/transfer.hpp"

namespace tidemark::broker {

/// With the executor spelled out: smaller and faster than the type-erased one.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// A socket, or TLS over one. Attempts never wait; waits are asynchronous, at most one outstanding
/// for each direction. Threads: the socket's executor's. Movable, also while wait() waits.
class Transport {
 public:
  using executor_type = Socket::executor_type;

  /// `tls`: speaks over the descriptor of `socket`; null: plain.
  explicit Transport(Socket socket, std::unique_ptr<TlsSession> tls = nullptr)
      : socket_(std::move(socket)), tls_(std::move(tls)) {}

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  /// nullptr if it is plain, or closed.
  [[nodiscard]] TlsSession* tls() const { return tls_.get(); }
  /// Goes on in the clear, for a peer that has not begun TLS.
  void drop_tls() { tls_.reset(); }

  /// Sends the first of the bytes, as many as are taken at once. After `blocked` the next attempt
  /// begins with the same bytes, and as many of them at least; they may lie elsewhere by then.
  Transfer send(std::string_view bytes) {
    if (tls_) return tls_->send(bytes);
    return Transfer::of(::send(socket_.native_handle(), bytes.data(), bytes.size(), kSendFlags));
  }
  /// The same of several pieces, as if they lay in a row.
  Transfer send(std::span<iovec> pieces) {
    if (tls_) return tls_->send(std::span<const iovec>(pieces));
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return Transfer::of(::sendmsg(socket_.native_handle(), &message, kSendFlags));
  }
  /// Must a send that was blocked be repeated, whatever else there is to send?
  [[nodiscard]] bool owes() const { return tls_ && tls_->owes(); }

  /// Takes what there is, up to the size of `into`. Pre: which is not 0.
  Transfer receive(std::span<char> into) {
    return tls_ ? tls_->receive(into) : receive(into, MSG_DONTWAIT);
  }
  /// As receive() of one byte, which is still there afterwards.
  Transfer peek() {
    std::array<char, 1> byte{};
    return tls_ ? tls_->peek() : receive(byte, MSG_DONTWAIT | MSG_PEEK);
  }

  /// Calls `handler(error)` when another attempt is worth while; with operation_aborted if the
  /// transport is closed meanwhile. Never from within the call.
  template <class Handler>
  void wait(Ready ready, Handler&& handler) {
    if (tls_) {
      if (ready == Ready::to_receive && tls_->holds_bytes()) {
        return post(std::forward<Handler>(handler), boost::system::error_code{});
      }
      ready = tls_->needed(ready);
    }
    socket_.async_wait(ready == Ready::to_send ? Socket::wait_write : Socket::wait_read,
                       std::forward<Handler>(handler));
  }
  /// Calls `handler(error, bytes)` when some have been read, or with the end. Never from within the
  /// call. The transport stays where it is until then, or is closed.
  template <class MutableBuffers, class Handler>
  void read_some(const MutableBuffers& into, Handler&& handler) {
    if (!tls_) return socket_.async_read_some(into, std::forward<Handler>(handler));
    SecureRead<std::decay_t<Handler>> read{*this, first_of(into), std::forward<Handler>(handler)};
    const Transfer got = read.attempt();
    if (got.blocked()) return wait(Ready::to_receive, std::move(read));
    post(std::move(read.handler), error_of(got), got.bytes);
  }

  /// Tells the peer that nothing more comes; receiving goes on. What can't be said at once is said
  /// when the peer has read; `keep` keeps the transport where it is until then, or it is closed.
  /// Pre: nothing that was blocked is still to be sent.
  boost::system::error_code end_sending(std::shared_ptr<void> keep);
  /// Whatever waits fails with operation_aborted.
  void close();
  /// What Beast closes a stream's lowest layer by.
  friend void beast_close_socket(Transport& transport) { transport.close(); }

  /// Unspecified (0.0.0.0) if the peer is gone.
  [[nodiscard]] boost::asio::ip::address peer_address() const;

 private:
  static constexpr int kSendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

  /// The wait of a read by TLS: the descriptor may have something and it be nothing for the reader.
  template <class Handler>
  struct SecureRead {
    using executor_type = boost::asio::associated_executor_t<Handler, Transport::executor_type>;
    using allocator_type = boost::asio::associated_allocator_t<Handler>;

    [[nodiscard]] executor_type get_executor() const {
      return boost::asio::get_associated_executor(handler, transport.get_executor());
    }
    [[nodiscard]] allocator_type get_allocator() const {
      return boost::asio::get_associated_allocator(handler);
    }
    [[nodiscard]] Transfer attempt() {
      if (into.size() == 0) return {};
      return transport.receive({static_cast<char*>(into.data()), into.size()});
    }
    void operator()(boost::system::error_code error) {
      // Closed, and perhaps gone.
      if (error) return std::move(handler)(error, std::size_t{0});
      const Transfer got = attempt();
      if (got.blocked()) return transport.wait(Ready::to_receive, std::move(*this));
      std::move(handler)(error_of(got), got.bytes);
    }

    Transport& transport;
    boost::asio::mutable_buffer into;
    Handler handler;
  };

  template <class Handler, class... Arguments>
  void post(Handler&& handler, Arguments... arguments) {
    boost::asio::post(get_executor(), boost::beast::bind_front_handler(
                                          std::forward<Handler>(handler), arguments...));
  }

  template <class MutableBuffers>
  static boost::asio::mutable_buffer first_of(const MutableBuffers& buffers) {
    auto buffer = boost::asio::buffer_sequence_begin(buffers);
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (; buffer != end; ++buffer) {
      const boost::asio::mutable_buffer bytes = *buffer;
      if (bytes.size() > 0) return bytes;
    }
    return {};
  }

  static boost::system::error_code error_of(const Transfer& got) {
    if (got.outcome == Transfer::Outcome::ended) return boost::asio::error::eof;
    return got.error_code();
  }

  Transfer receive(std::span<char> into, int flags) {
    auto got = Transfer::of(::recv(socket_.native_handle(), into.data(), into.size(), flags));
    if (got.moved() && got.bytes == 0) got.outcome = Transfer::Outcome::ended;
    return got;
  }

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;  ///< gone before its descriptor is
};

}  // namespace tidemark::broker
