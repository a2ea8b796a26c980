// `tidemark import`: topics of such a file into a data directory.
// tools/transfer/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand; when it is parsed, `run` becomes the work to do and returns an ExitCode.
void add_import(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
