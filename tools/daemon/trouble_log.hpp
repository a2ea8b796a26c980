// What goes wrong with the store, and when it is over, as lines of the log.
// tools/daemon/: looked at once a second, so a flood of one kind is a line a second.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/event_store.hpp"

namespace tidemark::tools {

/// `problem` when one begins or becomes worse, `problem_over` when it has ended, and `damage` for
/// each topic in which some was met. Threads: one at a time.
class TroubleLog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void look(storage::EventStore& store, Time now);
  void look(const storage::Troubles& troubles, const std::vector<storage::DamagedTopic>& damaged,
            Time now);

 private:
  struct Known {
    std::uint64_t times = 0;
    std::optional<Time> since;  ///< it is one now
  };
  void look(const storage::Trouble& trouble, Known& known, Time now);
  void look(const std::vector<storage::DamagedTopic>& damaged);

  std::array<Known, storage::kProblems> known_;
  std::map<std::string, std::vector<OffsetRange>> damaged_;  ///< told
};

}  // namespace tidemark::tools
