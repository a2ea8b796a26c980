// The log's interface: what an engine must do to stand below the broker.
// storage/: implemented by RocksLog; the committer writes through it, readers read through it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/key_reader.hpp"
#include "storage/record_batch.hpp"
#include "storage/settings.hpp"
#include "storage/stored_state.hpp"

namespace tidemark::storage {

/// A batch of one topic, finished.
struct EncodedBatch {
  TopicId topic;
  Offset first;
  std::string value;
};

/// What is remembered of a producer in a topic.
struct ProducerState {
  /// Consecutive sequences: request `sequence + i` was appended from `first + i * events` on.
  struct Run {
    std::uint64_t sequence = 0;  ///< of the first request of the run
    std::uint64_t requests = 0;  ///< consecutive sequences in it
    Offset first;                ///< first offset of the first request
    std::uint64_t events = 0;    ///< events per request; the same for all requests of the run
    bool operator==(const Run&) const = default;
  };
  std::uint64_t epoch = 0;
  std::uint64_t last_sequence = 0;
  std::vector<Run> runs;  ///< newest last; bounded by Producers::max_runs
  Timestamp last_used;
  bool operator==(const ProducerState&) const = default;
};

struct ProducerUpdate {
  TopicId topic;
  std::string id;
  ProducerState state;
};

/// The newest event of a key, or that there is none any more.
struct LatestUpdate {
  TopicId topic;
  std::string key;
  Offset offset;
  Timestamp time;
  std::string record;  ///< as in a batch; empty: the key is gone
};

struct StateUpdate {
  TopicId topic;
  std::optional<StoredState> state;  ///< nullopt: there is none any more
};

/// Where a named cursor is.
struct StoredCursor {
  Position position;
  Timestamp created;
  Timestamp acknowledged;
  bool operator==(const StoredCursor&) const = default;
};

struct CursorUpdate {
  TopicId topic;
  std::string name;
  std::optional<StoredCursor> cursor;  ///< nullopt: there is none any more
};

/// Part of a fork's log: events up to `last` are in the log of `topic`.
struct OriginPart {
  TopicId topic;
  Offset last;
  bool operator==(const OriginPart&) const = default;
};

/// Origin::depth at most: a log begins in as many parts, and reading from the start opens each.
inline constexpr std::uint32_t kMaxForkDepth = 64;

/// The parts a fork's log begins with, oldest first: those of its source, `above`, as far as it
/// inherits them, then what it inherits of the source's own.
[[nodiscard]] std::vector<OriginPart> origin_parts(std::vector<OriginPart> above,
                                                   const Origin& origin);

/// Everything one group commit changes; applied atomically, what it erases first.
struct CommitGroup {
  /// Topics to remove: names, metadata, producers, state and cursors at once, events and keys
  /// lazily. Another topic may take the name in the same group.
  std::vector<TopicMeta> erased;
  std::vector<TopicMeta> topics;  ///< created or changed metadata
  std::vector<EncodedBatch> batches;
  std::vector<ProducerUpdate> producers;
  std::vector<TopicId> forgotten_keys;  ///< of these all keys go, before `latest` comes
  std::vector<LatestUpdate> latest;     ///< at most one for a key of a topic
  std::vector<StateUpdate> states;
  std::vector<CursorUpdate> cursors;
  [[nodiscard]] bool empty() const {
    return erased.empty() && topics.empty() && batches.empty() && producers.empty() &&
           forgotten_keys.empty() && latest.empty() && states.empty() && cursors.empty();
  }
};

/// Something an engine knows of itself.
struct LogFigure {
  std::string_view name;  ///< as metrics are named: words with '_', the unit, `_total` for counts
  std::string_view help;
  bool counts = false;  ///< it only grows
  double value = 0;
};

/// What an engine keeps of one of its families at one of its levels, if it has such.
struct LogLevel {
  std::string family;
  int level = 0;  ///< 0: what was written last
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// What a log found when it was opened.
enum class StartKind : std::uint8_t {
  clean,         ///< nothing is known to be lost
  unclean,       ///< the machine had stopped: topics that were not synced may have lost a tail
  backup,        ///< it was a backup, so it is of the past
  accepted_loss  ///< data was lost, and that was accepted
};

/// How the engine is, for those who run the broker. Texts are the engine's own.
struct LogHealth {
  bool readable = true;      ///< false: nothing can be read until recover() has succeeded
  std::uint64_t errors = 0;  ///< met at work, since the start
  bool failed = false;       ///< by one that recover() has not yet mended
  std::string last_error;    ///< empty: there was none
  StartKind start = StartKind::clean;
};

struct LoadedTopic {
  TopicMeta meta;
  Tail tail;
};

/// Takes a checked batch; returns false to stop. The view dies when it returns.
using BatchSink = std::function<bool(const BatchView&)>;

/// A log of many topics on some engine.
/// A fork's log begins in its origin's: what it has inherited is read as if it were its own.
/// Threads: `commit`, `sync` and `erase` from one thread at a time (the committer); the rest from
/// any.
class Log {
 public:
  virtual ~Log() = default;

  /// Metadata and end of a topic, found without scanning it. nullopt: there is none of that name.
  /// If the store has had an incident (see RocksStore) that this topic has not answered, the caller
  /// sees meta.incident < incident().
  virtual Result<std::optional<LoadedTopic>> load(const TopicName& name) = 0;

