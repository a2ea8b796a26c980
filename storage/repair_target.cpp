// Groups of some size into a new log: see repair_target.hpp.
// storage/: what is written goes through Log::commit, like everything else.
#include "storage/repair_target.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::storage {
namespace {

// As much as a memtable takes without noticing; a larger one gained nothing.
constexpr std::size_t kGroupBytes = std::size_t{4} << 20;
constexpr std::size_t kEntryBytes = 64;  // about what an entry takes beside its text

}  // namespace

RepairTarget::RepairTarget(Log& log, std::uint64_t last_epoch,
                           std::function<std::uint64_t()> random)
    : log_(log), last_epoch_(std::min(last_epoch, kMostRepaired)), random_(std::move(random)) {}

void RepairTarget::add(EncodedBatch batch) {
  const std::size_t bytes = batch.value.size();
  group_.batches.push_back(std::move(batch));
  grew(bytes);
}

void RepairTarget::add(ProducerUpdate update) {
  const std::size_t bytes = update.id.size() + update.state.runs.size() * sizeof(std::uint64_t) * 4;
  group_.producers.push_back(std::move(update));
  grew(bytes);
}

void RepairTarget::add(LatestUpdate update) {
  const std::size_t bytes = update.key.size() + update.record.size();
  group_.latest.push_back(std::move(update));
  grew(bytes);
}

void RepairTarget::add(StateUpdate update) {
  const std::size_t bytes = update.state ? update.state->data.size() : 0;
  group_.states.push_back(std::move(update));
  grew(bytes);
}

void RepairTarget::add(CursorUpdate update) {
  const std::size_t bytes = update.name.size();
  group_.cursors.push_back(std::move(update));
  grew(bytes);
}

void RepairTarget::add(const TopicMeta& meta) {
  group_.topics.push_back(meta);
  grew(meta.name.size() + meta.lineage.size() * sizeof(EpochStart) + 2 * kEntryBytes);
}

void RepairTarget::grew(std::size_t bytes) {
  bytes_ += bytes + kEntryBytes;
  if (bytes_ >= kGroupBytes) flush();
}

void RepairTarget::flush() {
  const CommitGroup group = std::exchange(group_, {});
  bytes_ = 0;
  if (status_ && !group.empty()) status_ = log_.commit(group, Durability::buffered);
}

std::optional<Offset> RepairTarget::latest(TopicId topic, std::string_view key) {
  if (!status_) return std::nullopt;
  const auto found = log_.latest(topic, key);
  if (!found) {
    status_ = found.errc();
    return std::nullopt;
  }
  return *found;
}

Epoch RepairTarget::next_epoch() {
  Epoch epoch = log_.next_epoch();
  // The clock may be behind the one that the old store was written by.
  if (epoch.value <= last_epoch_) epoch = {last_epoch_ + 1 + (random_() & 0xFFFF)};
  note(epoch);
  return epoch;
}

void RepairTarget::note(Epoch epoch) { last_epoch_ = std::max(last_epoch_, epoch.value); }

}  // namespace tidemark::storage
