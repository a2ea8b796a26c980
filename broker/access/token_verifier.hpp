// Is this token good, now and here?
// broker/access/: the order of the checks is the point: nothing a token says is used before its
// signature is known to be that of a key trusted with it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "broker/access/access_plan.hpp"
#include "broker/access/claims.hpp"
#include "broker/access/key_ring.hpp"

namespace tidemark::broker {

/// No key of the ring has signed this token. A key set that is not there yet, or is fetched anew,
/// may have one that did, also where a key here has the same id or the token names none.
struct UnknownKey {
  std::string why;
};

using Verified = std::variant<std::shared_ptr<const Identity>, AccessRefusal, UnknownKey>;

/// Pre: the token is not longer than the rules allow. Refusals: token_expired if that alone is
/// wrong with it, else unauthorized.
[[nodiscard]] Verified verify_token(std::string_view token, const KeyRing& ring,
                                    const AccessPlan& plan, Timestamp now);

/// The checks that need no key: issuer (`key_issuer` is that of the key's set), audience, not
/// before, expiry, revocation.
[[nodiscard]] std::optional<AccessRefusal> refuse_claims(const Claims& claims,
                                                         std::string_view key_issuer,
                                                         const AccessPlan& plan, Timestamp now);

/// Would the token behind this identity be taken under other rules and keys? Pre: it is a token's.
[[nodiscard]] bool still_good(const Identity& identity, const KeyRing& ring, const AccessPlan& plan,
                              Timestamp now);

}  // namespace tidemark::broker
