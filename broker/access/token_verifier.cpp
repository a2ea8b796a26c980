// Key, signature, claims, in this order.
// broker/access/: see token_verifier.hpp.
#include "broker/access/token_verifier.hpp"

#include <algorithm>
#include <utility>

#include "broker/access/base64url.hpp"
#include "broker/access/printable.hpp"

namespace tidemark::broker {
namespace {

AccessRefusal refused(std::string why) { return {Errc::unauthorized, std::move(why)}; }

std::int64_t ms_of(std::chrono::seconds leeway) { return leeway.count() * 1000; }

/// Who signed the token; a sentence if nobody did whose key is here.
std::variant<const TrustedKey*, std::string> signer_of(const SignedToken& token,
                                                       Algorithm algorithm, const KeyRing& ring) {
  const auto& header = token.header;
  const auto keys = ring.find(algorithm, header.key_id);
  const auto signer = std::ranges::find_if(keys, [&](const TrustedKey* trusted) {
    return trusted->key.verifies(token.signed_text, token.signature);
  });
  if (signer != keys.end()) return *signer;
  if (!keys.empty()) return "its signature is wrong";
  if (!header.key_id) return "there is no key for " + header.algorithm;
  if (!ring.knows(*header.key_id)) return "there is no key with the id " + shown(*header.key_id);
  return "the key " + shown(*header.key_id) + " is for another algorithm than " + header.algorithm;
}

bool issuer_fits(std::string_view issuer, std::string_view key_issuer, const AccessRules& rules) {
  const std::string_view wanted = key_issuer.empty() ? std::string_view(rules.issuer) : key_issuer;
  return wanted.empty() || issuer == wanted;
}

bool audience_fits(const std::vector<std::string>& audience, const AccessRules& rules) {
  return rules.audience.empty() ||
         std::ranges::find_first_of(audience, rules.audience) != audience.end();
}

bool revoked(std::string_view subject, std::string_view token, const AccessPlan& plan) {
  return plan.revoked_subjects.contains(std::string(subject)) ||
         (!token.empty() && plan.revoked_tokens.contains(std::string(token)));
}

std::shared_ptr<const Identity> identity_of(Claims claims, const TrustedKey& signer,
                                            std::chrono::seconds leeway) {
  Provenance from;
  from.kind = Provenance::Kind::token;
  from.subject = std::move(claims.subject);
  from.issuer = std::move(claims.issuer);
  from.token = std::move(claims.token);
  from.audience = std::move(claims.audience);
  from.claims = std::move(claims.text);
  from.key = signer.key.thumbprint();
  from.key_set_issuer = signer.issuer;
  const Timestamp end{claims.expires->ms + ms_of(leeway)};
  return std::make_shared<const Identity>(std::move(from),
                                          std::move(claims.rights).value_or(Rights()), end);
}

}  // namespace

std::optional<AccessRefusal> refuse_claims(const Claims& claims, std::string_view key_issuer,
                                           const AccessPlan& plan, Timestamp now) {
  const auto& rules = *plan.rules;
  if (!claims.expires) return refused("it has no exp");
  if (!issuer_fits(claims.issuer, key_issuer, rules)) {
    return refused("it is of another issuer: " + shown(claims.issuer));
  }
  if (!audience_fits(claims.audience, rules)) return refused("it is for another audience");
  if (revoked(claims.subject, claims.token, plan)) return refused("it is revoked");
  const auto leeway = ms_of(rules.leeway);
  if (claims.not_before && claims.not_before->ms > now.ms + leeway) {
    return refused("it is not valid yet");
  }
  if (now.ms >= claims.expires->ms + leeway) {
    return AccessRefusal{Errc::token_expired, "it has expired"};
  }
  return std::nullopt;
}

Verified verify_token(std::string_view text, const KeyRing& ring, const AccessPlan& plan,
                      Timestamp now) {
  auto read = read_token(text);
  if (auto* fault = std::get_if<TokenFault>(&read)) return refused(std::move(fault->text));
  const auto& token = std::get<SignedToken>(read);
  const auto algorithm = algorithm_named(token.header.algorithm);
  if (!algorithm) {
    return refused("its algorithm is not taken here: " + shown(token.header.algorithm));
  }
  auto found = signer_of(token, *algorithm, ring);
  if (auto* why = std::get_if<std::string>(&found)) return UnknownKey{std::move(*why)};
  const auto* signer = std::get<const TrustedKey*>(found);
  const auto payload = from_base64url(token.payload);
  if (!payload) return refused("its claims are not base64url");
  auto claims = read_claims(*payload);
  if (auto* fault = std::get_if<TokenFault>(&claims)) return refused(std::move(fault->text));
  auto& good = std::get<Claims>(claims);
  if (auto refusal = refuse_claims(good, signer->issuer, plan, now)) return std::move(*refusal);
  return identity_of(std::move(good), *signer, plan.rules->leeway);
}

bool still_good(const Identity& identity, const KeyRing& ring, const AccessPlan& plan,
                Timestamp now) {
  const auto& from = identity.provenance();
  if (identity.expires() && now >= *identity.expires()) return false;
  return ring.trusts(from.key, from.key_set_issuer) &&
         issuer_fits(from.issuer, from.key_set_issuer, *plan.rules) &&
         audience_fits(from.audience, *plan.rules) && !revoked(from.subject, from.token, plan);
}

}  // namespace tidemark::broker
