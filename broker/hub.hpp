// The broker without a network: shards over one event store, publish and subscribe in process.
// broker/: the server gives it I/O threads; an application may embed it as it is.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "broker/initial_state.hpp"
#include "broker/shard.hpp"
#include "broker/state/states.hpp"
#include "broker/subscription.hpp"
#include "storage/event_store.hpp"

namespace tidemark::broker {

struct HubOptions {
  unsigned io_threads = 1;      ///< one shard each
  unsigned reader_threads = 2;  ///< for cold reads and whatever else blocks on the disk
  StateRules states;
};

/// What publishing came to.
struct PublishOutcome {
  std::optional<Errc> error;
  std::string text;
  Position position;  ///< epoch, and the last offset appended
  OffsetRange offsets;
  bool duplicate = false;
};

/// Threads: any. Owns its I/O threads; callbacks of subscriptions run on them.
class Hub {
 public:
  Hub(storage::EventStore& store, HubOptions options);
  /// Stops; see stop().
  ~Hub();

  /// Appends events to a topic, creating it if need be; the future is ready when they are durable,
  /// or refused. Never call get() on it from a subscription's callback. shutting_down may mean
  /// either: whether they are in the log is not known then.
  std::future<PublishOutcome> publish(const TopicName& topic, std::vector<NewEvent> events);

  /// Follows a topic. `handler` is called on one I/O thread, in order. The subscription lives until
  /// the handle is destroyed; afterwards no callback runs. May block on the disk. The store
  /// outlives the hub. Errors: unknown_topic, shutting_down, storage_failed, corrupt_record; with
  /// OnGap::fail the error of a gap at the start (see errc_of).
  Result<std::unique_ptr<Subscription>> subscribe(const TopicName& topic, const Start& start,
                                                  OnGap on_gap, SubscriptionHandler handler);

  /// Joins a topic with its initial state: takes the position, lets `source` build the bundle, then
  /// hands over the bundle and every event after the position: nothing missed in between. An event
  /// between position and bundle comes again after it, unless the source says which offset its
  /// bundle reflects. If events after its position are gone by the time it is ready, the source is
  /// called again, up to three times in all. The topic is created if there is none. What goes wrong
  /// later, with the source too, comes as on_end. Errors: those of subscribe and of creating a
  /// topic.
  Result<std::unique_ptr<Subscription>> join(const TopicName& topic, InitialStateSource source,
                                             OnGap on_gap, SubscriptionHandler handler);

  [[nodiscard]] std::size_t shard_count() const { return shards_.size(); }
  [[nodiscard]] Shard& shard(std::size_t i) { return *shards_[i]; }
  /// The next one in turn, for a new session.
  [[nodiscard]] Shard& next_shard();
  [[nodiscard]] storage::EventStore& store() { return store_; }
  [[nodiscard]] States& states() { return *states_; }
  /// How many follow a topic, on all shards, at about this moment.
  [[nodiscard]] std::size_t subscribers(const storage::Topic& topic) const;

  /// Refuses what comes from now on and ends the threads: what is posted to a shard has run when
  /// this returns, who waits for a state is refused, cold reads and sources not yet begun are
  /// dropped, publishes under way are answered (shutting_down if the committer has not). Sessions
  /// must be closed before; subscriptions need not, they just hear no more. Not from an I/O or
  /// reader thread. Safe to call twice.
  void stop();

 private:
  Result<std::shared_ptr<storage::Topic>> open_or_create(const TopicName& topic);

  storage::EventStore& store_;
  boost::asio::thread_pool readers_;
  std::vector<std::unique_ptr<boost::asio::io_context>> ios_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  std::unique_ptr<States> states_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace tidemark::broker
