// Cold segments read from the log: see segment_cache.hpp.
// storage/: whoever misses first reads, the others of that topic wait and look again.
#include "storage/segment_cache.hpp"

#include <algorithm>
#include <vector>

namespace tidemark::storage {

namespace {

// One cold read: a seek costs about as much as 100 events, a MiB of them amortises it and is still
// little to throw away when the reader leaves.
constexpr std::size_t kReadAhead = std::size_t{1} << 20;
constexpr std::size_t kSegmentBytes = std::size_t{256} << 10;

/// Room for what lies between `batch` and the end of the log, up to a full segment.
Segment::Capacity capacity_for(const BatchView& batch, const Tail& tail) {
  const std::size_t batch_bytes = std::max<std::size_t>(batch.records().size(), 1);
  const std::size_t ahead = tail.bytes > batch.header().bytes_before
                                ? tail.bytes - batch.header().bytes_before
                                : batch_bytes;
  const std::size_t bytes = std::max(batch_bytes, std::min(kSegmentBytes, ahead));
  // As many events as this batch's average lets expect, and a quarter more.
  const std::size_t expected = batch.count() * bytes / batch_bytes * 5 / 4 + batch.count();
  const std::uint64_t left = tail.head.value - batch.header().first.value + 1;
  const std::uint64_t events =
      std::max<std::uint64_t>(batch.count(), std::min<std::uint64_t>(expected, left));
  return {.record_bytes = bytes, .events = static_cast<std::uint32_t>(events)};
}

/// Bytes from `from` to the end of the log, by the average of the topic's events.
std::size_t expected_bytes(const Tail& tail, Offset from) {
  if (from > tail.head) return 0;
  return tail.bytes / tail.head.value * (tail.head.value - from.value + 1);
}

/// Collects consecutive batches into segments.
class SegmentBuilder {
 public:
  SegmentBuilder(const Topic& topic, const Tail& tail) : topic_(topic), tail_(tail) {}

