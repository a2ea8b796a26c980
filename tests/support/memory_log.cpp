// The in-memory log: maps under one mutex.
// tests/: see the header.
#include "tests/support/memory_log.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::storage {

Result<std::optional<LoadedTopic>> MemoryLog::load(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  const auto topic = topics_.find(name.str());
  if (topic == topics_.end()) return std::optional<LoadedTopic>();
  LoadedTopic loaded{.meta = topic->second, .tail = {}};
  const TopicId id = loaded.meta.id;
  const auto after = batches_.lower_bound({{id.value + 1}, {0}});
  if (after != batches_.begin() && std::prev(after)->first.first == id) {
    const auto& value = std::prev(after)->second;
    const auto header = peek_header(value);
    if (!header) return header.errc();
    loaded.tail = {.head = {header->first.value + header->count - 1},
                   .last_time = header->time,
                   .bytes = header->bytes_before + value.size()};
  }
  const auto known = std::max(loaded.meta.earliest, loaded.meta.lineage.back().first);
  loaded.tail.head = std::max(loaded.tail.head, Offset{known.value - 1});
  return std::optional(std::move(loaded));
}

TopicId MemoryLog::next_topic_id() {
  const std::lock_guard lock(mutex_);
  return {next_topic_id_++};
}

Epoch MemoryLog::next_epoch() {
  const std::lock_guard lock(mutex_);
  return {++last_epoch_};
}

Log::Incident MemoryLog::incidents_after(std::uint64_t answered) {
  const std::lock_guard lock(mutex_);
  Incident merged{.number = answered, .buffered_only = true};
  for (const auto& incident : incidents_) {
    if (incident.number <= answered) continue;
    merged.number = incident.number;
    merged.buffered_only = merged.buffered_only && incident.buffered_only;
  }
  return merged;
}

Result<void> MemoryLog::begin_write(bool synced, bool& apply) {
  apply = false;
  if (failed_) return Errc::storage_failed;
  if (next_failure_) {
    const auto code = *std::exchange(next_failure_, std::nullopt);
    failed_ = true;
    apply = failure_applies_;
    return code;
  }
  apply = true;
  if (synced) ++synced_writes_;
  return ok();
}

void MemoryLog::apply(const CommitGroup& group) {
  for (const auto& meta : group.topics) {
    topics_.insert_or_assign(meta.name, meta);
    last_epoch_ = std::max(last_epoch_, meta.lineage.back().epoch.value);
  }
  for (const auto& batch : group.batches)
    batches_.insert_or_assign(Key{batch.topic, batch.first}, batch.value);
  for (const auto& update : group.producers)
    producers_.insert_or_assign(std::pair{update.topic, update.id}, update.state);
}

Result<void> MemoryLog::commit(const CommitGroup& group, Durability durability) {
  const std::lock_guard lock(mutex_);
  bool applies = false;
  auto result = begin_write(durability == Durability::synced, applies);
  if (applies) apply(group);
  return result;
}

Result<void> MemoryLog::sync() {
  const std::lock_guard lock(mutex_);
  bool applies = false;
  return begin_write(true, applies);
}

Result<void> MemoryLog::recover() {
  const std::lock_guard lock(mutex_);
  if (recovery_failure_) return *recovery_failure_;
  failed_ = false;
  return ok();
}

MemoryLog::Batches::const_iterator MemoryLog::holding(TopicId topic, Offset offset) const {
  const auto after = batches_.upper_bound({topic, offset});
  if (after == batches_.begin()) return after;
  const auto before = std::prev(after);
  if (before->first.first != topic) return after;
  const auto header = peek_header(before->second);
  const bool holds = !header || offset.value < header->first.value + header->count;
  return holds ? before : after;
}

Result<void> MemoryLog::read(TopicId topic, Offset from, const BatchSink& sink,
                             bool /*sequential*/) {
  const std::lock_guard lock(mutex_);
  for (auto it = holding(topic, from); it != batches_.end() && it->first.first == topic; ++it) {
    const auto batch = BatchView::parse(topic, it->first.second, it->second);
    if (!batch) return batch.errc();
    if (!sink(*batch)) return ok();
  }
  return ok();
}

Result<std::optional<BatchHeader>> MemoryLog::header_at(TopicId topic, Offset offset) {
  const std::lock_guard lock(mutex_);
  const auto it = holding(topic, offset);
  if (it == batches_.end() || it->first.first != topic) return std::optional<BatchHeader>();
  const auto header = peek_header(it->second);
  if (!header) return header.errc();
  return std::optional(*header);
}

Result<std::optional<ProducerState>> MemoryLog::producer(TopicId topic, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto it = producers_.find({topic, std::string(id)});
  if (it == producers_.end()) return std::optional<ProducerState>();
  return std::optional(it->second);
}

Result<void> MemoryLog::reclaim(TopicId topic, Offset keep) {
  const std::lock_guard lock(mutex_);
  const auto begin = batches_.lower_bound({topic, {0}});
  auto end = batches_.upper_bound({topic, keep});
  // The batch before `end` holds `keep`, or is the last there is: it stays.
  if (end != begin) --end;
  batches_.erase(begin, end);
  return ok();
}

Result<void> MemoryLog::erase(const TopicMeta& meta) {
  const std::lock_guard lock(mutex_);
  bool applies = false;
  auto result = begin_write(true, applies);
  if (!applies) return result;
  topics_.erase(meta.name);
  const TopicId next{meta.id.value + 1};
  producers_.erase(producers_.lower_bound({meta.id, ""}), producers_.lower_bound({next, ""}));
  batches_.erase(batches_.lower_bound({meta.id, {0}}), batches_.lower_bound({next, {0}}));
  return result;
}

Result<void> MemoryLog::list(std::string_view after,
                             const std::function<bool(const TopicMeta&)>& visit) {
  std::vector<TopicMeta> metas;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = topics_.upper_bound(after); it != topics_.end(); ++it)
      metas.push_back(it->second);
  }
  for (const auto& meta : metas)
    if (!visit(meta)) break;
  return ok();
}

std::uint64_t MemoryLog::topic_count() const {
  const std::lock_guard lock(mutex_);
  return topics_.size();
}

void MemoryLog::fail_next_write(Errc code, bool applied) {
  const std::lock_guard lock(mutex_);
  next_failure_ = code;
  failure_applies_ = applied;
}

void MemoryLog::fail_recovery(std::optional<Errc> code) {
  const std::lock_guard lock(mutex_);
  recovery_failure_ = code;
}

void MemoryLog::add_incident(bool buffered_only) {
  const std::lock_guard lock(mutex_);
  incidents_.push_back({.number = incidents_.size() + 1, .buffered_only = buffered_only});
}

}  // namespace tidemark::storage
