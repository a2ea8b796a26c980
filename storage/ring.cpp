// The newest segments of one topic, under a byte budget: see ring.hpp.
// storage/: owned and locked by Topic.
#include "storage/ring.hpp"

#include <algorithm>

namespace tidemark::storage {

namespace {

// Segments grow with the topic: a topic with one event takes a few hundred bytes, a busy one gets
// pieces large enough that most sends are not cut at their ends (256 KiB: five sends).
constexpr std::size_t kFirstSegmentBytes = 512;
constexpr std::size_t kMaxSegmentBytes = std::size_t{256} << 10;
// An index entry takes 12 bytes; a record of fewer bytes than this on average fills the index
// first.
constexpr std::size_t kBytesPerEvent = 24;

}  // namespace

Segment::Capacity Ring::next_capacity(const BatchView& batch) const {
  const std::size_t grown =
      segments_.empty() ? kFirstSegmentBytes : segments_.back()->capacity().record_bytes * 4;
  const std::size_t largest = std::min(kMaxSegmentBytes, std::max<std::size_t>(max_bytes_ / 4, 1));
  const std::size_t bytes = std::max(std::min(grown, largest), batch.records().size());
  const std::size_t events = std::max<std::size_t>(bytes / kBytesPerEvent, batch.count());
  return {.record_bytes = bytes, .events = static_cast<std::uint32_t>(events)};
}

void Ring::append(const BatchView& batch) {
  TIDEMARK_ENSURE(segments_.empty() || segments_.back()->end() == batch.header().first,
                  "a ring has no holes");
  const bool same_epoch = !segments_.empty() && segments_.back()->epoch() == batch.header().epoch;
  if (same_epoch && segments_.back()->append(batch)) return;

  segments_.push_back(std::make_shared<Segment>(framers_, batch.header().epoch,
                                                batch.header().first, next_capacity(batch)));
  const bool fits = segments_.back()->append(batch);
  TIDEMARK_ENSURE(fits, "a new segment has room for its first batch");
  while (segments_.size() > 1 && memory() > max_bytes_) segments_.pop_front();
}

std::shared_ptr<const Segment> Ring::find(Offset offset) const {
  // Most readers are at the newest segment.
  if (segments_.empty() || offset < segments_.front()->first()) return nullptr;
  if (offset >= segments_.back()->first()) {
    return segments_.back()->holds(offset) ? segments_.back() : nullptr;
  }
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), offset,
                       [](Offset o, const auto& segment) { return o < segment->first(); });
  return *std::prev(after);
}

bool Ring::drop_oldest(bool all) {
  if (segments_.empty() || (segments_.size() == 1 && !all)) return false;
  segments_.pop_front();
  return true;
}

void Ring::drop_before(Offset keep) {
  while (!segments_.empty() && segments_.front()->end() <= keep) segments_.pop_front();
}

std::size_t Ring::memory() const {
  std::size_t sum = 0;
  for (const auto& segment : segments_) sum += segment->memory();
  return sum;
}

}  // namespace tidemark::storage
