// States that are kept for newcomers.
// broker/state/: see kept_states.hpp.
#include "broker/state/kept_states.hpp"

#include <utility>

namespace tidemark::broker {

std::optional<KeptState> KeptStates::find(storage::TopicId topic,
                                          std::chrono::steady_clock::time_point now) {
  const auto found = by_topic_.find(topic);
  if (found == by_topic_.end()) return std::nullopt;
  const auto entry = found->second;
  const auto& state = entry->second;
  if (now - state.since > state.max_age) {
    by_use_.erase(entry);
    by_topic_.erase(found);
    return std::nullopt;
  }
  by_use_.splice(by_use_.begin(), by_use_, entry);
  return state;
}

std::vector<std::shared_ptr<MadeState>> KeptStates::keep(storage::TopicId topic, KeptState state) {
  std::vector<std::shared_ptr<MadeState>> gone;
  if (const auto found = by_topic_.find(topic); found != by_topic_.end()) {
    gone.push_back(found->second->second.made);
    drop(topic, nullptr);
  }
  // What is too old goes on the way, or bundles nobody wants would stay until room is needed.
  while (!by_use_.empty() &&
         state.since - by_use_.back().second.since > by_use_.back().second.max_age) {
    gone.push_back(take_oldest());
  }
  by_use_.emplace_front(topic, std::move(state));
  by_topic_.emplace(topic, by_use_.begin());
  return gone;
}

void KeptStates::drop(storage::TopicId topic, const MadeState* made) {
  const auto found = by_topic_.find(topic);
  if (found == by_topic_.end()) return;
  if (made != nullptr && found->second->second.made.get() != made) return;
  by_use_.erase(found->second);
  by_topic_.erase(found);
}

std::shared_ptr<MadeState> KeptStates::take_oldest() {
  if (by_use_.empty()) return nullptr;
  auto made = std::move(by_use_.back().second.made);
  by_topic_.erase(by_use_.back().first);
  by_use_.pop_back();
  return made;
}

void KeptStates::clear() {
  by_topic_.clear();
  by_use_.clear();
}

bool near_enough(const KeptState& state, Offset head) {
  const auto at = state.made->position().offset;
  return head < at || head.value - at.value <= state.max_events;
}

}  // namespace tidemark::broker
