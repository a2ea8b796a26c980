// Whether what a configuration names is there and good: certificates, keys, secrets.
// tools/daemon/: asked by --check, before the start, and before anything is applied on SIGHUP.
#pragma once

#include "broker/config/config.hpp"

namespace tidemark::tools {

/// Loads every file the configuration names and lets go of it. All that is wrong, with the place
/// where it was named; nothing is started or fetched.
[[nodiscard]] broker::config::Complaints check_files(const broker::config::Config& config);

}  // namespace tidemark::tools
