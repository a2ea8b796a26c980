// The daemon between its start and its end: waits for signals, reads its configuration again,
// stops. tools/daemon/: the last step of tidemarkd.
#pragma once

#include "broker/config/config.hpp"
#include "tools/daemon/running_broker.hpp"

namespace tidemark::tools {

/// Threads: the one that waits for signals.
class Service {
 public:
  Service(broker::config::Inputs inputs, broker::config::Config config, RunningBroker& broker);

  /// Until it is told to stop, and has. A second time it is told ends the process.
  void run();
  /// Reads the configuration again: all of it, or if anything is wrong with it nothing.
  void reload();

 private:
  [[nodiscard]] broker::config::Complaints take_over();
  void tell_ready() const;

  const broker::config::Inputs inputs_;
  broker::config::Config config_;  ///< in force
  RunningBroker& broker_;
};

}  // namespace tidemark::tools
