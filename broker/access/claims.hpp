// What a token says: who, until when, and what it permits.
// broker/access/: read once the signature is known to be good; `tidemark token explain` says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/access/rights.hpp"
#include "broker/access/token.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {

inline constexpr std::size_t kMostNameBytes = 255;  // of sub, iss, jti
inline constexpr std::size_t kMostAudiences = 32;

struct Claims {
  std::string subject;
  std::string issuer;
  std::string token;  ///< jti
  std::vector<std::string> audience;
  std::optional<Timestamp> expires;
  std::optional<Timestamp> not_before;
  std::optional<Timestamp> issued;
  std::optional<Rights> rights;  ///< none: no claim `tidemark`, so no rights
  std::string text;              ///< all of them as they came: a JSON object
};

/// Reads a token's claims. Faults: not a JSON object, a known claim twice or of the wrong type, a
/// time that is no time between 1970 and the year 9999, unprintable or too long names, rights that
/// there are none of, patterns that are none. Unknown claims are passed over, whatever is in them.
/// That `exp` is there is for the caller to ask.
[[nodiscard]] std::variant<Claims, TokenFault> read_claims(std::string_view json);

}  // namespace tidemark::broker
