// Takes one topic from a damaged store into a new one, as far as it can be read.
// storage/: a part of repair; one pass over its events, then what lies beside them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/repair_survey.hpp"
#include "storage/repair_target.hpp"

namespace tidemark::storage {

/// What salvaging topics needs and adds to. Lifetime: all of it is somebody else's.
struct RepairWork {
  StoreScan& scan;
  RepairTarget& target;
  std::vector<SurveyedTopic>& topics;
  RepairReport& report;
  const std::function<void(const Loss&)>& loss;
  /// Takes the bytes that were read; false: stop.
  const std::function<bool(std::uint64_t bytes)>& read;
  /// Why something may be missing that no damage tells of; empty: nothing may.
  std::string lossy;
};

/// Salvages the topic of this index. Pre: those it is a fork of have been. What can't be written is
/// in the target's status; false: `read` has said so, or something could not be written.
bool salvage_topic(RepairWork& work, std::size_t index);

}  // namespace tidemark::storage
