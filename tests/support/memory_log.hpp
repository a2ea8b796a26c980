// A Log in memory: the simplest thing that keeps the contract, and can be told to fail.
// tests/: the second implementation under the contract suite, and what unit tests run against.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log.hpp"

namespace tidemark::storage {

/// Threads: any, as Log; one mutex, which is held while a sink runs.
class MemoryLog : public Log {
 public:
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
  Result<void> topics_with_cursors(
      const std::function<bool(TopicId topic, std::string_view name, std::uint64_t cursors)>& visit)
      override;
  Result<void> reclaim(TopicId topic, Offset keep) override;
  Result<void> list(std::string_view after,
                    const std::function<bool(const TopicMeta&)>& visit) override;
  [[nodiscard]] std::uint64_t topic_count() const override;

  /// The next write (commit or sync) fails with `code`; with `applied` its changes are there
  /// all the same, as after a failed fsync. Writing is then refused until recover().
  void fail_next_write(Errc code, bool applied = false);
  /// recover() fails with `code` until this is called with nullopt.
  void fail_recovery(std::optional<Errc> code);
  /// Adds an incident, as a start would find it.
  void add_incident(bool buffered_only);
  /// How often a commit or sync asked for the disk.
  [[nodiscard]] std::uint64_t synced_writes() const { return synced_writes_; }

 private:
  using Key = std::pair<TopicId, Offset>;
  using Batches = std::map<Key, std::string>;
  Result<void> begin_write(bool synced, bool& apply);
  [[nodiscard]] Batches::const_iterator holding(TopicId topic, Offset offset) const;
  [[nodiscard]] Batches::const_iterator last_batch(const TopicMeta& meta) const;
  void apply(const CommitGroup& group);
  void apply_beside(const CommitGroup& group);
  void remove(const TopicMeta& meta);
  [[nodiscard]] std::vector<OriginPart> parts_for(TopicId topic, Offset from) const;

  mutable std::mutex mutex_;
  std::map<std::string, TopicMeta, std::less<>> topics_;
  Batches batches_;
  std::map<TopicId, std::vector<OriginPart>> origins_;
  std::map<std::pair<TopicId, std::string>, ProducerState> producers_;
  std::map<std::pair<TopicId, std::string>, LatestUpdate> latest_;
  std::map<TopicId, StoredState> states_;
  std::map<std::pair<TopicId, std::string>, StoredCursor> cursors_;
  /// Recoveries so far; shared with the readers of keys, which end with the next one.
  const std::shared_ptr<std::atomic<std::uint64_t>> recoveries_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t next_topic_id_ = 1;
  std::uint64_t last_epoch_ = 0;
  std::vector<Incident> incidents_;
  std::optional<Errc> next_failure_;
  bool failure_applies_ = false;
  std::optional<Errc> recovery_failure_;
  bool failed_ = false;
  std::atomic<std::uint64_t> synced_writes_{0};
};

}  // namespace tidemark::storage
