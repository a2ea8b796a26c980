// What the fields of a subscription may not say together, whichever form they came in.
// protocol/: for the decoders, behind the reading of the fields.
#pragma once

#include <optional>
#include <string>

#include "protocol/messages.hpp"

namespace tidemark {

/// Which fields a message names. The binary form has them all: there the empty ones are not.
struct GivenFields {
  bool topic = false;
  bool pattern = false;
  bool start = false;  ///< any of "after", "from", "last", "time"
};

/// A sentence saying which fields contradict each other, or what is missing or given twice; nothing
/// if a session can go on from here. Says nothing of names and patterns, which the session checks.
[[nodiscard]] std::optional<std::string> contradiction(const Subscribe& message,
                                                       const GivenFields& given);

/// The same for a message that names a topic or a pattern, and nothing beside.
[[nodiscard]] std::optional<std::string> not_one_target(bool has_topic, bool has_pattern);

}  // namespace tidemark
