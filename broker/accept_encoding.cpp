// Accept-Encoding: may the answer come as gzip?
// broker/: see accept_encoding.hpp.
#include "broker/accept_encoding.hpp"

#include <algorithm>
#include <optional>

#include <boost/beast/core/string.hpp>

namespace tidemark::broker {
namespace {

/// A weight in thousandths.
using Weight = unsigned;
constexpr Weight kFull = 1000;

bool same(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Next piece of `rest` up to `mark`, without blanks around it; takes both off.
std::string_view cut(std::string_view& rest, char mark) {
  const auto end = rest.find(mark);
  const auto piece = trimmed(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return piece;
}

/// "0", "0.8", "1.000": at most three decimals, at most 1 (RFC 9110, 12.4.2).
std::optional<Weight> parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  Weight weight = text[0] == '1' ? kFull : 0;
  text.remove_prefix(1);
  if (text.empty()) return weight;
  if (text[0] != '.' || text.size() > 4) return std::nullopt;
  Weight unit = kFull / 10;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += unit * static_cast<Weight>(c - '0');
    unit /= 10;
  }
  if (weight > kFull) return std::nullopt;
  return weight;
}

/// Weight of what follows a coding's name; without any it is 1. nullopt: breaks the grammar.
std::optional<Weight> weight_of(std::string_view parameters) {
  if (trimmed(parameters).empty()) return kFull;
  const auto name = cut(parameters, '=');
  if (!same(name, "q")) return std::nullopt;
  return parse_weight(trimmed(parameters));
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<Weight> gzip;
  std::optional<Weight> any;
  Weight identity = 0;
  while (!accept_encoding.empty()) {
    auto element = cut(accept_encoding, ',');
    const auto coding = cut(element, ';');
    const auto weight = weight_of(element);
    if (coding.empty() || !weight) continue;
    if (same(coding, "gzip") || same(coding, "x-gzip")) gzip = std::max(gzip.value_or(0), *weight);
    if (coding == "*") any = weight;
    if (same(coding, "identity")) identity = *weight;
  }
  const Weight ours = gzip ? *gzip : any.value_or(0);
  return ours > 0 && ours >= identity;
}

}  // namespace tidemark::broker
