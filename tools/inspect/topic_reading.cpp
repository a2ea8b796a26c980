// Reads batches; where that fails, looks for the next one that can be read.
// tools/inspect/: see topic_reading.hpp.
#include "tools/inspect/topic_reading.hpp"

#include <algorithm>
#include <optional>

#include "storage/log_queries.hpp"

namespace tidemark::tools {
namespace {

using storage::BatchView;
using storage::LoadedTopic;
using storage::Log;
using storage::TopicId;

// Offset by offset as far as four full batches reach, since a damaged block of a table holds few of
// them; further on in doubling steps, of which the last is halved.
constexpr std::uint64_t kNear = 4 * storage::kMaxBatchEvents;
constexpr Offset kNowhere{kMaxInteger};

/// Where reading from an offset on begins; nullopt: it can't be read there.
std::optional<Offset> look(Log& log, TopicId topic, Offset from, Offset end) {
  Offset found = end;
  const auto read = log.read(topic, from, [&](const BatchView& batch) {
    found = std::max(batch.header().first, from);
    return false;
  });
  return read ? std::optional(std::min(found, end)) : std::nullopt;
}

class Reading {
 public:
  Reading(Log& log, const LoadedTopic& topic, const EventVisitor& visit)
      : log_(log), topic_(topic), visit_(visit) {}

  Result<void> run(EventRange range) {
    const auto earliest = topic_.meta.earliest;
    last_ = std::min(range.to, topic_.tail.head);
    next_ = std::max(range.from, Offset{1});
    if (next_ <= last_ && next_ < earliest) {
      lost(std::min(earliest, last_.next()), static_cast<GapCause>(topic_.meta.trim_cause));
    }
    while (next_ <= last_ && !enough_) {
      const auto read = log_.read(
          topic_.meta.id, next_, [this](const BatchView& batch) { return take(batch); }, true);
      if (enough_ || next_ > last_) break;
      if (read) {
        lost(last_.next(), GapCause::corrupt);  // the log ends before its head
      } else if (is_damage(read.errc())) {
        lost(readable_behind(log_, topic_.meta.id, next_, last_.next()), GapCause::corrupt);
      } else {
        return read;
      }
    }
    return ok();
  }

 private:
  bool take(const BatchView& batch) {
    const auto& header = batch.header();
    // A hole, of which the greater epoch behind it makes no secret.
    if (header.first > next_) lost(std::min(header.first, last_.next()), GapCause::corrupt);
    const Offset end = std::min(batch.end(), last_.next());
    while (next_ < end && !enough_) {
      const auto i = static_cast<std::uint32_t>(next_.value - header.first.value);
      next_ = next_.next();
      enough_ = visit_.event && !visit_.event(batch.event(i), header.epoch);
    }
    return next_ <= last_ && !enough_;
  }

  void lost(Offset end, GapCause cause) {
    const auto bounds = storage::bounds_of(topic_);
    const Gap gap{.lost = {next_, end},
                  .cause = cause,
                  .epoch = bounds.epoch,
                  .earliest = bounds.earliest,
                  .head = bounds.head};
    next_ = end;
    if (visit_.gap) visit_.gap(gap);
  }

  Log& log_;
  const LoadedTopic& topic_;
  const EventVisitor& visit_;
  Offset next_;
  Offset last_;
  bool enough_ = false;
};

}  // namespace

Result<void> read_around_damage(Log& log, const LoadedTopic& topic, EventRange range,
                                const EventVisitor& visit) {
  return Reading(log, topic, visit).run(range);
}

Offset readable_behind(Log& log, TopicId topic, Offset from, Offset end) {
  for (std::uint64_t i = 1; i <= kNear; ++i) {
    const Offset at{from.value + i};
    if (at >= end) return end;
    if (const auto found = look(log, topic, at, end)) return *found;
  }
  std::uint64_t low = from.value + kNear;  // nothing can be read here
  std::uint64_t high = end.value;          // and here it can, or there is nothing more
  for (std::uint64_t step = kNear; low + step < end.value; step *= 2) {
    if (look(log, topic, {low + step}, end)) {
      high = low + step;
      break;
    }
    low += step;
  }
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (look(log, topic, {middle}, end) ? high : low) = middle;
  }
  return high == end.value ? end : look(log, topic, {high}, end).value_or(end);
}

storage::Tail readable_end(Log& log, const storage::TopicMeta& meta) {
  storage::Tail tail;
  for (Offset next = meta.earliest; next < kNowhere;) {
    const auto read = log.read(
        meta.id, next,
        [&](const BatchView& batch) {
          const auto& header = batch.header();
          next = std::max(next, batch.end());
          tail = {.head = {batch.end().value - 1},
                  .last_time = header.time,
                  .bytes = header.bytes_before + batch.stored_bytes()};
          return true;
        },
        true);
    if (read || !is_damage(read.errc())) break;
    next = readable_behind(log, meta.id, next, kNowhere);
  }
  // As a log has it: the metadata may know of more events than there are.
  const auto known = std::max(meta.earliest, meta.lineage.back().first);
  if (known > tail.head.next()) tail.head = {known.value - 1};
  return tail;
}

}  // namespace tidemark::tools
