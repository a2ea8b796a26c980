// Characters by their numbers.
// broker/access/: see printable.hpp.
#include "broker/access/printable.hpp"

#include <array>
#include <cstdint>

#include "protocol/types.hpp"

namespace tidemark::broker {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Control characters; soft hyphen; marks that join, hide or reverse; line and paragraph separators;
// invisible operators and tags.
constexpr std::array kHidden{Range{0x00, 0x1f},     Range{0x7f, 0x9f},      Range{0xad, 0xad},
                             Range{0x61c, 0x61c},   Range{0x180e, 0x180e},  Range{0x200b, 0x200f},
                             Range{0x2028, 0x202e}, Range{0x2060, 0x206f},  Range{0xfeff, 0xfeff},
                             Range{0xfff9, 0xfffb}, Range{0xe0000, 0xe0fff}};

/// The character at the front of valid UTF-8; takes it off.
std::uint32_t next_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  std::uint32_t out = length == 1 ? lead : lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    out = out << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  text.remove_prefix(length);
  return out;
}

}  // namespace

bool is_printable(std::string_view text) {
  if (!valid_utf8(text)) return false;
  while (!text.empty()) {
    const auto character = next_character(text);
    for (const auto& range : kHidden) {
      if (character >= range.first && character <= range.last) return false;
    }
  }
  return true;
}

std::string shown(std::string_view text, std::size_t most) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out + (text.size() > most ? "…\"" : "\"");
}

}  // namespace tidemark::broker