  /// An id for a new topic; never given before, also across restarts.
  virtual TopicId next_topic_id() = 0;

  /// An epoch later than any given before by this store, and unlikely to be given by a copy of it
  /// (seconds since 2020 in the upper 32 of 53 bits, random below).
  virtual Epoch next_epoch() = 0;

  /// The number of times data may have been lost without the log's doing, with what is concerned.
  struct Incident {
    std::uint64_t number = 0;   ///< 0: never
    bool buffered_only = true;  ///< concerns only topics that were not synced
  };
  /// Incidents later than `answered`, merged. number == answered: none.
  virtual Incident incidents_after(std::uint64_t answered) = 0;

  /// Applies a group atomically; with `synced` it is on disk when this returns.
  /// Errors: disk_full, storage_failed. After an error nothing of the group may be believed written
  /// or absent; writing is refused until recover() has succeeded. Pre: what is erased is no other
  /// topic's origin.
  virtual Result<void> commit(const CommitGroup& group, Durability durability) = 0;

  /// Everything committed so far is on disk when this returns. Errors: as commit.
  virtual Result<void> sync() = 0;

  /// After a failed commit: makes the log writable again, if the cause is gone. The caller loads
  /// every topic anew. Errors: disk_full, storage_failed.
  virtual Result<void> recover() = 0;

  /// Feeds the sink the batches from the one that holds `from` on, until it returns false or the
  /// log ends. Damage ends it with corrupt_record. `sequential`: read ahead for a long run.
  virtual Result<void> read(TopicId topic, Offset from, const BatchSink& sink,
                            bool sequential = false) = 0;

  /// Header of the batch that holds `offset`, or of the first one after it. nullopt: none.
  virtual Result<std::optional<BatchHeader>> header_at(TopicId topic, Offset offset) = 0;

  /// What is remembered of a producer; nullopt: nothing.
  virtual Result<std::optional<ProducerState>> producer(TopicId topic, std::string_view id) = 0;
  /// Calls `visit` for every producer of a topic after `after` in order of id, until it returns
  /// false.
  virtual Result<void> producers(
      TopicId topic, std::string_view after,
      const std::function<bool(std::string_view id, const ProducerState&)>& visit) = 0;

  /// The keys of a topic as they are now; `position` is its head. Threads: the committer's, so that
  /// no commit is half seen.
  virtual Result<std::unique_ptr<KeyReader>> read_keys(TopicId topic, Position position) = 0;
  /// Offset of the newest event of a key; nullopt: the topic keeps none.
  virtual Result<std::optional<Offset>> latest(TopicId topic, std::string_view key) = 0;

  /// What was stored last as a topic's state; nullopt: nothing. Errors: corrupt_record.
  virtual Result<std::optional<StoredState>> state(TopicId topic) = 0;
  /// Only its position.
  virtual Result<std::optional<Position>> state_position(TopicId topic) = 0;

  virtual Result<std::optional<StoredCursor>> cursor(TopicId topic, std::string_view name) = 0;
  /// Calls `visit` for every cursor of a topic after `after` in order of name, until it returns
  /// false.
  virtual Result<void> cursors(
      TopicId topic, std::string_view after,
      const std::function<bool(std::string_view name, const StoredCursor&)>& visit) = 0;
  /// Calls `visit` for every topic that has cursors, in order of id, until it returns false.
  virtual Result<void> topics_with_cursors(
      const std::function<bool(TopicId topic, std::string_view name, std::uint64_t cursors)>&
          visit) = 0;

  /// Gives back the space of batches wholly before `keep`. May be lazy. Pre: the low watermark
  /// `keep` has been committed.
  virtual Result<void> reclaim(TopicId topic, Offset keep) = 0;

  /// Removes one topic, synced. Errors: as commit.
  Result<void> erase(const TopicMeta& meta);

  /// Calls `visit` for every topic after `after` in order of name, until it returns false.
  virtual Result<void> list(std::string_view after,
                            const std::function<bool(const TopicMeta&)>& visit) = 0;

  /// Bytes the log takes on the disk and in what will be written to it, as the engine knows them.
  [[nodiscard]] virtual std::uint64_t held_bytes() { return 0; }
  /// The engine's own figures, for metrics. May block for a moment.
  [[nodiscard]] virtual std::vector<LogFigure> figures() { return {}; }
  /// Never blocks on the disk.
  [[nodiscard]] virtual LogHealth health() { return {}; }
  /// Levels that hold files, by family and level. May block for a moment.
  [[nodiscard]] virtual std::vector<LogLevel> levels() { return {}; }

  /// Copies the whole log as it is at a moment of this call into `directory`, which must not exist
  /// and whose parent must; writing goes on meanwhile. What is there then opens as a log. On an
  /// error nothing is left of it. Threads: any, one at a time; takes seconds. Errors: not_found
  /// (this engine cannot), store_not_writable, disk_full, storage_failed.
  virtual Result<void> checkpoint(const std::filesystem::path& /*directory*/) {
    return Errc::not_found;
  }

  /// Topics there are.
  [[nodiscard]] virtual std::uint64_t topic_count() const = 0;
};

}  // namespace tidemark::storage
