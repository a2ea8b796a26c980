// `tidemark create`, `set`, `trim` and `delete`: making, changing and removing topics.
// tools/: subcommands of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand; when it is parsed, `run` becomes the work to do and returns an ExitCode.
void add_create(CLI::App& app, std::function<int()>& run);
void add_set(CLI::App& app, std::function<int()>& run);
void add_trim(CLI::App& app, std::function<int()>& run);
void add_delete(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
