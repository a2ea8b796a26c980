// Who may do what, as configured: plain data, as it stands in the file.
// broker/access/: config fills it, Access makes sense of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace tidemark::broker {

/// Patterns of topic names for each right, as written (see topic_pattern.hpp).
struct Grants {
  std::vector<std::string> publish;
  std::vector<std::string> subscribe;
  std::vector<std::string> manage;
  bool operator==(const Grants&) const = default;
  [[nodiscard]] bool empty() const {
    return publish.empty() && subscribe.empty() && manage.empty();
  }
};

/// A key for a server. `hash` is "sha256:" and 64 hexadecimal digits: the digest of the whole key.
struct ApiKeyRule {
  std::string name;
  std::string hash;
  Grants grants;
};

/// A key that tokens are signed with. `id` is the `kid` of its tokens; without one it takes the
/// tokens that name no key. `algorithm`: HS256, RS256, ES256 or EdDSA. `file`: PEM (a public key or
/// a certificate), a JWK, a JWK set, or for HS256 the bytes of the secret.
struct TokenKeyRule {
  std::string id;
  std::string algorithm;
  std::filesystem::path file;
};

/// A JWK set, by `url` or `file`. With `issuer`, its keys are good for tokens with that `iss` only.
struct KeySetRule {
  std::string url;
  std::filesystem::path file;
  std::string issuer;
  std::chrono::seconds refresh{600};
  bool operator==(const KeySetRule&) const = default;
};

struct AccessRules {
  Grants anonymous;
  std::vector<ApiKeyRule> api_keys;
  std::vector<TokenKeyRule> token_keys;
  std::vector<KeySetRule> key_sets;
  std::string issuer;                      ///< what `iss` has to be; empty: anything
  std::vector<std::string> audience;       ///< `aud` has to name one of them; empty: anything
  std::chrono::seconds leeway{30};         ///< at most 60: how far other clocks may be off
  std::size_t token_bytes = 8192;          ///< a longer token is refused unread
  std::string cookie;                      ///< the cookie a token may come in; empty: none
  bool query_token = false;                ///< may a token come as the query's access_token?
  std::chrono::seconds expiry_notice{60};  ///< so long before a token expires its client is told
  std::vector<std::string> revoked_subjects;
  std::vector<std::string> revoked_tokens;  ///< their `jti`
  bool private_key_urls = false;            ///< may a key set's URL lead to a private address?

  /// Is there anything that says who may do what? If not, everybody may do everything.
  [[nodiscard]] bool configured() const {
    return !anonymous.empty() || !api_keys.empty() || !token_keys.empty() || !key_sets.empty();
  }
};

}  // namespace tidemark::broker
