// The making of one state, and who waits for it.
// broker/state/: what States::Impl keeps its books with; plain data but for the token.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/state/kept_states.hpp"
#include "broker/state/states.hpp"

namespace tidemark::broker {

/// What a state may be shared by: a topic, and with a rule per client also who asks.
struct StateKey {
  storage::TopicId topic;
  std::string who;  ///< empty: whoever comes
  auto operator<=>(const StateKey&) const = default;
};

class StateAsked;

/// Somebody who waits. `asked` is looked at on its shard's thread alone, where it may be destroyed.
struct StateWaiting {
  std::weak_ptr<StateAsked> asked;
  Shard* shard = nullptr;
  std::shared_ptr<ShardLink> link;  // outlives the shard
};

struct StateRun {
  StateKey key;
  StateOrigin origin = StateOrigin::stored;
  /// Others may join it, and be given what it makes. Else it is one waiter's alone.
  bool shared = true;
  std::shared_ptr<storage::Topic> topic;
  std::shared_ptr<const StateRules> rules;  ///< those it began with
  const StateRule* rule = nullptr;          ///< of these; nullptr: none fits
  StateWanted who;
  /// Where what blocks is begun: the shard of who asked first.
  Shard* home = nullptr;
  std::shared_ptr<ShardLink> home_link;

  // Of whoever runs it: one thread at a time.
  unsigned runs = 0;
  Position taken;
  storage::Hold hold;
  std::chrono::steady_clock::time_point since;  ///< when the source was asked

  // Under the lock of States.
  std::unordered_map<std::uint64_t, StateWaiting> waiting;
  std::uint64_t hook_call = 0;
  bool over = false;  ///< nobody is told anything of it any more
};

}  // namespace tidemark::broker
