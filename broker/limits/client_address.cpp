// Where a client comes from: see client_address.hpp.
// broker/limits/: reads what proxies write, and believes no more of it than was vouched for.
#include "broker/limits/client_address.hpp"

#include <algorithm>
#include <charconv>

namespace tidemark::broker {

namespace ip = boost::asio::ip;

namespace {

constexpr std::size_t kV4At = 12;  // where an IPv4 address lies in the IPv6 address for it

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Without a port, which some proxies add: "192.0.2.1:5678", "[2001:db8::1]:5678".
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == std::string_view::npos ? text : text.substr(1, end - 1);
  }
  const auto colon = text.find(':');
  const bool only_one = colon != std::string_view::npos && text.rfind(':') == colon;
  return only_one ? text.substr(0, colon) : text;
}

}  // namespace

ClientAddress::ClientAddress(const ip::address& address) {
  if (address.is_v6()) {
    bytes_ = address.to_v6().to_bytes();
  } else {
    bytes_ = ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
  }
}

std::optional<ClientAddress> ClientAddress::parse(std::string_view text) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  return ClientAddress(address);
}

bool ClientAddress::is_v4() const { return ip::address_v6(bytes_).is_v4_mapped(); }

bool ClientAddress::is_loopback() const {
  return is_v4() ? bytes_[kV4At] == 127 : ip::address_v6(bytes_).is_loopback();
}

ClientAddress ClientAddress::network() const { return is_v4() ? *this : prefix(64); }

ClientAddress ClientAddress::prefix(unsigned bits) const {
  ClientAddress out = *this;
  for (std::size_t i = 0; i < out.bytes_.size(); ++i) {
    const auto before = static_cast<unsigned>(i) * 8;
    const unsigned kept = bits <= before ? 0 : std::min(bits - before, 8U);
    out.bytes_.at(i) &= static_cast<unsigned char>(0xff00U >> kept);
  }
  return out;
}

std::string ClientAddress::str() const {
  const ip::address_v6 address(bytes_);
  if (!is_v4()) return address.to_string();
  return ip::make_address_v4(ip::v4_mapped, address).to_string();
}

// ---- TrustedProxies ----

std::optional<TrustedProxies> TrustedProxies::make(const std::vector<std::string>& texts) {
  TrustedProxies out;
  for (const std::string_view text : texts) {
    const auto slash = text.find('/');
    const auto address = ClientAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned width = address->is_v4() ? 32 : 128;
    unsigned bits = width;
    if (slash != std::string_view::npos) {
      const auto* const end = text.data() + text.size();
      const auto read = std::from_chars(text.data() + slash + 1, end, bits);
      if (read.ec != std::errc() || read.ptr != end || bits > width) return std::nullopt;
    }
    bits += 128 - width;
    out.networks_.push_back({.first = address->prefix(bits), .bits = bits});
  }
  return out;
}

bool TrustedProxies::trusts(const ClientAddress& address) const {
  return std::ranges::any_of(networks_, [&](const Network& network) {
    return address.prefix(network.bits) == network.first;
  });
}

ClientAddress TrustedProxies::client_of(const ClientAddress& peer,
                                        std::string_view forwarded_for) const {
  ClientAddress known = peer;
  while (!forwarded_for.empty() && trusts(known)) {
    const auto comma = forwarded_for.rfind(',');
    const bool last = comma == std::string_view::npos;
    const auto said = trimmed(last ? forwarded_for : forwarded_for.substr(comma + 1));
    forwarded_for = last ? std::string_view() : forwarded_for.substr(0, comma);
    const auto address = ClientAddress::parse(without_port(said));
    if (!address) break;
    known = *address;
  }
  return known;
}

}  // namespace tidemark::broker
