// Which topic names a pattern means.
// protocol/: the broker's rules and the client's patterns are matched alike.
#pragma once

#include <string_view>

namespace tidemark {

/// Does a topic's name fit a pattern? `*` stands for any characters of one segment, a segment `**`
/// for any number of segments, also none. Time: the product of the lengths at most.
[[nodiscard]] bool matches_topic(std::string_view pattern, std::string_view name);

}  // namespace tidemark
