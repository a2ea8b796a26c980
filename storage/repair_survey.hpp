// What topics a damaged store has: those it can name, and those of which only events are left.
// storage/: a part of repair; metadata of all topics is held, events are not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/repair.hpp"
#include "storage/repair_history.hpp"
#include "storage/rocks_scan.hpp"

namespace tidemark::storage {

/// A topic that is to be salvaged.
struct SurveyedTopic {
  TopicMeta meta;          ///< as it was, or what can be said of it; lineage is sound, maybe empty
  bool nameless = false;   ///< its metadata is lost
  std::string label;       ///< for reports: its name
  std::size_t source = 0;  ///< index of the one it is a fork of, if it is one
  /// A fork that reads this topic's log, whose index among all topics is `fork`, up to `inherited`.
  struct Heir {
    std::size_t fork = 0;
    Offset inherited;
  };
  std::vector<Heir> heirs;  ///< by `inherited`
  /// Of a fork: the last event of what it has inherited that could be salvaged; set as the topics
  /// above it are.
  Offset available;
  std::vector<EpochStart> repaired;  ///< once it is salvaged
};

struct Survey {
  std::vector<SurveyedTopic> topics;  ///< a fork behind its source
  std::uint64_t last_epoch = 0;       ///< the greatest that was given, as far as it is known
};

/// Reads metadata, finds topics of which only events are left if any metadata may be missing, and
/// settles which topic is whose fork. `lossy`: why more may be missing than damage tells; or empty.
Survey survey_store(StoreScan& scan, const std::string& lossy,
                    const std::function<void(const Loss&)>& loss);

}  // namespace tidemark::storage
