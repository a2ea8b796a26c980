// Base64 with padding (RFC 4648, section 4), strict both ways.
// protocol/: how bytes travel in JSON messages.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

/// Writes base64_size(bytes.size()) characters at `out`; returns past the last.
char* write_base64(std::string_view bytes, char* out);

/// The bytes, or nothing if `text` is not exactly what write_base64 would make of some bytes.
[[nodiscard]] std::optional<std::string> read_base64(std::string_view text);

}  // namespace tidemark
