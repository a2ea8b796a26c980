// The daemon's command line: flags made of the option table, and what is for one start only.
// tools/daemon/: the first step of tidemarkd; config makes sense of what was given.
#pragma once

#include <variant>

#include "broker/config/config.hpp"

namespace tidemark::tools {

struct CommandLine {
  broker::config::Inputs inputs;
  bool check = false;             ///< read everything, say whether it is good, start nothing
  bool print_config = false;      ///< say what is in force and where it is from, start nothing
  bool accept_data_loss = false;  ///< a decision for one start, so neither file nor environment
  bool test_echo = false;         ///< for tests alone, so not in a file that somebody might deploy
};

/// What was asked for; or, when help was shown or usage was wrong, the program's exit code.
[[nodiscard]] std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

}  // namespace tidemark::tools
