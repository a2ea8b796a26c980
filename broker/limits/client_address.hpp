// Where a client comes from: a peer's address, or what a trusted proxy says of it.
// broker/limits/: connections carry one, limits count by it, logs name it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

namespace tidemark::broker {

/// An IPv6 address; an IPv4 address is the IPv6 address that stands for it (::ffff:a.b.c.d).
class ClientAddress {
 public:
  using Bytes = std::array<unsigned char, 16>;

  /// `::`, which is nobody's.
  ClientAddress() = default;
  explicit ClientAddress(const boost::asio::ip::address& address);
  /// "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1". nullopt: none of these.
  static std::optional<ClientAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unknown() const { return *this == ClientAddress(); }
  /// What is counted as one: an IPv4 address, or the /64 a household has of IPv6.
  [[nodiscard]] ClientAddress network() const;
  /// Only the first `bits` of 128; the rest is 0.
  [[nodiscard]] ClientAddress prefix(unsigned bits) const;

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  /// As it is usually written; IPv4 with dots.
  [[nodiscard]] std::string str() const;
  auto operator<=>(const ClientAddress&) const = default;

 private:
  Bytes bytes_{};
};

/// The proxies that are believed when they say whom they speak for.
class TrustedProxies {
 public:
  /// None.
  TrustedProxies() = default;
  /// Addresses, or networks as in "10.0.0.0/8". nullopt: one is neither.
  static std::optional<TrustedProxies> make(const std::vector<std::string>& texts);

  [[nodiscard]] bool empty() const { return networks_.empty(); }
  [[nodiscard]] bool trusts(const ClientAddress& address) const;
  /// Who the client is that `peer` speaks for: the rightmost address of X-Forwarded-For that is no
  /// trusted proxy. The peer itself if it is none, or if it says nothing that can be read: what is
  /// further left anybody may have written.
  [[nodiscard]] ClientAddress client_of(const ClientAddress& peer,
                                        std::string_view forwarded_for) const;

 private:
  struct Network {
    ClientAddress first;
    unsigned bits = 128;
  };
  std::vector<Network> networks_;
};

}  // namespace tidemark::broker

template <>
struct std::hash<tidemark::broker::ClientAddress> {
  std::size_t operator()(const tidemark::broker::ClientAddress& address) const noexcept {
    const auto& bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // NOLINT: bytes as they are
  }
};
