// The network: listener, connections, graceful stop.
// broker/: see server.hpp.
#include "broker/server.hpp"

#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "broker/connection.hpp"
#include "broker/http_reply.hpp"
#include "broker/http_session.hpp"
#include "broker/net/transport.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using tcp = asio::ip::tcp;

namespace {

// Without descriptors accept fails at once, again and again; others may be closed meanwhile.
constexpr milliseconds kAcceptBackoff{50};
// After drain_timeout sockets are closed; what is left are handlers that have to run.
constexpr milliseconds kAbortTime{5'000};

asio::ip::address parse_address(const std::string& text) {
  if (text == "localhost") return asio::ip::address_v4::loopback();
  error_code error;
  auto address = asio::ip::make_address(text, error);
  if (error) throw std::invalid_argument("\"" + text + "\" is not an IP address");
  return address;
}

OriginPolicy make_policy(const ServerOptions& options) {
  auto policy = OriginPolicy::make(options.allowed_origins, is_loopback(options.address));
  if (!policy) {
    throw std::invalid_argument("an allowed origin must be written as scheme://host[:port]");
  }
  return std::move(*policy);
}

bool out_of_descriptors(const error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

/// Says 503 to a connection there is no room for. The answer fits the socket's buffer, and what the
/// client has sent is read, so that closing does not destroy it.
void turn_away(Transport transport) {
  const HttpReply reply = failed(Errc::too_many_connections);
  std::string answer;
  append_head(reply, {.close = true}, answer);
  answer += reply.body;
  std::array<char, 4096> dropped;  // NOLINT: filled by receive
  static_cast<void>(transport.send(answer));
  static_cast<void>(transport.end_sending());
  static_cast<void>(transport.receive(dropped));
}

}  // namespace

bool is_loopback(const std::string& address) { return parse_address(address).is_loopback(); }

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(Hub& hub, const ServerOptions& options)
      : network_(std::make_shared<Network>(hub, options.limits, make_policy(options))),
        acceptor_(hub.shard(0).io().get_executor()),
        retry_(hub.shard(0).io().get_executor()) {
    listen(tcp::endpoint(parse_address(options.address), options.port));
  }

  void start() {
    network_->post_to_groups([network = network_](ConnectionGroup& g) { g.start(network); });
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
  }

  void stop_accepting() {
    network_->stopping = true;
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
      error_code ignored;
      self->acceptor_.close(ignored);
      self->retry_.cancel();
    });
  }

  /// Every connection is told to finish; then, after drain_timeout, closed.
  void stop(bool gracefully) {
    if (stopped_.exchange(true)) return;
    stop_accepting();
    if (gracefully) {
      network_->post_to_groups([](ConnectionGroup& g) { g.drain(); });
      network_->wait_until_empty(network_->limits.drain_timeout);
    }
    network_->post_to_groups([](ConnectionGroup& g) { g.abort(); });
    network_->wait_until_empty(kAbortTime);
    network_->post_to_groups([](ConnectionGroup& g) { g.stop(); });
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const Network& network() const { return *network_; }

 private:
  using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
  using Timer = asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>,
                                           asio::io_context::executor_type>;

  void listen(const tcp::endpoint& endpoint) {
    error_code error;
    const auto check = [&] {
      if (!error) return;
      const auto address = endpoint.address().to_string();
      throw std::system_error(
          error, "cannot listen on " +
                     (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
                     std::to_string(endpoint.port()));
    };
    acceptor_.open(endpoint.protocol(), error);
    check();
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    check();
    acceptor_.bind(endpoint, error);
    check();
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    check();
    port_ = acceptor_.local_endpoint(error).port();
    check();
  }

  // Every connection goes to the next shard in turn and stays there.
  void accept() {
    if (!acceptor_.is_open()) return;
    auto& groups = network_->groups;
    ConnectionGroup& group = *groups.at(turn_++ % groups.size());
    acceptor_.async_accept(group.shard().io(),
                           [self = shared_from_this(), &group](error_code error, Socket socket) {
                             self->accepted(group, error, std::move(socket));
                           });
  }

  void accepted(ConnectionGroup& group, error_code error, Socket socket) {
    if (!acceptor_.is_open()) return;
    if (error && out_of_descriptors(error)) return accept_later();
    if (!error) admit(group, std::move(socket));
    accept();
  }

  void accept_later() {
    retry_.expires_after(kAcceptBackoff);
    retry_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->accept();
    });
  }

  void admit(ConnectionGroup& group, Socket socket) {
    auto slot = network_->take_slot();
    if (!slot) {
      ++network_->refused;
      return turn_away(Transport(std::move(socket)));
    }
    ++network_->accepted;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    asio::post(group.shard().io(), [&group, slot = std::move(slot),
                                    transport = Transport(std::move(socket))]() mutable {
      // The group's last visit may have been before; nobody would close it.
      if (slot.network().stopping) return;
      const auto session =
          std::make_shared<HttpSession>(group, std::move(slot), std::move(transport));
      group.add(*session);
      session->start();
    });
  }

  const std::shared_ptr<Network> network_;
  Acceptor acceptor_;
  Timer retry_;
  std::uint16_t port_ = 0;
  std::size_t turn_ = 0;
  std::atomic<bool> stopped_{false};
};

Server::Server(Hub& hub, ServerOptions options) : impl_(std::make_shared<Impl>(hub, options)) {
  impl_->start();
}

Server::~Server() { impl_->stop(false); }

std::uint16_t Server::port() const { return impl_->port(); }

ServerStats Server::stats() const {
  const auto& network = impl_->network();
  return {network.connections, network.websockets, network.accepted, network.refused};
}

void Server::stop() { impl_->stop(true); }

}  // namespace tidemark::broker
