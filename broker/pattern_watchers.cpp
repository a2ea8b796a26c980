// Who wants to know of topics that come to be: see pattern_watchers.hpp.
// broker/: ten thousand clients that follow the same pattern cost one match.
#include "broker/pattern_watchers.hpp"

#include <vector>

#include "broker/topic_defaults.hpp"

namespace tidemark::broker {

void PatternWatchers::add(const std::string& pattern,
                          const std::shared_ptr<PatternWatcher>& watcher) {
  patterns_[pattern].emplace(watcher.get(), watcher);
}

void PatternWatchers::remove(const std::string& pattern, const PatternWatcher& watcher) {
  const auto found = patterns_.find(pattern);
  if (found == patterns_.end()) return;
  found->second.erase(&watcher);
  if (found->second.empty()) patterns_.erase(found);
}

void PatternWatchers::tell(const std::shared_ptr<storage::Topic>& topic) const {
  // Copied first: whoever is told may add and remove.
  std::vector<std::shared_ptr<PatternWatcher>> fitting;
  for (const auto& [pattern, watching] : patterns_) {
    if (!matches_topic(pattern, topic->name().str())) continue;
    for (const auto& [key, watcher] : watching) {
      if (auto alive = watcher.lock()) fitting.push_back(std::move(alive));
    }
  }
  for (const auto& watcher : fitting) watcher->created(topic);
}

}  // namespace tidemark::broker
