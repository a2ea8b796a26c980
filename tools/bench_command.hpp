// `tidemark bench`: the load generator's command line.
// tools/: a subcommand of tidemark; the measurements themselves are in bench_modes.
#pragma once

#include <functional>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `bench`. When it is parsed, `run` becomes the work to do; it returns the
/// program's exit code: 0, or 1 if a measurement failed or any delivery was wrong.
void add_bench(CLI::App& app, std::function<int()>& run);

}  // namespace tidemark::tools
