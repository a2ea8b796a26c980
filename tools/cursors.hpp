// `tidemark cursors` and `tidemark unread`: where readers left off, and what is new to them.
// tools/: subcommands of tidemark.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `cursors`; when it is parsed, `run` becomes the work to do and returns an
/// ExitCode.
void add_cursors(CLI::App& app, std::function<int()>& run);
/// Likewise `unread`.
void add_unread(CLI::App& app, std::function<int()>& run);

/// 350 ms, 12 s, 3 min, 5 h, 2 d: rounded down to the largest unit.
[[nodiscard]] std::string time_behind(std::uint64_t ms);
/// 812 B, 1.4 KiB, 23 MiB.
[[nodiscard]] std::string size_behind(std::uint64_t bytes);

}  // namespace tidemark::tools
