// Which events of a topic a reader wants, by key and headers.
// broker/: between a cursor and what is sent; the cursor advances over the others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/segment.hpp"

namespace tidemark::broker {

/// Within the limits of the protocol? Keys and header names that are valid, none twice.
/// Errors: invalid_filter.
[[nodiscard]] Result<void> check_filter(const Filter& filter);

/// Threads: any number of readers.
class EventFilter {
 public:
  EventFilter() = default;
  /// Pre: check_filter has taken it.
  explicit EventFilter(Filter filter);

  /// Lets everything pass.
  [[nodiscard]] bool passes_all() const {
    return keys_.empty() && prefixes_.empty() && headers_.empty();
  }
  [[nodiscard]] bool passes(const EventView& event) const;

  /// The first events of `offsets` that pass, as far as they follow one another; if none does, both
  /// ends are that of `offsets`. Looks at `max_events` at most: then it ends there.
  /// Pre: the segment holds them.
  [[nodiscard]] OffsetRange first_run(const storage::Segment& segment, OffsetRange offsets,
                                      std::size_t max_events) const;

 private:
  [[nodiscard]] bool passes_key(std::string_view key) const;
  [[nodiscard]] bool passes_headers(const HeadersView& headers) const;

  std::vector<std::string> keys_;      ///< whole ones, sorted
  std::vector<std::string> prefixes_;  ///< without their '*'
  std::vector<Filter::Match> headers_;
};

}  // namespace tidemark::broker
