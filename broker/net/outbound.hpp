// Requests the broker makes itself, within bounds.
// broker/net/: for the key sets of tokens. Whoever configures a URL, or answers for its name, must
// not make the broker speak to what only the broker can reach.
#pragma once

#include <chrono>
#include <cstddef>

#include "broker/access/access.hpp"

namespace tidemark::broker {

struct OutboundLimits {
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds whole{10'000};
  std::size_t answer_bytes = std::size_t{1} << 20;
};

/// GETs a document; blocks. Only https, and http to a local address; the address that is connected
/// to is the one that was judged (see address_kind.hpp), local ones only if the request allows
/// them. No redirects, no proxies, no credentials. Anything but a 200 is a failure. Threads: any;
/// ends within about a second of request.stop.
[[nodiscard]] Fetched fetch_document(const FetchRequest& request, const OutboundLimits& limits);
[[nodiscard]] Fetched fetch_document(const FetchRequest& request);

}  // namespace tidemark::broker
