// `tidemark describe`. What there is to know of a topic: its history, sizes, retention, producers,
// cursors. tools/inspect/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand; when it is parsed, `run` becomes the work to do and returns an ExitCode.
void add_describe(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
