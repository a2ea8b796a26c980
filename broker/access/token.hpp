// A token taken apart: a JWT (RFC 7519) as a JWS in its compact form (RFC 7515).
// broker/access/: what can be said of it before its signature is checked is no more than this.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tidemark::broker {

/// What is wrong with a token: one clause, printable.
struct TokenFault {
  std::string text;
};

struct TokenHeader {
  std::string algorithm;
  std::optional<std::string> key_id;
  std::string type;
  std::vector<std::string> ignored;  ///< members that would bring a key along: jku, jwk, x5u, x5c
};

struct SignedToken {
  TokenHeader header;
  std::string_view signed_text;  ///< of the token's text, and living as long
  std::string_view payload;      ///< base64url; of no worth before verification
  std::string signature;
};

/// Takes a token apart. Faults: not three parts of base64url, a header that is no object or names a
/// member twice, no `alg`, `crit`, a `typ` of something else, an unprintable or too long `kid`.
/// Time and memory: a small multiple of the text.
[[nodiscard]] std::variant<SignedToken, TokenFault> read_token(std::string_view text);

}  // namespace tidemark::broker
