// How far positions are behind: see lag.hpp.
// storage/: arithmetic on bounds, and the header of the first batch that a position has not.
#include "storage/lag.hpp"

#include <algorithm>

#include "storage/lineage.hpp"
#include "storage/retention.hpp"

namespace tidemark::storage {
namespace {

template <class Number>
Number nine_tenths(Number limit) {
  if (limit == 0) return limit;  // no limit
  const Number tenth = limit / 10 + (limit % 10 > 0 ? 1 : 0);
  return std::max(static_cast<Number>(limit - tenth), Number{1});
}

}  // namespace

RetentionPolicy a_tenth_less(const RetentionPolicy& policy) {
  return {.max_events = nine_tenths(policy.max_events),
          .max_bytes = nine_tenths(policy.max_bytes),
          .max_age = std::chrono::milliseconds(nine_tenths(policy.max_age.count()))};
}

LagMeter::LagMeter(Log& log, LoadedTopic topic, Timestamp now)
    : log_(log), topic_(std::move(topic)), now_(now) {}

Result<std::optional<BatchHeader>> LagMeter::header_at(Offset offset) {
  const bool known =
      last_ && offset >= last_->first && offset.value < last_->first.value + last_->count;
  if (known) return last_;
  auto found = log_.header_at(topic_.meta.id, offset);
  if (!found && found.errc() == Errc::corrupt_record) return std::optional<BatchHeader>();
  if (found) last_ = *found;
  return found;
}

Result<Offset> LagMeter::safe_from() {
  if (safe_from_) return *safe_from_;
  const auto& [meta, tail] = topic_;
  const Bounds bounds{
      .epoch = meta.lineage.back().epoch, .earliest = meta.earliest, .head = tail.head};
  const TopicId id = meta.id;
  const auto point = trim_point(bounds, tail, a_tenth_less(meta.settings.retention), now_,
                                [&](Offset offset) { return log_.header_at(id, offset); });
  if (!point && point.errc() != Errc::corrupt_record) return point.error();
  safe_from_ = point && *point ? (*point)->keep : meta.earliest;
  return *safe_from_;
}

Result<Lag> LagMeter::of(Position position) {
  const auto& [meta, tail] = topic_;
  Lag lag;
  const Offset next = common_until(meta.lineage, tail.head, position).next();
  if (next > tail.head) return lag;
  lag.events = tail.head.value + 1 - next.value;
  const Offset there = std::max(next, meta.earliest);
  lag.lost = std::min(there.value - next.value, lag.events);
  if (there > tail.head) return lag;
  const auto header = header_at(there);
  if (!header) return header.error();
  if (*header) {
    lag.bytes = tail.bytes - std::min((*header)->bytes_before, tail.bytes);
    lag.time = std::chrono::milliseconds(std::max<std::int64_t>(now_.ms - (*header)->time.ms, 0));
  }
  const auto safe = safe_from();
  if (!safe) return safe.error();
  lag.falling = there < *safe;
  return lag;
}

}  // namespace tidemark::storage
