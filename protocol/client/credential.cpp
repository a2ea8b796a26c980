// What a client shows to say who it is.
// protocol/client/: see credential.hpp.
#include "protocol/client/credential.hpp"

#include <algorithm>

namespace tidemark::client {

std::string current(const Credential& credential) {
  if (const auto* const fixed = std::get_if<std::string>(&credential)) return *fixed;
  const auto* const source = std::get_if<std::function<std::string()>>(&credential);
  if (source == nullptr || !*source) return {};
  try {
    return (*source)();
  } catch (...) {  // the application's; the broker then says what is missing
    return {};
  }
}

bool can_be_shown(const std::string& credential) {
  return std::ranges::all_of(credential, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace tidemark::client
