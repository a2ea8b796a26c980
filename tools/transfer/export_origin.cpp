// What a topic that has gone on says of its past.
// tools/transfer/: see export_origin.hpp.
#include "tools/transfer/export_origin.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::tools {

std::optional<storage::ProducerState> producer_at(storage::ProducerState state, Offset head) {
  auto& runs = state.runs;
  bool cut = false;
  while (!runs.empty() && runs.back().first > head) {
    runs.pop_back();
    cut = true;
  }
  if (runs.empty()) return cut ? std::nullopt : std::optional(std::move(state));
  auto& last = runs.back();
  const std::uint64_t room = head.value + 1 - last.first.value;
  if (last.events > 0 && last.requests > room / last.events) {
    last.requests = room / last.events;
    cut = true;
  }
  if (!cut) return state;
  // A request is appended whole, so the log never ends within one.
  if (last.requests == 0) return std::nullopt;
  state.last_sequence = last.sequence + last.requests - 1;
  return state;
}

storage::StoredCursor cursor_at(storage::StoredCursor cursor, const ExportTopic& topic) {
  // One of an epoch that ended before its position is told so when it comes back: it stays.
  const bool ahead =
      cursor.position.offset > topic.head && cursor.position.epoch >= topic.lineage.back().epoch;
  if (ahead) cursor.position = storage::position_at(topic.lineage, topic.head);
  return cursor;
}

bool goes_on_from(const ExportTopic& now, const ExportTopic& begun) {
  const auto [then, here] = std::ranges::mismatch(begun.lineage, now.lineage);
  const bool longer = here == now.lineage.end() || here->first > begun.head;
  return then == begun.lineage.end() && longer && now.head >= begun.head;
}

}  // namespace tidemark::tools
