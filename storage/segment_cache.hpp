// Cold segments read from the log, shared by all who need them.
// storage/: ten thousand clients resuming at once cost one read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "storage/counter.hpp"
#include "storage/log.hpp"
#include "storage/segment.hpp"
#include "storage/topic.hpp"

namespace tidemark::storage {

/// Threads: any; `load` blocks on the disk. Lock: its own; not held while reading.
class SegmentCache {
 public:
  SegmentCache(Log& log, std::size_t max_bytes) : log_(log), max_bytes_(max_bytes) {}

  /// The cached segment of the topic that holds `offset`, or null.
  [[nodiscard]] std::shared_ptr<const Segment> find(TopicId topic, Offset offset);

  /// Reads segments from the batch that holds `from` on into the cache: up to kReadAhead bytes, not
  /// beyond the topic's head. Callers who need the same place wait for the one who reads.
  /// Errors: corrupt_record (the damaged range has been marked on the topic), storage_failed.
  Result<void> load(Topic& topic, Offset from);

  /// Forgets a topic's segments.
  void drop(TopicId topic);
  [[nodiscard]] std::size_t memory() const;

  struct Counters {
    SharedCounter reads;     ///< from the log
    SharedCounter segments;  ///< they came to
    SharedCounter bytes;     ///< of records in them
    SharedCounter evicted;   ///< segments let go for want of room
    SharedCounter damaged;   ///< reads that met damage
    SharedCounter us;        ///< time they took
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  using Key = std::pair<TopicId, Offset>;  ///< by first offset
  struct Entry {
    std::shared_ptr<const Segment> segment;
    std::size_t charge = 0;
    std::list<Key>::iterator used;
  };
  using Entries = std::map<Key, Entry>;

  Result<void> fill(Topic& topic, Offset from);
  void note_read(std::chrono::steady_clock::duration took, const Result<void>& read);
  void mark_damage(Topic& topic, Offset from, Offset end);
  void insert(TopicId topic, std::shared_ptr<const Segment> segment);
  Entries::iterator remove(Entries::iterator entry);

  Log& log_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  Entries entries_;
  std::list<Key> used_;  ///< most recently used first
  std::set<TopicId> loading_;
  std::size_t bytes_ = 0;
  Counters counters_;
};

}  // namespace tidemark::storage
