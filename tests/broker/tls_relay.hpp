// Lets a client that knows nothing of TLS talk to a server that speaks nothing else.
// tests/: so that every raw client of the broker's tests can be used over TLS as well.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace tidemark::broker {

/// Listens in the clear, forwards by TLS; holds back little, so that a slow reader stays one.
class TlsRelay {
 public:
  using tcp = boost::asio::ip::tcp;

  /// How a connection to the server has begun and ended.
  struct Seen {
    std::string subject;  ///< of the server's certificate
    std::string protocol;
    bool ended_properly = false;  ///< with close_notify
  };

  TlsRelay(std::uint16_t to, const std::filesystem::path& authority)
      : to_(boost::asio::ip::address_v4::loopback(), to),
        context_(boost::asio::ssl::context::tls_client),
        acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
    context_.load_verify_file(authority.string());
    context_.set_verify_mode(boost::asio::ssl::verify_peer);
    boost::asio::co_spawn(io_, accept(), boost::asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~TlsRelay() {
    io_.stop();
    thread_.join();
  }
  TlsRelay(const TlsRelay&) = delete;
  TlsRelay& operator=(const TlsRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// Waits until so many connections have ended; returns the last of them.
  Seen wait_for_end(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    const auto enough = [&] { return seen_.size() >= count; };
    if (!ended_.wait_for(lock, std::chrono::seconds(60), enough)) {
      throw std::runtime_error("no end");
    }
    return seen_[count - 1];
  }

 private:
  static constexpr auto kNoThrow = boost::asio::as_tuple(boost::asio::use_awaitable);
  using Error = boost::system::error_code;
  struct Pair {
    Pair(tcp::socket socket, boost::asio::io_context& io, boost::asio::ssl::context& context)
        : plain(std::move(socket)), secure(io, context) {}
    tcp::socket plain;
    boost::asio::ssl::stream<tcp::socket> secure;
    Seen seen;
  };
  using PairPtr = std::shared_ptr<Pair>;

  boost::asio::awaitable<void> accept() {
    for (;;) {
      auto accepted = co_await acceptor_.async_accept(kNoThrow);
      auto& [error, socket] = accepted;
      if (error) co_return;
      auto pair = std::make_shared<Pair>(std::move(socket), io_, context_);
      boost::asio::co_spawn(io_, serve(pair), boost::asio::detached);
    }
  }

  boost::asio::awaitable<void> serve(PairPtr pair) {
    auto& lowest = pair->secure.lowest_layer();
    lowest.open(tcp::v4());
    lowest.set_option(boost::asio::socket_base::receive_buffer_size(4096));
    pair->plain.set_option(boost::asio::socket_base::send_buffer_size(4096));
    pair->plain.set_option(tcp::no_delay(true));
    auto connected = co_await lowest.async_connect(to_, kNoThrow);
    Error error = std::get<0>(connected);
    if (!error) {
      auto shaken =
          co_await pair->secure.async_handshake(boost::asio::ssl::stream_base::client, kNoThrow);
      error = std::get<0>(shaken);
    }
    if (!error) {
      lowest.set_option(tcp::no_delay(true));
      note_session(*pair);
      boost::asio::co_spawn(io_, forth(pair), boost::asio::detached);
      error = co_await back(pair);
    }
    pair->seen.ended_properly = error == boost::asio::error::eof;
    Error ignored;
    pair->plain.shutdown(tcp::socket::shutdown_send, ignored);
    const std::lock_guard lock(mutex_);
    seen_.push_back(pair->seen);
    ended_.notify_all();
  }

  static void note_session(Pair& pair) {
    auto* const session = pair.secure.native_handle();
    pair.seen.protocol = SSL_get_version(session);
    X509* const certificate = SSL_get0_peer_certificate(session);
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    pair.seen.subject = name.data();
  }

  /// From the client to the server, and how the client goes: with a farewell, or without.
  static boost::asio::awaitable<void> forth(PairPtr pair) {
    std::array<char, 4096> bytes{};
    Error error;
    while (!error) {
      auto got = co_await pair->plain.async_read_some(boost::asio::buffer(bytes), kNoThrow);
      error = std::get<0>(got);
      if (error) break;
      auto sent = co_await boost::asio::async_write(
          pair->secure, boost::asio::buffer(bytes.data(), std::get<1>(got)), kNoThrow);
      error = std::get<0>(sent);
    }
    auto& lowest = pair->secure.lowest_layer();
    Error ignored;
    if (error == boost::asio::error::eof) {
      lowest.shutdown(tcp::socket::shutdown_send, ignored);
    } else {
      lowest.set_option(boost::asio::socket_base::linger(true, 0), ignored);
      lowest.close(ignored);
    }
  }

  static boost::asio::awaitable<Error> back(PairPtr pair) {
    std::array<char, 4096> bytes{};
    for (;;) {
      auto got = co_await pair->secure.async_read_some(boost::asio::buffer(bytes), kNoThrow);
      if (std::get<0>(got)) co_return std::get<0>(got);
      auto sent = co_await boost::asio::async_write(
          pair->plain, boost::asio::buffer(bytes.data(), std::get<1>(got)), kNoThrow);
      if (std::get<0>(sent)) co_return std::get<0>(sent);
    }
  }

  const tcp::endpoint to_;
  boost::asio::io_context io_{1};
  boost::asio::ssl::context context_;
  tcp::acceptor acceptor_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<Seen> seen_;
  std::thread thread_;
};

}  // namespace tidemark::broker
