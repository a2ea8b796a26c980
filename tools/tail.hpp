// `tidemark tail`: follows a topic from any position, over restarts of the broker.
// tools/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `tail`; when it is parsed, `run` becomes the work to do and returns an
/// ExitCode.
void add_tail(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
