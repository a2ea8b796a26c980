// Which events of a topic a reader wants: see event_filter.hpp.
// broker/: asked for every event of a filtered subscription, so it allocates nothing.
#include "broker/event_filter.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

namespace {

bool has_twice(std::vector<std::string_view> texts) {
  std::ranges::sort(texts);
  return std::ranges::adjacent_find(texts) != texts.end();
}

bool valid_key(const std::string& key) {
  return !key.empty() && key.size() <= limits::key_bytes && valid_utf8(key);
}

bool valid_match(const Filter::Match& match) {
  if (match.name.empty() || match.name.size() > limits::header_name_bytes) return false;
  if (!valid_utf8(match.name)) return false;
  if (match.values.empty() || match.values.size() > limits::filter_values) return false;
  const bool valid = std::ranges::all_of(match.values, [](const std::string& value) {
    return value.size() <= limits::header_value_bytes && valid_utf8(value);
  });
  return valid && !has_twice({match.values.begin(), match.values.end()});
}

}  // namespace

Result<void> check_filter(const Filter& filter) {
  if (filter.keys.size() > limits::filter_keys) return Errc::invalid_filter;
  if (filter.headers.size() > limits::filter_headers) return Errc::invalid_filter;
  if (!std::ranges::all_of(filter.keys, valid_key)) return Errc::invalid_filter;
  if (!std::ranges::all_of(filter.headers, valid_match)) return Errc::invalid_filter;
  std::vector<std::string_view> names;
  for (const auto& match : filter.headers) names.push_back(match.name);
  if (has_twice(std::move(names))) return Errc::invalid_filter;
  if (has_twice({filter.keys.begin(), filter.keys.end()})) return Errc::invalid_filter;
  return ok();
}

OffsetRange EventFilter::first_run(const storage::Segment& segment, OffsetRange offsets,
                                   std::size_t max_events) const {
  const Offset end{std::min(offsets.end.value, offsets.first.value + max_events)};
  Offset first = offsets.first;
  while (first < end && !passes(segment.event(first))) first = first.next();
  Offset past = first;
  while (past < end && (past == first || passes(segment.event(past)))) past = past.next();
  return {first, past};
}

}  // namespace tidemark::broker
