// What time it is, as events and cursors tell it.
// broker/: where an answer needs the time of day; timeouts go by the steady clock.
#pragma once

#include <chrono>

#include "protocol/types.hpp"

namespace tidemark::broker {

[[nodiscard]] inline Timestamp wall_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace tidemark::broker
