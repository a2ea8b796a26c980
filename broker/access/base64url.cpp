// Written as plain base64 with two other digits.
// broker/access/: see base64url.hpp.
#include "broker/access/base64url.hpp"

#include <algorithm>

#include "protocol/base64.hpp"

namespace tidemark::broker {

std::string to_base64url(std::string_view bytes) {
  std::string out(base64_size(bytes.size()), '\0');
  write_base64(bytes, out.data());
  out.resize(out.find_last_not_of('=') + 1);
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string plain(text);
  std::ranges::replace(plain, '-', '+');
  std::ranges::replace(plain, '_', '/');
  plain.append((4 - plain.size() % 4) % 4, '=');
  return read_base64(plain);  // which refuses three '='
}

}  // namespace tidemark::broker
