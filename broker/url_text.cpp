// Text of URLs: percent escapes, and the parameters of a query.
// broker/: see url_text.hpp.
#include "broker/url_text.hpp"

#include <boost/url/pct_string_view.hpp>

namespace tidemark::broker {
namespace {

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
  const auto encoded = boost::urls::make_pct_string_view({text.data(), text.size()});
  if (!encoded) return std::nullopt;
  return encoded->decode();
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
