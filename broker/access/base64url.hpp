// Base64 for URLs without padding (RFC 4648, section 5), strict both ways.
// broker/access/: how tokens, keys and API keys are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::broker {

[[nodiscard]] std::string to_base64url(std::string_view bytes);

/// The bytes, or nothing if `text` is not exactly what to_base64url would make of some bytes.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

}  // namespace tidemark::broker
