// The bytes of a line: see log_format.hpp.
// broker/log/: one way of quoting for both forms, so that there is one to get right.
#include "broker/log/log_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "protocol/types.hpp"

namespace tidemark::broker::log {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kCut = "\xE2\x80\xA6";          // …

/// Bytes of the UTF-8 character that `text` begins with; 0 if it begins with none.
std::size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return text.size() >= bytes && valid_utf8(text.substr(0, bytes)) ? bytes : 0;
}

std::uint32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  std::uint32_t out = first & (0x7FU >> character.size());
  for (const char c : character.substr(1)) {
    out = out << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return out;
}

bool deceives(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void append_escaped(std::uint32_t c, std::string& out) {
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else {
    std::array<char, 8> hex{};
    std::snprintf(hex.data(), hex.size(), "\\u%04x", static_cast<unsigned>(c));
    out += hex.data();
  }
}

/// Takes one character, or one byte that is none, off `text`.
void append_character(std::string_view& text, std::string& out) {
  const std::size_t bytes = character_bytes(text);
  const auto character = text.substr(0, std::max<std::size_t>(bytes, 1));
  text.remove_prefix(character.size());
  if (bytes == 0) {
    out += kReplacement;
  } else if (const auto c = code_point(character); deceives(c)) {
    append_escaped(c, out);
  } else {
    if (c == '"' || c == '\\') out += '\\';
    out += character;
  }
}

bool may_stand_bare(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTextBytes && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < '\x7F' && c != '"' && c != '\\' && c != '=';
  });
}

/// Names are the programmer's; whatever else got into one must not end it.
void append_name(std::string_view name, std::string& out) {
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    out += good ? c : '_';
  }
}

template <class Int>
void append_number(Int number, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_milliseconds(std::chrono::microseconds time, std::string& out) {
  std::array<char, 40> text{};
  const long long us = time.count();
  std::snprintf(text.data(), text.size(), "%s%lld.%03lld", us < 0 ? "-" : "", std::abs(us / 1000),
                std::abs(us % 1000));
  out += text.data();
}

void append_text(Format format, std::string_view text, std::string& out) {
  if (format != Format::json && may_stand_bare(text)) {
    out += text;
  } else {
    append_quoted(text, out);
  }
}

void append_value(Format format, const Field::Value& value, std::string& out) {
  std::visit(
      [&](const auto& v) {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::string_view>) {
          append_text(format, v, out);
        } else if constexpr (std::is_same_v<V, bool>) {
          out += v ? "true" : "false";
        } else if constexpr (std::is_same_v<V, std::chrono::microseconds>) {
          append_milliseconds(v, out);
        } else {
          append_number(v, out);
        }
      },
      value);
}

void append_field(Format format, const Field& field, std::string& out) {
  const bool json = format == Format::json;
  out += json ? ",\"" : " ";
  append_name(field.name(), out);
  if (std::holds_alternative<std::chrono::microseconds>(field.value())) out += "_ms";
  out += json ? "\":" : "=";
  append_value(format, field.value(), out);
}

std::string time_text(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const auto ms = floor<milliseconds>(time.time_since_epoch());
  const auto whole = floor<seconds>(ms);
  const std::time_t t = whole.count();
  std::tm parts{};
  ::gmtime_r(&t, &parts);
  std::array<char, 32> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                static_cast<int>((ms - whole).count()));
  return text.data();
}

}  // namespace

void append_quoted(std::string_view text, std::string& out) {
  // Cut at the beginning of a character; four bytes are the longest.
  std::size_t end = std::min(text.size(), kMaxTextBytes);
  const auto inside = [&] { return (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80; };
  if (end < text.size()) {
    for (int i = 0; i < 3 && inside(); ++i) --end;
  }
  const bool cut = end < text.size();
  text = text.substr(0, end);
  out += '"';
  while (!text.empty()) append_character(text, out);
  if (cut) out += kCut;
  out += '"';
}

std::string format_line(Format format, std::chrono::system_clock::time_point time, Level level,
                        std::string_view name, std::span<const Field> fields) {
  std::string out;
  const bool json = format == Format::json;
  out += json ? R"({"time":")" : "time=";
  out += time_text(time);
  out += json ? R"(","level":")" : " level=";
  out += name_of(level);
  out += json ? R"(","event":")" : " event=";
  append_name(name, out);
  if (json) out += '"';
  for (const auto& field : fields) append_field(format, field, out);
  if (json) out += '}';
  return out;
}

}  // namespace tidemark::broker::log
