// `tidemark backup` and `restore`: a copy of a running broker's log, and a log of a copy.
// tools/inspect/: subcommands of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `backup` with `create`, `list` and `delete` below it; when one is parsed,
/// `run` becomes the work to do and returns an ExitCode.
void add_backup(CLI::App& app, std::function<int()>& run);
/// Likewise `restore`.
void add_restore(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
