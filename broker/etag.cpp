// Entity tags: which events of which topic an answer holds.
// broker/: see etag.hpp.
#include "broker/etag.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>

namespace tidemark::broker {
namespace {

void append(std::string& out, std::uint64_t value, int base) {
  std::array<char, 20> digits;  // NOLINT: filled by to_chars
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out.append(digits.data(), end);
}

void append(std::string& out, Position position) {
  out += '-';
  append(out, position.epoch.value, 10);
  out += '/';
  append(out, position.offset.value, 10);
}

void skip(std::string_view& text, std::string_view characters) {
  text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
}

/// Takes one tag off the front, without its `W/`. nullopt: there is none.
std::optional<std::string_view> take_tag(std::string_view& text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (!text.starts_with('"')) return std::nullopt;
  const auto end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const auto tag = text.substr(0, end + 1);
  text.remove_prefix(end + 1);
  return tag;
}

}  // namespace

std::string make_etag(const BodyTag& tag) {
  std::string out(1, '"');
  append(out, tag.topic.value, 16);
  append(out, tag.from);
  append(out, tag.to);
  if (tag.closed) out += 'c';
  if (tag.gzip) out += ";gzip";
  out += '"';
  return out;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  skip(if_none_match, " \t");
  if (if_none_match.starts_with('*')) {
    if_none_match.remove_prefix(1);
    skip(if_none_match, " \t");
    return if_none_match.empty();
  }
  while (true) {
    skip(if_none_match, ", \t");  // empty elements are passed over (RFC 9110, 5.6.1.2)
    const auto tag = take_tag(if_none_match);
    if (!tag) return false;
    skip(if_none_match, " \t");
    if (!if_none_match.empty() && if_none_match.front() != ',') return false;
    if (*tag == etag) return true;
  }
}

}  // namespace tidemark::broker
