// Accept-Encoding: may the answer come as gzip?
// broker/: RFC 9110, 12.5.3, for the one coding the broker has.
#pragma once

#include <string_view>

namespace tidemark::broker {

/// True if the field's value names gzip (or x-gzip, or else `*`) with a weight above 0 that is not
/// below what it says of `identity`. Elements that break the grammar count for nothing. Several
/// fields are one, joined by commas.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

}  // namespace tidemark::broker
