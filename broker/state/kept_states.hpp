// States that are kept for newcomers, the least recently wanted given up first.
// broker/state/: a table with a bound; States owns it and asks.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "broker/state/made_state.hpp"

namespace tidemark::broker {

/// Where a topic's state comes from.
enum class StateOrigin : std::uint8_t { hook, callback, keys, stored };

struct KeptState {
  std::shared_ptr<MadeState> made;
  StateOrigin origin = StateOrigin::hook;
  std::chrono::steady_clock::time_point since;  ///< when its source was asked
  std::chrono::milliseconds max_age{0};
  std::uint64_t max_events = 0;  ///< after its position
};

/// One of a topic at most. Threads: one at a time.
class KeptStates {
 public:
  /// That of a topic, if its age is not over; it is the most recently wanted then.
  [[nodiscard]] std::optional<KeptState> find(storage::TopicId topic,
                                              std::chrono::steady_clock::time_point now);
  /// Answers those that it takes the place of, or that are too old; let them go outside the lock.
  [[nodiscard]] std::vector<std::shared_ptr<MadeState>> keep(storage::TopicId topic,
                                                             KeptState state);
  /// Of a topic, if it is still this one.
  void drop(storage::TopicId topic, const MadeState* made);
  /// The least recently wanted; nullptr: there is none. For the caller to let go outside its lock.
  [[nodiscard]] std::shared_ptr<MadeState> take_oldest();
  void clear();

 private:
  using Entry = std::pair<storage::TopicId, KeptState>;
  std::list<Entry> by_use_;  ///< the most recently wanted first
  std::unordered_map<storage::TopicId, std::list<Entry>::iterator> by_topic_;
};

/// Is a state still good for a topic that has its end at `head`, as far as its distance goes?
[[nodiscard]] bool near_enough(const KeptState& state, Offset head);

}  // namespace tidemark::broker
