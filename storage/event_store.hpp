// The storage room's front door: open a directory, publish, read after a position.
// storage/: composes log, topics, committer, segment cache and janitor; the hub stands on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/backup.hpp"
#include "storage/committer.hpp"
#include "storage/cursors.hpp"
#include "storage/janitor.hpp"
#include "storage/rocks_store.hpp"
#include "storage/segment_cache.hpp"
#include "storage/store_clock.hpp"
#include "storage/topics.hpp"
#include "storage/troubles.hpp"

namespace tidemark::storage {

struct EventStoreOptions {
  StoreOptions store;
  CommitterOptions committer;
  JanitorOptions janitor;
  CursorsOptions cursors;
  StoreClock::Sources clock;
  std::size_t max_open_topics = 100'000;
  std::size_t ring_topic_bytes = std::size_t{4} << 20;
  std::size_t segment_cache_bytes = std::size_t{256} << 20;
};

/// Threads: any, unless said otherwise.
class EventStore {
 public:
  static boost::system::result<std::unique_ptr<EventStore>, OpenError> open(
      const std::filesystem::path& directory, EventStoreOptions options);
  EventStore(std::unique_ptr<Log> log, EventStoreOptions options);
  ~EventStore();

  /// Memory only: nullptr says nothing about whether it exists.
  [[nodiscard]] std::shared_ptr<Topic> find_open(const TopicName& name);
  /// Errors: unknown_topic, topic_deleted (and kept for its forks), corrupt_record, storage_failed.
  /// Blocks on the disk if it isn't open.
  [[nodiscard]] Result<std::shared_ptr<Topic>> open_topic(const TopicName& name);

  /// Notes that the topic is being read, which keeps it from expiring; for whoever asks to read,
  /// not for whoever looks at it. False: it has expired or been deleted. Cheap; never blocks.
  bool touch(Topic& topic);
  /// Between these two somebody waits for the topic's events, and only its fixed time ends it.
  void begin_wait(Topic& topic) { topic.begin_wait(); }
  void end_wait(Topic& topic);
  /// True from the moment it expires, which is before it is removed and its readers are woken.
  [[nodiscard]] bool expired(const Topic& topic);

  /// See Committer::submit.
  Result<void> submit(std::unique_ptr<Request>& request) { return committer_.submit(request); }
  Result<void> submit(std::vector<std::unique_ptr<Request>>& requests) {
    return committer_.submit(requests);
  }
  void add_observer(CommitObserver& observer) { committer_.add_observer(observer); }
  void remove_observer(CommitObserver& observer) { committer_.remove_observer(observer); }

  /// Reads after a position from memory. Never blocks; `cold` asks for load(). Expired: `deleted`.
  [[nodiscard]] ReadAnswer read(const Topic& topic, Position after);
  /// Brings what follows `after` into memory. Blocks on the disk. Errors: storage_failed. Damage is
  /// no error here: the next read() answers with a gap.
  Result<void> load(Topic& topic, Offset after);

  /// The position a subscription starts from. For StartAfter it is the position itself, unchecked,
  /// with its epoch filled in if it had none. May block on the disk for StartTime.
  Result<Position> resolve(Topic& topic, const Start& start);

  /// Up to `limit` topics after `after` whose names begin with `prefix`, by name; without those
  /// that are gone or have expired.
  Result<std::vector<LoadedTopic>> list(std::string_view after, std::size_t limit,
                                        std::string_view prefix = {});
  /// The same, and of each name `choose` is asked what is to be done with it before the topic is
  /// loaded, which is what costs.
  enum class Listing : std::uint8_t { take, skip, stop };
  using Choose = std::function<Listing(const TopicName&)>;
  Result<std::vector<LoadedTopic>> list(std::string_view after, std::size_t limit,
                                        std::string_view prefix, const Choose& choose);
  /// Bytes of a topic's batches from the one that holds its earliest event on. May block on the
  /// disk. Errors: corrupt_record, storage_failed.
  Result<std::uint64_t> stored_bytes(const LoadedTopic& topic);

  /// When the event of this offset was appended; nullopt: there is none. May block on the disk.
  /// Errors: corrupt_record, storage_failed.
  Result<std::optional<Timestamp>> time_of(const LoadedTopic& topic, Offset offset);
  /// Calls `visit` for every producer of a topic after `after` in order of id, until it returns
  /// false. Blocks on the disk. Errors: corrupt_record, storage_failed.
  using VisitProducer = std::function<bool(std::string_view id, const ProducerState&)>;
  Result<void> producers(const Topic& topic, std::string_view after, const VisitProducer& visit);

  /// What an application has stored as a topic's state; nullopt: nothing, or what follows it is
  /// gone, or its history. Blocks on the disk. Errors: corrupt_record, storage_failed.
  Result<std::optional<StoredState>> stored_state(const Topic& topic);

  /// Makes a backup in `directory`, which must not exist and whose parent must; publishing goes on.
  /// Threads: any, one at a time; takes seconds. Errors: as Log::checkpoint.
  Result<BackupNote> backup(const std::filesystem::path& directory);

  /// Named cursors of all topics.
  [[nodiscard]] Cursors& cursors() { return cursors_; }
  /// How far a position is behind the topic's end, and what of it is lost: see Cursors::lag.
  Result<Lag> lag(const Topic& topic, Position position);

  /// Those kept only for their forks included, and the expired until they are removed.
  [[nodiscard]] std::uint64_t topic_count() const { return log_->topic_count(); }
  [[nodiscard]] CommitterStats stats() const { return committer_.stats(); }

  /// For metrics. Looks at every open topic's memory and asks the engine: about 10 ms for a hundred
  /// thousand topics, so not on an I/O thread.
  struct Figures {
    std::size_t open_topics = 0;
    std::size_t ring_bytes = 0;
    std::size_t cache_bytes = 0;
    CommitterQueue queue;
    DiskGuard::State space;
    std::vector<LogFigure> engine;
  };
  [[nodiscard]] Figures figures();
  /// See Log::levels.
  [[nodiscard]] std::vector<LogLevel> levels();
  [[nodiscard]] const CommitterCounters& counters() const { return committer_.counters(); }
  [[nodiscard]] const SegmentCache::Counters& cache_counters() const { return cache_.counters(); }
  /// What is wrong, and was; may ask the disk.
  [[nodiscard]] StoreSigns signs();
  [[nodiscard]] Troubles troubles() { return troubles_of(signs()); }
  /// What was found damaged since the start.
  [[nodiscard]] const Damage& damage() { return topics_.damage(); }
  /// What the disk guard thinks; may ask the disk.
  [[nodiscard]] DiskGuard::State space() {
    return committer_.guard().state(std::chrono::steady_clock::now());
  }
  /// Other limits from now on.
  void apply(StoreLimits limits) { committer_.apply(std::move(limits)); }
  [[nodiscard]] std::size_t max_event_bytes() const { return max_event_bytes_; }
  [[nodiscard]] std::size_t max_state_bytes() const { return max_state_bytes_; }

  /// Does what is queued, refuses what comes later, flushes. Safe to call twice.
  void stop();

 private:
  [[nodiscard]] Result<void> alive(const Topic& topic);

  std::size_t max_event_bytes_;
  std::size_t max_state_bytes_;
  StoreClock clock_;
  std::unique_ptr<Log> log_;
  Topics topics_;
  SegmentCache cache_;
  Committer committer_;
  Cursors cursors_;
  Janitor janitor_;
};

}  // namespace tidemark::storage
