// Where stored events were found damaged: see damage.hpp.
// storage/: a lock around a small table.
#include "storage/damage.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::storage {

DamagedTopic* Damage::entry(const TopicName& name) {
  if (const auto found = topics_.find(name.str()); found != topics_.end()) return &found->second;
  if (topics_.size() >= kMostTopics) return nullptr;
  return &topics_
              .emplace(name.str(),
                       DamagedTopic{.name = std::string(name.str()), .id = {}, .events = {}})
              .first->second;
}

void Damage::note(const TopicName& name, TopicId id, std::vector<OffsetRange> events) {
  if (events.empty()) return;
  const std::lock_guard lock(mutex_);
  DamagedTopic* const at = entry(name);
  if (at == nullptr) {
    ++times_;
    return;
  }
  if (at->id == id && at->events == events) return;
  ++times_;
  at->id = id;
  at->events = std::move(events);
}

void Damage::note_unreadable(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  if (const auto known = topics_.find(name.str());
      known != topics_.end() && known->second.events.empty())
    return;
  ++times_;
  if (DamagedTopic* const at = entry(name))
    *at = {.name = std::string(name.str()), .id = {}, .events = {}};
}

void Damage::note_readable(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  const auto known = topics_.find(name.str());
  if (known != topics_.end() && known->second.events.empty()) topics_.erase(known);
}

void Damage::forget(TopicId topic, Offset keep) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(topics_.begin(), topics_.end(),
                               [&](const auto& entry) { return entry.second.id == topic; });
  if (topic.value == 0 || at == topics_.end()) return;
  auto& events = at->second.events;
  std::erase_if(events, [&](const OffsetRange& range) { return range.end <= keep; });
  if (events.empty()) {
    topics_.erase(at);
  } else {
    events.front().first = std::max(events.front().first, keep);
  }
}

std::vector<DamagedTopic> Damage::topics() const {
  const std::lock_guard lock(mutex_);
  std::vector<DamagedTopic> out;
  out.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) out.push_back(topic);
  return out;
}

std::vector<OffsetRange> Damage::of(const TopicName& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = topics_.find(name.str());
  return known == topics_.end() ? std::vector<OffsetRange>() : known->second.events;
}

Damage::Figures Damage::figures() const {
  const std::lock_guard lock(mutex_);
  Figures out{.topics = topics_.size(), .events = 0, .times = times_};
  for (const auto& [name, topic] : topics_)
    for (const OffsetRange& range : topic.events) out.events += range.count();
  return out;
}

}  // namespace tidemark::storage
