// Where requests of the broker's own may lead, for libcurl.
// broker/net/: see outbound_door.hpp.
#include "broker/net/outbound_door.hpp"

#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "broker/net/address_kind.hpp"

namespace tidemark::broker {
namespace {

using boost::asio::ip::address;

std::optional<address> address_of(const curl_sockaddr& from) {
  if (from.family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from.addr, sizeof v4);
    return boost::asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (from.family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from.addr, sizeof v6);
  boost::asio::ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), v6.sin6_addr.s6_addr, bytes.size());
  return boost::asio::ip::address_v6(bytes);
}

bool may_connect(const OutboundDoor& door, AddressKind kind) {
  switch (kind) {
    case AddressKind::global:
      return !door.plain;
    case AddressKind::local:
      return door.private_addresses;
    case AddressKind::nowhere:
      break;
  }
  return false;
}

/// False, and why, if it may not be connected to.
bool passes(OutboundDoor& door, const std::optional<address>& where) {
  if (where && may_connect(door, kind_of_address(*where))) return true;
  door.refusal =
      (where ? where->to_string() : "its address") +
      (door.plain && door.private_addresses ? " is not local, and may not be asked without TLS"
                                            : " is no address " + door.purpose + " may lead to");
  return false;
}

// Called with the very address the socket will be connected to: a name that resolves to another
// address the next time it is asked for gains nothing.
curl_socket_t open_socket(void* to, curlsocktype, curl_sockaddr* where) {
  if (!passes(*static_cast<OutboundDoor*>(to), address_of(*where))) return CURL_SOCKET_BAD;
  return ::socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

// A connection that is used again was opened for another transfer, which may have been allowed
// more.
int before_request(void* to, char* remote, char* /*local*/, int /*port*/, int /*local_port*/) {
  boost::system::error_code error;
  const auto where = boost::asio::ip::make_address(remote == nullptr ? "" : remote, error);
  const auto judged = error ? std::optional<address>() : std::optional(where);
  return passes(*static_cast<OutboundDoor*>(to), judged) ? CURL_PREREQFUNC_OK
                                                         : CURL_PREREQFUNC_ABORT;
}

}  // namespace

bool curl_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

Curl new_curl() { return Curl(curl_ready() ? curl_easy_init() : nullptr); }

bool is_plain(std::string_view url) {
  constexpr std::string_view scheme = "https:";
  if (url.size() < scheme.size()) return true;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = url[i] >= 'A' && url[i] <= 'Z' ? static_cast<char>(url[i] - 'A' + 'a') : url[i];
    if (c != scheme[i]) return true;
  }
  return false;
}

void set_door(const Curl& curl, OutboundDoor& door) {
  set(curl, CURLOPT_PROTOCOLS_STR, door.private_addresses ? "https,http" : "https");
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set(curl, CURLOPT_PROXY, "");  // else the environment's, which would be connected to instead
  set(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_USERAGENT, "tidemark");
  set(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(curl, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&door));
  set(curl, CURLOPT_PREREQFUNCTION, &before_request);
  set(curl, CURLOPT_PREREQDATA, static_cast<void*>(&door));
}

}  // namespace tidemark::broker
