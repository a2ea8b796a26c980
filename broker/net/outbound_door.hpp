// Where requests of the broker's own may lead, for libcurl: judged when a socket is opened.
// broker/net/: under outbound and the state hooks; whoever includes it knows libcurl.
#pragma once

#include <chrono>
#include <curl/curl.h>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace tidemark::broker {

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, FreeCurl>;

/// Has libcurl begun? It does with the first call. Threads: any.
[[nodiscard]] bool curl_ready();
/// nullptr: libcurl could not begin. Threads: any.
[[nodiscard]] Curl new_curl();

template <class Value>
void set(const Curl& curl, CURLoption option, Value value) {
  const auto done = curl_easy_setopt(curl.get(), option, value);
  TIDEMARK_ENSURE(done == CURLE_OK, "an option this libcurl has");
}

/// Is it anything but https?
[[nodiscard]] bool is_plain(std::string_view url);

/// What one transfer may connect to. Stays where it is for as long as the transfer lasts.
struct OutboundDoor {
  bool plain = false;              ///< see is_plain
  bool private_addresses = false;  ///< local ones too, http to those as well
  std::string purpose;             ///< "a key set's URL", for the refusal
  std::string refusal;             ///< why the transfer was broken off; curl's own words say less
};

/// Only https, and http to a local address; the address that is connected to is the one that was
/// judged (see address_kind.hpp), that of a connection used again is judged again. No redirects, no
/// proxies, no credentials, no signals.
void set_door(const Curl& curl, OutboundDoor& door);

}  // namespace tidemark::broker
