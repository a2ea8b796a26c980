// What sort of place an address is in.
// broker/net/: requests the broker makes must not reach into the network it stands in.
#pragma once

#include <cstdint>

#include <boost/asio/ip/address.hpp>

namespace tidemark::broker {

enum class AddressKind : std::uint8_t {
  global,   ///< anywhere on the internet
  local,    ///< loopback, private, unique-local, link-local, shared by carriers
  nowhere,  ///< multicast, broadcast, unspecified, documentation, mapped and translated, reserved
};

/// By the registries of special-purpose addresses (RFC 6890 and what came after). An IPv6 address
/// that carries an IPv4 one is nowhere: it would be a second name for what is refused as a first.
[[nodiscard]] AddressKind kind_of_address(const boost::asio::ip::address& address);

}  // namespace tidemark::broker
