// How topics begin and end: see lifecycle.hpp.
// storage/: no clock, no log.
#include "storage/lifecycle.hpp"

#include <algorithm>

namespace tidemark::storage {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Whether the source has, or had, a reader there.
bool in_history(const std::vector<EpochStart>& lineage, Position position) {
  if (position.epoch.value == 0) return true;
  const auto found = std::find_if(lineage.begin(), lineage.end(), [&](const EpochStart& start) {
    return start.epoch == position.epoch;
  });
  if (found == lineage.end()) return false;
  return found + 1 == lineage.end() || position.offset < (found + 1)->first;
}

bool same_origin(const std::optional<Origin>& there,
                 const std::optional<CreateRequest::Fork>& wish) {
  if (!wish) return !there;
  if (!there || there->source != wish->source.str()) return false;
  if (wish->after && wish->after->offset != there->requested) return false;
  return wish->sub_offset == there->sub_offset;
}

}  // namespace

bool Lifetime::over(Timestamp used, Timestamp now) const {
  if (expires_at && now >= *expires_at) return true;
  // Divided, since a ttl of as many milliseconds may not fit.
  return ttl && (now.ms - used.ms) / 1000 >= ttl->count();
}

Lifetime lifetime_of(const TopicSettings& settings) {
  return {.ttl = settings.ttl, .expires_at = settings.expires_at};
}

milliseconds use_slack(seconds ttl) {
  constexpr seconds kLeast = seconds(1);
  constexpr seconds kMost = std::chrono::hours(1);
  return milliseconds(std::clamp(ttl, 8 * kLeast, 8 * kMost)) / 8;
}

Timestamp latest_use(const TopicMeta& meta) {
  if (!meta.settings.ttl) return meta.used;
  return {meta.used.ms + 2 * use_slack(*meta.settings.ttl).count()};
}

bool same_topic(const TopicMeta& there, const CreateRequest& wish) {
  const bool fork = wish.fork.has_value();
  if (!same_origin(there.origin, wish.fork) || there.closed != wish.close) return false;
  if (wish.content_type || !fork) {
    const std::string_view type = wish.content_type ? *wish.content_type : kPlainContentType;
    if (!same_content_type(type, there.settings.content_type)) return false;
  }
  if (fork && !wish.ttl && !wish.expires_at) return true;
  return wish.ttl == there.settings.ttl && wish.expires_at == there.settings.expires_at;
}

Result<ForkPoint> fork_point(const LoadedTopic& source, const CreateRequest::Fork& wish) {
  const Offset head = source.tail.head;
  ForkPoint point{.requested = head, .inherited = head, .cut_bytes = 0};
  if (wish.after) {
    if (wish.after->offset > head || !in_history(source.meta.lineage, *wish.after))
      return Errc::invalid_fork;
    point.requested = point.inherited = wish.after->offset;
  }
  if (wish.sub_offset == 0) return point;
  const std::uint64_t events = head.value - point.requested.value;
  if (same_content_type(source.meta.settings.content_type, "application/json")) {
    if (wish.sub_offset > events) return Errc::invalid_fork;
    point.inherited.value += wish.sub_offset;
  } else {
    if (events == 0 || point.requested.next() < source.meta.earliest) return Errc::invalid_fork;
    point.cut_bytes = wish.sub_offset;
  }
  return point;
}

void begin_in(TopicMeta& fork, const TopicMeta& source, const ForkPoint& point,
              std::uint64_t sub_offset) {
  fork.origin = Origin{.source = source.name,
                       .id = source.id,
                       .inherited = point.inherited,
                       .requested = point.requested,
                       .sub_offset = sub_offset,
                       .depth = source.origin ? source.origin->depth + 1 : 1};
  const Offset own = point.inherited.next();
  std::vector<EpochStart> lineage;
  for (const EpochStart& start : source.lineage)
    if (start.first < own) lineage.push_back(start);
  lineage.push_back({.epoch = fork.lineage.back().epoch, .first = own});
  fork.lineage = std::move(lineage);
  fork.earliest = std::min(source.earliest, own);
  fork.trim_cause = source.trim_cause;
}

}  // namespace tidemark::storage
