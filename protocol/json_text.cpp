// JSON strings, escaped as little as the grammar allows.
// protocol/: see json_text.hpp.
#include "protocol/json_text.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "protocol/eight_bytes.hpp"

namespace tidemark {
namespace {

// Bytes one character takes within a JSON string.
constexpr auto kWidth = [] {
  std::array<std::uint8_t, 256> width{};
  width.fill(1);
  for (std::size_t c = 0; c < 0x20; ++c) width.at(c) = 6;
  for (const char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) {
    width[static_cast<unsigned char>(c)] = 2;
  }
  return width;
}();

std::uint8_t width_of(char c) { return kWidth[static_cast<unsigned char>(c)]; }

// How many bytes from the start need no escape. Many at a time, because a scan byte by byte costs
// more than all the rest of a frame.
std::size_t clean_run(std::string_view text) {
  std::size_t i = 0;
#ifdef __SSE2__
  for (; i + 16 <= text.size(); i += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const auto control = _mm_set1_epi8(0x1F);
    const auto found = _mm_or_si128(
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes),  // at most 0x1F, without a sign
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  for (; i + 8 <= text.size(); i += 8) {
    const auto eight = eight_bytes::load(text.data() + i);
    const auto found = eight_bytes::below(eight, 0x20) | eight_bytes::equal(eight, '"') |
                       eight_bytes::equal(eight, '\\');
    if (found != 0) return i + eight_bytes::first(found);
  }
  while (i < text.size() && width_of(text[i]) == 1) ++i;
  return i;
}

char short_escape(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return c;
  }
}

char* write_escaped(char c, char* out) {
  *out++ = '\\';
  if (width_of(c) == 2) {
    *out++ = short_escape(c);
    return out;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out = write_bytes("u00", out);
  *out++ = kHex[static_cast<unsigned char>(c) >> 4];
  *out++ = kHex[static_cast<unsigned char>(c) & 15U];
  return out;
}

}  // namespace

std::size_t digits(std::uint64_t value) {
  std::size_t count = 1;
  for (; value >= 10000; value /= 10000) count += 4;
  return count + (value >= 10 ? 1U : 0U) + (value >= 100 ? 1U : 0U) + (value >= 1000 ? 1U : 0U);
}

char* write_number(std::uint64_t value, char* out) {
  return std::to_chars(out, out + kMaxDigits, value).ptr;
}

char* write_bytes(std::string_view text, char* out) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::size_t json_string_size(std::string_view text) {
  std::size_t size = text.size() + 2;
  for (;;) {
    text.remove_prefix(clean_run(text));
    if (text.empty()) return size;
    size += width_of(text.front()) - 1U;
    text.remove_prefix(1);
  }
}

char* write_json_string(std::string_view text, char* out) {
  *out++ = '"';
  for (;;) {
    const std::size_t clean = clean_run(text);
    out = write_bytes(text.substr(0, clean), out);
    text.remove_prefix(clean);
    if (text.empty()) break;
    out = write_escaped(text.front(), out);
    text.remove_prefix(1);
  }
  *out++ = '"';
  return out;
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, kMaxDigits> text;
  out.append(text.data(), write_number(value, text.data()));
}

// In one pass: measuring the text first and then writing it takes twice as long.
void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (;;) {
    const std::size_t clean = clean_run(text);
    out.append(text.substr(0, clean));
    text.remove_prefix(clean);
    if (text.empty()) break;
    std::array<char, 6> escaped;
    const char* const end = write_escaped(text.front(), escaped.data());
    out.append(escaped.data(), static_cast<std::size_t>(end - escaped.data()));
    text.remove_prefix(1);
  }
  out += '"';
}

}  // namespace tidemark
