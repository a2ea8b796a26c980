// Whose certificates a client believes.
// protocol/client/: read once, used by every connection.
#pragma once

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace tidemark::client {

struct TrustOptions {
  /// PEM: certificates of who vouches for brokers. Empty: those the system trusts.
  std::string ca_file;
  /// False: anybody is believed to be the broker, and reads and changes what is sent, tokens too.
  /// Only for a network in which nobody else is.
  bool verify_peer = true;
};

class Trust {
 public:
  /// Throws std::invalid_argument, which names the file, if there is no certificate in it.
  explicit Trust(const TrustOptions& options);
  ~Trust();
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;

  [[nodiscard]] boost::asio::ssl::context& context() { return *context_; }
  [[nodiscard]] bool verify_peer() const { return verify_peer_; }

 private:
  std::unique_ptr<boost::asio::ssl::context> context_;
  const bool verify_peer_;
};

}  // namespace tidemark::client
