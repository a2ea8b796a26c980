// Tells people at a terminal what the connection does while they wait.
// tools/: the status callback of pub and tail.
#pragma once

#include <string>

#include "protocol/client/options.hpp"
#include "tools/exit_code.hpp"

namespace tidemark::tools {

/// One line when a connection is lost and one when it is back. What happens before the first
/// connection is the caller's to tell. Threads: the client's strand.
class ConnectionNotes {
 public:
  explicit ConnectionNotes(bool quiet) : quiet_(quiet) {}
  void operator()(const client::Status& status);

 private:
  bool quiet_;
  bool was_connected_ = false;
  bool told_ = false;
};

/// 350 ms, 1.2 s, 45 s.
[[nodiscard]] std::string duration_text(client::milliseconds time);

/// Says why there is no connection at all; the exit code for it.
[[nodiscard]] ExitCode complain_of(const client::Refusal& refusal);

}  // namespace tidemark::tools
