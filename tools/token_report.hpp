// What a token says, whether it would be taken, and what is odd about it.
// tools/: what `tidemark token explain` prints; made without printing, so that it can be tested.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/access/claims.hpp"
#include "broker/access/token.hpp"
#include "protocol/types.hpp"

namespace tidemark::tools {

struct TokenQuestion {
  std::string token;
  std::optional<std::string> key;  ///< the bytes of a key file
  std::string issuer;              ///< what the broker demands, if it does
  std::vector<std::string> audience;
  Timestamp now;
};

struct TokenReport {
  enum class Signature { unchecked, good, bad };

  std::optional<broker::TokenHeader> header;
  std::optional<broker::Claims> claims;
  std::string claims_text;  ///< as they stand, if they are base64url at all
  Signature signature = Signature::unchecked;
  std::vector<std::string> faults;   ///< why the broker refuses it
  std::vector<std::string> remarks;  ///< what it takes but somebody may not have meant
};

[[nodiscard]] TokenReport examine(const TokenQuestion& question);

/// For people: several lines. For programs: one JSON object.
[[nodiscard]] std::string report_text(const TokenReport& report, Timestamp now);
[[nodiscard]] std::string report_json(const TokenReport& report);

}  // namespace tidemark::tools
