// An address at which connections come in.
// broker/net/: see listener.hpp.
#include "broker/net/listener.hpp"

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

#include "broker/http_reply.hpp"
#include "broker/http_session.hpp"
#include "broker/log/log.hpp"
#include "broker/net/tls_handshake.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

// Without descriptors accept fails at once, again and again; others may be closed meanwhile.
constexpr std::chrono::milliseconds kAcceptBackoff{50};

bool out_of_descriptors(const error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

std::string text_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(endpoint.port());
}

/// A peer that is gone without a word takes nothing of what it is sent. The kernel would go on
/// sending it again for a quarter of an hour; with this it is found out as soon as one that answers
/// no ping.
void give_up_on_silence(Socket& socket, const ServerLimits& limits) {
  const auto longest = std::max(limits.idle_timeout, limits.stall_timeout);
  const auto ms = static_cast<unsigned>(longest.count());
  // It is a means against waste: without it the connection is as good.
  static_cast<void>(
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms));
}

/// What a client has no room for stays here, where it is shared, rather than in the kernel: its own
/// buffer for a connection grows to 4 MiB, and a thousand clients that read nothing held a GiB.
/// Nothing is taken from those that are fast: what is on its way to them does not count.
void keep_unsent_here(Socket& socket, const ServerLimits& limits) {
  const auto bytes = static_cast<unsigned>(limits.bytes_in_flight);
  static_cast<void>(
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes));
}

/// On its shard's thread: what a connection is at first.
void begin(ConnectionGroup& group, ConnectionSlot slot, Socket socket, const TlsContext* tls) {
  // The group's last visit may have been before; nobody would close it.
  if (slot.network().stopping) return;
  const auto run = [&group](const auto& session) {
    group.add(*session);
    session->start();
  };
  if (tls == nullptr) {
    return run(std::make_shared<HttpSession>(group, std::move(slot), Transport(std::move(socket))));
  }
  auto secure = tls->open(socket.native_handle());
  if (!secure) return;
  run(std::make_shared<TlsHandshake>(group, std::move(slot),
                                     Transport(std::move(socket), std::move(secure))));
}

}  // namespace

Listener::Listener(std::shared_ptr<Network> network, ListenerOptions options)
    : network_(std::move(network)),
      options_(std::move(options)),
      acceptor_(network_->hub.shard(0).io().get_executor()),
      retry_(acceptor_.get_executor()) {
  listen();
}

void Listener::listen() {
  const auto& endpoint = options_.endpoint;
  error_code error;
  const auto check = [&] {
    if (error) throw std::system_error(error, "cannot listen on " + text_of(endpoint));
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

void Listener::start() {
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
}

void Listener::stop() {
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->retry_.cancel();
  });
}

void Listener::accept() {
  if (!acceptor_.is_open()) return;
  auto& groups = network_->groups;
  ConnectionGroup& group = *groups.at(turn_++ % groups.size());
  acceptor_.async_accept(group.shard().io(),
                         [self = shared_from_this(), &group](error_code error, Socket socket) {
                           self->accepted(group, error, std::move(socket));
                         });
}

void Listener::accepted(ConnectionGroup& group, error_code error, Socket socket) {
  if (!acceptor_.is_open()) return;
  if (error && out_of_descriptors(error)) return accept_later();
  if (!error) admit(group, std::move(socket));
  accept();
}

void Listener::accept_later() {
  retry_.expires_after(kAcceptBackoff);
  retry_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->accept();
  });
}

void Listener::admit(ConnectionGroup& group, Socket socket) {
  error_code ignored;
  const ClientAddress peer(socket.remote_endpoint(ignored).address());
  // This is the first shard's thread.
  auto taken = network_->take_slot({.peer = peer, .operators = options_.operators},
                                   network_->groups.front()->rules());
  if (const auto* const why = std::get_if<Errc>(&taken)) {
    log::event(log::Level::warn, "connection_refused",
               {{"client", peer.str()}, {"why", info(*why).name}});
    return turn_away(std::move(socket), *why);
  }
  socket.set_option(tcp::no_delay(true), ignored);
  const auto& limits = network_->groups.front()->limits();
  give_up_on_silence(socket, limits);
  keep_unsent_here(socket, limits);
  asio::post(group.shard().io(), [&group, slot = std::get<ConnectionSlot>(std::move(taken)),
                                  socket = std::move(socket), tls = options_.tls]() mutable {
    begin(group, std::move(slot), std::move(socket), tls.get());
  });
}

/// Says why to a connection there is no room for. The answer fits the socket's buffer, and what the
/// client has sent is read, so that closing does not destroy it. By TLS nothing is said: that would
/// cost more than to serve it.
void Listener::turn_away(Socket socket, Errc why) const {
  if (options_.tls) return;
  const HttpReply reply = failed(why);
  std::string answer;
  append_head(reply, {.close = true}, answer);
  answer += reply.body;
  Transport transport(std::move(socket));
  std::array<char, 4096> dropped;  // NOLINT: filled by receive
  static_cast<void>(transport.send(answer));
  static_cast<void>(transport.end_sending(nullptr));
  static_cast<void>(transport.receive(dropped));
}

}  // namespace tidemark::broker
