// The one writer: collects what all publishers have sent, appends it as one group, then shows it.
// storage/: total order without locks, and group commit by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "storage/committer_counters.hpp"
#include "storage/disk_guard.hpp"
#include "storage/log.hpp"
#include "storage/producers.hpp"
#include "storage/requests.hpp"
#include "storage/store_clock.hpp"
#include "storage/store_limits.hpp"
#include "storage/topic_quotas.hpp"
#include "storage/topics.hpp"

namespace tidemark::storage {

/// Is told of groups. Called on the committer's thread: be short, never block, never throw.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  /// `done`: this observer's requests of the group. `advanced`: topics with new events, changed
  /// bounds, or deleted or expired, whoever published; the events can be read already.
  virtual void committed(std::vector<std::unique_ptr<Request>> done,
                         std::span<const std::shared_ptr<Topic>> advanced) = 0;
  /// Topics that have just come to be, before `committed` of their group.
  virtual void created(std::span<const std::shared_ptr<Topic>> topics) {
    static_cast<void>(topics);
  }
  /// Events of `topic` before `keep` can't be read any more (a trim, or for kWholeTopic a deletion)
  /// and this is on disk: their space may be given back.
  virtual void dropped(TopicId topic, Offset keep) {
    static_cast<void>(topic);
    static_cast<void>(keep);
  }
};

/// Offset for CommitObserver::dropped of a deleted topic.
inline constexpr Offset kWholeTopic{kMaxInteger};

/// Settings for a topic that does not say: the first pattern that matches its name.
using DefaultSettings = std::function<TopicSettings(const TopicName&)>;

struct CommitterOptions {
  std::size_t max_queued_requests = 65'536;
  std::size_t max_queued_bytes = std::size_t{64} << 20;
  std::size_t max_group_bytes = std::size_t{4} << 20;
  std::size_t max_event_bytes = std::size_t{1} << 20;
  std::size_t max_state_bytes = std::size_t{8} << 20;  ///< of a stored state
  std::uint64_t max_keys = 1'000'000;                  ///< of a topic that keeps the latest of each
  std::size_t max_key_readers = 256;                   ///< open at a time
  StoreLimits limits;                                  ///< see apply()
  DiskSource disk;                                     ///< of the disk guard; null: there is none
  std::size_t ring_total_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds flush_interval{100};    ///< fsync of buffered topics at the latest
  std::chrono::milliseconds recover_interval{500};  ///< between tries after a failed commit
  DefaultSettings defaults;
};

/// What the committer has done since it started; for metrics and tests.
struct CommitterStats {
  std::uint64_t groups = 0;
  std::uint64_t events = 0;
  std::uint64_t synced_groups = 0;
  std::uint64_t failed_groups = 0;
  bool failing = false;  ///< the last commit failed and the log has not recovered yet
  Errc failure = Errc::storage_failed;  ///< of the last write that failed
  std::uint64_t failures = 0;           ///< times it has begun to fail
  std::uint64_t full = 0;               ///< of these, because the disk was full
};

/// Threads: `submit`, `stats`, observers from any; one thread of its own does the rest.
class Committer {
 public:
  Committer(Log& log, Topics& topics, StoreClock& clock, CommitterOptions options);
  /// Does what is queued, then stops. Safe to call twice.
  ~Committer();
  void stop();

  /// Queues a request. Errors: overloaded (the queue is full), shutting_down. On an error the
  /// request stays with the caller.
  Result<void> submit(std::unique_ptr<Request>& request);
  /// Queues several at once: they are all there when the committer wakes, so they become one group.
  /// Those taken leave the vector; on an error the first refused and all after it stay in it.
  Result<void> submit(std::vector<std::unique_ptr<Request>>& requests);

  /// Observers are told until removed; remove_observer waits for a call under way.
  void add_observer(CommitObserver& observer);
  void remove_observer(CommitObserver& observer);
  [[nodiscard]] CommitterStats stats() const;
  [[nodiscard]] const CommitterCounters& counters() const { return counters_; }
  [[nodiscard]] CommitterQueue queue() const;

  /// Other limits, from the next group on.
  void apply(StoreLimits limits);
  [[nodiscard]] DiskGuard& guard() { return guard_; }

 private:
  struct Staged;  ///< one topic's part of the group being built
  struct Group;
  struct Birth;  ///< a topic about to be created
  using Requests = std::vector<std::unique_ptr<Request>>;

  // committer.cpp: the queue, the thread, the group
  Result<void> enqueue_locked(std::unique_ptr<Request>& request);
  void run();
  Requests take();
  void work(Requests requests);
  void stage(Group& group, Request& request);
  void finish_batch(Group& group, Staged& staged);
  void finish(Group& group, std::span<const std::unique_ptr<Request>> requests);
  void collect(Group& group);
  bool commit(Group& group);
  void show(Group& group);
  void show_removed(Group& group);
  void show_staged(Group& group, const TopicName& name, Staged& staged);
  void deliver(Requests requests, std::span<const std::shared_ptr<Topic>> advanced);
  void tell_created(std::span<const std::shared_ptr<Topic>> topics);
  void tell_dropped(std::span<const std::pair<TopicId, Offset>> dropped);
  bool ready_to_write(std::span<const std::unique_ptr<Request>> requests);
  void flush_if_due();
  void keep_ring_budget();

