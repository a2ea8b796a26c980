// URLs of brokers.
// protocol/client/: see endpoint.hpp.
#include "protocol/client/endpoint.hpp"

#include <algorithm>

#include "protocol/types.hpp"

namespace tidemark::client {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return false;
  const int port = std::stoi(std::string(text));
  return port > 0 && port < 65536;
}

bool is_host(std::string_view text) {
  constexpr std::string_view kNever = "/?#@[]: \t\r\n\"<>\\^`{|}%";
  return !text.empty() && text.size() <= 255 &&
         text.find_first_of(kNever) == std::string_view::npos;
}

bool is_ipv6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace

std::string Endpoint::authority() const {
  if (host.find(':') != std::string::npos) return "[" + host + "]:" + port;
  return host + ":" + port;
}

std::optional<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint out{.host = {}, .port = std::to_string(kDefaultPort)};
  for (const std::string_view scheme : {"http://", "ws://", "https://", "wss://"}) {
    if (!url.starts_with(scheme)) continue;
    url.remove_prefix(scheme.size());
    out.tls = scheme == "https://" || scheme == "wss://";
    break;
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.starts_with('[')) {
    const auto close = url.find(']');
    if (close == std::string_view::npos || !is_ipv6(url.substr(1, close - 1))) return std::nullopt;
    out.host = std::string(url.substr(1, close - 1));
    url.remove_prefix(close + 1);
  } else {
    const auto end = std::min(url.find(':'), url.size());
    if (!is_host(url.substr(0, end))) return std::nullopt;
    out.host = std::string(url.substr(0, end));
    url.remove_prefix(end);
  }
  if (url.empty()) return out;
  if (url.front() != ':' || !is_port(url.substr(1))) return std::nullopt;
  out.port = std::string(url.substr(1));
  return out;
}

}  // namespace tidemark::client
