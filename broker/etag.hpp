// Entity tags: which events of which topic an answer holds.
// broker/: stream reads make them, and compare them with what a client has kept.
#pragma once

#include <string>
#include <string_view>

#include "storage/settings.hpp"

namespace tidemark::broker {

/// What makes one answer different from another.
struct BodyTag {
  storage::TopicId topic;  ///< of this incarnation of the name
  Position from;           ///< after which the body really begins, however it was asked for
  Position to;             ///< of its last event
  bool closed = false;     ///< it says that the topic ends here
  bool gzip = false;       ///< the bytes are compressed
};

/// A strong entity tag (RFC 9110, 8.8.3), quotation marks included:
/// `"<topic id, hex>-<epoch>/<offset>-<epoch>/<offset>"`, a `c` behind it if closed, `;gzip` if
/// compressed. Both epochs, since after a loss the same offsets may hold other events.
[[nodiscard]] std::string make_etag(const BodyTag& tag);

/// Does an If-None-Match, a list of tags or `*`, name `etag`? By the weak comparison that field
/// asks for: `W/` makes no difference. What is no list of tags names nothing from there on.
[[nodiscard]] bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace tidemark::broker
