// Which epochs a salvaged topic's batches get: see repair_history.hpp.
// storage/: a lineage has few entries, but what is read of it may be damaged.
#include "storage/repair_history.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::storage {
namespace {

// As RocksLog::next_epoch steps on: two repairs of one directory are two histories.
constexpr std::uint64_t kSteps = 65'536;

}  // namespace

std::vector<EpochStart> sound_lineage(const std::vector<EpochStart>& lineage) {
  std::vector<EpochStart> sound;
  for (const auto& start : lineage) {
    if (start.epoch.value == 0 || start.epoch.value > kMostRepaired) continue;
    if (start.first.value == 0 || start.first.value > kMostRepaired) continue;
    const bool follows =
        sound.empty() || (start.epoch > sound.back().epoch && start.first >= sound.back().first);
    if (follows) sound.push_back(start);
  }
  return sound;
}

RepairedHistory::RepairedHistory(Start start, std::function<std::uint64_t()> random)
    : lineage_(std::move(start.inherited)),
      known_(std::move(start.own)),
      expected_(start.first),
      heirs_(std::move(start.heirs)),
      random_(std::move(random)) {
  original_ = epoch();
}

Epoch RepairedHistory::epoch() const { return lineage_.empty() ? Epoch{} : lineage_.back().epoch; }

void RepairedHistory::enter(EpochStart start) {
  if (start.epoch <= original_) return;
  original_ = start.epoch;
  // What had to be given to events behind a hole may be as high: then it goes on with that.
  if (start.epoch > epoch()) lineage_.push_back(start);
}

Epoch RepairedHistory::own_epoch(Offset first) const {
  std::uint64_t ceiling = kMaxInteger;
  const auto lower = [&](Epoch bound) {
    if (bound > epoch()) ceiling = std::min(ceiling, bound.value);
  };
  if (next_ < known_.size()) lower(known_[next_].epoch);
  for (const auto& heir : heirs_)
    if (heir.inherited >= first) lower(heir.epoch);
  const std::uint64_t room = ceiling - epoch().value - 1;
  // No epoch between: it begins early with the one that follows.
  if (room == 0) return {ceiling};
  return {epoch().value + 1 + random_() % std::min(room, kSteps)};
}

std::optional<Epoch> RepairedHistory::place(OffsetRange offsets, Epoch epoch_of_batch) {
  if (offsets.first < end_ || offsets.end.value > kMostRepaired) return std::nullopt;
  if (epoch_of_batch.value == 0 || epoch_of_batch.value > kMostRepaired) return std::nullopt;
  while (next_ < known_.size() && known_[next_].first <= offsets.first) enter(known_[next_++]);
  if (epoch_of_batch < original_) return std::nullopt;
  enter({.epoch = epoch_of_batch, .first = offsets.first});
  while (next_ < known_.size() && known_[next_].epoch <= original_) ++next_;
  // An epoch that begins here says itself that what was before it is another's.
  if (expected_ && offsets.first > *expected_ && lineage_.back().first < offsets.first)
    lineage_.push_back({.epoch = own_epoch(offsets.first), .first = offsets.first});
  end_ = offsets.end;
  expected_ = offsets.end;
  return epoch();
}

void RepairedHistory::close() {
  while (next_ < known_.size()) enter(known_[next_++]);
}

std::vector<EpochStart> RepairedHistory::finish(Offset next, Epoch epoch_of_next) {
  for (auto& start : lineage_) start.first = std::min(start.first, next);
  lineage_.push_back({.epoch = epoch_of_next, .first = next});
  return lineage_;
}

}  // namespace tidemark::storage
