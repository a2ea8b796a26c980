// The keys of a topic within a group: see key_changes.hpp.
// storage/: no engine in here; the log is asked for what it has.
#include "storage/key_changes.hpp"

#include <string_view>
#include <unordered_set>
#include <utility>

namespace tidemark::storage {

Result<void> KeyChanges::look_up(Log& log, TopicId topic, std::span<const NewEvent> events) {
  for (const NewEvent& event : events) {
    if (event.key.empty() || changes_.contains(event.key)) continue;
    const auto latest = log.latest(topic, event.key);
    if (!latest && latest.errc() != Errc::corrupt_record) return latest.errc();
    const bool stored = !latest || latest->has_value();
    Change& change = changes_[event.key];
    change.stored = change.kept = stored;
  }
  return ok();
}

bool KeyChanges::kept(const std::string& key) const {
  const auto found = changes_.find(key);
  return found != changes_.end() && found->second.kept;
}

std::int64_t KeyChanges::growth(std::span<const NewEvent> events, Payload payload) const {
  std::int64_t growth = 0;
  std::unordered_set<std::string_view> settled;
  // From the end: the last event of a key decides.
  for (std::size_t i = events.size(); i > 0; --i) {
    const NewEvent& event = events[i - 1];
    if (event.key.empty() || !settled.insert(event.key).second) continue;
    growth += (is_tombstone(event.data, payload) ? 0 : 1) - (kept(event.key) ? 1 : 0);
  }
  return growth;
}

int KeyChanges::append(const NewEvent& event, Offset offset, Timestamp time, Payload payload) {
  TIDEMARK_ENSURE(!event.key.empty(), "only events with a key have one to keep");
  Change& change = changes_[event.key];
  const bool before = std::exchange(change.kept, !is_tombstone(event.data, payload));
  change.changed = true;
  change.offset = offset;
  change.time = time;
  change.record.clear();
  if (change.kept) append_record(change.record, event);
  return (change.kept ? 1 : 0) - (before ? 1 : 0);
}

void KeyChanges::collect(TopicId topic, std::vector<LatestUpdate>& out) {
  for (auto& [key, change] : changes_) {
    // What came and went within the group was never stored.
    if (!change.changed || (!change.kept && !change.stored)) continue;
    out.push_back({.topic = topic,
                   .key = key,
                   .offset = change.offset,
                   .time = change.time,
                   .record = std::move(change.record)});
  }
  changes_.clear();
}

}  // namespace tidemark::storage
