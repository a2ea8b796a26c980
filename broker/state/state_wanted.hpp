// Who asks for a state, as its source is told.
// broker/state/: from the identity that a transport has found; see States::ask.
#pragma once

#include "broker/caller.hpp"
#include "broker/state/states.hpp"

namespace tidemark::broker {

/// Subject and claims of the caller's credential. Nothing of whoever has shown none.
[[nodiscard]] StateWanted wanted_by(const Caller& caller);

}  // namespace tidemark::broker
