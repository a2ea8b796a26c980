// What a producer has sent before: see producers.hpp.
// storage/: pure rules; the committer keeps the states.
#include "storage/producers.hpp"

namespace tidemark::storage {

namespace {

OffsetRange original_offsets(const ProducerState& state, std::uint64_t sequence) {
  for (auto run = state.runs.rbegin(); run != state.runs.rend(); ++run) {
    if (sequence < run->sequence || sequence - run->sequence >= run->requests) continue;
    const Offset first{run->first.value + (sequence - run->sequence) * run->events};
    return {first, Offset{first.value + run->events}};
  }
  return {};
}

}  // namespace

ProducerVerdict judge(const std::optional<ProducerState>& state, const ProducerStamp& stamp) {
  using Kind = ProducerVerdict::Kind;
  const bool new_epoch = !state || stamp.epoch > state->epoch;
  if (!new_epoch && stamp.epoch < state->epoch) {
    return {.kind = Kind::fenced, .original = {}, .expected = 0, .current_epoch = state->epoch};
  }
  const std::uint64_t expected = new_epoch ? 0 : state->last_sequence + 1;
  if (stamp.sequence == expected) return {};
  if (stamp.sequence > expected) {
    return {.kind = Kind::gap,
            .original = {},
            .expected = expected,
            .begins_epoch = new_epoch && state.has_value(),
            .current_epoch = stamp.epoch};
  }
  return {.kind = Kind::duplicate,
          .original = original_offsets(*state, stamp.sequence),
          .expected = expected,
          .current_epoch = stamp.epoch};
}

void record(std::optional<ProducerState>& state, const ProducerStamp& stamp, OffsetRange offsets,
            Timestamp now) {
  if (!state || stamp.epoch > state->epoch) state = ProducerState{.epoch = stamp.epoch};
  state->last_sequence = stamp.sequence;
  state->last_used = now;
  const std::uint64_t events = offsets.count();
  if (!state->runs.empty()) {
    ProducerState::Run& last = state->runs.back();
    const bool adjacent = last.events == events &&
                          last.sequence + last.requests == stamp.sequence &&
                          last.first.value + last.requests * last.events == offsets.first.value;
    if (adjacent) {
      ++last.requests;
      return;
    }
  }
  if (state->runs.size() == kMaxProducerRuns) state->runs.erase(state->runs.begin());
  state->runs.push_back(
      {.sequence = stamp.sequence, .requests = 1, .first = offsets.first, .events = events});
}

Result<std::optional<ProducerState>> ProducerCache::get(Log& log, TopicId topic,
                                                        const std::string& id) {
  if (const auto found = states_.find(Key{topic, id}); found != states_.end()) {
    return std::optional(found->second);
  }
  return log.producer(topic, id);
}

void ProducerCache::put(TopicId topic, const std::string& id, ProducerState state) {
  if (states_.size() >= kMaxStates) states_.clear();
  states_.insert_or_assign(Key{topic, id}, std::move(state));
}

}  // namespace tidemark::storage
