// The log on RocksDB. Keys and values: FORMAT.md.
// storage/: every write goes through write(), every read is bounded to its topic.
#include "storage/rocks_log.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include <rocksdb/convenience.h>

#include "storage/rocks_beside.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_iterator.hpp"
#include "storage/rocks_pending.hpp"
#include "storage/rocks_start.hpp"

namespace tidemark::storage {

enum class Presence : std::uint8_t { absent, present };

// A batch's header, and what its value takes.
struct StoredHeader {
  BatchHeader header;
  std::size_t bytes = 0;
};

namespace {

constexpr std::uint64_t kIdBlock = 1024;  // topics created per synced write for their ids
constexpr std::size_t kListPage = 256;
constexpr std::size_t kMaxDebts = 64;  // more are rewritten as one range
constexpr Offset kLastOffset{kMaxInteger};

class EventIterator : public BoundedIterator {
 public:
  EventIterator(RocksDatabase& database, TopicId topic, bool sequential = false)
      : BoundedIterator(database, database.events(), topic_range(topic), reading(sequential)) {}
  [[nodiscard]] Offset first() const { return {load_be64(key().substr(8))}; }

 private:
  static rocksdb::ReadOptions reading(bool sequential) {
    rocksdb::ReadOptions options;
    // What is read goes into a segment, which is kept; a long run would push out what is not.
    options.fill_cache = !sequential;
    return options;
  }
};

// The header of the batch the iterator stands on; it must be the one its key names.
Result<BatchHeader> header_here(const EventIterator& it) {
  auto header = peek_header(it.value());
  if (header && header->first != it.first()) return Errc::corrupt_record;
  return header;
}

Offset end_of(const BatchHeader& header) { return {header.first.value + header.count}; }

// What lies before `from` is looked at to find the batch that holds it, and may be in a damaged
// block together with what other topics have. A batch that begins right there needs nothing of it.
Result<void> seek_behind_damage(EventIterator& it, TopicId topic, Offset from,
                                const Result<void>& damage) {
  if (damage.errc() != Errc::corrupt_record) return damage;
  it->Seek(event_key(topic, from));
  return it->Valid() && it.first() == from ? ok() : damage;
}

// Moves to the batch that holds `from`, or the first after it. What was skipped on the way is told
// in `before`, so that the caller can see a hole.
Result<void> seek_to(EventIterator& it, TopicId topic, Offset from,
                     std::optional<BatchHeader>& before) {
  it->SeekForPrev(event_key(topic, from));
  if (!it->Valid()) {
    if (auto status = it.status(); !status) return seek_behind_damage(it, topic, from, status);
    it->SeekToFirst();
    return it.status();
  }
  const auto header = header_here(it);
  if (!header) return header.errc();
  if (end_of(*header) > from) return ok();
  before = *header;
  it->Next();
  return it.status();
}

// Offsets are contiguous within an epoch; a hole there is a batch that got lost.
bool follows(const BatchHeader& before, const BatchHeader& next) {
  if (next.first == end_of(before)) return next.epoch >= before.epoch;
  return next.first > end_of(before) && next.epoch > before.epoch;
}

// Whether nothing the iterator could stand on reaches back to `from`: then an origin may.
bool starts_after(EventIterator& it, Offset from, const std::optional<BatchHeader>& before) {
  return !before && (!it->Valid() || it.first() > from);
}

enum class Fed : std::uint8_t { all, enough };

// Feeds what the iterator finds of the part, cut where the part ends, until the sink has enough.
// `before`: the batch before it, if one is known.
Result<Fed> feed(EventIterator& it, const OriginPart& part, std::optional<BatchHeader>& before,
                 const BatchSink& sink) {
  bool any = false;
  for (; it->Valid() && it.first() <= part.last; it->Next()) {
    auto batch = BatchView::parse(part.topic, it.first(), it.value());
    if (!batch) return batch.errc();
    if (before && !follows(*before, batch->header())) return Errc::corrupt_record;
    if (batch->end() > part.last.next())
      *batch = batch->prefix(
          static_cast<std::uint32_t>(part.last.next().value - batch->header().first.value));
    before = batch->header();
    any = true;
    if (!sink(*batch)) return Fed::enough;
  }
  if (auto status = it.status(); !status) return status.errc();
  // A topic's own end is not known here, but a part's is.
  if (any && part.last != kLastOffset && end_of(*before) != part.last.next())
    return Errc::corrupt_record;
  return Fed::all;
}

Result<std::optional<StoredHeader>> stored_header(EventIterator& it, Offset last) {
  auto header = header_here(it);
  if (!header) return header.errc();
  const std::uint64_t most = last.next().value - header->first.value;
  header->count = static_cast<std::uint32_t>(std::min<std::uint64_t>(header->count, most));
  return std::optional(StoredHeader{.header = *header, .bytes = it.value().size()});
}

std::uint64_t approximate_size(RocksDatabase& database, const KeyRange& range) {
  const rocksdb::Range keys(range.begin, range.end);
  rocksdb::SizeApproximationOptions options;
  options.include_files = true;
  std::uint64_t size = 0;
  const auto status =
      database.db().GetApproximateSizes(options, database.events(), &keys, 1, &size);
  return status.ok() ? size : 0;
}

}  // namespace

RocksLog::RocksLog(Parts parts, const StoreState& state)
    : directory_(std::move(parts.directory)),
      options_(std::move(parts.options)),
      boot_id_(std::move(parts.boot_id)),
      read_only_(parts.database->read_only()),
      start_(state.start),
      database_(std::move(parts.database)),
      marker_(std::move(parts.marker)) {
  take_state(state);
}

RocksLog::~RocksLog() {
  cancel_compaction_ = true;
  const std::unique_lock store(store_mutex_);
  key_scans_.end_all();
  if (!database_ || failed_ || read_only_) return;
  // Synced before the flush: from here on everything is on disk, flushed or not.
  PendingWrite pending;
  pending.batch.Put(slice(store_keys::run),
                    encode_value(RunRecord{.boot_id = boot_id_, .clean = true}));
  if (!write(pending, Durability::synced)) return;
  if (!database_->flush().ok()) return;  // the WAL stays and is replayed
  static_cast<void>(marker_->sync());    // an old marker is a weaker check, not a wrong one
}

void RocksLog::take_state(const StoreState& state) {
  next_topic_id_ = std::max(next_topic_id_, state.next_topic_id);
  reserved_topic_ids_ = state.next_topic_id;
  stored_epoch_ = state.last_epoch;
  last_epoch_ = std::max(last_epoch_, state.last_epoch);
  topic_count_ = state.topic_count;
  incidents_.clear();
  for (const auto& incident : state.incidents)
    incidents_.push_back({.number = incident.number, .buffered_only = incident.buffered_only});
}

std::shared_lock<std::shared_mutex> RocksLog::enter() {
  // glibc's lock prefers readers: without this turnstile a steady stream of them starves recover().
  if (reopening_) {
    const std::lock_guard wait(reopening_mutex_);
  }
  return std::shared_lock(store_mutex_);
}

Result<void> RocksLog::readable_events() const {
  return database_ ? ok() : Result<void>(Errc::storage_failed);
}

Result<void> RocksLog::readable() const {
  return database_ && !events_only_ ? ok() : Result<void>(Errc::storage_failed);
}

Result<void> RocksLog::writable() const {
  if (read_only_) return Errc::store_not_writable;
  return database_ && !failed_ ? ok() : Result<void>(Errc::storage_failed);
}

Result<void> RocksLog::fail(Errc code) {
  const Errc told = code == Errc::disk_full ? code : Errc::storage_failed;
  failure_ = told;
  failed_ = true;
  return told;
}

void RocksLog::mark_head() {
  unsynced_ = false;
  // The events are on disk whatever becomes of this; a marker that lags finds fewer losses.
  static_cast<void>(marker_->write(database_->db().GetLatestSequenceNumber()));
}

Result<void> RocksLog::write(PendingWrite& pending, Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::synced;
  const auto status = database_->db().Write(options, &pending.batch);
  if (!status.ok()) return fail(errc_of(status));
  if (options.sync) {
    mark_head();
  } else {
    unsynced_ = true;
  }
  return ok();
}

Result<void> RocksLog::sync_locked() {
  if (!unsynced_) return ok();
  // An empty write syncs what was written before it. SyncWAL does too, but where RocksDB's flush
  // has failed to sync the same WAL it runs into an assertion (7.8, as Debian builds it); a write
  // is told of that failure first.
  PendingWrite nothing;
  return write(nothing, Durability::synced);
}

Result<Presence> RocksLog::look_for(const std::string& name) {
  std::string old;
  const auto status = database_->db().Get({}, database_->topics(), slice(name), &old);
  if (!status.ok() && !status.IsNotFound()) return errc_of(status);
  return status.ok() ? Presence::present : Presence::absent;
}

Result<std::vector<OriginPart>> RocksLog::origin(TopicId topic) {
  std::string bytes;
  const auto status = database_->db().Get({}, database_->store(), origin_key(topic), &bytes);
  if (status.IsNotFound()) return std::vector<OriginPart>();
  if (!status.ok()) return errc_of(status);
  return decode_value<std::vector<OriginPart>>(bytes);
}

// A source may be new in the group itself.
Result<std::vector<OriginPart>> RocksLog::origin(const CommitGroup& group, TopicId topic) {
  const auto staged = std::find_if(group.topics.begin(), group.topics.end(),
                                   [&](const TopicMeta& meta) { return meta.id == topic; });
  if (staged == group.topics.end()) return origin(topic);
  if (!staged->origin) return std::vector<OriginPart>();
  auto above = origin(group, staged->origin->id);
  if (!above) return above;
  return origin_parts(std::move(*above), *staged->origin);
}

Result<void> RocksLog::put_erased(PendingWrite& pending, const TopicMeta& meta) {
  const auto there = look_for(meta.name);
  if (!there) return there.errc();
  if (*there == Presence::present && pending.erased.insert(meta.name).second) --pending.topic_count;
  const auto range = topic_range(meta.id);
  pending.batch.Delete(database_->topics(), slice(meta.name));
  pending.batch.Delete(database_->store(), origin_key(meta.id));
  pending.batch.DeleteRange(database_->producers(), range.begin, range.end);
  pending.batch.DeleteRange(database_->events(), range.begin, range.end);
  erase_beside(pending.batch, *database_, meta.id);
  return ok();
}

Result<void> RocksLog::put_meta(PendingWrite& pending, const CommitGroup& group,
                                const TopicMeta& meta) {
  TIDEMARK_ENSURE(!meta.lineage.empty() && meta.id.value != 0, "a topic has an id and an epoch");
  const auto there = look_for(meta.name);
  if (!there) return there.errc();
  if (*there == Presence::absent || pending.erased.contains(meta.name)) {
    ++pending.topic_count;
    if (meta.origin) {
      const auto parts = origin(group, meta.id);
      if (!parts) return parts.errc();
      if (!parts->empty())
        pending.batch.Put(database_->store(), origin_key(meta.id), encode_value(*parts));
    }
  }
  pending.epoch = std::max(pending.epoch, meta.lineage.back().epoch.value);
  pending.reserved_ids = std::max(pending.reserved_ids, meta.id.value + 1);
  pending.batch.Put(database_->topics(), slice(meta.name), encode_value(meta));
  return ok();
}

Result<void> RocksLog::commit(const CommitGroup& group, Durability durability) {
  const auto store = enter();
  const std::lock_guard writing(write_mutex_);
  if (auto can = writable(); !can) return can;
  if (group.empty()) return durability == Durability::synced ? sync_locked() : ok();
  std::size_t reserve = 1024 + bytes_beside(group);
  for (const auto& batch : group.batches) reserve += batch.value.size() + 32;
  PendingWrite pending(reserve);
  pending.topic_count = topic_count_;
  for (const auto& meta : group.erased)
    if (auto put = put_erased(pending, meta); !put) return fail(put.errc());
  for (const auto& meta : group.topics)
    if (auto put = put_meta(pending, group, meta); !put) return fail(put.errc());
  for (const auto& batch : group.batches)
    pending.batch.Put(database_->events(), event_key(batch.topic, batch.first), batch.value);
  for (const auto& update : group.producers)
    pending.batch.Put(database_->producers(), producer_key(update.topic, update.id),
                      encode_value(update.state));
  put_beside(pending.batch, *database_, group);

  const std::lock_guard ids(ids_mutex_);
  if (pending.topic_count != topic_count_)
    pending.put_integer(store_keys::topic_count, pending.topic_count);
  if (pending.epoch > stored_epoch_) pending.put_integer(store_keys::last_epoch, pending.epoch);
  // Only if reserving has failed before: an id must be on disk as given no later than its topic.
  if (pending.reserved_ids > reserved_topic_ids_)
    pending.put_integer(store_keys::next_topic_id, pending.reserved_ids);
  if (auto written = write(pending, durability); !written) return written;
  topic_count_ = pending.topic_count;
  stored_epoch_ = std::max(stored_epoch_, pending.epoch);
  last_epoch_ = std::max(last_epoch_, pending.epoch);
  reserved_topic_ids_ = std::max(reserved_topic_ids_, pending.reserved_ids);
  next_topic_id_ = std::max(next_topic_id_, pending.reserved_ids);
  return ok();
}

Result<void> RocksLog::sync() {
  const auto store = enter();
  const std::lock_guard writing(write_mutex_);
  if (auto can = writable(); !can) return can;
  return sync_locked();
}

void RocksLog::reserve_topic_ids() {
  if (next_topic_id_ < reserved_topic_ids_ || !writable()) return;
  PendingWrite pending;
  const std::uint64_t end = next_topic_id_ + kIdBlock;
  pending.put_integer(store_keys::next_topic_id, end);
  if (write(pending, Durability::synced)) reserved_topic_ids_ = end;
}

TopicId RocksLog::next_topic_id() {
  const auto store = enter();
  const std::lock_guard writing(write_mutex_);
  const std::lock_guard ids(ids_mutex_);
  reserve_topic_ids();
  return {next_topic_id_++};
}

Epoch RocksLog::next_epoch() {
  constexpr std::int64_t k2020 = 1'577'836'800;
  constexpr int kRandomBits = 21;
  constexpr std::int64_t kMaxSeconds = 0xFFFFFFFF;
  const auto system_seconds = [] {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto random = [this]() -> std::uint64_t {
    if (options_.random) return options_.random();
    return std::random_device{}();
  };
  const std::lock_guard ids(ids_mutex_);
  const std::int64_t seconds = options_.clock ? options_.clock().ms / 1000 : system_seconds();
  const auto since =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(seconds - k2020, 0, kMaxSeconds));
  std::uint64_t epoch = since << kRandomBits | (random() & ((1U << kRandomBits) - 1));
  // Two in one second, or a clock set back: a random step on, so that copies of a store differ.
  if (epoch <= last_epoch_) epoch = last_epoch_ + 1 + (random() & 0xFFFF);
  TIDEMARK_ENSURE(epoch <= kMaxInteger, "epochs fit 53 bits until the year 2156");
  last_epoch_ = epoch;
  return {epoch};
}

Log::Incident RocksLog::incidents_after(std::uint64_t answered) {
  const auto store = enter();
  Incident merged{.number = answered, .buffered_only = true};
  for (const auto& incident : incidents_) {
    if (incident.number <= answered) continue;
    merged.number = incident.number;
    merged.buffered_only = merged.buffered_only && incident.buffered_only;
  }
  return merged;
}

Result<Tail> RocksLog::tail(const TopicMeta& meta) {
  Tail tail;
  EventIterator it(*database_, meta.id);
  it->SeekForPrev(event_key(meta.id, kLastOffset));
  if (it->Valid()) {
    const auto header = header_here(it);
    if (!header) return header.errc();
    tail.head = {end_of(*header).value - 1};
    tail.last_time = header->time;
    tail.bytes = header->bytes_before + it.value().size();
  } else if (auto status = it.status(); !status) {
    return status.errc();
  } else if (meta.origin && meta.origin->inherited.value > 0) {
    const auto last = find_batch(meta.id, meta.origin->inherited);
    if (!last) return last.errc();
    if (*last) {
      tail.last_time = (*last)->header.time;
      tail.bytes = (*last)->header.bytes_before + (*last)->bytes;
    }
  }
  // After an accepted loss the metadata may know of more events than there are: never give their
  // offsets again.
  const auto known = std::max(meta.earliest, meta.lineage.back().first);
  if (known > tail.head.next()) tail.head = {known.value - 1};
  return tail;
}

Result<std::optional<LoadedTopic>> RocksLog::load(const TopicName& name) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  std::string bytes;
  const auto status = database_->db().Get({}, database_->topics(), slice(name.str()), &bytes);
  if (status.IsNotFound()) return std::optional<LoadedTopic>();
  if (!status.ok()) return errc_of(status);
  auto meta = decode_value<TopicMeta>(bytes);
  if (!meta) return meta.errc();
  if (meta->lineage.empty()) return Errc::corrupt_record;
  const auto end = tail(*meta);
  if (!end) return end.errc();
  return std::optional(LoadedTopic{.meta = std::move(*meta), .tail = *end});
}

