// `tidemark pub`: publishes an argument, a whole stdin, or its lines.
// tools/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `pub`; when it is parsed, `run` becomes the work to do and returns an
/// ExitCode.
void add_pub(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
