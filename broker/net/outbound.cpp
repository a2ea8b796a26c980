// By libcurl.
// broker/net/: see outbound.hpp.
#include "broker/net/outbound.hpp"

#include <cstring>
#include <curl/curl.h>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <unistd.h>

#include "broker/net/address_kind.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {
namespace {

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, FreeCurl>;

/// What curl's callbacks see of a transfer.
struct Transfer {
  const FetchRequest& request;
  const OutboundLimits& limits;
  bool plain = false;  // http
  std::string body;
  std::string refusal;  // why we broke it off; curl's own words say less
};

std::optional<boost::asio::ip::address> address_of(const curl_sockaddr& from) {
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

bool may_connect(const Transfer& transfer, AddressKind kind) {
  switch (kind) {
    case AddressKind::global:
      return !transfer.plain;
    case AddressKind::local:
      return transfer.request.private_addresses;
    case AddressKind::nowhere:
      break;
  }
  return false;
}

// Called with the very address the socket will be connected to: a name that resolves to another
// address the next time it is asked for gains nothing.
curl_socket_t open_socket(void* to, curlsocktype, curl_sockaddr* where) {
  auto& transfer = *static_cast<Transfer*>(to);
  const auto address = address_of(*where);
  if (!address || !may_connect(transfer, kind_of_address(*address))) {
    transfer.refusal = (address ? address->to_string() : "its address") +
                       (transfer.plain && transfer.request.private_addresses
                            ? " is not local, and may not be asked without TLS"
                            : " is no address a key set's URL may lead to");
    return CURL_SOCKET_BAD;
  }
  return ::socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t bytes = size * count;
  if (transfer.body.size() + bytes > transfer.limits.answer_bytes) {
    transfer.refusal = "the answer is too large";
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.body.append(data, bytes);
  return bytes;
}

int progress(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(to);
  if (!transfer.request.stop.stop_requested()) return 0;
  transfer.refusal = "nobody waits for it any more";
  return 1;
}

template <class Value>
void set(const Curl& curl, CURLoption option, Value value) {
  const auto done = curl_easy_setopt(curl.get(), option, value);
  TIDEMARK_ENSURE(done == CURLE_OK, "an option this libcurl has");
}

void set_bounds(const Curl& curl, Transfer& transfer) {
  set(curl, CURLOPT_URL, transfer.request.url.c_str());
  set(curl, CURLOPT_PROTOCOLS_STR, transfer.request.private_addresses ? "https,http" : "https");
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set(curl, CURLOPT_PROXY, "");  // else the environment's, which would be connected to instead
  set(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_USERAGENT, "tidemark");
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(transfer.limits.connect.count()));
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.limits.whole.count()));
  set(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(curl, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_WRITEFUNCTION, &take_body);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &progress);
  set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
}

FetchFailure failure(const Transfer& transfer, CURLcode code) {
  if (!transfer.refusal.empty()) return {transfer.refusal};
  return {curl_easy_strerror(code)};
}

bool is_plain(std::string_view url) {
  constexpr std::string_view scheme = "https:";
  if (url.size() < scheme.size()) return true;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = url[i] >= 'A' && url[i] <= 'Z' ? static_cast<char>(url[i] - 'A' + 'a') : url[i];
    if (c != scheme[i]) return true;
  }
  return false;
}

}  // namespace

Fetched fetch_document(const FetchRequest& request, const OutboundLimits& limits) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  const Curl curl(ready ? curl_easy_init() : nullptr);
  if (curl == nullptr) return FetchFailure{"libcurl could not begin"};
  Transfer transfer{.request = request,
                    .limits = limits,
                    .plain = is_plain(request.url),
                    .body = {},
                    .refusal = {}};
  set_bounds(curl, transfer);
  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return failure(transfer, code);
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return FetchFailure{"the answer is " + std::to_string(status)};
  return std::move(transfer.body);
}

Fetched fetch_document(const FetchRequest& request) { return fetch_document(request, {}); }

}  // namespace tidemark::broker
