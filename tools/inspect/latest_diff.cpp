// A map of the keys that changed.
// tools/inspect/: see latest_diff.hpp.
#include "tools/inspect/latest_diff.hpp"

#include <algorithm>
#include <array>

#include "protocol/types.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kEntry = 256;  // of memory, beside key and data

/// What there was as far as a reader of the state can tell: a tombstone is nothing.
bool has_value(const std::optional<KeyValue>& value) { return value && !value->tombstone; }

}  // namespace

std::string_view to_string(KeyChange::Kind kind) {
  constexpr std::array<std::string_view, 5> kNames{"added", "changed", "same", "removed", "set"};
  return kNames.at(static_cast<std::size_t>(kind));
}

bool LatestDiff::put(KeyValue& value, const EventView& event) {
  bytes_ += event.data.size();
  bytes_ -= std::min(bytes_, value.data.size());
  value = {.offset = event.offset,
           .time = event.time,
           .data = std::string(event.data),
           .tombstone = is_tombstone(event.data, payload_)};
  return bytes_ <= max_bytes_;
}

bool LatestDiff::change(const EventView& event) {
  if (event.key.empty()) return true;
  auto found = keys_.find(event.key);
  if (found == keys_.end()) {
    bytes_ += event.key.size() + kEntry;
    found = keys_.emplace(std::string(event.key), Pair{}).first;
  }
  return put(found->second.after, event);
}

bool LatestDiff::before(const EventView& event) {
  const auto found = keys_.find(event.key);
  if (found == keys_.end()) return true;
  auto& value = found->second.before;
  if (!value) value.emplace();
  return put(*value, event);
}

std::vector<KeyChange> LatestDiff::changes(bool whole) const {
  using Kind = KeyChange::Kind;
  std::vector<KeyChange> out;
  for (const auto& [key, pair] : keys_) {
    const bool known = whole || pair.before.has_value();
    const bool was = has_value(pair.before);
    if (pair.after.tombstone && known && !was) continue;  // it came and went
    Kind kind = Kind::set;
    if (pair.after.tombstone) {
      kind = Kind::removed;
    } else if (known) {
      kind = !was ? Kind::added : pair.before->data == pair.after.data ? Kind::same : Kind::changed;
    }
    out.push_back({.kind = kind,
                   .key = key,
                   .before = was ? pair.before : std::nullopt,
                   .after = pair.after});
  }
  std::ranges::sort(out, {}, [](const KeyChange& change) { return change.after.offset; });
  return out;
}

}  // namespace tidemark::tools
