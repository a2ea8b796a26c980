// An application's end of a state hook: a small HTTP server that answers as a test wants.
// tests/: real sockets on a port of its own.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace tidemark::broker {

/// Threads: one for each connection, of which each is good for one request.
class HookServer {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  /// Given the head of a request; answers all the bytes to be sent. nullopt: none, ever.
  using Answer = std::function<std::optional<std::string>(const std::string& head)>;

  explicit HookServer(Answer answer)
      : answer_(std::move(answer)),
        acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
        port_(acceptor_.local_endpoint().port()),
        thread_([this] { serve(); }) {}
  ~HookServer() {
    stopping_ = true;
    {
      boost::system::error_code ignored;
      Socket wake(io_);
      wake.connect({boost::asio::ip::make_address("127.0.0.1"), port_}, ignored);
    }
    thread_.join();
    {
      const std::lock_guard lock(mutex_);
      boost::system::error_code ignored;
      for (auto& socket : sockets_) socket.shutdown(Socket::shutdown_both, ignored);
    }
    for (auto& thread : connections_) thread.join();
  }
  HookServer(const HookServer&) = delete;
  HookServer& operator=(const HookServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/state/{topic}") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Heads of all requests so far.
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] int connections() const { return accepted_; }
  /// Most that were being answered at one time.
  [[nodiscard]] int most_at_once() const { return most_; }

 private:
  void serve() {
    while (true) {
      boost::system::error_code error;
      Socket socket(io_);
      acceptor_.accept(socket, error);
      if (stopping_ || error) return;
      ++accepted_;
      const std::lock_guard lock(mutex_);
      auto& kept = sockets_.emplace_back(std::move(socket));
      connections_.emplace_back([this, &kept] { answer(kept); });
    }
  }

  void answer(Socket& socket) {
    boost::system::error_code error;
    boost::asio::streambuf buffer;
    const auto bytes = boost::asio::read_until(socket, buffer, "\r\n\r\n", error);
    if (error) return;
    const std::string head(static_cast<const char*>(buffer.data().data()), bytes);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(head);
    }
    const int now = ++at_once_;
    for (int most = most_; now > most && !most_.compare_exchange_weak(most, now);) {
    }
    const auto bytes_to_send = answer_(head);
    --at_once_;
    if (bytes_to_send) {
      boost::asio::write(socket, boost::asio::buffer(*bytes_to_send), error);
      socket.shutdown(Socket::shutdown_send, error);
    } else {
      char byte = 0;  // until the other side, or the server, has had enough
      socket.read_some(boost::asio::buffer(&byte, 1), error);
    }
  }

  const Answer answer_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> accepted_ = 0, at_once_ = 0, most_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::list<Socket> sockets_;
  std::list<std::thread> connections_;
  std::thread thread_;
};

/// An answer of a hook; `headers` end with line ends each.
inline std::string hook_answer(const std::string& body, const std::string& headers = {},
                               const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nConnection: close\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace tidemark::broker
