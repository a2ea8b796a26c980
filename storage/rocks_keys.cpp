// The newest event of each key: looked up one by one, and read all together as of one moment.
// storage/: a part of RocksLog. A reader may live on when the database is closed; its scan does
// not.
#include "storage/rocks_keys.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <rocksdb/snapshot.h>

#include "storage/checked_value.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_iterator.hpp"
#include "storage/rocks_log.hpp"

namespace tidemark::storage {

/// A moment of one topic's keys, and how far it has been read. Threads: any; read() one at a time.
class KeyScan {
 public:
  KeyScan(RocksDatabase& database, TopicId topic, Position position)
      : topic_(topic),
        position_(position),
        database_(&database),
        // What is only read stays as it is; giving a snapshot back may begin a compaction.
        snapshot_(database.read_only() ? nullptr : database.db().GetSnapshot()),
        next_(topic_key(topic)) {}
  ~KeyScan() { TIDEMARK_ENSURE(database_ == nullptr, "a scan is ended before it goes"); }
  KeyScan(const KeyScan&) = delete;
  KeyScan& operator=(const KeyScan&) = delete;

  [[nodiscard]] Position position() const { return position_; }
  Result<bool> read(const KeyReader::Visit& visit);
  /// Gives the snapshot back. Waits for a read under way. Safe to call twice.
  void end();

 private:
  [[nodiscard]] Result<EventView> entry(std::string_view key, std::string_view value) const;

  const TopicId topic_;
  const Position position_;
  std::mutex mutex_;
  RocksDatabase* database_;            ///< null: ended
  const rocksdb::Snapshot* snapshot_;  ///< null: ended, or not needed
  std::string next_;                   ///< key of the store to go on with
};

namespace {

class RocksKeyReader final : public KeyReader {
 public:
  explicit RocksKeyReader(std::shared_ptr<KeyScan> scan) : scan_(std::move(scan)) {}
  // Here and not when the last owner lets go: while the log ends the scans it owns them too.
  ~RocksKeyReader() override { scan_->end(); }
  RocksKeyReader(const RocksKeyReader&) = delete;
  RocksKeyReader& operator=(const RocksKeyReader&) = delete;

  [[nodiscard]] Position position() const override { return scan_->position(); }
  Result<bool> read(const Visit& visit) override { return scan_->read(visit); }

 private:
  const std::shared_ptr<KeyScan> scan_;  ///< shared with the log, which may have to end it first
};

}  // namespace

void KeyScan::end() {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return;
  if (snapshot_ != nullptr) database_->db().ReleaseSnapshot(snapshot_);
  snapshot_ = nullptr;
  database_ = nullptr;
}

Result<EventView> KeyScan::entry(std::string_view key, std::string_view value) const {
  const auto latest = decode_latest(key, value);
  if (!latest) return latest.errc();
  auto event = parse_record(latest->record, latest->offset, latest->time);
  if (!event) return event;
  const bool here = event->key == key.substr(sizeof topic_.value);
  return here && event->offset <= position_.offset ? event
                                                   : Result<EventView>(Errc::corrupt_record);
}

Result<bool> KeyScan::read(const KeyReader::Visit& visit) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return Errc::storage_failed;
  // Only the snapshot is kept between reads: an iterator keeps memtables and files, for as long as
  // a slow client takes to be sent what has been read.
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  options.fill_cache = false;  // a state is read whole, and would push out everything else
  BoundedIterator it(*database_, database_->keys(), topic_range(topic_), options);
  for (it->Seek(next_); it->Valid(); it->Next()) {
    const auto event = entry(it.key(), it.value());
    if (!event) {
      next_ = it.key();
      return event.errc();
    }
    if (visit(*event)) continue;
    next_ = std::string(it.key()) + '\0';  // the smallest key behind it
    return true;
  }
  if (auto status = it.status(); !status) return status.errc();
  next_ = topic_range(topic_).end;
  return false;
}

void KeyScans::add(const std::shared_ptr<KeyScan>& scan) {
  const std::lock_guard lock(mutex_);
  std::erase_if(scans_, [](const std::weak_ptr<KeyScan>& each) { return each.expired(); });
  scans_.push_back(scan);
}

void KeyScans::end_all() {
  std::vector<std::weak_ptr<KeyScan>> scans;
  {
    const std::lock_guard lock(mutex_);
    scans = std::exchange(scans_, {});
  }
  for (const auto& each : scans)
    if (const auto scan = each.lock()) scan->end();
}

Result<std::unique_ptr<KeyReader>> RocksLog::read_keys(TopicId topic, Position position) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  auto scan = std::make_shared<KeyScan>(*database_, topic, position);
  key_scans_.add(scan);
  return std::unique_ptr<KeyReader>(std::make_unique<RocksKeyReader>(std::move(scan)));
}

Result<std::optional<Offset>> RocksLog::latest(TopicId topic, std::string_view key) {
  const auto store = enter();
  if (auto can = readable(); !can) return can.errc();
  const std::string full = latest_key(topic, key);
  rocksdb::PinnableSlice value;
  const auto status = database_->db().Get({}, database_->keys(), full, &value);
  if (status.IsNotFound()) return std::optional<Offset>();
  if (!status.ok()) return errc_of(status);
  const auto latest = decode_latest(full, view(value));
  if (!latest) return latest.errc();
  return std::optional(latest->offset);
}

}  // namespace tidemark::storage
