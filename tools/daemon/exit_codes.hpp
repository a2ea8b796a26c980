// How tidemarkd ends, for whoever starts it.
// tools/daemon/: the daemon's own; those of the command line are in tools/exit_code.hpp.
#pragma once

namespace tidemark::tools::daemon_exit {

inline constexpr int kDone = 0;     ///< stopped as asked
inline constexpr int kFailed = 1;   ///< something else
inline constexpr int kUsage = 2;    ///< flags, environment or configuration file
inline constexpr int kData = 3;     ///< the data directory cannot be used
inline constexpr int kNetwork = 4;  ///< the address cannot be listened on

}  // namespace tidemark::tools::daemon_exit
