// Text of URLs: percent escapes, and the parameters of a query.
// broker/: see url_text.hpp.
#include "broker/url_text.hpp"

#include <cstddef>

namespace tidemark::broker {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

std::string decoded_or_as_it_came(std::string_view text) {
  return percent_decoded(text).value_or(std::string(text));
}

Parameter parameter(std::string_view text) {
  const auto equals = text.find('=');
  const bool has_value = equals != std::string_view::npos;
  return {.name = decoded_or_as_it_came(text.substr(0, equals)),
          .value = has_value ? decoded_or_as_it_came(text.substr(equals + 1)) : std::string()};
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  return out;
}

Target cut_target(std::string_view target) {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {.path = target, .query = {}};
  return {.path = target.substr(0, mark), .query = target.substr(mark + 1)};
}

std::vector<Parameter> parameters(std::string_view query) {
  std::vector<Parameter> out;
  while (!query.empty()) {
    const auto end = query.find('&');
    if (const auto piece = query.substr(0, end); !piece.empty()) out.push_back(parameter(piece));
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return out;
}

}  // namespace tidemark::broker
