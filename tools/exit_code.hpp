// What the command line's exit codes mean.
// tools/: one list for all subcommands; --help prints it.
#pragma once

namespace tidemark::tools {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       ///< anything the others do not say
  kUsage = 2,        ///< the command line is wrong
  kUnreachable = 3,  ///< no connection to the broker, or no data directory that can be read
  kRefused = 4,      ///< the broker said no
  kIncomplete = 5,   ///< interrupted before all that was asked for was done
  kDamaged = 6,      ///< damage was found
};

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 other failure, 2 wrong usage, 3 no connection to the broker or no data "
    "directory to read, 4 refused (unknown topic, gap, …), 5 interrupted before it was done, 6 "
    "damage "
    "found.";

}  // namespace tidemark::tools
