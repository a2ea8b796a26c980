// Base64 by two tables.
// protocol/: see base64.hpp.
#include "protocol/base64.hpp"

#include <array>
#include <cstdint>

namespace tidemark {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

char digit(std::uint32_t bits, int shift) { return kDigits[(bits >> shift) & 63U]; }

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

// Four digits as 24 bits; above 24 bits if one of them is none.
std::uint32_t quad(std::string_view text) {
  std::uint32_t bits = 0;
  std::uint32_t bad = 0;
  for (const char c : text) {
    const std::uint32_t value = kValues[static_cast<unsigned char>(c)];
    bad |= value & 0x80U;
    bits = (bits << 6) | (value & 63U);
  }
  return bits | (bad << 24);
}

void append_bytes(std::string& out, std::uint32_t bits, int count) {
  for (int shift = 16; count > 0; shift -= 8, --count) {
    out.push_back(static_cast<char>((bits >> shift) & 0xffU));
  }
}

}  // namespace

char* write_base64(std::string_view bytes, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const auto bits = byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    *out++ = digit(bits, 18);
    *out++ = digit(bits, 12);
    *out++ = digit(bits, 6);
    *out++ = digit(bits, 0);
  }
  const std::size_t left = bytes.size() - i;
  if (left == 0) return out;
  const auto bits = byte_at(bytes, i) << 16 | (left == 2 ? byte_at(bytes, i + 1) << 8 : 0U);
  *out++ = digit(bits, 18);
  *out++ = digit(bits, 12);
  *out++ = left == 2 ? digit(bits, 6) : '=';
  *out++ = '=';
  return out;
}

std::optional<std::string> read_base64(std::string_view text) {
  std::string out;
  if (text.empty()) return out;
  if (text.size() % 4 != 0) return std::nullopt;
  const int padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.reserve(text.size() / 4 * 3);
  const auto whole = text.substr(0, padding == 0 ? text.size() : text.size() - 4);
  for (std::size_t i = 0; i < whole.size(); i += 4) {
    const auto bits = quad(whole.substr(i, 4));
    if (bits >> 24 != 0) return std::nullopt;
    append_bytes(out, bits, 3);
  }
  if (padding == 0) return out;
  std::string last(text.substr(text.size() - 4, static_cast<std::size_t>(4 - padding)));
  last.append(static_cast<std::size_t>(padding), 'A');
  const auto bits = quad(last);
  // Bits beyond the last byte must be zero, or two texts would mean the same bytes.
  if (bits >> 24 != 0 || (bits & ((1U << (8 * padding)) - 1)) != 0) return std::nullopt;
  append_bytes(out, bits, 3 - padding);
  return out;
}

}  // namespace tidemark
