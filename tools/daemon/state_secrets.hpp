// The secrets that state hooks are asked with, read from their files.
// tools/daemon/: asked by --check, before the start, and before anything is applied on SIGHUP.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "broker/config/settings.hpp"

namespace tidemark::tools {

/// What is wrong with a file of one of the rules, [[state]] number `rule` from 0.
struct StateFileFault {
  std::size_t rule = 0;
  std::string field;  ///< as in the file: "secret-file"
  std::string text;
};

struct StateFiles {
  std::vector<StateFileFault> faults;
  std::vector<std::string> warnings;  ///< sentences: what is allowed and unwise
};

/// Puts what the files hold into settings.hub.states, and looks whether the others are there.
[[nodiscard]] StateFiles read_state_files(broker::config::Settings& settings);

}  // namespace tidemark::tools
