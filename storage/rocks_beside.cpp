// What lies beside the events of topics: how it is written, and how states, cursors and all
// producers of a topic are read.
// storage/: a part of RocksLog; keys are read in rocks_keys.cpp.
#include "storage/rocks_beside.hpp"

#include <utility>

#include "storage/checked_value.hpp"
#include "storage/rocks_iterator.hpp"
#include "storage/rocks_log.hpp"

namespace tidemark::storage {

namespace {

constexpr std::size_t kCursorPage = 1024;
constexpr std::size_t kProducerPage = 256;  // of about 1 KiB each at most: see kMaxProducerRuns

void put_cursor(rocksdb::WriteBatch& batch, RocksDatabase& database, const CursorUpdate& update) {
  const std::string key = cursor_key(update.topic, update.name);
  if (update.cursor) {
    batch.Put(database.cursors(), key, encode_cursor(key, *update.cursor));
  } else {
    batch.Delete(database.cursors(), key);
  }
}

void put_state(rocksdb::WriteBatch& batch, RocksDatabase& database, const StateUpdate& update) {
  const std::string key = topic_key(update.topic);
  if (update.state) {
    batch.Put(database.states(), key, encode_state(key, *update.state));
  } else {
    batch.Delete(database.states(), key);
  }
}

void put_latest(rocksdb::WriteBatch& batch, RocksDatabase& database, const LatestUpdate& update) {
  const std::string key = latest_key(update.topic, update.key);
  if (update.record.empty()) {
    batch.Delete(database.keys(), key);
  } else {
    batch.Put(database.keys(), key,
              encode_latest(
                  key, {.offset = update.offset, .time = update.time, .record = update.record}));
  }
}

}  // namespace

std::size_t bytes_beside(const CommitGroup& group) {
  std::size_t bytes = 0;
  for (const auto& update : group.latest) bytes += update.key.size() + update.record.size() + 48;
  for (const auto& update : group.states)
    if (update.state) bytes += update.state->data.size() + update.state->content_type.size() + 96;
  for (const auto& update : group.cursors) bytes += update.name.size() + 64;
  return bytes;
}

void put_beside(rocksdb::WriteBatch& batch, RocksDatabase& database, const CommitGroup& group) {
  for (const TopicId topic : group.forgotten_keys) {
    const auto range = topic_range(topic);
    batch.DeleteRange(database.keys(), range.begin, range.end);
  }
  for (const auto& update : group.latest) put_latest(batch, database, update);
  for (const auto& update : group.states) put_state(batch, database, update);
  for (const auto& update : group.cursors) put_cursor(batch, database, update);
}

void erase_beside(rocksdb::WriteBatch& batch, RocksDatabase& database, TopicId topic) {
  const auto range = topic_range(topic);
  for (auto* const family : {database.keys(), database.states(), database.cursors()}) {
    // Most topics have nothing there, and every removed range is looked at by later reads until it
    // has been compacted away. What can't be read goes too: damage must not keep a topic.
    BoundedIterator it(database, family, range);
    it->SeekToFirst();
    if (it->Valid() || !it.status()) batch.DeleteRange(family, range.begin, range.end);
  }
}

// ---- states ----

Result<std::optional<StoredState>> RocksLog::state(TopicId topic) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  const std::string key = topic_key(topic);
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // it may be as large as the cache
  rocksdb::PinnableSlice value;
  const auto status = database_->db().Get(options, database_->states(), key, &value);
  if (status.IsNotFound()) return std::optional<StoredState>();
  if (!status.ok()) return errc_of(status);
  auto state = decode_state(key, view(value));
  if (!state) return state.errc();
  return std::optional(std::move(*state));
}

Result<std::optional<Position>> RocksLog::state_position(TopicId topic) {
  const auto stored = state(topic);
  if (!stored) return stored.errc();
  return *stored ? std::optional((*stored)->position) : std::nullopt;
}

// ---- producers ----