  void add(const BatchView& batch) {
    bytes_ += batch.records().size();
    end_ = batch.end();
    const bool joins = !segments_.empty() && segments_.back()->epoch() == batch.header().epoch &&
                       segments_.back()->end() == batch.header().first;
    if (joins && segments_.back()->append(batch)) return;
    segments_.push_back(std::make_shared<Segment>(
        topic_.framers(), batch.header().epoch, batch.header().first, capacity_for(batch, tail_)));
    const bool fits = segments_.back()->append(batch);
    TIDEMARK_ENSURE(fits, "a new segment has room for its first batch");
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] Offset end() const { return end_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Segment>>& segments() const { return segments_; }

 private:
  const Topic& topic_;
  const Tail tail_;
  std::vector<std::shared_ptr<Segment>> segments_;
  std::size_t bytes_ = 0;
  Offset end_;
};

}  // namespace

std::shared_ptr<const Segment> SegmentCache::find(TopicId topic, Offset offset) {
  const std::lock_guard lock(mutex_);
  auto after = entries_.upper_bound(Key{topic, offset});
  if (after == entries_.begin()) return nullptr;
  --after;
  if (after->first.first != topic || !after->second.segment->holds(offset)) return nullptr;
  used_.splice(used_.begin(), used_, after->second.used);
  return after->second.segment;
}

Result<void> SegmentCache::load(Topic& topic, Offset from) {
  {
    std::unique_lock lock(mutex_);
    if (loading_.contains(topic.id())) {
      loaded_.wait(lock, [&] { return !loading_.contains(topic.id()); });
      lock.unlock();
      if (find(topic.id(), from) != nullptr) return ok();
      lock.lock();
      loaded_.wait(lock, [&] { return !loading_.contains(topic.id()); });
    }
    loading_.insert(topic.id());
  }
  const auto begun = std::chrono::steady_clock::now();
  auto filled = fill(topic, from);
  note_read(std::chrono::steady_clock::now() - begun, filled);
  {
    const std::lock_guard lock(mutex_);
    loading_.erase(topic.id());
  }
  loaded_.notify_all();
  return filled;
}

void SegmentCache::note_read(std::chrono::steady_clock::duration took, const Result<void>& read) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  counters_.reads.add();
  counters_.us.add(static_cast<std::uint64_t>(us));
  if (!read && read.errc() == Errc::corrupt_record) counters_.damaged.add();
}

Result<void> SegmentCache::fill(Topic& topic, Offset from) {
  const Tail tail = topic.tail();
  SegmentBuilder builder(topic, tail);
  const auto read = log_.read(
      topic.id(), from,
      [&](const BatchView& batch) {
        if (batch.end() > tail.head.next()) return false;  // not visible yet
        builder.add(batch);
        if (builder.bytes() >= kReadAhead || batch.end() > tail.head) return false;
        return find(topic.id(), batch.end()) == nullptr;
      },
      expected_bytes(tail, from) >= kReadAhead / 4);
  // The one that was asked for last, so that it is the one to stay if there is no room for all.
  const auto& segments = builder.segments();
  counters_.segments.add(segments.size());
  counters_.bytes.add(builder.bytes());
  for (auto at = segments.rbegin(); at != segments.rend(); ++at) insert(topic.id(), *at);
  // Damage further on is met when it is asked for.
  if (from > tail.head || (!segments.empty() && segments.front()->first() <= from)) return ok();
  if (read) {  // a hole: what should be here is not in the log
    topic.mark_damaged({from, segments.empty() ? tail.head.next() : segments.front()->first()});
    return Errc::corrupt_record;
  }
  if (read.errc() != Errc::corrupt_record) return read;
  mark_damage(topic, from, tail.head.next());
  return Errc::corrupt_record;
}

/// Finds where the log can be read again: first by doubling steps, then by halving the last one.
void SegmentCache::mark_damage(Topic& topic, Offset from, Offset end) {
  Offset readable_at = end;  // first offset of a batch that can be read, or the end of the log
  const auto readable = [&](Offset offset) {
    bool found = false;
    const auto read = log_.read(topic.id(), offset, [&](const BatchView& batch) {
      found = true;
      readable_at = std::max(batch.header().first, from.next());
      return false;
    });
    return read && found;
  };
  Offset bad = from;
  Offset good = end;
  for (std::uint64_t ahead = 1; from.value + ahead < end.value; ahead *= 2) {
    const Offset probe{from.value + ahead};
    if (readable(probe)) {
      good = probe;
      break;
    }
    bad = probe;
  }
  while (good != end && bad.value + 1 < good.value) {
    const Offset middle{bad.value + (good.value - bad.value) / 2};
    (readable(middle) ? good : bad) = middle;
  }
  if (good == end) readable_at = end;
  if (good != end) static_cast<void>(readable(good));
  topic.mark_damaged({from, readable_at});
}

void SegmentCache::insert(TopicId topic, std::shared_ptr<const Segment> segment) {
  // Charged once, with as much again for the frames that readers will have encoded in it.
  const std::size_t charge = 2 * segment->memory();
  const std::lock_guard lock(mutex_);
  const Key key{topic, segment->first()};
  if (const auto old = entries_.find(key); old != entries_.end()) remove(old);
  used_.push_front(key);
  entries_.emplace(key, Entry{std::move(segment), charge, used_.begin()});
  bytes_ += charge;
  while (bytes_ > max_bytes_ && used_.size() > 1) {
    remove(entries_.find(used_.back()));
    counters_.evicted.add();
  }
}

SegmentCache::Entries::iterator SegmentCache::remove(Entries::iterator entry) {
  bytes_ -= entry->second.charge;
  used_.erase(entry->second.used);
  return entries_.erase(entry);
}

void SegmentCache::drop(TopicId topic) {
  const std::lock_guard lock(mutex_);
  auto at = entries_.lower_bound(Key{topic, Offset{0}});
  while (at != entries_.end() && at->first.first == topic) at = remove(at);
}

std::size_t SegmentCache::memory() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace tidemark::storage
