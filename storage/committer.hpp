// The one writer: collects what all publishers have sent, appends it as one group, then shows it.
// storage/: total order without locks, and group commit by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/log.hpp"
#include "storage/producers.hpp"
#include "storage/retention.hpp"
#include "storage/topics.hpp"

namespace tidemark::storage {

class CommitObserver;

/// Something for the committer to do, and then its outcome. Handed back to its observer when done.
struct Request {
  enum class Kind : std::uint8_t { publish, configure, trim, erase };
  explicit Request(Kind k, TopicName t) : kind(k), topic(std::move(t)) {}
  virtual ~Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  /// For the observer to call on whichever thread the answer belongs to; storage never calls it.
  virtual void answer() {}

  const Kind kind;
  const TopicName topic;
  CommitObserver* observer = nullptr;  ///< who is told; nullptr: nobody
  std::optional<Errc> error;           ///< outcome: nullopt is success
  std::string error_text;              ///< more than the code says, or empty
};

/// A publish's `sequence` is at most this.
inline constexpr std::size_t kMaxSequenceBytes = 256;

/// Appends events, together or not at all; creates the topic if there is none. A closed topic takes
/// none (topic_closed), but a producer's duplicates and closing it again are answered as before.
struct PublishRequest : Request {
  explicit PublishRequest(TopicName t) : Request(Kind::publish, std::move(t)) {}
  std::vector<NewEvent> events;
  bool checked = false;  ///< the events passed check_event for the topic's payload
  std::optional<ProducerStamp> producer;
  std::optional<Offset> expected_last;
  std::string content_type;  ///< empty: whatever the topic has, or the default
  bool must_exist = false;   ///< unknown_topic rather than a new one
  bool close = false;        ///< these are the topic's last events; there may be none
  /// Must be greater, byte by byte, than that of the last publish that had one; for all publishers
  /// of the topic together. Not compared for a producer's duplicates.
  std::optional<std::string> sequence;
  // outcome
  Position tail;        ///< the topic's end after it; also of a refusal, if there is the topic
  bool closed = false;  ///< the topic is closed, by this request or before
  Epoch epoch;
  OffsetRange offsets;
  bool duplicate = false;
  std::optional<Offset> head;                      ///< offset_mismatch
  std::optional<std::uint64_t> expected_sequence;  ///< sequence_gap
  std::optional<std::uint64_t> producer_epoch;     ///< producer_fenced
  std::optional<std::uint64_t> producer_sequence;  ///< the producer's highest that was appended
};

/// Creates a topic, or changes the settings of one there is. Unset: default, or as it was.
struct ConfigureRequest : Request {
  explicit ConfigureRequest(TopicName t) : Request(Kind::configure, std::move(t)) {}
  std::optional<Durability> durability;
  std::optional<RetentionPolicy> retention;
  std::optional<std::string> content_type;
  bool must_create = false;  ///< topic_exists if there is one
  bool created = false;      ///< outcome
};

/// Moves the low watermark up to `keep` (never down, at most head + 1).
struct TrimRequest : Request {
  TrimRequest(TopicName t, Offset k, GapCause c)
      : Request(Kind::trim, std::move(t)), keep(k), cause(c) {}
  Offset keep;
  GapCause cause;
  TopicId id;     ///< 0: whatever topic has the name; else only this incarnation
  Bounds bounds;  ///< outcome
};

struct EraseRequest : Request {
  explicit EraseRequest(TopicName t) : Request(Kind::erase, std::move(t)) {}
};

/// Is told of groups. Called on the committer's thread: be short, never block, never throw.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  /// `done`: this observer's requests of the group. `advanced`: topics with new events, changed
  /// bounds, or deleted, whoever published; the events can be read already.
  virtual void committed(std::vector<std::unique_ptr<Request>> done,
                         std::span<const std::shared_ptr<Topic>> advanced) = 0;
  /// Events of `topic` before `keep` can't be read any more (a trim, or for kWholeTopic a deletion)
  /// and this is on disk: their space may be given back.
  virtual void dropped(TopicId topic, Offset keep) {
    static_cast<void>(topic);
    static_cast<void>(keep);
  }
};

/// Offset for CommitObserver::dropped of a deleted topic.
inline constexpr Offset kWholeTopic{kMaxInteger};

/// Settings for a topic that does not say: the first pattern that matches its name.
using DefaultSettings = std::function<TopicSettings(const TopicName&)>;

