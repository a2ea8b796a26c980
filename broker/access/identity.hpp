// Who a client is, and what it may do.
// broker/access/: Access makes them; every transport asks the same one before it does anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/access/digest.hpp"
#include "broker/access/rights.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {

/// What an identity was made from; Access reads it to say what the rules of now make of it.
struct Provenance {
  enum class Kind : std::uint8_t { unrestricted, anonymous, api_key, token };
  Kind kind = Kind::anonymous;
  std::string subject;  ///< a token's `sub`, an API key's name; may be empty for a token
  std::string issuer;   ///< a token's `iss`
  std::string token;    ///< a token's `jti`
  std::vector<std::string> audience;
  std::string claims;  ///< all of a token's, as JSON, for whoever is told on whose behalf we ask
  Sha256 key{};        ///< an API key's digest; the thumbprint of the key that signed a token
  std::string key_set_issuer;  ///< that the set of this key is bound to
};

/// Threads: any; immutable.
class Identity {
 public:
  Identity(Provenance provenance, Rights rights, std::optional<Timestamp> expires);

  /// For logs, people and the answer to `auth`: "ada", "key orders-server", "anonymous". Printable.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// What limits per identity count by: different for a token, a key and the anonymous of the same
  /// name, and for the same name from two issuers. Not for people.
  [[nodiscard]] const std::string& quota_key() const { return quota_key_; }
  /// From this moment on the credential is not taken any more: a token's `exp` and the leeway.
  [[nodiscard]] std::optional<Timestamp> expires() const { return expires_; }

  [[nodiscard]] bool may(Right right, const TopicName& topic) const;
  /// Metrics and what else concerns the broker as a whole: `manage` on `**`, with nothing taken
  /// away.
  [[nodiscard]] bool may_operate() const { return rights_.manage.contains_all(); }
  /// False for the anonymous of a broker that gives them nothing: they have to say who they are.
  [[nodiscard]] bool may_anything() const { return !rights_.empty(); }
  /// May `other` take this one's place on a connection: the same client with another credential?
  [[nodiscard]] bool same_client(const Identity& other) const {
    return quota_key_ == other.quota_key_;
  }

  [[nodiscard]] const Provenance& provenance() const { return provenance_; }
  [[nodiscard]] const Rights& rights() const { return rights_; }

 private:
  Provenance provenance_;
  Rights rights_;
  std::optional<Timestamp> expires_;
  std::string name_;
  std::string quota_key_;
};

}  // namespace tidemark::broker
