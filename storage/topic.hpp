// An open topic: its metadata, bounds and ring, as committer and readers share them.
// storage/: handed out by Topics, changed by the committer alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/holds.hpp"
#include "storage/lifecycle.hpp"
#include "storage/log.hpp"
#include "storage/ring.hpp"

namespace tidemark::storage {

/// Events to be read, in a segment that stays as long as this does.
struct Slice {
  std::shared_ptr<const Segment> segment;
  OffsetRange offsets;
  bool cached = false;  ///< had been read from the disk: it is not in the ring
};

/// What reading after a position came to.
struct ReadAnswer {
  enum class State : std::uint8_t {
    events,     ///< `slice`: one event or more, all of slice.segment->epoch()
    caught_up,  ///< nothing after the position yet
    cold,       ///< there are events, but not in memory: EventStore::load, then read again
    gap,        ///< `gap`: what follows the position is gone, or the position is of another history
    deleted,    ///< the topic is no more
  };
  State state = State::caught_up;
  Slice slice;
  Gap gap;
};

class Topic;

/// Keeps retention from dropping what follows a position, for as long as it lives and
/// Topic::kHoldsFor at most; a trim by request does not wait. Threads: any.
class Hold {
 public:
  Hold() = default;
  Hold(std::shared_ptr<Topic> topic, std::uint64_t number)
      : topic_(std::move(topic)), number_(number) {}
  ~Hold() { release(); }
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  /// Ends it; safe to call twice.
  void release();

 private:
  std::shared_ptr<Topic> topic_;
  std::uint64_t number_ = 0;
};

/// Threads: any, apart from the part marked as the committer's. Lock: one mutex per topic,
/// innermost.
class Topic {
 public:
  Topic(TopicName name, LoadedTopic loaded, std::size_t ring_bytes);

  [[nodiscard]] const TopicName& name() const { return name_; }
  [[nodiscard]] TopicId id() const { return id_; }
  [[nodiscard]] const std::string& content_type() const { return content_type_; }
  [[nodiscard]] Payload payload() const { return payload_; }
  [[nodiscard]] const std::shared_ptr<const TopicFramers>& framers() const { return framers_; }

  [[nodiscard]] Bounds bounds() const;
  [[nodiscard]] Tail tail() const;
  [[nodiscard]] TopicMeta meta() const;
  /// Removed, or gone: kept only for its forks. Expired ones are removed some time later.
  [[nodiscard]] bool deleted() const;
  [[nodiscard]] std::size_t memory() const;

  /// Where the topic ends now, and whether it ends there for good.
  struct End {
    Position tail;  ///< of a reader who has everything
    bool closed = false;
  };
  [[nodiscard]] End end() const;

  // ---- expiry ----

  /// Whether it can expire at all; never changes.
  [[nodiscard]] bool may_expire() const { return lifetime_.limited(); }
  [[nodiscard]] bool expired(Timestamp now) const;
  /// Whether anybody but forks may still use it. Errors: unknown_topic; topic_deleted: gone, or
  /// about to be.
  [[nodiscard]] Result<void> alive(Timestamp now) const;
  /// Notes a use, for the ttl. Pre: not expired.
  void touch(Timestamp now);
  /// Somebody waits for its events, which is a use for as long as it lasts.
  void begin_wait() { waits_.fetch_add(1, std::memory_order_relaxed); }
  void end_wait() { waits_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] bool waited_for() const { return waits_.load(std::memory_order_relaxed) > 0; }
  /// The last use since it was opened; nullopt: none.
  [[nodiscard]] std::optional<Timestamp> used() const;
  /// Whether the last use is so far ahead of what is stored that it should be stored.
  [[nodiscard]] bool use_unsaved() const;

  // ---- holds ----

  /// Events after `after` stay: see Hold. Pre: `topic` is this.
  [[nodiscard]] static Hold hold(const std::shared_ptr<Topic>& topic, Offset after,
                                 std::chrono::steady_clock::time_point now);
  /// The first event that a hold not yet over its time keeps; nullopt: there is none.
  [[nodiscard]] std::optional<Offset> held(std::chrono::steady_clock::time_point now);
  static constexpr std::chrono::seconds kHoldsFor{60};
  static constexpr std::size_t kMaxHolds = 64;  ///< of a topic; further ones keep nothing

  /// Epoch of the history at `offset` (for 0 that of the first event), where it began, and where it
  /// ended (its last offset; nullopt for the newest).
  struct EpochSpan {
    EpochStart start;
    std::optional<Offset> last;
  };
  [[nodiscard]] EpochSpan epoch_at(Offset offset) const;

  /// Reads after `after` as far as the ring goes. Epoch 0 in the position: not compared.
  [[nodiscard]] ReadAnswer read(Position after) const;

  /// Remembers that `range` can't be read because of damage; readers are told a gap.
  void mark_damaged(OffsetRange range);
  /// What is known to be damaged; disjoint, in order.
  [[nodiscard]] std::vector<OffsetRange> damaged() const;

  // ---- the committer's ----

  /// Makes batches visible together, and with them `changed` metadata, if there is any: a topic
  /// must not be seen closed without its last events. Pre: they start at head + 1 and are durable.
  void publish(const std::vector<BatchView>& batches, const Tail& tail,
               const TopicMeta* changed = nullptr);
  /// Takes over changed metadata (settings, lineage, low watermark).
  void adopt(TopicMeta meta);
  /// Takes over what the log holds after a failed commit: readers go on, the ring starts anew.
  void reload(LoadedTopic loaded);
  void mark_deleted();
  /// Frees ring memory; false if there was nothing older than the newest segment.
  bool shrink(bool all);

 private:
  friend class Hold;
  static constexpr std::int64_t kUnused = std::numeric_limits<std::int64_t>::min();

  [[nodiscard]] Bounds bounds_locked() const;
  void adopt_locked(TopicMeta meta);
  [[nodiscard]] std::optional<Gap> gap_after(Position after) const;
  [[nodiscard]] EpochSpan span_of(std::size_t index) const;
  void release(std::uint64_t hold);

  const TopicName name_;
  const TopicId id_;
  const std::string content_type_;
  const Payload payload_;
  const std::shared_ptr<const TopicFramers> framers_;
  const Lifetime lifetime_;
  const Timestamp used_before_;  ///< at the latest, before it was opened
  std::atomic<std::int64_t> used_ms_{kUnused};
  std::atomic<std::uint32_t> waits_{0};

  mutable std::mutex mutex_;
  TopicMeta meta_;
  Tail tail_;
  Ring ring_;
  Holds holds_{kMaxHolds, kHoldsFor};
  std::vector<OffsetRange> damaged_;  ///< disjoint, in order; bounded by kMaxDamagedRanges
  bool deleted_ = false;
};

}  // namespace tidemark::storage
