// Times as people write them, and as tables show them.
// tools/: for `tail --from` and everything that prints a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace tidemark::tools {

/// Reads RFC 3339 ("2026-11-22T17:20:00Z", "2026-11-22 17:20:00.5+01:00"), a date, milliseconds
/// since 1970, or a time ago ("90s", "10m", "2h", "3d", "1w"). Nothing if it is none of these.
[[nodiscard]] std::optional<Timestamp> parse_time(std::string_view text, Timestamp now);

/// "2h30m", "7d", "500ms" as milliseconds: numbers with units ms, s, m, h, d, w, added up.
[[nodiscard]] std::optional<std::int64_t> parse_duration_ms(std::string_view text);

/// "2026-11-22 17:20:00.123" in the local time zone.
[[nodiscard]] std::string local_time(Timestamp time);

}  // namespace tidemark::tools
