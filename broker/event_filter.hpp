// Which events of a topic a reader wants, by key and headers.
// broker/: between a cursor and what is sent; the cursor advances over the others.
#pragma once

#include <cstddef>

#include "protocol/event_match.hpp"
#include "storage/segment.hpp"

namespace tidemark::broker {

/// Within the limits of the protocol? Keys and header names that are valid, none twice.
/// Errors: invalid_filter.
[[nodiscard]] Result<void> check_filter(const Filter& filter);

/// Threads: any number of readers.
class EventFilter : public EventMatch {
 public:
  /// Pre: check_filter has taken it.
  using EventMatch::EventMatch;

  /// The first events of `offsets` that pass, as far as they follow one another; if none does, both
  /// ends are that of `offsets`. Looks at `max_events` at most: then it ends there.
  /// Pre: the segment holds them.
  [[nodiscard]] OffsetRange first_run(const storage::Segment& segment, OffsetRange offsets,
                                      std::size_t max_events) const;
};

}  // namespace tidemark::broker
