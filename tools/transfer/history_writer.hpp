// Writes a topic's history into a log as it was: offsets, epochs and times are given, not assigned.
// tools/transfer/: what import writes with; no broker runs on the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/key_changes.hpp"
#include "storage/log.hpp"
#include "tools/transfer/export_items.hpp"

namespace tidemark::tools {

/// Collects batches and commits them in groups of some MiB, unsynced; sync() makes them durable.
/// Groups reach the disk in order, so that what a crash leaves is a prefix. A topic's metadata is
/// in the first group that has anything of it. Threads: one.
class HistoryWriter {
 public:
  explicit HistoryWriter(storage::Log& log) : log_(log) {}

  /// Goes on with this topic, whose `meta` may be new or changed, and whose next event follows
  /// `tail`; what is collected of the one before stays. Pre: meta.id is the log's own; a topic is
  /// begun once between two flushes.
  Result<void> begin(storage::TopicMeta meta, const storage::Tail& tail);
  /// The newest event of each key is kept with them, if the topic keeps those. Pre: behind the
  /// tail; the epoch is the last of the lineage; the time is not before that of the tail; each
  /// event passed check_event. Errors: as Log::commit, and Log::latest.
  Result<void> add(const ExportEvents& events);
  Result<void> put(storage::ProducerUpdate producer);
  Result<void> put(storage::CursorUpdate cursor);
  Result<void> put(storage::StateUpdate state);
  /// An event of a key that is not among those added. Pre: flush() was called behind the last of
  /// those; each key once. `is_new`: the topic has no event of the key.
  Result<void> put(storage::LatestUpdate latest, bool is_new);
  /// Metadata as it is from now on; in the next group. How many keys there are stays as counted.
  void change(storage::TopicMeta meta);
  /// Writes what is collected; errors: as Log::commit.
  Result<void> flush();
  /// flush(), and everything so far is on disk.
  Result<void> sync();

  [[nodiscard]] const storage::TopicMeta& meta() const { return meta_; }
  /// With what is collected, but for its bytes.
  [[nodiscard]] const storage::Tail& tail() const { return tail_; }
  /// Bytes committed since the last sync.
  [[nodiscard]] std::uint64_t unsynced_bytes() const { return unsynced_bytes_; }

 private:
  /// Events of one batch that may take more.
  struct Open {
    Epoch epoch;
    Offset first;
    Timestamp time;
  };
  Result<void> flush_if_large();
  void finish_batch();
  void finish_topic();

  storage::Log& log_;
  storage::TopicMeta meta_;
  storage::Tail tail_;
  Payload payload_ = Payload::bytes;
  bool meta_changed_ = false;
  storage::BatchBuilder builder_;
  std::optional<Open> open_;  ///< set while the builder has events
  storage::KeyChanges keys_;
  storage::CommitGroup group_;
  std::size_t bytes_ = 0;  ///< about, of the group
  std::uint64_t unsynced_bytes_ = 0;
};

}  // namespace tidemark::tools
