// The topics that are open, loaded on demand and let go when idle.
// storage/: a hundred thousand idle topics cost disk, not memory.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "storage/damage.hpp"
#include "storage/topic.hpp"

namespace tidemark::storage {

/// Threads: any. Lock: its own, taken before any Topic's; held while a topic is loaded. That of
/// `damage()` comes after both.
class Topics {
 public:
  /// `max_open`: beyond it the longest unused that nobody holds are let go.
  Topics(Log& log, std::size_t max_open, std::size_t ring_bytes)
      : log_(log), max_open_(max_open), ring_bytes_(ring_bytes) {}

  /// Memory only: the topic if it is open. nullptr: not open (it may exist).
  [[nodiscard]] std::shared_ptr<Topic> find(const TopicName& name);
  /// Loads it if need be: what there is of that name, gone and expired topics too (see
  /// Topic::alive). Errors: unknown_topic, corrupt_record, storage_failed. Blocks on the disk.
  [[nodiscard]] Result<std::shared_ptr<Topic>> open(const TopicName& name);
  /// Takes in a topic that has just been committed, unless somebody has opened it already.
  [[nodiscard]] std::shared_ptr<Topic> add(const TopicName& name, LoadedTopic created);
  /// Lets go of this topic; not of a later one of its name.
  void remove(const Topic& topic);

  /// Calls `visit` for all that are open, without the lock held.
  void each(const std::function<void(const std::shared_ptr<Topic>&)>& visit);
  [[nodiscard]] std::size_t open_count();
  /// What of them could not be read; readers and open() note it here.
  [[nodiscard]] Damage& damage() { return damage_; }

 private:
  struct Entry {
    std::shared_ptr<Topic> topic;
    std::list<TopicName>::iterator used;
  };
  std::shared_ptr<Topic> enter(const TopicName& name, LoadedTopic loaded);
  void evict();

  Log& log_;
  const std::size_t max_open_;
  const std::size_t ring_bytes_;
  Damage damage_;
  std::mutex mutex_;
  std::unordered_map<TopicName, Entry> entries_;
  std::list<TopicName> used_;  ///< most recently used first
};

}  // namespace tidemark::storage