Result<void> RocksLog::read(TopicId topic, Offset from, const BatchSink& sink, bool sequential) {
  const auto store = enter();
  if (auto can = readable_events(); !can) return can;
  EventIterator own(*database_, topic, sequential);
  std::optional<BatchHeader> before;
  if (auto sought = seek_to(own, topic, from, before); !sought) return sought;
  if (starts_after(own, from, before)) {
    const auto parts = origin(topic);
    if (!parts) return parts.errc();
    for (const auto& part : *parts) {
      if (part.last < from) continue;
      EventIterator it(*database_, part.topic, sequential);
      std::optional<BatchHeader> passed;
      if (auto sought = seek_to(it, part.topic, from, passed); !sought) return sought;
      if (!before) before = passed;
      const auto fed = feed(it, part, before, sink);
      if (!fed) return fed.errc();
      if (*fed == Fed::enough) return ok();
      from = part.last.next();
    }
  }
  const auto fed = feed(own, {.topic = topic, .last = kLastOffset}, before, sink);
  return fed ? ok() : Result<void>(fed.errc());
}

Result<std::optional<StoredHeader>> RocksLog::find_batch(TopicId topic, Offset offset) {
  EventIterator own(*database_, topic);
  std::optional<BatchHeader> before;
  if (auto sought = seek_to(own, topic, offset, before); !sought) return sought.errc();
  if (starts_after(own, offset, before)) {
    const auto parts = origin(topic);
    if (!parts) return parts.errc();
    for (const auto& part : *parts) {
      if (part.last < offset) continue;
      EventIterator it(*database_, part.topic);
      std::optional<BatchHeader> passed;
      if (auto sought = seek_to(it, part.topic, offset, passed); !sought) return sought.errc();
      if (it->Valid() && it.first() <= part.last) return stored_header(it, part.last);
    }
  }
  if (!own->Valid()) return std::optional<StoredHeader>();
  return stored_header(own, kLastOffset);
}

