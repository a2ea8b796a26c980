// An open topic: see topic.hpp.
// storage/: one lock, held for a look-up or an append to memory, never for I/O.
#include "storage/topic.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::storage {

namespace {

// More damage than this in one topic is merged into fewer, larger ranges.
constexpr std::size_t kMaxDamagedRanges = 1'024;

}  // namespace

Topic::Topic(TopicName name, LoadedTopic loaded, std::size_t ring_bytes)
    : name_(std::move(name)),
      id_(loaded.meta.id),
      content_type_(loaded.meta.settings.content_type),
      payload_(payload_of(content_type_)),
      framers_(std::make_shared<const TopicFramers>(name_, content_type_)),
      lifetime_(lifetime_of(loaded.meta.settings)),
      used_before_(latest_use(loaded.meta)),
      meta_(std::move(loaded.meta)),
      tail_(loaded.tail),
      ring_(framers_, ring_bytes) {
  TIDEMARK_ENSURE(!meta_.lineage.empty(), "a topic has an epoch");
}

Bounds Topic::bounds_locked() const {
  return {.epoch = meta_.lineage.back().epoch, .earliest = meta_.earliest, .head = tail_.head};
}

Bounds Topic::bounds() const {
  const std::lock_guard lock(mutex_);
  return bounds_locked();
}

Topic::End Topic::end() const {
  const std::lock_guard lock(mutex_);
  return {.tail = position_at(meta_.lineage, tail_.head), .closed = meta_.closed};
}

Tail Topic::tail() const {
  const std::lock_guard lock(mutex_);
  return tail_;
}

TopicMeta Topic::meta() const {
  const std::lock_guard lock(mutex_);
  return meta_;
}

bool Topic::deleted() const {
  const std::lock_guard lock(mutex_);
  return deleted_ || meta_.gone;
}

bool Topic::expired(Timestamp now) const {
  if (!may_expire()) return false;
  return lifetime_.over(waited_for() ? now : used().value_or(used_before_), now);
}

Result<void> Topic::alive(Timestamp now) const {
  const bool over = expired(now);
  const std::lock_guard lock(mutex_);
  if (deleted_) return Errc::unknown_topic;
  if (meta_.gone || (over && meta_.forks > 0)) return Errc::topic_deleted;
  return over ? Errc::unknown_topic : ok();
}

void Topic::touch(Timestamp now) {
  // Not written again by each of many readers: they would pass the cache line around.
  if (used_ms_.load(std::memory_order_relaxed) != now.ms)
    used_ms_.store(now.ms, std::memory_order_relaxed);
}

std::optional<Timestamp> Topic::used() const {
  const std::int64_t ms = used_ms_.load(std::memory_order_relaxed);
  return ms == kUnused ? std::nullopt : std::optional(Timestamp{ms});
}

bool Topic::use_unsaved() const {
  const auto last = used();
  if (!lifetime_.ttl || !last) return false;
  const std::lock_guard lock(mutex_);
  return last->ms - meta_.used.ms >= use_slack(*lifetime_.ttl).count();
}

std::size_t Topic::memory() const {
  const std::lock_guard lock(mutex_);
  return sizeof(Topic) + ring_.memory();
}

// ---- holds ----

Hold::Hold(Hold&& other) noexcept
    : topic_(std::move(other.topic_)), number_(std::exchange(other.number_, 0)) {}

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  topic_ = std::move(other.topic_);
  number_ = std::exchange(other.number_, 0);
  return *this;
}

void Hold::release() {
  if (const auto topic = std::move(topic_); topic && number_ != 0) topic->release(number_);
  topic_.reset();
  number_ = 0;
}

Hold Topic::hold(const std::shared_ptr<Topic>& topic, Offset after,
                 std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(topic->mutex_);
  return {topic, topic->holds_.add(after, now)};
}

std::optional<Offset> Topic::held(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  return holds_.first(now);
}

void Topic::release(std::uint64_t hold) {
  const std::lock_guard lock(mutex_);
  holds_.release(hold);
}

// ---- history ----

Topic::EpochSpan Topic::span_of(std::size_t index) const {
  EpochSpan span{.start = meta_.lineage[index], .last = std::nullopt};
  if (index + 1 < meta_.lineage.size()) {
    span.last = Offset{meta_.lineage[index + 1].first.value - 1};
  }
  return span;
}

