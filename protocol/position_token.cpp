// A position as one word.
// protocol/: see position_token.hpp.
#include "protocol/position_token.hpp"

#include <optional>

namespace tidemark {
namespace {

constexpr std::size_t kDigits = 16;  // 2^53 - 1, the largest, has as many
constexpr char kJoint = '_';
static_assert(kTokenChars == 2 * kDigits + 1);

char* write_padded(std::uint64_t value, char* out) {
  for (std::size_t i = kDigits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + kDigits;
}

std::optional<std::uint64_t> read_padded(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > kMaxInteger) return std::nullopt;
  return value;
}

}  // namespace

char* write_token(Position position, char* out) {
  TIDEMARK_ENSURE(position.epoch.value <= kMaxInteger && position.offset.value <= kMaxInteger,
                  "epochs and offsets have 53 bits");
  out = write_padded(position.epoch.value, out);
  *out++ = kJoint;
  return write_padded(position.offset.value, out);
}

std::string to_token(Position position) {
  std::string token(kTokenChars, '\0');
  write_token(position, token.data());
  return token;
}

Result<Position> parse_token(std::string_view token) {
  if (token.size() != kTokenChars || token[kDigits] != kJoint) return Errc::malformed_message;
  const auto epoch = read_padded(token.substr(0, kDigits));
  const auto offset = read_padded(token.substr(kDigits + 1));
  if (!epoch || !offset) return Errc::malformed_message;
  if (*epoch == 0 && *offset != 0) return Errc::malformed_message;
  return Position{.epoch = {*epoch}, .offset = {*offset}};
}

}  // namespace tidemark