Result<void> RocksLog::producer_page(TopicId topic, std::string_view after,
                                     std::vector<NamedProducer>& page) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  BoundedIterator it(*database_, database_->producers(), topic_range(topic), options);
  const std::string start = producer_key(topic, after);
  for (it->Seek(start); it->Valid() && page.size() < kProducerPage; it->Next()) {
    if (it.key() == start) continue;
    auto state = decode_value<ProducerState>(it.value());
    if (!state) return state.errc();
    page.emplace_back(it.key().substr(sizeof topic.value), std::move(*state));
  }
  return it.status();
}

Result<void> RocksLog::producers(
    TopicId topic, std::string_view after,
    const std::function<bool(std::string_view id, const ProducerState&)>& visit) {
  // In pages, as list().
  std::string last(after);
  while (true) {
    std::vector<NamedProducer> page;
    const auto read = producer_page(topic, last, page);
    for (const auto& [id, state] : page)
      if (!visit(id, state)) return ok();
    // Behind damage there is nothing more, but what comes before it has been visited.
    if (!read || page.size() < kProducerPage) return read;
    last = page.back().first;
  }
}

// ---- cursors ----

Result<std::optional<StoredCursor>> RocksLog::cursor(TopicId topic, std::string_view name) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  const std::string key = cursor_key(topic, name);
  std::string bytes;
  const auto status = database_->db().Get({}, database_->cursors(), key, &bytes);
  if (status.IsNotFound()) return std::optional<StoredCursor>();
  if (!status.ok()) return errc_of(status);
  const auto cursor = decode_cursor(key, bytes);
  if (!cursor) return cursor.errc();
  return std::optional(*cursor);
}

Result<void> RocksLog::cursor_page(TopicId topic, std::string_view after,
                                   std::vector<NamedCursor>& page) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  BoundedIterator it(*database_, database_->cursors(), topic_range(topic));
  const std::string start = cursor_key(topic, after);
  for (it->Seek(start); it->Valid() && page.size() < kCursorPage; it->Next()) {
    if (it.key() == start) continue;
    const auto cursor = decode_cursor(it.key(), it.value());
    if (!cursor) return cursor.errc();
    page.emplace_back(it.key().substr(sizeof topic.value), *cursor);
  }
  return it.status();
}

Result<void> RocksLog::cursors(
    TopicId topic, std::string_view after,
    const std::function<bool(std::string_view name, const StoredCursor&)>& visit) {
  // In pages, as list().
  std::string last(after);
  while (true) {
    std::vector<NamedCursor> page;
    const auto read = cursor_page(topic, last, page);
    for (const auto& [name, cursor] : page)
      if (!visit(name, cursor)) return ok();
    // Behind damage there is nothing more, but what comes before it has been visited.
    if (!read || page.size() < kCursorPage) return read;
    last = page.back().first;
  }
}

Result<std::map<TopicId, std::uint64_t>> RocksLog::count_cursors() {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  std::map<TopicId, std::uint64_t> counts;
  if (database_->lacks(database_->cursors())) return counts;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db().NewIterator(options, database_->cursors()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (it->key().size() <= sizeof(TopicId)) return Errc::corrupt_record;
    ++counts[{load_be64(view(it->key()))}];
  }
  if (!it->status().ok()) return errc_of(it->status());
  return counts;
}

Result<void> RocksLog::topics_with_cursors(
    const std::function<bool(TopicId topic, std::string_view name, std::uint64_t cursors)>& visit) {
  const auto counts = count_cursors();
  if (!counts) return counts.errc();
  if (counts->empty()) return ok();
  // Cursors know their topic by its id, topics are found by name: one look at all of them.
  std::map<TopicId, std::string> names;
  const auto listed = list({}, [&](const TopicMeta& meta) {
    if (counts->contains(meta.id)) names.emplace(meta.id, meta.name);
    return names.size() < counts->size();
  });
  if (!listed) return listed;
  for (const auto& [topic, name] : names)
    if (!visit(topic, name, counts->at(topic))) return ok();
  return ok();
}

}  // namespace tidemark::storage