struct CommitterOptions {
  std::size_t max_queued_requests = 65'536;
  std::size_t max_queued_bytes = std::size_t{64} << 20;
  std::size_t max_group_bytes = std::size_t{4} << 20;
  std::size_t max_event_bytes = std::size_t{1} << 20;
  std::uint64_t max_topics = 1'000'000;
  std::size_t ring_total_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds flush_interval{100};    ///< fsync of buffered topics at the latest
  std::chrono::milliseconds recover_interval{500};  ///< between tries after a failed commit
  DefaultSettings defaults;
  std::function<Timestamp()> clock;  ///< wall clock; null: the system's
};

/// What the committer has done since it started; for metrics and tests.
struct CommitterStats {
  std::uint64_t groups = 0;
  std::uint64_t events = 0;
  std::uint64_t synced_groups = 0;
  std::uint64_t failed_groups = 0;
  bool failing = false;  ///< the last commit failed and the log has not recovered yet
};

/// Threads: `submit`, `stats`, observers from any; one thread of its own does the rest.
class Committer {
 public:
  Committer(Log& log, Topics& topics, CommitterOptions options);
  /// Does what is queued, then stops. Safe to call twice.
  ~Committer();
  void stop();

  /// Queues a request. Errors: overloaded (the queue is full), shutting_down. On an error the
  /// request stays with the caller.
  Result<void> submit(std::unique_ptr<Request>& request);
  /// Queues several at once: they are all there when the committer wakes, so they become one group.
  /// Those taken leave the vector; on an error the first refused and all after it stay in it.
  Result<void> submit(std::vector<std::unique_ptr<Request>>& requests);

  /// Observers are told until removed; remove_observer waits for a call under way.
  void add_observer(CommitObserver& observer);
  void remove_observer(CommitObserver& observer);
  [[nodiscard]] CommitterStats stats() const;

 private:
  struct Staged;  ///< one topic's part of the group being built
  struct Group;
  using Requests = std::vector<std::unique_ptr<Request>>;

  Result<void> enqueue_locked(std::unique_ptr<Request>& request);
  void run();
  Requests take();
  void work(Requests requests);
  void stage(Group& group, Request& request);
  void stage_publish(Group& group, PublishRequest& request);
  void stage_configure(Group& group, ConfigureRequest& request);
  void stage_trim(Group& group, TrimRequest& request);
  void erase(Group& group, EraseRequest& request);
  Staged* find_staged(Group& group, Request& request);
  Staged* create(Group& group, Request& request, TopicSettings settings);
  bool admit(Staged& staged, PublishRequest& request);
  bool admit_events(Staged& staged, PublishRequest& request);
  bool admit_producer(Staged& staged, PublishRequest& request);
  static bool admit_sequence(const Staged& staged, PublishRequest& request);
  void answer_closed(Staged& staged, PublishRequest& request);
  std::optional<ProducerVerdict> judge_producer(Staged& staged, PublishRequest& request);
  static void tell_end(const Staged& staged, PublishRequest& request);
  void append(Group& group, Staged& staged, PublishRequest& request);
  void finish_batch(Group& group, Staged& staged);
  void answer_incidents(Staged& staged);
  void finish(Group& group, std::span<const std::unique_ptr<Request>> requests);
  bool commit(Group& group);
  void show(Group& group);
  void deliver(Requests requests, std::span<const std::shared_ptr<Topic>> advanced);
  void tell_dropped(const Group& group);
  bool ready_to_write(std::span<const std::unique_ptr<Request>> requests);
  void recover();
  void flush_if_due();
  void keep_ring_budget();
  [[nodiscard]] TopicSettings default_settings(const TopicName& name) const;
  [[nodiscard]] Timestamp now() const;

  Log& log_;
  Topics& topics_;
  const CommitterOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Requests queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t queued_requests_ = 0;
  bool sleeping_ = false;
  bool stopping_ = false;

  std::mutex observers_mutex_;
  std::vector<CommitObserver*> observers_;

  // the committer thread's own
  ProducerCache producers_;
  std::size_t bytes_since_budget_ = 0;
  std::optional<std::chrono::steady_clock::time_point> flush_at_;
  std::chrono::steady_clock::time_point next_recovery_{};
  Errc failure_ = Errc::storage_failed;

  std::atomic<std::uint64_t> groups_{0}, events_{0}, synced_groups_{0}, failed_groups_{0};
  std::atomic<bool> failing_{false};
  std::thread thread_;
};

}  // namespace tidemark::storage
