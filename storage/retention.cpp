// Retention's arithmetic: three limits, each a binary search over batch headers at most.
// storage/: pure; the janitor calls it with the log's look-ups.
#include "storage/retention.hpp"

#include <algorithm>

namespace tidemark::storage {
namespace {

// A batch's place, or the end of the log.
struct Found {
  Offset first;
  std::optional<BatchHeader> header;
};

// The first batch at or after `earliest` that `test` holds for. Pre: once true, true to the end.
template <class Test>
Result<Found> first_batch(const Bounds& bounds, const HeaderAt& header_at, const Test& test) {
  Found found{.first = bounds.head.next(), .header = std::nullopt};
  Offset low = bounds.earliest;
  Offset high = bounds.head.next();  // every batch from here on is known to pass
  while (low < high) {
    const Offset middle{low.value + (high.value - low.value) / 2};
    const auto header = header_at(middle);
    if (!header) return header.errc();
    if (!*header) {  // nothing from here on, which only a trim under way explains
      high = middle;
      continue;
    }
    if (test(**header)) {
      found = {.first = (*header)->first, .header = **header};
      high = std::min(middle, (*header)->first);
    } else {
      low = {(*header)->first.value + (*header)->count};
    }
  }
  return found;
}

// Keeps a batch unless those after it alone reach the limit.
Result<Offset> keep_by_bytes(const Bounds& bounds, const Tail& tail, std::uint64_t max_bytes,
                             const HeaderAt& header_at) {
  if (tail.bytes <= max_bytes) return bounds.earliest;
  const std::uint64_t cut = tail.bytes - max_bytes;
  const auto within = first_batch(
      bounds, header_at, [&](const BatchHeader& header) { return header.bytes_before > cut; });
  if (!within) return within.errc();
  // The batch before it is the one the limit runs through, or exactly begins with.
  const Offset last{within->first.value - 1};
  if (last < bounds.earliest) return bounds.earliest;
  const auto through = header_at(last);
  if (!through) return through.errc();
  return *through ? std::max((*through)->first, bounds.earliest) : bounds.earliest;
}

Result<Offset> keep_by_age(const Bounds& bounds, const Tail& tail, Timestamp oldest,
                           const HeaderAt& header_at) {
  if (tail.last_time < oldest) return bounds.head.next();
  return offset_at_time(bounds, oldest, header_at);
}

}  // namespace

Result<Offset> offset_at_time(const Bounds& bounds, Timestamp time, const HeaderAt& header_at) {
  const auto found = first_batch(bounds, header_at,
                                 [&](const BatchHeader& header) { return header.time >= time; });
  if (!found) return found.errc();
  return std::max(found->first, bounds.earliest);
}

Result<std::optional<TrimPoint>> trim_point(const Bounds& bounds, const Tail& tail,
                                            const RetentionPolicy& policy, Timestamp now,
                                            const HeaderAt& header_at) {
  std::optional<TrimPoint> furthest;
  const auto consider = [&](Offset keep, GapCause cause) {
    if (keep > (furthest ? furthest->keep : bounds.earliest))
      furthest = {.keep = keep, .cause = cause};
  };
  if (bounds.earliest > bounds.head) return furthest;
  const std::uint64_t events = bounds.head.value + 1 - bounds.earliest.value;
  if (policy.max_events > 0 && events > policy.max_events)
    consider({bounds.head.value + 1 - policy.max_events}, GapCause::count);
  if (policy.max_bytes > 0) {
    const auto keep = keep_by_bytes(bounds, tail, policy.max_bytes, header_at);
    if (!keep) return keep.errc();
    consider(*keep, GapCause::bytes);
  }
  if (policy.max_age.count() > 0) {
    const auto keep = keep_by_age(bounds, tail, {now.ms - policy.max_age.count()}, header_at);
    if (!keep) return keep.errc();
    consider(*keep, GapCause::age);
  }
  return furthest;
}

}  // namespace tidemark::storage
