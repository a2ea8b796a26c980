// The in-memory log: maps under one mutex.
// tests/: see the header.
#include "tests/support/memory_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace tidemark::storage {

namespace {

/// A copy of the keys; a reader of a log that has recovered since reads no more.
class CopiedKeys final : public KeyReader {
 public:
  CopiedKeys(Position position, std::vector<LatestUpdate> entries,
             std::shared_ptr<const std::atomic<std::uint64_t>> recoveries)
      : position_(position),
        entries_(std::move(entries)),
        recoveries_(std::move(recoveries)),
        opened_in_(*recoveries_) {}

  [[nodiscard]] Position position() const override { return position_; }
  Result<bool> read(const Visit& visit) override {
    if (*recoveries_ != opened_in_) return Errc::storage_failed;
    while (next_ < entries_.size()) {
      const LatestUpdate& entry = entries_[next_];
      const auto event = parse_record(entry.record, entry.offset, entry.time);
      if (!event) return event.errc();
      ++next_;
      if (!visit(*event)) return true;
    }
    return false;
  }

 private:
  const Position position_;
  const std::vector<LatestUpdate> entries_;
  const std::shared_ptr<const std::atomic<std::uint64_t>> recoveries_;
  const std::uint64_t opened_in_;
  std::size_t next_ = 0;
};

/// Everything of a topic in a map whose keys begin with it.
template <class Map>
auto range_of(Map& map, TopicId topic) {
  return std::pair{map.lower_bound({topic, ""}), map.lower_bound({{topic.value + 1}, ""})};
}

template <class Map>
void erase_all(Map& map, TopicId topic) {
  const auto [begin, end] = range_of(map, topic);
  map.erase(begin, end);
}

}  // namespace

// The topic's last batch; of a fork that has none yet, the last it has inherited.
MemoryLog::Batches::const_iterator MemoryLog::last_batch(const TopicMeta& meta) const {
  const auto after = batches_.lower_bound({{meta.id.value + 1}, {0}});
  if (after != batches_.begin() && std::prev(after)->first.first == meta.id)
    return std::prev(after);
  if (!meta.origin || meta.origin->inherited.value == 0) return batches_.end();
  for (const auto& part : parts_for(meta.id, meta.origin->inherited)) {
    const auto it = holding(part.topic, meta.origin->inherited);
    if (it != batches_.end() && it->first.first == part.topic) return it;
  }
  return batches_.end();
}

