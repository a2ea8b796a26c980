// `tidemark topics`: what there is.
// tools/inspect/: a subcommand of tidemark.
#pragma once

#include <functional>
#include <string_view>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `topics`; when it is parsed, `run` becomes the work to do and returns an
/// ExitCode.
void add_topics(CLI::App& app, std::function<int()>& run);

/// Does the name fit the pattern? `*` stands for any characters, `?` for one.
[[nodiscard]] bool fits(std::string_view pattern, std::string_view name);

}  // namespace tidemark::tools
