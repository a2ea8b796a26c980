// Prefixes, the first that fits counts.
// broker/net/: see address_kind.hpp.
#include "broker/net/address_kind.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace tidemark::broker {
namespace {

using Kind = AddressKind;

struct Prefix4 {
  std::array<unsigned char, 4> bytes;
  std::size_t bits;
  Kind kind;
};
constexpr std::array kPrefixes4{
    Prefix4{{10, 0, 0, 0}, 8, Kind::local},       Prefix4{{100, 64, 0, 0}, 10, Kind::local},
    Prefix4{{127, 0, 0, 0}, 8, Kind::local},      Prefix4{{169, 254, 0, 0}, 16, Kind::local},
    Prefix4{{172, 16, 0, 0}, 12, Kind::local},    Prefix4{{192, 168, 0, 0}, 16, Kind::local},
    Prefix4{{0, 0, 0, 0}, 8, Kind::nowhere},      Prefix4{{192, 0, 0, 0}, 24, Kind::nowhere},
    Prefix4{{192, 0, 2, 0}, 24, Kind::nowhere},   Prefix4{{192, 88, 99, 0}, 24, Kind::nowhere},
    Prefix4{{198, 18, 0, 0}, 15, Kind::nowhere},  Prefix4{{198, 51, 100, 0}, 24, Kind::nowhere},
    Prefix4{{203, 0, 113, 0}, 24, Kind::nowhere}, Prefix4{{224, 0, 0, 0}, 3, Kind::nowhere},
};

struct Prefix6 {
  std::array<unsigned char, 16> bytes;
  std::size_t bits;
  Kind kind;
};
constexpr std::array kPrefixes6{
    Prefix6{{0xfc}, 7, Kind::local},
    Prefix6{{0xfe, 0x80}, 10, Kind::local},
    Prefix6{{0x20, 0x01, 0x0d, 0xb8}, 32, Kind::nowhere},
    Prefix6{{0x20, 0x01, 0x00}, 23, Kind::nowhere},  // protocols, Teredo among them
    Prefix6{{0x20, 0x02}, 16, Kind::nowhere},        // 6to4: an IPv4 address in it
    Prefix6{{0x3f, 0xff}, 20, Kind::nowhere},        // documentation
    Prefix6{{0x20}, 3, Kind::global},
};

bool fits(std::span<const unsigned char> address, std::span<const unsigned char> prefix,
          std::size_t bits) {
  for (std::size_t i = 0; bits > 0; ++i) {
    const std::size_t here = std::min<std::size_t>(bits, 8);
    const auto mask = static_cast<unsigned char>(0xff00U >> here);
    if ((address[i] & mask) != (prefix[i] & mask)) return false;
    bits -= here;
  }
  return true;
}

template <class Prefixes, class Bytes>
Kind kind_by(const Prefixes& prefixes, const Bytes& bytes, Kind otherwise) {
  const auto found = std::ranges::find_if(
      prefixes, [&](const auto& prefix) { return fits(bytes, prefix.bytes, prefix.bits); });
  return found == prefixes.end() ? otherwise : found->kind;
}

}  // namespace

AddressKind kind_of_address(const boost::asio::ip::address& address) {
  if (address.is_v4()) return kind_by(kPrefixes4, address.to_v4().to_bytes(), Kind::global);
  if (address.to_v6().is_loopback()) return Kind::local;
  return kind_by(kPrefixes6, address.to_v6().to_bytes(), Kind::nowhere);
}

}  // namespace tidemark::broker
