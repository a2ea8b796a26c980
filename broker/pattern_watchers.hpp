// Who wants to know of topics that come to be, by the patterns of their names.
// broker/: a part of Shard; sessions that follow patterns are told by it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "storage/topic.hpp"

namespace tidemark::broker {

/// Threads: its shard's.
class PatternWatcher {
 public:
  /// A topic whose name fits has come to be. May watch and unwatch. Must not throw.
  virtual void created(const std::shared_ptr<storage::Topic>& topic) = 0;

 protected:
  virtual ~PatternWatcher() = default;
};

/// A pattern is matched once for all who watch it. Threads: its shard's.
class PatternWatchers {
 public:
  /// Pre: this watcher does not watch this pattern yet. It is not kept alive.
  void add(const std::string& pattern, const std::shared_ptr<PatternWatcher>& watcher);
  void remove(const std::string& pattern, const PatternWatcher& watcher);
  [[nodiscard]] bool empty() const { return patterns_.empty(); }

  /// Tells those whose pattern fits. Who is removed meanwhile may be told once more.
  void tell(const std::shared_ptr<storage::Topic>& topic) const;

 private:
  using Watching = std::unordered_map<const PatternWatcher*, std::weak_ptr<PatternWatcher>>;
  std::map<std::string, Watching> patterns_;
};

}  // namespace tidemark::broker
