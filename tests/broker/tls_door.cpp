// Puts TLS between a test's server and its plain clients, if the environment asks for that.
// tests/: see tls_door.hpp.
#include "tests/broker/tls_door.hpp"

#include <cstdlib>
#include <optional>

#include "tests/broker/tls_relay.hpp"
#include "tests/support/certificates.hpp"

namespace tidemark::broker {

struct TlsDoor::Inside {
  Certificates certificates;
  Certificates::Pair pair = certificates.make("broker");
  std::optional<TlsRelay> relay;
};

TlsDoor::TlsDoor() {
  if (std::getenv("TIDEMARK_TEST_TLS") != nullptr) inside_ = std::make_unique<Inside>();
}

TlsDoor::~TlsDoor() = default;

ServerOptions TlsDoor::fit(ServerOptions options) const {
  if (inside_ && !options.tls) {
    options.tls = TlsOptions{inside_->pair.certificate, inside_->pair.key};
  }
  return options;
}

std::uint16_t TlsDoor::port(std::uint16_t port) const {
  if (!inside_) return port;
  if (!inside_->relay) inside_->relay.emplace(port, inside_->certificates.authority());
  return inside_->relay->port();
}

}  // namespace tidemark::broker
