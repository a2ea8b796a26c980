// Where a newcomer's state comes from: see initial_state.hpp.
// broker/: the one rule that joins a bundle and the log after it.
#include "broker/initial_state.hpp"

namespace tidemark::broker {

Result<Position> position_after(const StateBundle& bundle, Position taken, Offset head) {
  if (!bundle.reflects) return taken;
  if (*bundle.reflects > head) return Errc::position_ahead;
  return Position{.epoch = taken.epoch, .offset = *bundle.reflects};
}

}  // namespace tidemark::broker
