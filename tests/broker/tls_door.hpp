// Puts TLS between a test's server and its plain clients, if the environment asks for that.
// tests/: so that the tests of HTTP, event streams and WebSocket run over TLS as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/server.hpp"

namespace tidemark::broker {

/// Does nothing unless TIDEMARK_TEST_TLS is set.
class TlsDoor {
 public:
  TlsDoor();
  ~TlsDoor();

  /// What the server is to be made with; what speaks TLS already stays as it is.
  [[nodiscard]] ServerOptions fit(ServerOptions options) const;
  /// Where clients find the server that listens at `port`.
  [[nodiscard]] std::uint16_t port(std::uint16_t port) const;
  /// Of URLs that lead to the server, as it sees itself.
  [[nodiscard]] std::string scheme() const { return inside_ ? "https" : "http"; }

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace tidemark::broker
