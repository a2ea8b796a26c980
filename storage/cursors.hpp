// Named cursors: how far a reader is that keeps no position of its own.
// storage/: a table in memory over the log; written lazily, and when the store is closed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/lag.hpp"
#include "storage/log.hpp"
#include "storage/topic.hpp"

namespace tidemark::storage {

class Committer;
class StoreClock;
class Topics;

struct CursorsOptions {
  std::uint64_t max_cursors = 1'000'000;              ///< of the store
  std::chrono::milliseconds write_interval{1'000};    ///< a crash loses this much of them
  std::chrono::seconds expire_after{90 * 24 * 3600};  ///< without an acknowledgement; 0: never
  std::chrono::milliseconds look_interval{60'000};    ///< between looks at all, for what follows
};

struct CursorInfo {
  std::string topic;
  std::string name;
  Position position;
  Timestamp created;
  Timestamp acknowledged;  ///< the last time; of one never acknowledged its creation
  Lag lag;
  bool in_epoch = true;  ///< its position is of the topic's history
};

/// Threads: any. Lock: its own, taken before a Topic's.
class Cursors {
 public:
  Cursors(Log& log, Topics& topics, Committer& committer, StoreClock& clock,
          CursorsOptions options);
  ~Cursors();
  Cursors(const Cursors&) = delete;
  Cursors& operator=(const Cursors&) = delete;

  /// Where a cursor is; nullopt: there is none of that name. May block on the disk.
  [[nodiscard]] Result<std::optional<Position>> find(const Topic& topic, std::string_view name);

  /// Moves a cursor forward, or makes one; one that is further already stays. Epoch 0 is the
  /// topic's now. Answers where it is then. A position of an older epoch of the topic's lineage is
  /// behind every one of a later epoch. May block on the disk the first time.
  /// Errors: invalid_cursor, wrong_epoch, position_ahead, too_many_cursors, unknown_topic
  /// (deleted), storage_failed, shutting_down.
  Result<Position> acknowledge(const Topic& topic, std::string_view name, Position position);

  /// Puts a cursor anywhere in the log, back too: for operators. It counts as no acknowledgement.
  /// Errors: as acknowledge.
  Result<Position> place(const Topic& topic, std::string_view name, Position position);

  /// Errors: unknown_cursor, storage_failed, shutting_down.
  Result<void> remove(const Topic& topic, std::string_view name);

  /// Up to `limit` cursors by topic and name, after (topic, name) `after`, whose topic `choose`
  /// takes. Blocks on the disk. Of topics deleted since there are none.
  struct Place {
    std::string topic;
    std::string name;
  };
  using ChooseTopic = std::function<bool(std::string_view topic)>;
  Result<std::vector<CursorInfo>> list(const Place& after, std::size_t limit,
                                       const ChooseTopic& choose);

  /// How many a topic has. Blocks on the disk the first time. Errors: storage_failed.
  [[nodiscard]] Result<std::uint64_t> count(const Topic& topic);

  /// How far a position is behind. May block on the disk. Errors: wrong_epoch, position_ahead,
  /// storage_failed.
  [[nodiscard]] Result<Lag> lag(const LoadedTopic& topic, Position position);

  /// For metrics: as they were found by the last look, a minute ago or as long as that takes.
  struct Figures {
    std::uint64_t cursors = 0;  ///< now
    std::uint64_t falling = 0;  ///< about to fall off retention
    std::uint64_t fallen = 0;   ///< events after them are gone already, or they are of no history
    std::uint64_t max_lag_events = 0;
    std::uint64_t expired = 0;  ///< since the start
  };
  [[nodiscard]] Figures figures() const;

  /// Other limits from now on.
  void apply(CursorsOptions options);
  /// Takes no more, and writes what the log does not have yet. Before the committer stops. Safe to
  /// call twice.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::storage
