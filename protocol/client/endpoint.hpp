// Where a broker is, read from a URL.
// protocol/client/: used by the client and by tools that speak HTTP to the same broker.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::client {

struct Endpoint {
  std::string host;
  std::string port;
  bool tls = false;
  /// "host:port", with brackets around an IPv6 address: the Host header.
  [[nodiscard]] std::string authority() const;
};

/// Reads "http://host:port", "ws://host", "host:port" or "host", and with TLS "https://host:port"
/// or "wss://host"; the default port is 4437, a path of "/" is passed over. Nothing if it is none
/// of these.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view url);

}  // namespace tidemark::client
