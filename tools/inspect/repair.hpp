// `tidemark repair`. Salvages what can be read of a damaged directory into a new one.
// tools/inspect/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand; when it is parsed, `run` becomes the work to do and returns an ExitCode.
void add_repair(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
