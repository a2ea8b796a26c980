// Proof that the broker lives: every I/O thread and the committer are asked, and have answered.
// tools/daemon/: what the service manager's watchdog is told by; not a timer that would go on
// alone.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/hub.hpp"

namespace tidemark::tools {

/// Threads: its own. Asks again only when all have answered, so that nothing piles up before what
/// hangs.
class Heartbeat {
 public:
  struct Options {
    std::chrono::milliseconds period{5'000};
    /// All have answered. On its own thread.
    std::function<void()> beat;
    /// Some have not for a period: their names ("io 0", "committer"). Told every period until they
    /// do.
    std::function<void(const std::vector<std::string>& silent)> stalled;
  };

  Heartbeat(broker::Hub& hub, Options options);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  /// Before the hub stops. Safe to call twice.
  void stop();

 private:
  struct Round;
  class Asker;

  void run();
  bool wait_for_answers();

  broker::Hub& hub_;
  const Options options_;
  const std::shared_ptr<Round> round_;  ///< shared: answers may come after all has ended
  std::unique_ptr<Asker> asker_;
  std::thread thread_;
};

}  // namespace tidemark::tools