Result<std::optional<LoadedTopic>> MemoryLog::load(const TopicName& name) {
  const std::lock_guard lock(mutex_);
  const auto topic = topics_.find(name.str());
  if (topic == topics_.end()) return std::optional<LoadedTopic>();
  LoadedTopic loaded{.meta = topic->second, .tail = {}};
  const auto last = last_batch(loaded.meta);
  if (last != batches_.end()) {
    const auto header = peek_header(last->second);
    if (!header) return header.errc();
    if (last->first.first == loaded.meta.id)
      loaded.tail.head = {header->first.value + header->count - 1};
    loaded.tail.last_time = header->time;
    loaded.tail.bytes = header->bytes_before + last->second.size();
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
  for (const auto& meta : group.erased) remove(meta);
  for (const auto& meta : group.topics)
    if (meta.origin)
      origins_[meta.id] = {{.topic = meta.origin->id, .last = meta.origin->inherited}};
  for (const auto& meta : group.topics) {
    topics_.insert_or_assign(meta.name, meta);
    last_epoch_ = std::max(last_epoch_, meta.lineage.back().epoch.value);
  }
  for (const auto& batch : group.batches)
    batches_.insert_or_assign(Key{batch.topic, batch.first}, batch.value);
  for (const auto& update : group.producers)
    producers_.insert_or_assign(std::pair{update.topic, update.id}, update.state);
  apply_beside(group);
}

void MemoryLog::apply_beside(const CommitGroup& group) {
  for (const TopicId topic : group.forgotten_keys) erase_all(latest_, topic);
  for (const auto& update : group.latest) {
    const std::pair key{update.topic, update.key};
    if (update.record.empty()) {
      latest_.erase(key);
    } else {
      latest_.insert_or_assign(key, update);
    }
  }
  for (const auto& update : group.states) {
    if (update.state) {
      states_.insert_or_assign(update.topic, *update.state);
    } else {
      states_.erase(update.topic);
    }
  }
  for (const auto& update : group.cursors) {
    const std::pair key{update.topic, update.name};
    if (update.cursor) {
      cursors_.insert_or_assign(key, *update.cursor);
    } else {
      cursors_.erase(key);
    }
  }
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
  ++*recoveries_;
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

// The logs to read from `from` on, one after another; the last is the topic's own. Resolved at each
// read, one source at a time: what the log on disk has flattened.
std::vector<OriginPart> MemoryLog::parts_for(TopicId topic, Offset from) const {
  std::vector<OriginPart> parts;
  if (const auto origin = origins_.find(topic); origin != origins_.end()) {
    const OriginPart& source = origin->second.front();
    if (from <= source.last) {
      for (const auto& part : parts_for(source.topic, from)) {
        parts.push_back({.topic = part.topic, .last = std::min(part.last, source.last)});
        if (parts.back().last == source.last) break;
      }
    }
  }
  parts.push_back({.topic = topic, .last = {kMaxInteger}});
  return parts;
}

Result<void> MemoryLog::read(TopicId topic, Offset from, const BatchSink& sink,
                             bool /*sequential*/) {
  const std::lock_guard lock(mutex_);
  for (const auto& part : parts_for(topic, from)) {
    for (auto it = holding(part.topic, from); it != batches_.end(); ++it) {
      if (it->first.first != part.topic || it->first.second > part.last) break;
      auto batch = BatchView::parse(part.topic, it->first.second, it->second);
      if (!batch) return batch.errc();
      if (batch->end() > part.last.next())
        *batch = batch->prefix(
            static_cast<std::uint32_t>(part.last.next().value - it->first.second.value));
      if (!sink(*batch)) return ok();
    }
    from = part.last.next();
  }
  return ok();
}

Result<std::optional<BatchHeader>> MemoryLog::header_at(TopicId topic, Offset offset) {
  const std::lock_guard lock(mutex_);
  for (const auto& part : parts_for(topic, offset)) {
    const auto it = holding(part.topic, offset);
    if (it == batches_.end() || it->first.first != part.topic || it->first.second > part.last) {
      offset = part.last.next();
      continue;
    }
    auto header = peek_header(it->second);
    if (!header) return header.errc();
    const std::uint64_t most = part.last.next().value - header->first.value;
    header->count = static_cast<std::uint32_t>(std::min<std::uint64_t>(header->count, most));
    return std::optional(*header);
  }
  return std::optional<BatchHeader>();
}

Result<std::optional<ProducerState>> MemoryLog::producer(TopicId topic, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto it = producers_.find({topic, std::string(id)});
  if (it == producers_.end()) return std::optional<ProducerState>();
  return std::optional(it->second);
}

Result<void> MemoryLog::producers(
    TopicId topic, std::string_view after,
    const std::function<bool(std::string_view id, const ProducerState&)>& visit) {
  std::vector<std::pair<std::string, ProducerState>> found;
  {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = range_of(producers_, topic);
    for (auto it = begin; it != end; ++it)
      if (it->first.second > after) found.emplace_back(it->first.second, it->second);
  }
  for (const auto& [id, state] : found)
    if (!visit(id, state)) break;
  return ok();
}

Result<std::unique_ptr<KeyReader>> MemoryLog::read_keys(TopicId topic, Position position) {
  const std::lock_guard lock(mutex_);
  std::vector<LatestUpdate> entries;
  const auto [begin, end] = range_of(latest_, topic);
  for (auto it = begin; it != end; ++it) entries.push_back(it->second);
  return std::unique_ptr<KeyReader>(
      std::make_unique<CopiedKeys>(position, std::move(entries), recoveries_));
}

Result<std::optional<Offset>> MemoryLog::latest(TopicId topic, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto it = latest_.find({topic, std::string(key)});
  if (it == latest_.end()) return std::optional<Offset>();
  return std::optional(it->second.offset);
}

Result<std::optional<StoredState>> MemoryLog::state(TopicId topic) {
  const std::lock_guard lock(mutex_);
  const auto it = states_.find(topic);
  if (it == states_.end()) return std::optional<StoredState>();
  return std::optional(it->second);
}

Result<std::optional<Position>> MemoryLog::state_position(TopicId topic) {
  const std::lock_guard lock(mutex_);
  const auto it = states_.find(topic);
  if (it == states_.end()) return std::optional<Position>();
  return std::optional(it->second.position);
}

Result<std::optional<StoredCursor>> MemoryLog::cursor(TopicId topic, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto it = cursors_.find({topic, std::string(name)});
  if (it == cursors_.end()) return std::optional<StoredCursor>();
  return std::optional(it->second);
}

Result<void> MemoryLog::cursors(
    TopicId topic, std::string_view after,
    const std::function<bool(std::string_view name, const StoredCursor&)>& visit) {
  std::vector<std::pair<std::string, StoredCursor>> found;
  {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = range_of(cursors_, topic);
    for (auto it = begin; it != end; ++it)
      if (it->first.second > after) found.emplace_back(it->first.second, it->second);
  }
  for (const auto& [name, cursor] : found)
    if (!visit(name, cursor)) break;
  return ok();
}

Result<void> MemoryLog::topics_with_cursors(
    const std::function<bool(TopicId topic, std::string_view name, std::uint64_t cursors)>& visit) {
  std::map<TopicId, std::pair<std::string, std::uint64_t>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, meta] : topics_) {
      const auto [begin, end] = range_of(cursors_, meta.id);
      if (begin != end)
        found[meta.id] = {name, static_cast<std::uint64_t>(std::distance(begin, end))};
    }
  }
  for (const auto& [topic, of] : found)
    if (!visit(topic, of.first, of.second)) break;
  return ok();
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

void MemoryLog::remove(const TopicMeta& meta) {
  topics_.erase(meta.name);
  origins_.erase(meta.id);
  states_.erase(meta.id);
  erase_all(producers_, meta.id);
  erase_all(latest_, meta.id);
  erase_all(cursors_, meta.id);
  const TopicId next{meta.id.value + 1};
  batches_.erase(batches_.lower_bound({meta.id, {0}}), batches_.lower_bound({next, {0}}));
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
