// The header is the only JSON of an unknown client's token that is read.
// broker/access/: see token.hpp.
#include "broker/access/token.hpp"

#include <algorithm>
#include <array>

#include "broker/access/base64url.hpp"
#include "broker/access/jwk.hpp"
#include "broker/access/printable.hpp"
#include "protocol/json_fields.hpp"

namespace tidemark::broker {
namespace {

constexpr std::size_t kHeaderDepth = 8;

struct HeaderText {
  TokenHeader header;
  bool critical = false;
};

void read_algorithm(JsonReading& reading, HeaderText& text) {
  text.header.algorithm = reading.text();
}
void read_key_id(JsonReading& reading, HeaderText& text) { text.header.key_id = reading.text(); }
void read_type(JsonReading& reading, HeaderText& text) { text.header.type = reading.text(); }
void read_critical(JsonReading& reading, HeaderText& text) {
  static_cast<void>(reading.raw());
  text.critical = true;
}

// A token that brings its key along, or says where it is, would be vouched for by itself.
template <char First, char Second, char Third>
void ignore(JsonReading& reading, HeaderText& text) {
  static_cast<void>(reading.raw());
  text.header.ignored.push_back({First, Second, Third});
}

constexpr std::array kMembers{Field<HeaderText>{"alg", read_algorithm, true},
                              Field<HeaderText>{"kid", read_key_id},
                              Field<HeaderText>{"typ", read_type},
                              Field<HeaderText>{"crit", read_critical},
                              Field<HeaderText>{"jku", ignore<'j', 'k', 'u'>},
                              Field<HeaderText>{"jwk", ignore<'j', 'w', 'k'>},
                              Field<HeaderText>{"x5u", ignore<'x', '5', 'u'>},
                              Field<HeaderText>{"x5c", ignore<'x', '5', 'c'>}};

/// RFC 8725, 3.11: a JWT made for something else says so here.
bool is_access_token(std::string type) {
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type.empty() || type == "jwt" || type == "at+jwt" || type == "application/at+jwt";
}

std::optional<TokenFault> fault_of(const HeaderText& text) {
  const auto& header = text.header;
  if (text.critical) return TokenFault{"the header has crit, and nothing in it is understood here"};
  if (!is_access_token(header.type)) {
    return TokenFault{"it is a token for something else: " + shown(header.type)};
  }
  if (header.key_id && (header.key_id->size() > kMostKeyIdBytes || !is_printable(*header.key_id))) {
    return TokenFault{"its kid is unprintable or too long"};
  }
  return std::nullopt;
}

std::variant<TokenHeader, TokenFault> read_header(std::string_view json) {
  if (const auto check = check_json(json, kHeaderDepth); check.fault) {
    return TokenFault{"the header is " + *check.fault};
  }
  HeaderText text;
  JsonReading reading(json, Unknown::skip, false);
  reading.object<HeaderText>("header", kMembers, text);
  if (reading.fault()) return TokenFault{reading.fault()->text};
  if (auto fault = fault_of(text)) return std::move(*fault);
  return std::move(text.header);
}

}  // namespace

std::variant<SignedToken, TokenFault> read_token(std::string_view text) {
  const auto first = text.find('.');
  const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return TokenFault{"it is not of three parts"};
  }
  const auto header = from_base64url(text.substr(0, first));
  auto signature = from_base64url(text.substr(second + 1));
  if (!header || !signature) return TokenFault{"it is not base64url"};
  auto read = read_header(*header);
  if (auto* fault = std::get_if<TokenFault>(&read)) return std::move(*fault);
  return SignedToken{.header = std::get<TokenHeader>(std::move(read)),
                     .signed_text = text.substr(0, second),
                     .payload = text.substr(first + 1, second - first - 1),
                     .signature = std::move(*signature)};
}

}  // namespace tidemark::broker