Topic::EpochSpan Topic::epoch_at(Offset offset) const {
  const std::lock_guard lock(mutex_);
  std::size_t index = meta_.lineage.size() - 1;
  while (index > 0 && meta_.lineage[index].first > offset) --index;
  return span_of(index);
}

/// Whether the history of `after` is ours, and what follows it still there.
std::optional<Gap> Topic::gap_after(Position after) const {
  const Bounds now = bounds_locked();
  const auto gap = [&](Offset first, Offset end, GapCause cause) {
    return Gap{{first, end}, cause, now.epoch, now.earliest, now.head};
  };
  const Offset claimed_end = after.offset.next();
  if (after.epoch.value != 0 && after.epoch != now.epoch) {
    const auto found = std::find_if(meta_.lineage.begin(), meta_.lineage.end(),
                                    [&](const EpochStart& e) { return e.epoch == after.epoch; });
    if (found == meta_.lineage.end()) return gap(Offset{1}, claimed_end, GapCause::epoch);
    const auto last = span_of(static_cast<std::size_t>(found - meta_.lineage.begin())).last;
    if (last && after.offset > *last) return gap(last->next(), claimed_end, GapCause::epoch);
  }
  if (after.offset > now.head) return gap(now.head.next(), claimed_end, GapCause::ahead);
  if (claimed_end < now.earliest) {
    return gap(claimed_end, now.earliest, static_cast<GapCause>(meta_.trim_cause));
  }
  for (const OffsetRange& range : damaged_) {
    if (claimed_end >= range.first && claimed_end < range.end) {
      return gap(claimed_end, range.end, GapCause::corrupt);
    }
  }
  return std::nullopt;
}

ReadAnswer Topic::read(Position after) const {
  const std::lock_guard lock(mutex_);
  ReadAnswer answer;
  if (deleted_ || meta_.gone) {
    answer.state = ReadAnswer::State::deleted;
  } else if (auto gap = gap_after(after)) {
    answer.state = ReadAnswer::State::gap;
    answer.gap = *gap;
  } else if (after.offset == tail_.head) {
    answer.state = ReadAnswer::State::caught_up;
  } else if (auto segment = ring_.find(after.offset.next())) {
    const Offset end = segment->end();
    answer.state = ReadAnswer::State::events;
    answer.slice = {.segment = std::move(segment), .offsets = {after.offset.next(), end}};
  } else {
    answer.state = ReadAnswer::State::cold;
  }
  return answer;
}

void Topic::mark_damaged(OffsetRange range) {
  const std::lock_guard lock(mutex_);
  range.end = std::min(range.end, tail_.head.next());
  if (range.empty()) return;
  const auto at =
      std::lower_bound(damaged_.begin(), damaged_.end(), range,
                       [](const OffsetRange& a, const OffsetRange& b) { return a.end < b.first; });
  if (at == damaged_.end() || at->first > range.end) {
    damaged_.insert(at, range);
  } else {
    at->first = std::min(at->first, range.first);
    at->end = std::max(at->end, range.end);
  }
  if (damaged_.size() > kMaxDamagedRanges) {
    damaged_[damaged_.size() - 2].end = damaged_.back().end;
    damaged_.pop_back();
  }
}

std::vector<OffsetRange> Topic::damaged() const {
  const std::lock_guard lock(mutex_);
  return damaged_;
}

void Topic::publish(const std::vector<BatchView>& batches, const Tail& tail,
                    const TopicMeta* changed) {
  const std::lock_guard lock(mutex_);
  if (changed != nullptr) adopt_locked(*changed);
  for (const BatchView& batch : batches) ring_.append(batch);
  tail_ = tail;
}

void Topic::adopt(TopicMeta meta) {
  const std::lock_guard lock(mutex_);
  adopt_locked(std::move(meta));
}

void Topic::adopt_locked(TopicMeta meta) {
  ring_.drop_before(meta.earliest);
  if (meta.gone) ring_.clear();
  meta_ = std::move(meta);
}

void Topic::reload(LoadedTopic loaded) {
  const std::lock_guard lock(mutex_);
  meta_ = std::move(loaded.meta);
  tail_ = loaded.tail;
  ring_.clear();
}

void Topic::mark_deleted() {
  const std::lock_guard lock(mutex_);
  deleted_ = true;
  ring_.clear();
}

bool Topic::shrink(bool all) {
  const std::lock_guard lock(mutex_);
  return ring_.drop_oldest(all);
}

}  // namespace tidemark::storage
