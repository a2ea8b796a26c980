// What a group makes of the keys of a topic that keeps the newest event of each.
// storage/: for the committer, and for imports; one of these for each such topic of the group.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/log.hpp"

namespace tidemark::storage {

/// A key it has not looked up counts as one that the log does not have. Threads: one.
class KeyChanges {
 public:
  /// Looks up the keys of `events` in the log, each once. Errors: those of Log::latest but damage:
  /// a key whose value can't be read is there, and its next event makes it whole.
  Result<void> look_up(Log& log, TopicId topic, std::span<const NewEvent> events);
  /// By how many keys there would be more, or fewer, with `events`. Pre: as check_event leaves
  /// them.
  [[nodiscard]] std::int64_t growth(std::span<const NewEvent> events, Payload payload) const;
  /// The event is the newest of its key, or removes it. Returns by how many keys there are more:
  /// -1, 0 or 1. Pre: it has a key.
  int append(const NewEvent& event, Offset offset, Timestamp time, Payload payload);
  void clear() { changes_.clear(); }
  /// Hands over what has changed, and forgets it.
  void collect(TopicId topic, std::vector<LatestUpdate>& out);

 private:
  struct Change {
    bool stored = false;   ///< the log has it
    bool kept = false;     ///< there is such a key now
    bool changed = false;  ///< by the group; then the rest says to what
    Offset offset;
    Timestamp time;
    std::string record;  ///< empty: it is gone
  };
  [[nodiscard]] bool kept(const std::string& key) const;

  std::unordered_map<std::string, Change> changes_;
};

}  // namespace tidemark::storage
