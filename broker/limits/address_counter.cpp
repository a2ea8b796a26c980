// How many connections there are from each address: see address_counter.hpp.
// broker/limits/: an address is forgotten with its last connection.
#include "broker/limits/address_counter.hpp"

#include "protocol/result.hpp"

namespace tidemark::broker {

bool AddressCounter::enter(const ClientAddress& address, std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto entry = counts_.try_emplace(address.network(), 0).first;
  if (most > 0 && entry->second >= most) return false;  // there is one, so the entry stays
  ++entry->second;
  return true;
}

void AddressCounter::leave(const ClientAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto entry = counts_.find(address.network());
  TIDEMARK_ENSURE(entry != counts_.end(), "whoever leaves has entered");
  if (--entry->second == 0) counts_.erase(entry);
}

std::size_t AddressCounter::addresses() const {
  const std::lock_guard lock(mutex_);
  return counts_.size();
}

std::size_t AddressCounter::count(const ClientAddress& address) const {
  const std::lock_guard lock(mutex_);
  const auto entry = counts_.find(address.network());
  return entry == counts_.end() ? 0 : entry->second;
}

}  // namespace tidemark::broker