  // committer_recovery.cpp
  void begin_to_fail(Errc why);
  void recover();
  bool find_born(std::vector<std::shared_ptr<Topic>>& found);

  // committer_figures.cpp
  void note(std::span<const std::unique_ptr<Request>> requests);
  void note_written(const Group& group, std::chrono::steady_clock::duration took);

  // committer_publish.cpp
  void stage_publish(Group& group, PublishRequest& request);
  bool admit(Staged& staged, PublishRequest& request);
  bool admit_events(Staged& staged, PublishRequest& request);
  bool admit_producer(Staged& staged, PublishRequest& request);
  static bool admit_sequence(const Staged& staged, PublishRequest& request);
  void answer_closed(Staged& staged, PublishRequest& request);
  bool has_room(Request& request);
  std::optional<ProducerVerdict> judge_producer(Staged& staged, PublishRequest& request);
  static void tell_end(const Staged& staged, PublishRequest& request);
  void append(Group& group, Staged& staged, PublishRequest& request);
  void append_events(Group& group, Staged& staged, std::span<const NewEvent> events);

  // committer_keys.cpp
  bool has_room_for_keys(Staged& staged, PublishRequest& request);
  [[nodiscard]] bool may_have_keys(std::uint64_t keys) const;
  static void keep_latest(Staged& staged, const NewEvent& event);
  static bool admit_keep_latest(const Staged& staged, ConfigureRequest& request);
  static void forget_keys(Group& group, Staged& staged);
  void stage_read_keys(Group& group, ReadKeysRequest& request);
  void open_key_readers(Group& group);
  void open_key_reader(const Staged& staged, ReadKeysRequest& request);

  // committer_topics.cpp: finding, settings, trims, removal
  Result<Staged*> look_up(Group& group, const TopicName& name);
  Staged* find_staged(Group& group, Request& request);
  void answer_incidents(Group& group, Staged& staged);
  static void renew(const Group& group, Staged& staged);
  void stage_configure(Group& group, ConfigureRequest& request);
  void stage_trim(Group& group, TrimRequest& request);
  void stage_erase(Group& group, EraseRequest& request);
  void stage_use(Group& group, UseRequest& request);
  Result<void> remove(Group& group, Staged& staged);
  Result<Staged*> source_of(Group& group, const TopicMeta& fork);
  void erase(Group& group, Staged& staged);

  // committer_state.cpp
  void stage_store_state(Group& group, StoreStateRequest& request);
  bool admit_state(Staged& staged, StoreStateRequest& request);
  Result<std::optional<Position>> stored_position(Staged& staged);
  void stage_move_cursors(Group& group, MoveCursorsRequest& request);

  // committer_create.cpp
  [[nodiscard]] TopicSettings default_settings(const TopicName& name) const;
  [[nodiscard]] bool may_create(const Group& group, Request& request,
                                const TopicSettings& settings);
  Staged* create(Group& group, Request& request, TopicSettings settings);
  Staged& begin(Group& group, const TopicName& name, TopicSettings settings);
  void stage_create(Group& group, CreateRequest& request);
  static void answer_existing(const Staged& staged, CreateRequest& request);
  bool plan(Group& group, CreateRequest& request, Birth& birth);
  bool plan_fork(Group& group, CreateRequest& request, Birth& birth);
  bool plan_cut(CreateRequest& request, Birth& birth);
  bool admit_first_events(CreateRequest& request, const Birth& birth) const;

  Log& log_;
  Topics& topics_;
  StoreClock& clock_;
  const CommitterOptions options_;
  DiskGuard guard_;
  CommitterCounters counters_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Requests queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t queued_requests_ = 0;
  std::unique_ptr<StoreLimits> new_limits_;
  bool sleeping_ = false;
  bool stopping_ = false;

  std::mutex observers_mutex_;
  std::vector<CommitObserver*> observers_;

  // the committer thread's own
  ProducerCache producers_;
  /// Shared with the readers, any of which may go last.
  const std::shared_ptr<std::atomic<std::size_t>> open_key_readers_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t max_topics_;
  TopicQuotas quotas_;
  std::size_t bytes_since_budget_ = 0;
  std::optional<std::chrono::steady_clock::time_point> flush_at_;
  std::chrono::steady_clock::time_point next_recovery_{};
  std::atomic<Errc> failure_{Errc::storage_failed};
  std::vector<std::pair<TopicName, TopicId>> perhaps_born_;  ///< created by the group that failed

  std::atomic<std::uint64_t> groups_{0}, events_{0}, synced_groups_{0}, failed_groups_{0};
  std::atomic<std::uint64_t> failures_{0}, full_{0};
  std::atomic<bool> failing_{false};
  std::thread thread_;
};

}  // namespace tidemark::storage
