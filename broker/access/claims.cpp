// Claims by a table of their names.
// broker/access/: see claims.hpp.
#include "broker/access/claims.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "broker/access/printable.hpp"
#include "protocol/json_fields.hpp"

namespace tidemark::broker {
namespace {

constexpr std::size_t kDepth = 16;
constexpr double kMostSeconds = 253'402'300'799.0;  // the end of the year 9999

struct ClaimsText {
  Claims claims;
  std::string_view rights;  // the claim as it stands
};

std::string read_name(JsonReading& reading) {
  auto text = reading.text();
  if (text.size() > kMostNameBytes || !is_printable(text)) {
    reading.must_be("printable text of at most " + std::to_string(kMostNameBytes) + " bytes");
  }
  return text;
}

template <std::string Claims::*Member>
void read_text(JsonReading& reading, ClaimsText& text) {
  text.claims.*Member = read_name(reading);
}

// Any JSON number: an issuer may well write 1790000000.25 or 1.79e9.
template <std::optional<Timestamp> Claims::*Member>
void read_time(JsonReading& reading, ClaimsText& text) {
  if (reading.fault()) return;
  const auto slice = reading.raw();
  double seconds = 0;
  const auto [end, error] = std::from_chars(slice.data(), slice.data() + slice.size(), seconds);
  if (error != std::errc{} || end != slice.data() + slice.size()) {
    return reading.must_be("a number of seconds since 1970");
  }
  if (!(seconds >= 0 && seconds <= kMostSeconds)) {
    return reading.must_be("in seconds, from 1970 to the year 9999");
  }
  text.claims.*Member = Timestamp{static_cast<std::int64_t>(std::floor(seconds * 1000.0))};
}

void read_audience(JsonReading& reading, ClaimsText& text) {
  if (reading.fault()) return;
  const auto slice = reading.raw();
  JsonReading inner(slice, Unknown::skip, false);
  auto& audience = text.claims.audience;
  if (slice.starts_with('[')) {
    inner.items("aud", [&] {
      if (audience.size() == kMostAudiences) return inner.must_be("one of few");
      audience.push_back(read_name(inner));
    });
  } else {
    audience.push_back(read_name(inner));
  }
  if (inner.fault()) reading.must_be("a name, or a list of at most 32");
}

void read_rights_claim(JsonReading& reading, ClaimsText& text) { text.rights = reading.raw(); }

constexpr std::array kClaims{
    Field<ClaimsText>{"sub", read_text<&Claims::subject>},
    Field<ClaimsText>{"iss", read_text<&Claims::issuer>},
    Field<ClaimsText>{"jti", read_text<&Claims::token>},
    Field<ClaimsText>{"aud", read_audience},
    Field<ClaimsText>{"exp", read_time<&Claims::expires>},
    Field<ClaimsText>{"nbf", read_time<&Claims::not_before>},
    Field<ClaimsText>{"iat", read_time<&Claims::issued>},
    Field<ClaimsText>{"tidemark", read_rights_claim},
};

template <std::vector<std::string> Grants::*Member>
void read_patterns(JsonReading& reading, Grants& grants) {
  auto& patterns = grants.*Member;
  reading.items("pattern", [&] {
    if (patterns.size() == TopicPatterns::max_count) {
      return reading.must_be("at most " + std::to_string(TopicPatterns::max_count) + " patterns");
    }
    patterns.push_back(reading.text());
  });
}

constexpr std::array kRights{
    Field<Grants>{"publish", read_patterns<&Grants::publish>},
    Field<Grants>{"subscribe", read_patterns<&Grants::subscribe>},
    Field<Grants>{"manage", read_patterns<&Grants::manage>},
};

/// Error texts quote what they found; it need not be fit for a log.
TokenFault printable_fault(const std::string& text) {
  return {is_printable(text) ? text : shown(text, 200)};
}

std::variant<Rights, TokenFault> read_rights(std::string_view json) {
  Grants grants;
  // A right that is not known here may take something away; it can't be passed over.
  JsonReading reading(json, Unknown::refuse, false);
  reading.object<Grants>("tidemark", kRights, grants);
  if (reading.fault()) return printable_fault(reading.fault()->text);
  auto rights = Rights::parse(grants);
  if (auto* fault = std::get_if<PatternFault>(&rights)) {
    return printable_fault("tidemark: " + fault->text);
  }
  return std::get<Rights>(std::move(rights));
}

}  // namespace

std::variant<Claims, TokenFault> read_claims(std::string_view json) {
  if (const auto check = check_json(json, kDepth); check.fault) {
    return TokenFault{"the claims are " + *check.fault};
  }
  ClaimsText text;
  JsonReading reading(json, Unknown::skip, false);
  reading.object<ClaimsText>("claims", kClaims, text);
  if (reading.fault()) return printable_fault(reading.fault()->text);
  if (!text.rights.empty()) {
    auto rights = read_rights(text.rights);
    if (auto* fault = std::get_if<TokenFault>(&rights)) return std::move(*fault);
    text.claims.rights = std::get<Rights>(std::move(rights));
  }
  text.claims.text = json;
  return std::move(text.claims);
}

}  // namespace tidemark::broker
