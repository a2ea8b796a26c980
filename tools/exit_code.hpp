// What the command line's exit codes mean.
// tools/: one list for all subcommands; --help prints it.
#pragma once

namespace tidemark::tools {

enum ExitCode : int {
  kOk = 0,
  kFailed = 1,       ///< anything the others do not say
  kUsage = 2,        ///< the command line is wrong
  kUnreachable = 3,  ///< no connection to the broker
  kRefused = 4,      ///< the broker said no
  kIncomplete = 5,   ///< interrupted before all that was asked for was done
};

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 other failure, 2 wrong usage, 3 no connection to the broker, 4 refused "
    "by the broker (unknown topic, gap, …), 5 interrupted before it was done.";

}  // namespace tidemark::tools
