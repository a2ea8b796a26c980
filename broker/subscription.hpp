// A subscription inside the process: a cursor whose reader is a function.
// broker/: what Hub::subscribe and Hub::join hand out.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "broker/cursor.hpp"
#include "broker/initial_state.hpp"
#include "broker/shard.hpp"

namespace tidemark::broker {

/// Called on one I/O thread, in order; be short. Unset members are not called. What throws ends the
/// subscription with Errc::cancelled; after on_end nothing is called. A gap with OnGap::state is
/// told, then the subscription ends with Errc::no_state: whoever has a source joins anew.
struct SubscriptionHandler {
  std::function<void(std::string_view bundle, Position position)> on_state;
  std::function<void(const EventView& event, Epoch epoch)> on_event;  ///< views die when it returns
  std::function<void(const EpochNotice& notice)> on_epoch;  ///< before the first event of an epoch
  std::function<void(const Gap& gap)> on_gap;
  std::function<void(Offset offset)> on_caught_up;
  std::function<void(Errc reason)> on_end;
};

/// The handle. Destroying it ends the subscription and waits for a callback under way, or the
/// source of its initial state (unless it is destroyed in one of its own). It may outlive its hub;
/// then nothing is called any more.
class Subscription {
 public:
  class Impl;
  explicit Subscription(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// What Hub::subscribe and Hub::join do on a shard of their choice.
  static std::unique_ptr<Subscription> follow(Shard& shard, Cursor cursor,
                                              SubscriptionHandler handler);
  static std::unique_ptr<Subscription> join(Shard& shard, std::shared_ptr<storage::Topic> topic,
                                            InitialStateSource source, OnGap on_gap,
                                            SubscriptionHandler handler);

  /// The last event handed over: its callback has returned. Epoch 0: there is none yet, and no
  /// initial state either. Threads: any.
  [[nodiscard]] Position position() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace tidemark::broker
