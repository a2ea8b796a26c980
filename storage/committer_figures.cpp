// What the committer tells of itself.
// storage/: a part of the committer; see committer.hpp.
#include "storage/committer_group.hpp"

namespace tidemark::storage {

CommitterStats Committer::stats() const {
  return {.groups = groups_,
          .events = events_,
          .synced_groups = synced_groups_,
          .failed_groups = failed_groups_,
          .failing = failing_,
          .failure = failure_,
          .failures = failures_,
          .full = full_};
}

CommitterQueue Committer::queue() const {
  const std::lock_guard lock(mutex_);
  return {.requests = queued_requests_, .bytes = queued_bytes_};
}

void Committer::note(std::span<const std::unique_ptr<Request>> requests) {
  counters_.group_requests.note(requests.size());
  for (const auto& request : requests) {
    if (request->kind != Request::Kind::publish || request->error) continue;
    counters_.publishes.add();
    if (static_cast<const PublishRequest&>(*request).duplicate) counters_.duplicates.add();
  }
}

void Committer::note_written(const Group& group, std::chrono::steady_clock::duration took) {
  std::uint64_t bytes = 0;
  for (const EncodedBatch& batch : group.commit.batches) bytes += batch.value.size();
  std::uint64_t beside = 0;  // what goes to the disk with them
  for (const LatestUpdate& update : group.commit.latest) beside += update.record.size();
  for (const StateUpdate& update : group.commit.states)
    beside += update.state ? update.state->data.size() : 0;
  guard_.wrote(bytes + beside);
  counters_.batch_bytes.add(bytes);
  counters_.group_bytes.note(bytes);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const bool synced = group.durability == Durability::synced;
  (synced ? counters_.synced_us : counters_.buffered_us).note(static_cast<std::uint64_t>(us));
  counters_.topics_created.add(group.created);
  counters_.forks_created.add(group.forked);
  counters_.topics_removed.add(group.removed.size());
  counters_.trimmed_events.add(group.trimmed_events);
  for (std::size_t i = 0; i < kTrimCauses; ++i) counters_.trims.at(i).add(group.trims.at(i));
}

}  // namespace tidemark::storage
