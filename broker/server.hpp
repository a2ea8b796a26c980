// The network: listener, connections, graceful stop.
// broker/: tidemarkd runs one; tests run many.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/access/access.hpp"
#include "broker/hub.hpp"
#include "broker/limits/publish_limiter.hpp"
#include "broker/net/tls_options.hpp"

namespace tidemark::broker {

/// Every limit of the network side. Units in the names, or bytes and counts.
struct ServerLimits {
  std::size_t connections = 100'000;
  /// From one IPv4 address or one /64 of IPv6; 0: no limit. Loopback and trusted proxies do not
  /// count, but those do whom a trusted proxy speaks for.
  std::size_t connections_per_address = 1'000;
  std::size_t subscriptions_per_connection = 1'000;
  std::size_t message_bytes = std::size_t{4} << 20;  ///< one WebSocket message or HTTP body
  std::size_t http_header_bytes = std::size_t{16} << 10;
  std::size_t events_per_publish = 1'024;
  std::size_t events_per_append = 65'536;            ///< messages in the array of one HTTP append
  std::size_t publishes_in_flight = 1'024;           ///< per connection; then reading pauses
  std::size_t reply_bytes = std::size_t{256} << 10;  ///< unsent answers; then reading pauses
  std::size_t bytes_in_flight = std::size_t{64} << 10;  ///< one write of events
  /// A thread's, of messages and bodies that are not whole yet. Beyond it only small ones are
  /// taken, so that many who send large ones slowly, or never to their end, do not fill the memory.
  std::size_t arriving_bytes = std::size_t{64} << 20;
  std::size_t small_message_bytes = std::size_t{64} << 10;  ///< always taken
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};     ///< ping after half of it, close after all
  std::chrono::milliseconds stall_timeout{30'000};    ///< a client that takes nothing is closed
  std::chrono::milliseconds close_timeout{3'000};     ///< for the peer's close frame and teardown
  std::size_t catch_up_bytes = std::size_t{1} << 20;  ///< one HTTP answer of events; one at least
  std::size_t answers_in_flight = std::size_t{64}
                                  << 20;                ///< a thread's; beyond it answers are short
  std::chrono::milliseconds long_poll_timeout{20'000};  ///< a poll without news is answered then
  std::chrono::milliseconds sse_lifetime{60'000};       ///< then clients reconnect; 0: no end
  PublishRates publish_rates;
  std::chrono::milliseconds census_interval{5'000};  ///< between counts of cursors, for metrics
  std::size_t hidden_per_page = 100'000;  ///< topics a listing goes past that its reader can't see
  bool shared_caching = false;            ///< caches that many clients share may keep what was read
  std::chrono::milliseconds drain_timeout{8'000};     ///< graceful stop, in all
  std::chrono::milliseconds reconnect_spread{5'000};  ///< Goodbye: 0 to this, at random
};

/// An address for operators alone: what comes in there is Connection::operators(). Plain, so it is
/// a loopback address, or one that only they can reach.
struct AdminOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
};

/// Which of the web pages in the binary are served; see page_routes.
struct PageRules {
  bool console = true;  ///< at /console/
  bool demo = false;    ///< at /demo/
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = kDefaultPort;         ///< 0: any free one
  std::optional<TlsOptions> tls;             ///< at this address; none: plain
  std::optional<AdminOptions> admin;         ///< none: no such address
  std::vector<std::string> allowed_origins;  ///< exact "scheme://host[:port]"; same origin always
  /// Addresses and networks ("10.0.0.0/8") whose X-Forwarded-For is believed.
  std::vector<std::string> trusted_proxies;
  PageRules pages;
  /// A WebSocket at /v1/echo that sends everything back, to anybody: for conformance suites only.
  bool test_echo = false;
  ServerLimits limits;
  std::shared_ptr<Access> access;    ///< shared with who configures it; nullptr: all is allowed
  std::function<Timestamp()> clock;  ///< as AccessSources::now; empty: the time of day
  /// Where backups are made and looked for; made with the first. Empty: there are none.
  std::filesystem::path backups;
};

/// What a server is doing; for /healthz, metrics and tests.
struct ServerStats {
  std::size_t connections = 0;
  std::size_t websockets = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;            ///< at the door, whatever the limit
  std::uint64_t handshakes_failed = 0;  ///< of TLS
};

/// Threads: any.
class Server {
 public:
  /// Listens, then accepts on the hub's threads. Throws std::system_error if it can't listen (the
  /// message names address and port), std::runtime_error if certificate or key can't be used (it
  /// names the file).
  Server(Hub& hub, ServerOptions options);
  /// Stops at once what stop() has not stopped.
  ~Server();

  [[nodiscard]] std::uint16_t port() const;
  /// 0 if there is none.
  [[nodiscard]] std::uint16_t admin_port() const;
  [[nodiscard]] ServerStats stats() const;

  /// Reads certificate and key again, for connections made from now on; see TlsContext::reload().
  /// Why they can't be used, if so; then, and without TLS, nothing changes.
  [[nodiscard]] std::optional<std::string> reload_tls();
  /// When the certificate ceases to be valid; none without TLS.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> certificate_expires() const;

  /// Limits, origins, trusted proxies and pages as `options` has them, from now on; the rest of it
  /// does not change. Who is connected stays, and is judged by the new ones from then on. Throws
  /// std::invalid_argument, as the constructor does, and then nothing has changed.
  void apply(const ServerOptions& options);

  /// Graceful: stops accepting, finishes what was accepted, tells clients when to come back, closes
  /// them, waits for all up to drain_timeout. Then the caller stops the hub and the store.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// True if the address is loopback (127.0.0.0/8 or ::1).
[[nodiscard]] bool is_loopback(const std::string& address);

}  // namespace tidemark::broker
