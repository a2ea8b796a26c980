// Which events a reader wants: see event_match.hpp.
// protocol/: asked for every event of a filtered reader, so it allocates nothing.
#include "protocol/event_match.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace tidemark {

EventMatch::EventMatch(Filter filter) : headers_(std::move(filter.headers)) {
  for (auto& key : filter.keys) {
    if (key.ends_with('*')) {
      key.pop_back();
      prefixes_.push_back(std::move(key));
    } else {
      keys_.push_back(std::move(key));
    }
  }
  std::ranges::sort(keys_);
}

bool EventMatch::passes(const EventView& event) const {
  return passes_key(event.key) && passes_headers(event.headers);
}

bool EventMatch::passes_key(std::string_view key) const {
  if (keys_.empty() && prefixes_.empty()) return true;
  if (key.empty()) return false;  // none: not the key that begins with anything
  if (std::binary_search(keys_.begin(), keys_.end(), key, std::less<>())) return true;
  return std::ranges::any_of(prefixes_,
                             [key](const std::string& start) { return key.starts_with(start); });
}

bool EventMatch::passes_headers(const HeadersView& headers) const {
  return std::ranges::all_of(headers_, [&headers](const Filter::Match& match) {
    for (const HeaderView header : headers) {
      if (header.name != match.name) continue;
      return std::ranges::find(match.values, header.value) != match.values.end();
    }
    return false;
  });
}

}  // namespace tidemark
