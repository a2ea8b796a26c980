// How many connections the limit of open files leaves room for.
// tools/daemon/: asked at the start and whenever limits change.
#pragma once

#include <cstddef>

namespace tidemark::tools {

/// Raises the limit of open files as far as we may.
void raise_descriptor_limit();
/// `wanted` connections, or as many as leave the store its files.
[[nodiscard]] std::size_t connections_that_fit(std::size_t wanted);

}  // namespace tidemark::tools
