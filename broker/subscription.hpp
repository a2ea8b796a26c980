// A subscription inside the process: a cursor whose reader is a function.
// broker/: what Hub::subscribe and Hub::join hand out.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "broker/cursor.hpp"
#include "broker/shard.hpp"

namespace tidemark::broker {

/// Called on one I/O thread, in order; be short. Unset members are not called.
struct SubscriptionHandler {
  std::function<void(std::string_view bundle, Position position)> on_state;
  std::function<void(const EventView& event, Epoch epoch)> on_event;  ///< views die when it returns
  std::function<void(const Gap& gap)> on_gap;
  std::function<void(Offset offset)> on_caught_up;
  std::function<void(Errc reason)> on_end;
};

/// The handle. Destroying it ends the subscription and waits for a callback under way (unless it
/// is destroyed in one).
class Subscription {
 public:
  class Impl;
  explicit Subscription(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  /// The last event handed over. Threads: any.
  [[nodiscard]] Position position() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace tidemark::broker
