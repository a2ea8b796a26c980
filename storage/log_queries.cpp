// Questions about a topic of any log: see log_queries.hpp.
// storage/: look-ups of one header each; no engine in here.
#include "storage/log_queries.hpp"

#include <algorithm>

namespace tidemark::storage {

Bounds bounds_of(const LoadedTopic& topic) {
  return {.epoch = topic.meta.lineage.back().epoch,
          .earliest = topic.meta.earliest,
          .head = topic.tail.head};
}

Result<std::uint64_t> stored_bytes(Log& log, const LoadedTopic& topic) {
  const auto& [meta, tail] = topic;
  if (meta.earliest > tail.head) return 0;
  if (meta.earliest == Offset{1}) return tail.bytes;
  const auto header = log.header_at(meta.id, meta.earliest);
  if (!header) return header.error();
  const auto before = *header ? (*header)->bytes_before : tail.bytes;
  // What was appended and trimmed since the end was looked at.
  return tail.bytes - std::min(before, tail.bytes);
}

Result<std::optional<Timestamp>> time_of(Log& log, const LoadedTopic& topic, Offset offset) {
  if (offset < topic.meta.earliest || offset > topic.tail.head) return std::optional<Timestamp>();
  const auto header = log.header_at(topic.meta.id, offset);
  if (!header) return header.error();
  const bool there = *header && (*header)->first <= offset;
  return there ? std::optional((*header)->time) : std::nullopt;
}

}  // namespace tidemark::storage
