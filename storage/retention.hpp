// Where a topic's log should begin: bounds + policy + now → trim point. Pure, apart from look-ups.
// storage/: the janitor asks, the committer carries out.
#pragma once

#include <optional>

#include "protocol/messages.hpp"
#include "storage/log.hpp"

namespace tidemark::storage {

struct TrimPoint {
  Offset keep;  ///< the first event to keep
  GapCause cause = GapCause::count;
  bool operator==(const TrimPoint&) const = default;
};

/// What retention needs to know of a topic's batches: the header of the batch that holds an offset.
using HeaderAt = std::function<Result<std::optional<BatchHeader>>(Offset)>;

/// The furthest trim that one of the policy's limits asks for; nullopt: nothing to trim.
/// Bytes and age are decided per batch (an event goes when its whole batch is over the limit), by
/// binary search: O(log n) calls of `header_at`. The newest event is kept by count and bytes.
/// `now` may jump: the caller passes a clock that does not (see Janitor).
Result<std::optional<TrimPoint>> trim_point(const Bounds& bounds, const Tail& tail,
                                            const RetentionPolicy& policy, Timestamp now,
                                            const HeaderAt& header_at);

/// The first offset of an event appended at or after `time`; head + 1 if there is none.
Result<Offset> offset_at_time(const Bounds& bounds, Timestamp time, const HeaderAt& header_at);

}  // namespace tidemark::storage
