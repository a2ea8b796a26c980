// One I/O thread's part of the hub: who waits for which topic, wake-ups, answers, cold reads.
// broker/: sessions and in-process subscriptions live on a shard for life.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/intrusive/list.hpp>

#include "storage/event_store.hpp"

namespace tidemark::broker {

class Shard;

/// Someone who sends: woken any number of times in a loop turn, flushed once at its end.
class Flushable {
 public:
  /// On the shard's thread, after all wake-ups and answers of the turn. Keep the object alive from
  /// schedule() to flush(): `keep_alive` of schedule does it.
  virtual void flush() = 0;

 protected:
  ~Flushable() = default;

 private:
  friend class Shard;
  bool scheduled_ = false;
};

/// Someone who waits for a topic. Unlinks itself when destroyed. Threads: the shard's.
class Waiter : public boost::intrusive::list_base_hook<
                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~Waiter() = default;
  /// The topic has advanced, was trimmed or deleted. Only take note and Shard::schedule yourself.
  virtual void wake() = 0;
};

/// Frames to send, kept alive by the segment.
struct SharedRun {
  std::shared_ptr<const storage::Segment> segment;
  storage::FrameRun run;
};

/// Threads: the shard's, unless said otherwise. One posted handler at most is pending for all that
/// the committer has to say, however many groups and topics that is.
class Shard final : public storage::CommitObserver {
 public:
  Shard(storage::EventStore& store, boost::asio::io_context& io,
        boost::asio::thread_pool& readers);
  ~Shard() override;

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] storage::EventStore& store() { return store_; }

  /// From now on `waiter` is woken whenever the topic changes, until it is unlinked or destroyed.
  void attach(const std::shared_ptr<storage::Topic>& topic, Waiter& waiter);

  /// Calls `who.flush()` once, at the end of this turn of the loop.
  void schedule(Flushable& who, std::shared_ptr<void> keep_alive);

  /// The frames of `slice` from its first event on, at most `max_bytes` (but one event at least).
  /// Cursors at the same place, as most are, share one look-up.
  [[nodiscard]] SharedRun frames(const storage::Topic& topic, const storage::Slice& slice,
                                 WireForm form, std::size_t max_bytes);

  /// Runs EventStore::load on a reader thread, then `done` on this shard. Any thread may destroy
  /// what `done` holds if the shard stops first.
  void load(const std::shared_ptr<storage::Topic>& topic, Offset after,
            std::function<void(Result<void>)> done);

  /// Runs `work` on a reader thread (blocking is fine there), then `done` on this shard.
  void run_blocking(std::function<void()> work, std::function<void()> done);

  /// Committer's thread: takes note, posts at most once.
  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>> advanced) override;

 private:
  using Waiters =
      boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  void drain();
  void flush_scheduled();

  storage::EventStore& store_;
  boost::asio::io_context& io_;
  boost::asio::thread_pool& readers_;

  std::unordered_map<const storage::Topic*, std::shared_ptr<Waiters>> waiters_;
  std::vector<std::pair<Flushable*, std::shared_ptr<void>>> scheduled_;
  bool flush_posted_ = false;

  struct Memo {
    const storage::Segment* segment = nullptr;
    Offset from;
    WireForm form = WireForm::json;
    std::size_t max_bytes = 0;
    storage::FrameRun run;
  };
  Memo memo_;

  std::mutex inbox_mutex_;
  std::vector<std::unique_ptr<storage::Request>> answers_;
  std::vector<std::shared_ptr<storage::Topic>> advanced_;
  bool posted_ = false;
  std::unordered_map<const storage::Topic*, int> interest_;  ///< topics with waiters; inbox_mutex_
};

}  // namespace tidemark::broker
