// Dates as text (RFC 3339), both ways.
// broker/shapes/: for headers and JSON; within the house times are Timestamps.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace tidemark::broker {

/// `2026-02-28T23:59:59.123Z`, `2026-02-28t23:59:59+05:30`: date, `T`, time, any number of
/// decimals, `Z` or an offset; days as the month has them. nullopt: anything else.
/// Rounded down to milliseconds. A leap second (`:60`) is taken where there can be one, at 23:59
/// UTC on the last day of June or December, and is the second after it, since Timestamps have none.
/// Times before 1970 are 1970: for whoever asks they are equally long past.
[[nodiscard]] std::optional<Timestamp> parse_rfc3339(std::string_view text);

/// `2026-02-28T23:59:59.123Z`, as JavaScript writes it. Nothing is before 1970 or
/// after the year 9999: the first or the last moment stands for it.
[[nodiscard]] std::string to_rfc3339(Timestamp time);

}  // namespace tidemark::broker
