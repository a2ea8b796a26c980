// Who asks for a state: see state_wanted.hpp.
// broker/state/: made anew for each who asks; nothing of it is kept.
#include "broker/state/state_wanted.hpp"

#include <boost/json.hpp>

namespace tidemark::broker {

StateWanted wanted_by(const Caller& caller) {
  if (!caller.is_known()) return {};
  const Provenance& from = caller.identity()->provenance();
  StateWanted wanted{.subject = from.subject, .claims = {}};
  if (from.kind != Provenance::Kind::token) return wanted;
  boost::json::object claims{{"sub", from.subject}};
  if (!from.issuer.empty()) claims["iss"] = from.issuer;
  if (!from.token.empty()) claims["jti"] = from.token;
  if (!from.audience.empty()) claims["aud"] = boost::json::value_from(from.audience);
  wanted.claims = boost::json::serialize(claims);
  return wanted;
}

}  // namespace tidemark::broker
