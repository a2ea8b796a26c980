// Where a request shows its credential, and how the one in a URL is kept from going further.
// broker/: pure; HttpSession asks before anything else looks at the request.
#pragma once

#include <optional>
#include <ostream>  // Beast's verb.hpp needs it
#include <string>
#include <string_view>

#include <boost/beast/http/message.hpp>
#include <boost/system/result.hpp>

namespace tidemark::broker {

/// Where it may stand besides Authorization.
struct CredentialPlaces {
  std::string_view cookie = {};  ///< the cookie's name; empty: in none
  bool query = false;            ///< the parameter access_token
};

/// What is wrong with how a request shows it; nothing of the client's is in it.
struct CredentialFault {
  std::string_view text;
};
/// The credential; none if the request shows none.
using CredentialFound = boost::system::result<std::optional<std::string>, CredentialFault>;

/// Looks for `Authorization: Bearer …` (other schemes are passed over: a proxy's, perhaps), for the
/// cookie of exactly that name (an empty one counts for nothing: that is how pages forget it), and
/// for the query parameter. Faults: several of a kind, or different ones in different places.
[[nodiscard]] CredentialFound find_credential(const boost::beast::http::request_header<>& head,
                                              const CredentialPlaces& places);

/// A request's target without any access_token, however its name is escaped; all else as it was.
/// What answers a request sees no other: a secret can't be echoed or logged that isn't there.
[[nodiscard]] std::string without_access_token(std::string_view target);

}  // namespace tidemark::broker
