// The log on RocksDB: topics, batches and producers as keys; commits, reads, trims.
// storage/: made by open_rocks_log (rocks_store.hpp); knows keys and atomicity, not files.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/head_marker.hpp"
#include "storage/log.hpp"
#include "storage/rocks_keys.hpp"
#include "storage/rocks_store.hpp"

namespace tidemark::storage {

class RocksDatabase;
struct StoreState;
struct PendingWrite;
struct StoredHeader;
enum class Presence : std::uint8_t;

/// Keys from `begin` up to but not including `end`.
struct KeyRange {
  std::string begin;
  std::string end;
};

/// On a database that is only read everything that would write fails with store_not_writable, and
/// there is no head marker.
/// Threads: as Log. A sink must not call the log again, nor may what visits the entries of a
/// KeyReader; other visitors may.
/// Lock order: reopening_mutex_, store_mutex_, write_mutex_, ids_mutex_ or debts_mutex_; those of
/// the key scans come after store_mutex_.
class RocksLog final : public Log {
 public:
  struct Parts {
    std::filesystem::path directory;
    StoreOptions options;
    std::unique_ptr<HeadMarker> marker;
    std::unique_ptr<RocksDatabase> database;
    std::string boot_id;
  };
  RocksLog(Parts parts, const StoreState& state);
  /// Notes that all is in order, flushes, closes. One that is only read is just closed.
  ~RocksLog() override;

  Result<std::optional<LoadedTopic>> load(const TopicName& name) override;
  TopicId next_topic_id() override;
  Epoch next_epoch() override;
  Incident incidents_after(std::uint64_t answered) override;
  Result<void> commit(const CommitGroup& group, Durability durability) override;
  Result<void> sync() override;
  Result<void> recover() override;
  Result<void> read(TopicId topic, Offset from, const BatchSink& sink, bool sequential) override;
  Result<std::optional<BatchHeader>> header_at(TopicId topic, Offset offset) override;
  Result<std::optional<ProducerState>> producer(TopicId topic, std::string_view id) override;
  Result<void> producers(
      TopicId topic, std::string_view after,
      const std::function<bool(std::string_view id, const ProducerState&)>& visit) override;
  Result<std::unique_ptr<KeyReader>> read_keys(TopicId topic, Position position) override;
  Result<std::optional<Offset>> latest(TopicId topic, std::string_view key) override;
  Result<std::optional<StoredState>> state(TopicId topic) override;
  Result<std::optional<Position>> state_position(TopicId topic) override;
  Result<std::optional<StoredCursor>> cursor(TopicId topic, std::string_view name) override;
  Result<void> cursors(
      TopicId topic, std::string_view after,
      const std::function<bool(std::string_view name, const StoredCursor&)>& visit) override;
  /// Reads every cursor's key, and if there is any, every topic's metadata.
  Result<void> topics_with_cursors(
      const std::function<bool(TopicId topic, std::string_view name, std::uint64_t cursors)>& visit)
      override;
  /// Never removes a topic's last batch, so that its head is always found there. Of an erased topic
  /// it removes everything before `keep`. May compact for seconds: not for the committer's thread.
  Result<void> reclaim(TopicId topic, Offset keep) override;
  Result<void> list(std::string_view after,
                    const std::function<bool(const TopicMeta&)>& visit) override;
  [[nodiscard]] std::uint64_t topic_count() const override { return topic_count_; }
  [[nodiscard]] std::uint64_t held_bytes() override;
  [[nodiscard]] std::vector<LogFigure> figures() override;
  [[nodiscard]] std::vector<LogLevel> levels() override;
  [[nodiscard]] LogHealth health() override;
  /// Files of tables are hard links where the file system has them. While it lasts, recover()
  /// waits, and whoever comes after it.
  Result<void> checkpoint(const std::filesystem::path& directory) override;

 private:
  [[nodiscard]] Result<void> writable() const;
  [[nodiscard]] std::shared_lock<std::shared_mutex> enter();
  [[nodiscard]] Result<void> readable() const;
  [[nodiscard]] Result<void> readable_events() const;
  Result<void> put_erased(PendingWrite& pending, const TopicMeta& meta);
  Result<void> put_meta(PendingWrite& pending, const CommitGroup& group, const TopicMeta& meta);
  Result<Presence> look_for(const std::string& name);
  Result<std::vector<OriginPart>> origin(TopicId topic);
  Result<std::vector<OriginPart>> origin(const CommitGroup& group, TopicId topic);
  Result<std::optional<StoredHeader>> find_batch(TopicId topic, Offset offset);
  Result<void> write(PendingWrite& pending, Durability durability);
  Result<void> sync_locked();
  Result<void> fail(Errc code);
  Result<void> room_to_reopen();
  Result<void> try_disk();
  Result<void> reopen();
  void reopen_to_read();
  void mark_head();
  Result<Tail> tail(const TopicMeta& meta);
  // Pages of lists; in front of damage they are filled all the same.
  Result<void> page(std::string_view after, std::vector<TopicMeta>& metas);
  using NamedProducer = std::pair<std::string, ProducerState>;
  Result<void> producer_page(TopicId topic, std::string_view after,
                             std::vector<NamedProducer>& page);
  Result<std::uint64_t> synced_sequence();
  using NamedCursor = std::pair<std::string, StoredCursor>;
  Result<void> cursor_page(TopicId topic, std::string_view after, std::vector<NamedCursor>& page);
  Result<std::map<TopicId, std::uint64_t>> count_cursors();
  Result<void> remove_range(const KeyRange& range);
  Result<void> pay_debts();
  void take_state(const StoreState& state);
  void reserve_topic_ids();

  const std::filesystem::path directory_;
  const StoreOptions options_;
  const std::string boot_id_;
  const bool read_only_;
  const StartKind start_;

  std::mutex reopening_mutex_;
  std::atomic<bool> reopening_{false};       ///< whoever enters waits for reopening_mutex_ first
  std::shared_mutex store_mutex_;            ///< exclusive: reopening
  std::unique_ptr<RocksDatabase> database_;  ///< null: reopening has failed
  /// Reopening has failed, and the database is open to be read: its write-ahead log may hold what
  /// is not on disk, so that only events may be read, which the caller bounds by the head it knows.
  bool events_only_ = false;
  KeyScans key_scans_;  ///< they end before the database does
  std::atomic<bool> cancel_compaction_{false};

  std::mutex write_mutex_;  ///< one writer, so that the newest sequence number is its own
  std::unique_ptr<HeadMarker> marker_;  ///< null: it is only read
  std::atomic<bool> failed_{false};
  std::atomic<Errc> failure_{Errc::storage_failed};  ///< of the last write that failed
  std::atomic<std::uint64_t> unflushed_{0};          ///< bytes that opening anew writes to files
  std::atomic<bool> readable_{true};
  bool unsynced_ = false;
  std::atomic<std::uint64_t> topic_count_{0};

  std::mutex ids_mutex_;
  std::uint64_t next_topic_id_ = 1;
  std::uint64_t reserved_topic_ids_ = 1;  ///< ids below are on disk as given
  std::uint64_t last_epoch_ = 0;
  std::uint64_t stored_epoch_ = 0;
  std::vector<Incident> incidents_;  ///< oldest first

  std::mutex debts_mutex_;
  struct Debt {
    KeyRange range;
    std::uint64_t bytes = 0;
  };
  std::map<TopicId, Debt> debts_;  ///< removed, but still in files that hold other things too
};

}  // namespace tidemark::storage
