// The network: listener, connections, graceful stop.
// broker/: see server.hpp.
#include "broker/server.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "broker/connection.hpp"
#include "broker/net/listener.hpp"
#include "broker/net/tls_context.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using tcp = asio::ip::tcp;

namespace {

// After drain_timeout sockets are closed; what is left are handlers that have to run.
constexpr milliseconds kAbortTime{5'000};

asio::ip::address parse_address(const std::string& text) {
  if (text == "localhost") return asio::ip::address_v4::loopback();
  error_code error;
  auto address = asio::ip::make_address(text, error);
  if (error) throw std::invalid_argument("\"" + text + "\" is not an IP address");
  return address;
}

tcp::endpoint endpoint(const std::string& address, std::uint16_t port) {
  return {parse_address(address), port};
}

}  // namespace

bool is_loopback(const std::string& address) { return parse_address(address).is_loopback(); }

class Server::Impl {
 public:
  Impl(Hub& hub, const ServerOptions& options)
      : options_(options),
        network_(std::make_shared<Network>(hub, NetworkRules::make(options), options)),
        drain_timeout_(options.limits.drain_timeout),
        tls_(options.tls ? std::make_shared<TlsContext>(*options.tls) : nullptr),
        everyone_(std::make_shared<Listener>(
            network_, ListenerOptions{endpoint(options.address, options.port), tls_})) {
    if (!options.admin) return;
    const auto& admin = *options.admin;
    operators_ = std::make_shared<Listener>(
        network_, ListenerOptions{endpoint(admin.address, admin.port), nullptr, true});
  }

  void start() {
    network_->post_to_groups([network = network_](ConnectionGroup& g) { g.start(network); });
    everyone_->start();
    if (operators_) operators_->start();
  }

  /// Every connection is told to finish; then, after drain_timeout, closed.
  void stop(bool gracefully) {
    if (stopped_.exchange(true)) return;
    network_->stopping = true;
    everyone_->stop();
    if (operators_) operators_->stop();
    if (gracefully) {
      network_->post_to_groups([](ConnectionGroup& g) { g.drain(); });
      network_->wait_until_empty(drain_timeout_);
    }
    network_->post_to_groups([](ConnectionGroup& g) { g.abort(); });
    network_->wait_until_empty(kAbortTime);
    network_->backups.stop();  // one that is being made needs the store, which stops next
    network_->post_to_groups([](ConnectionGroup& g) { g.stop(); });
  }

  void apply(ServerOptions options) {
    // Which origins are ours depends on where we listen.
    options.address = options_.address;
    options.admin = options_.admin;
    const auto rules = NetworkRules::make(options);
    drain_timeout_ = options.limits.drain_timeout;
    network_->connection_limit = rules.limits.connections;
    network_->post_to_groups([rules](ConnectionGroup& g) { g.adopt(rules); });
  }

  [[nodiscard]] std::uint16_t port() const { return everyone_->port(); }
  [[nodiscard]] std::uint16_t admin_port() const { return operators_ ? operators_->port() : 0; }
  [[nodiscard]] TlsContext* tls() const { return tls_.get(); }
  [[nodiscard]] const Network& network() const { return *network_; }

 private:
  const ServerOptions options_;  ///< as it was made
  // Shared with connections and handlers that may outlive the server for a moment.
  const std::shared_ptr<Network> network_;
  std::atomic<milliseconds> drain_timeout_;
  const std::shared_ptr<TlsContext> tls_;
  const std::shared_ptr<Listener> everyone_;
  std::shared_ptr<Listener> operators_;
  std::atomic<bool> stopped_{false};
};

Server::Server(Hub& hub, ServerOptions options) : impl_(std::make_shared<Impl>(hub, options)) {
  impl_->start();
}

void Server::apply(const ServerOptions& options) { impl_->apply(options); }

Server::~Server() { impl_->stop(false); }

std::uint16_t Server::port() const { return impl_->port(); }

std::uint16_t Server::admin_port() const { return impl_->admin_port(); }

std::optional<std::string> Server::reload_tls() {
  return impl_->tls() != nullptr ? impl_->tls()->reload() : std::nullopt;
}

std::optional<std::chrono::system_clock::time_point> Server::certificate_expires() const {
  if (impl_->tls() == nullptr) return std::nullopt;
  return impl_->tls()->expires();
}

ServerStats Server::stats() const {
  const auto& network = impl_->network();
  return {.connections = network.connections,
          .websockets = network.websockets,
          .accepted = network.accepted,
          .refused = network.refused,
          .handshakes_failed = network.handshakes_failed};
}

void Server::stop() { impl_->stop(true); }

}  // namespace tidemark::broker
