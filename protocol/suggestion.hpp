// "Did you mean …?"
// protocol/: for mistyped subcommands, topics and options; at the bottom since all rooms may ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

/// The candidate that takes the fewest changed, missing, added or swapped letters to become
/// `typed`, upper and lower case being the same; none if all would take more than a third of its
/// letters.
[[nodiscard]] std::optional<std::string> closest(std::string_view typed,
                                                 const std::vector<std::string>& candidates);

/// ", did you mean X?" or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed,
                                       const std::vector<std::string>& candidates);

}  // namespace tidemark
