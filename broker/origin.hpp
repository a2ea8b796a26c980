// Which web pages may use the broker: the Origin and Host checks of everything that comes by HTTP.
// broker/: http_session asks before anything else; loopback is no protection from browsers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace tidemark::broker {

/// Threads: any; immutable.
class OriginPolicy {
 public:
  /// `allowed`: exact origins, "scheme://host[:port]"; the same origin is always allowed.
  /// `loopback`: the broker listens on a loopback address.
  /// Errors: forbidden_origin (one of them is not an origin).
  static Result<OriginPolicy> make(const std::vector<std::string>& allowed, bool loopback);

  /// May a request with this Origin header do more than look? Without the header it comes from no
  /// browser, or from the same origin. "null" is denied.
  [[nodiscard]] bool allows(std::optional<std::string_view> origin, std::string_view host) const;

  /// Against DNS rebinding: on a loopback address, is the Host header a name of loopback (with any
  /// port, which may be forwarded) or the host of an allowed origin? Elsewhere every host is.
  [[nodiscard]] bool knows_host(std::string_view host) const;

  /// The entry equal to `origin`, for an Access-Control-Allow-Origin header; nullptr if none.
  [[nodiscard]] const std::string* listed(std::string_view origin) const;

 private:
  OriginPolicy() = default;
  std::vector<std::string> allowed_;  ///< in lower case
  bool loopback_ = false;
};

/// True for "scheme://host[:port]" without path, user or blanks.
[[nodiscard]] bool is_origin(std::string_view text);

}  // namespace tidemark::broker
