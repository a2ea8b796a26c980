// One I/O thread's part of the hub: who waits for which topic, wake-ups, answers, cold reads.
// broker/: sessions and in-process subscriptions live on a shard for life.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/intrusive/list.hpp>

#include "broker/metrics/counters.hpp"
#include "broker/pattern_watchers.hpp"
#include "broker/turn.hpp"
#include "storage/event_store.hpp"

namespace tidemark::broker {

class Shard;

/// Asks for `bytes` of memory to be brought into the caches.
inline void prefetch_lines(const void* from, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  const char* const begin = static_cast<const char*>(from);
  for (std::size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(begin + at);
}

/// Someone who sends: woken any number of times in a loop turn, flushed once at its end.
class Flushable {
 public:
  /// On the shard's thread, after all wake-ups and answers of the turn. Must not throw. Keep the
  /// object alive from schedule() to flush(): `keep_alive` of schedule does it.
  virtual void flush() = 0;
  /// A few flushes before its own: asks for the memory that flush() will need. Of a thousand
  /// sessions each finds its own gone from the caches.
  virtual void prefetch() const {}

 protected:
  virtual ~Flushable() = default;

 private:
  friend class Shard;
  bool scheduled_ = false;
};

/// Someone who waits for a topic. Unlinks itself when destroyed. Threads: the shard's (any, once
/// the shard is gone).
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual ~Waiter() { unlink(); }

  /// The topic has advanced, was trimmed or deleted. Only take note and Shard::schedule yourself.
  /// May unlink or destroy waiters, itself included, and attach others. Must not throw.
  virtual void wake() = 0;

  /// Is woken no more. Nothing happens if it does not wait.
  void unlink();
  [[nodiscard]] bool is_linked() const { return room_ != nullptr; }

 private:
  friend class Shard;
  struct Room;
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
      hook_;
  Room* room_ = nullptr;  ///< where it waits
};

/// Frames to send, kept alive by the segment.
struct SharedRun {
  std::shared_ptr<const storage::Segment> segment;
  storage::FrameRun run;
};

/// A way to a shard that may be gone by now. Threads: any.
class ShardLink {
 public:
  /// Runs `work` on the shard's thread; drops it if the shard is gone.
  void post(std::function<void()> work);

 private:
  friend class Shard;
  std::mutex mutex_;
  Shard* shard_ = nullptr;
};

/// What a shard has done; for metrics and tests. The shard's thread.
struct ShardStats {
  std::uint64_t drains = 0;   ///< turns that took over what the committer had said
  std::uint64_t wakes = 0;    ///< calls of Waiter::wake
  std::uint64_t flushes = 0;  ///< calls of Flushable::flush
  std::uint64_t loads = 0;    ///< cold reads handed to the reader threads
};

/// Threads: the shard's, unless said otherwise. One posted handler at most is pending for all that
/// the committer has to say, however many groups and topics that is.
class Shard final : public storage::CommitObserver {
 public:
  Shard(storage::EventStore& store, boost::asio::io_context& io, boost::asio::thread_pool& readers);
  /// Pre: no observer of the store any more, its thread joined. Waiters still linked are let go.
  ~Shard() override;

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] storage::EventStore& store() { return store_; }
  /// For handlers of reads: what they post runs in the same turn.
  [[nodiscard]] Turn& turn() { return turn_; }
  /// For those who may outlive the shard. Threads: any, as for io() and store().
  [[nodiscard]] const std::shared_ptr<ShardLink>& link() const { return link_; }

  /// From now on `waiter` is woken whenever the topic changes, until it is unlinked or destroyed.
  /// Attach, then read: what the cursor finds nothing of after this is announced by a wake-up, what
  /// was shown before this is not.
  void attach(const std::shared_ptr<storage::Topic>& topic, Waiter& waiter);

  /// From now on `watcher` is told of every topic that comes to be and whose name fits `pattern`
  /// (see matches_topic), until unwatch(): watch, then list what there is. What is listed after
  /// this and what is told together miss nothing, but may name a topic twice.
  void watch(const std::string& pattern, const std::shared_ptr<PatternWatcher>& watcher);
  void unwatch(const std::string& pattern, const PatternWatcher& watcher);

