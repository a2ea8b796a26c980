// Where a newcomer's state comes from: "state as of offset N, then everything after N".
// broker/: Hub::join; the seed of the whole project.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/types.hpp"

namespace tidemark::broker {

/// State as of an offset.
struct StateBundle {
  std::string data;
  /// The last event the data reflects, if the source knows it exactly; then no event comes twice.
  /// Unset: at least everything up to the position the source was given.
  std::optional<Offset> reflects;
};

/// Builds the bundle. It is given the position taken before it was called: its data reflects at
/// least everything up to there, or it says what it reflects. Called on a reader thread; may block.
/// Errors end the subscription before it has begun.
using InitialStateSource = std::function<Result<StateBundle>(Position taken)>;

/// The position events go on from after `bundle`: what it reflects, else `taken`. A bundle older
/// than `taken` (read from a lagging replica, say) is as good: the cursor covers what is between.
/// Errors: position_ahead (the source claims more than `head`).
[[nodiscard]] Result<Position> position_after(const StateBundle& bundle, Position taken,
                                              Offset head);

}  // namespace tidemark::broker
