// `tidemark token`: makes tokens and keys, and says what a token means.
// tools/: a subcommand of tidemark; it needs no broker.
#pragma once

#include <functional>
#include <memory>

#include "broker/access/access_rules.hpp"
#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds the subcommand `token` with `make`, `explain` and `key`; when one is parsed, `run` becomes
/// the work to do and returns an ExitCode.
void add_token(CLI::App& app, std::function<int()>& run);

// A unit each; `token` is the subcommand they are of.
void add_token_make(CLI::App& token, std::function<int()>& run);
void add_token_explain(CLI::App& token, std::function<int()>& run);
void add_token_key(CLI::App& token, std::function<int()>& run);

/// --publish, --subscribe and --manage; faulty patterns are wrong usage.
void add_grants(CLI::App& command, broker::Grants& grants);

}  // namespace tidemark::tools
