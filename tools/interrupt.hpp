// Ctrl-C and SIGTERM as a flag, for programs that block in read(2).
// tools/: used by pub; tail waits for signals with Asio.
#pragma once

namespace tidemark::tools {

/// From now on SIGINT and SIGTERM only set the flag and cut short what blocks; a second one ends
/// the program at once. SIGPIPE is ignored.
void catch_interrupts();
[[nodiscard]] bool interrupted();

}  // namespace tidemark::tools
