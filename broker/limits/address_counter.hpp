// How many connections there are from each address.
// broker/limits/: one per server; every connection that counts holds a place in it.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "broker/limits/client_address.hpp"

namespace tidemark::broker {

/// By ClientAddress::network(). Memory: an entry for each that has a connection, so never more than
/// there are connections. Threads: any; its lock is innermost.
class AddressCounter {
 public:
  /// False if there are `most` from there already; 0: no limit.
  [[nodiscard]] bool enter(const ClientAddress& address, std::size_t most);
  /// Pre: it has entered.
  void leave(const ClientAddress& address);

  /// Addresses there are connections from.
  [[nodiscard]] std::size_t addresses() const;
  [[nodiscard]] std::size_t count(const ClientAddress& address) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<ClientAddress, std::size_t> counts_;
};

}  // namespace tidemark::broker