Result<std::optional<BatchHeader>> RocksLog::header_at(TopicId topic, Offset offset) {
  const auto store = enter();
  if (auto can = readable_events(); !can) return can.errc();
  const auto found = find_batch(topic, offset);
  if (!found) return found.errc();
  if (!*found) return std::optional<BatchHeader>();
  return std::optional((*found)->header);
}

Result<std::optional<ProducerState>> RocksLog::producer(TopicId topic, std::string_view id) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  std::string bytes;
  const auto status =
      database_->db().Get({}, database_->producers(), producer_key(topic, id), &bytes);
  if (status.IsNotFound()) return std::optional<ProducerState>();
  if (!status.ok()) return errc_of(status);
  auto state = decode_value<ProducerState>(bytes);
  if (!state) return state.errc();
  return std::optional(std::move(*state));
}

Result<void> RocksLog::reclaim(TopicId topic, Offset keep) {
  const auto store = enter();
  {
    // Files go at once and for good: the watermark that allows it must not come back without them.
    const std::lock_guard writing(write_mutex_);
    if (auto can = writable(); !can) return can;
    if (auto synced = sync_locked(); !synced) return synced;
  }
  KeyRange range{.begin = event_key(topic, {0}), .end = event_key(topic, keep)};
  {
    EventIterator it(*database_, topic);
    it->SeekForPrev(range.end);
    const bool any = it->Valid();
    if (any) range.end = std::string(it.key());
    if (auto status = it.status(); !status) return status;
    it->SeekToFirst();
    if (any && it->Valid() && it.key() >= range.end) return ok();  // nothing more to remove
  }
  if (auto removed = remove_range(range); !removed) return removed;
  const std::uint64_t bytes = approximate_size(*database_, range);
  if (bytes > 0) {
    const std::lock_guard debts(debts_mutex_);
    debts_[topic] = {.range = std::move(range), .bytes = bytes};
  }
  return pay_debts();
}

