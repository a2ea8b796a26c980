// Something in a broker's place that notes what credentials it is shown, and takes none of them.
// tests/tools/: for tests of what the command line tells of who it is.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace tidemark::test {

class TokenBroker {
 public:
  TokenBroker();
  ~TokenBroker();
  TokenBroker(const TokenBroker&) = delete;
  TokenBroker& operator=(const TokenBroker&) = delete;

  [[nodiscard]] std::string url() const;
  /// The Authorization fields of all requests so far; empty: none.
  [[nodiscard]] std::vector<std::string> shown() const;

 private:
  using tcp = boost::asio::ip::tcp;
  void accept();
  void answer(tcp::socket& socket);

  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  mutable std::mutex mutex_;
  std::vector<std::string> shown_;
  std::thread thread_;
};

}  // namespace tidemark::test
