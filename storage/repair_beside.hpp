// Takes what lies beside a topic's events along: keys, a stored state, producers, cursors.
// storage/: a part of repair.
#pragma once

#include <cstdint>
#include <vector>

#include "storage/repair_topic.hpp"

namespace tidemark::storage {

/// A topic's history as it was known, and as it is in the new store, but for the epoch of what
/// comes next.
struct RepairedLineages {
  const std::vector<EpochStart>& old;
  const std::vector<EpochStart>& now;
};

struct BesideFound {
  bool complete = false;   ///< false: it was told to stop, or something could not be written
  Offset known;            ///< the last event that any of it tells of
  std::uint64_t keys = 0;  ///< of which the newest event is kept
};

/// Positions of the old history are put into the new one: who has all events up to some offset has
/// them still, whatever epoch they are of now. Of keys that can't be read the newest event that is
/// left is looked for among the events, if it is known that they are kept.
BesideFound salvage_beside(RepairWork& work, const SurveyedTopic& topic,
                           const RepairedLineages& lineages);

}  // namespace tidemark::storage