Result<void> RocksLog::remove_range(const KeyRange& range) {
  const rocksdb::Slice begin(range.begin);
  const rocksdb::Slice end(range.end);
  auto status = rocksdb::DeleteFilesInRange(&database_->db(), database_->events(), &begin, &end,
                                            /*include_end=*/false);
  if (!status.ok()) return errc_of(status);
  if (approximate_size(*database_, range) == 0) {
    EventIterator it(*database_, {load_be64(range.begin)});
    it->SeekToFirst();
    if (!it->Valid() || it.key() >= range.end) return it.status();
  }
  // Always the whole range, after the files: a removed file may have held an earlier tombstone.
  const std::lock_guard writing(write_mutex_);
  if (auto can = writable(); !can) return can;
  PendingWrite pending;
  pending.batch.DeleteRange(database_->events(), begin, end);
  return write(pending, Durability::buffered);
}

Result<void> RocksLog::pay_debts() {
  std::vector<KeyRange> ranges;
  {
    const std::lock_guard debts(debts_mutex_);
    std::uint64_t bytes = 0;
    for (const auto& [topic, debt] : debts_) bytes += debt.bytes;
    if (debts_.empty() || bytes < options_.reclaim_bytes) return ok();
    for (auto& [topic, debt] : debts_) ranges.push_back(std::move(debt.range));
    debts_.clear();
  }
  if (ranges.size() > kMaxDebts)
    ranges = {KeyRange{.begin = ranges.front().begin, .end = ranges.back().end}};
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;  // RocksDB's own go on meanwhile
  options.canceled = &cancel_compaction_;
  for (const auto& range : ranges) {
    const rocksdb::Slice begin(range.begin);
    const rocksdb::Slice end(range.end);
    const auto status = database_->db().CompactRange(options, database_->events(), &begin, &end);
    if (status.IsIncomplete()) return ok();  // cancelled; RocksDB will come to it in time
    if (!status.ok()) return errc_of(status);
  }
  return ok();
}

Result<void> RocksLog::page(std::string_view after, std::vector<TopicMeta>& metas) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  if (database_->lacks(database_->topics())) return ok();
  const std::unique_ptr<rocksdb::Iterator> it(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->topics()));
  for (it->Seek(slice(after)); it->Valid() && metas.size() < kListPage; it->Next()) {
    if (view(it->key()) == after) continue;
    auto meta = decode_value<TopicMeta>(view(it->value()));
    if (!meta) return meta.errc();
    metas.push_back(std::move(*meta));
  }
  return it->status().ok() ? ok() : Result<void>(errc_of(it->status()));
}

Result<void> RocksLog::list(std::string_view after,
                            const std::function<bool(const TopicMeta&)>& visit) {
  // In pages, so that no lock and no iterator is held while somebody else's code runs.
  std::string last(after);
  while (true) {
    std::vector<TopicMeta> metas;
    const auto read = page(last, metas);
    for (const auto& meta : metas)
      if (!visit(meta)) return ok();
    // Behind damage there is nothing more, but what comes before it has been visited.
    if (!read || metas.empty()) return read;
    last = metas.back().name;
  }
}

}  // namespace tidemark::storage