  /// How many are attached to a topic here, at about this moment. Threads: any.
  [[nodiscard]] std::size_t waiting_for(const storage::Topic& topic);

  /// Calls `who.flush()` once, at the end of this turn of the loop. From within a flush it is the
  /// end of a later turn, so that whoever has much to send doesn't hold up the others.
  void schedule(Flushable& who, std::shared_ptr<void> keep_alive);

  /// The frames of `slice` from its first event on, at most `max_bytes` (but one event at least).
  /// Cursors at the same place, as most are, share one look-up. The run may reach beyond the slice
  /// if the segment has grown since: whatever is in a segment is durable and may be seen.
  [[nodiscard]] SharedRun frames(const storage::Topic& topic, const storage::Slice& slice,
                                 FrameForm form, std::size_t max_bytes);

  /// Runs EventStore::load on a reader thread, then `done` on this shard. Whoever asks for a place
  /// that is being read already is answered with it. Any thread may destroy what `done` holds if
  /// the shard stops first.
  void load(const std::shared_ptr<storage::Topic>& topic, Offset after,
            std::function<void(Result<void>)> done);

  /// Runs `work` on a reader thread (blocking is fine there), then `done` on this shard. Neither
  /// may throw. Threads: any.
  void run_blocking(std::function<void()> work, std::function<void()> done);

  /// Committer's thread: takes note, posts at most once.
  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>> advanced) override;

  /// Committer's thread, as committed().
  void created(std::span<const std::shared_ptr<storage::Topic>> topics) override;

  [[nodiscard]] const ShardStats& stats() const { return stats_; }
  [[nodiscard]] ShardCounters& counters() const { return *counters_; }
  /// For those who may outlive the shard.
  [[nodiscard]] const std::shared_ptr<ShardCounters>& shared_counters() const { return counters_; }
  /// Topics somebody here waits for.
  [[nodiscard]] std::size_t waited_topics() const { return rooms_.size(); }

 private:
  friend class Waiter;
  using Room = Waiter::Room;
  /// Place of a cold read: by id, since a name may be given to another topic meanwhile.
  using Place = std::pair<storage::TopicId, Offset>;

  void drain();
  void answer_and_wake();
  void note_watching();
  void wake_all(Room& room);
  void flush_scheduled();
  void close_room(Room& room);

  /// The last look-ups of frames. An entry holds as long as nobody asks for more than its segment
  /// had when it was made; then the same run would come out.
  struct Memo {
    std::shared_ptr<const storage::Segment> segment;
    OffsetRange known;  ///< where the run begins, and what the segment held
    FrameForm form = FrameForm::json;
    std::size_t max_bytes = 0;
    storage::FrameRun run;
  };
  // A session serves its topics in turn, so one entry would be overwritten between two sessions.
  static constexpr std::size_t kMemos = 32;

  storage::EventStore& store_;
  boost::asio::io_context& io_;
  boost::asio::thread_pool& readers_;
  const std::shared_ptr<ShardLink> link_;
  Turn turn_;

  std::unordered_map<const storage::Topic*, std::unique_ptr<Room>> rooms_;
  std::vector<std::pair<Flushable*, std::shared_ptr<void>>> scheduled_;
  PatternWatchers watchers_;
  bool flush_posted_ = false;
  bool draining_ = false;
  std::array<Memo, kMemos> memos_;
  std::map<Place, std::vector<std::function<void(Result<void>)>>> loading_;
  ShardStats stats_;
  const std::shared_ptr<ShardCounters> counters_ = std::make_shared<ShardCounters>();

  // What the committer's thread leaves for drain(). Lock order: alone; nothing is called under it.
  std::mutex inbox_mutex_;
  std::vector<std::unique_ptr<storage::Request>> answers_;
  std::vector<std::shared_ptr<storage::Topic>> advanced_;
  std::vector<std::shared_ptr<storage::Topic>> created_;
  bool watching_ = false;  ///< somebody wants to know of created_
  bool posted_ = false;
  struct Interest {
    bool told = false;                                    ///< it is in advanced_ already
    const std::atomic<std::uint32_t>* waiting = nullptr;  ///< its room's, which outlives this
  };
  /// Topics with a room.
  std::unordered_map<const storage::Topic*, Interest> interest_;
};

}  // namespace tidemark::broker
