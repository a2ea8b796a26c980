// `tidemark tail` with a pattern: every topic that matches, those created later too.
// tools/: part of the subcommand tail.
#pragma once

#include "tools/tail_options.hpp"

namespace tidemark::tools {

/// Follows to the end; the ExitCode. Pre: options.is_pattern().
[[nodiscard]] int tail_pattern(const TailOptions& options);

}  // namespace tidemark::tools
