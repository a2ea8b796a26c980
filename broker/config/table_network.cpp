// The table's part about connections: where to listen, who may come, how long things may take.
// broker/config/: see option_table.hpp.
#include <boost/asio/ip/address.hpp>

#include "broker/config/option_table.hpp"
#include "broker/limits/client_address.hpp"
#include "broker/origin.hpp"

namespace tidemark::broker::config {
namespace {

namespace ip = boost::asio::ip;

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kHour = 3'600 * kSecond;
constexpr std::uint64_t kDay = 24 * kHour;

std::string check_origin(const std::string& text) {
  return is_origin(text) ? "" : in_quotes(text) + " is not written scheme://host[:port]";
}

std::string check_proxy(const std::string& text) {
  if (TrustedProxies::make({text})) return {};
  return in_quotes(text) + " is neither an address nor a network such as 10.0.0.0/8";
}

Option listen_option() {
  auto option = text_option(
      "listen", "127.0.0.1:4437", [](Settings & s) -> auto& { return s.server.address; },
      "Where to listen: ADDRESS:PORT, [ADDRESS]:PORT; port 0: any free one. Addresses others can "
      "reach need access rules, or --insecure");
  option.kind = Kind::address;
  option.put = [](const Texts& texts, Settings& s) {
    ListenAddress address;
    auto fault = read_listen(texts.front(), address);
    s.server.address = address.address;
    s.server.port = address.port;
    return fault;
  };
  return option;
}

Option admin_option() {
  auto option = listen_option();
  option.key = "admin.listen";
  option.standard = {""};
  option.help =
      "Another address for operators, as listen: metrics, health and readiness without a token; "
      "loopback, or --insecure. Empty: none";
  option.put = [](const Texts& texts, Settings& s) {
    if (texts.front().empty()) return std::string();
    ListenAddress address;
    auto fault = read_listen(texts.front(), address);
    s.server.admin = AdminOptions{.address = address.address, .port = address.port};
    return fault;
  };
  return option;
}

std::vector<Option> timeouts() {
  return {
      live(time_option(
          "timeout.handshake", "10s", {100, kHour},
          +[](Settings & s) -> auto& { return s.server.limits.handshake_timeout; },
          "For TLS and the first request, for each part of one (head, body) or WebSocket message "
          "to arrive, large ones longer, and for a WebSocket's first if it needs a token")),
      live(time_option(
          "timeout.idle", "60s", {kSecond, kDay},
          +[](Settings & s) -> auto& { return s.server.limits.idle_timeout; },
          "A connection is pinged after half of this without a word and closed after all of it")),
      live(time_option(
          "timeout.stall", "30s", {kSecond, kDay},
          +[](Settings & s) -> auto& { return s.server.limits.stall_timeout; },
          "A client that takes nothing of what it is sent is closed; it resumes")),
      live(time_option(
          "timeout.drain", "8s", {0, kHour},
          +[](Settings & s) -> auto& { return s.server.limits.drain_timeout; },
          "A stop waits for connections to end, at most so long")),
      live(time_option(
          "timeout.reconnect-spread", "5s", {0, kHour},
          +[](Settings & s) -> auto& { return s.server.limits.reconnect_spread; },
          "Clients sent away by a stop come back after 0 to this, at random")),
  };
}

TlsOptions& tls_of(Settings& s) {
  if (!s.server.tls) s.server.tls.emplace();
  return *s.server.tls;
}

/// Naming no file asks for no TLS.
Option if_given(Option option) {
  option.put = [put = std::move(option.put)](const Texts& texts, Settings& s) {
    return texts.front().empty() ? std::string() : put(texts, s);
  };
  return option;
}

std::vector<Option> tls() {
  return {
      if_given(path_option(
          "tls.certificate", [](Settings & s) -> auto& { return tls_of(s).certificate; },
          "PEM file: the certificate, then those between it and its root. Read again on SIGHUP")),
      if_given(path_option(
          "tls.key", [](Settings & s) -> auto& { return tls_of(s).key; },
          "PEM file: the certificate's private key. Read again on SIGHUP")),
      choice_option(
          "tls.min-version", {"1.2", "1.3"},
          [](const std::string& version, Settings& s) {
            if (s.server.tls) s.server.tls->min_version = *parse_tls_version(version);
          },
          "The oldest version of TLS that is spoken"),
  };
}

std::vector<Option> live_reading() {
  return {
      live(flag_option(
          "shared-caching", [](Settings & s) -> auto& { return s.server.limits.shared_caching; },
          "Let caches that many clients share keep what was read over HTTP: topics are public")),
      live(time_option(
          "long-poll-timeout", "20s", {1, kHour},
          +[](Settings & s) -> auto& { return s.server.limits.long_poll_timeout; },
          "A long-poll without news is answered after this time")),
      live(time_option(
          "sse-lifetime", "60s", {0, kDay},
          +[](Settings & s) -> auto& { return s.server.limits.sse_lifetime; },
          "An event stream ends after about this time, and its client resumes; 0: never")),
  };
}

std::vector<Option> pages() {
  return {
      live(on(flag_option(
          "console", [](Settings & s) -> auto& { return s.server.pages.console; },
          "Serve the console, a web page for those who look after the broker, at /console/, "
          "unless --console=false"))),
      live(flag_option(
          "demo", [](Settings & s) -> auto& { return s.server.pages.demo; },
          "Serve the demo, a shared board in a web page, at /demo/")),
  };
}

}  // namespace

std::string read_listen(const std::string& text, ListenAddress& into) {
  const auto fault = in_quotes(text) + " is not ADDRESS:PORT, as in 127.0.0.1:4437";
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return fault;
  const auto port = parse_count(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65'535) return fault;
  auto address = text.substr(0, colon);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);
  boost::system::error_code error;
  const auto parsed = ip::make_address(address, error);
  // Without brackets the last group of a v6 address would be taken for the port.
  const bool good = error ? address == "localhost" && !bracketed : parsed.is_v6() == bracketed;
  if (!good) return fault;
  into = {.address = std::move(address), .port = static_cast<std::uint16_t>(*port)};
  return {};
}

std::vector<Option> network_options() {
  std::vector<Option> out{
      listen_option(),
      flag_option(
          "insecure", [](Settings & s) -> auto& { return s.insecure; },
          "Allow an address others can reach although there are no access rules"),
      number_option(
          Kind::count, "io-threads", "0", {0, 64},
          [](std::uint64_t n, Settings& s) { s.hub.io_threads = static_cast<unsigned>(n); },
          "Threads that serve connections; 0: half as many as there are processors"),
      live(checked(
          texts_option(
              "allow-origin", [](Settings & s) -> auto& { return s.server.allowed_origins; },
              "Web pages that may use the broker besides its own, scheme://host[:port]"),
          check_origin)),
      live(checked(
          texts_option(
              "trusted-proxies", [](Settings & s) -> auto& { return s.server.trusted_proxies; },
              "Addresses or networks of proxies whose X-Forwarded-For is believed"),
          check_proxy)),
  };
  for (auto part : {pages(), live_reading(), timeouts(), tls()}) {
    out.insert(out.end(), part.begin(), part.end());
  }
  out.push_back(admin_option());
  return out;
}

}  // namespace tidemark::broker::config
