// `tidemark state`: reads, stores and removes a topic's state.
// tools/: a subcommand of tidemark.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `state`; when it is parsed, `run` becomes the work to do and returns an
/// ExitCode.
void add_state(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
