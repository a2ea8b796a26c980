// What the committer is asked to do, and what became of it.
// storage/: plain data; made by sessions and the janitor, handed back to their observers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/log.hpp"
#include "storage/settings.hpp"

namespace tidemark::storage {

class CommitObserver;

/// Something for the committer to do, and then its outcome. Handed back to its observer when done.
struct Request {
  enum class Kind : std::uint8_t {
    publish,
    create,
    configure,
    trim,
    erase,
    use,
    store_state,
    read_keys,
    move_cursors
  };
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
/// none (topic_closed), but a producer's duplicates and closing it again are answered as before. A
/// topic that is kept only for its forks takes nothing (topic_deleted).
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
  bool begins_epoch = false;  ///< sequence_gap: of an epoch this producer has not used before
  std::optional<std::uint64_t> producer_sequence;  ///< the producer's highest that was appended
};

/// What a topic has that is created without a word about it.
inline constexpr std::string_view kPlainContentType = "application/octet-stream";

/// Creates a topic whole: settings, first events, closed or open, or as a fork. If there is one of
/// that name already it must be the same (topic_differs), and then nothing changes. What is refused
/// leaves nothing behind. Errors: topic_differs; topic_exists (deleted, but kept for its forks);
/// unknown_topic, source_deleted, content_type_mismatch, invalid_fork, too_many_forks (of the
/// source); invalid_content_type, too_many_topics, those of check_event.
struct CreateRequest : Request {
  explicit CreateRequest(TopicName t) : Request(Kind::create, std::move(t)) {}
  struct Fork {
    TopicName source;
    std::optional<Position> after;  ///< unset: the source's tail; epoch 0: not compared
    /// How much of what follows `after` is inherited too: events if the topic's content type is
    /// application/json, else bytes of the one event.
    std::uint64_t sub_offset = 0;
  };
  std::optional<std::string> content_type;  ///< unset: a fork's source's, else kPlainContentType
  /// Neither this nor expires_at: never expires; a fork has what its source has.
  std::optional<std::chrono::seconds> ttl;
  std::optional<Timestamp> expires_at;
  bool close = false;
  std::vector<NewEvent> events;  ///< ignored if the topic exists; there may be none
  bool checked = false;          ///< the events passed check_event for the topic's payload
  std::optional<Fork> fork;
  // outcome, also of topic_differs
  bool created = false;
  Position tail;
  bool closed = false;
  TopicSettings settings;  ///< as they are now
};

/// Creates a topic, or changes the settings of one there is. Unset: default, or as it was.
struct ConfigureRequest : Request {
  explicit ConfigureRequest(TopicName t) : Request(Kind::configure, std::move(t)) {}
  std::optional<Durability> durability;
  std::optional<RetentionPolicy> retention;
  std::optional<std::string> content_type;
  /// TopicSettings::keep_latest; needs_empty_topic if it is to begin after the topic's first event,
  /// or in a fork. When it ends the keys are forgotten.
  std::optional<bool> keep_latest;
  bool must_create = false;  ///< topic_exists if there is one
  bool created = false;      ///< outcome
};

/// Moves the low watermark up to `keep` (never down, at most head + 1). One that retention asks for
/// (count, bytes, age) goes no further than what is held, see Hold.
struct TrimRequest : Request {
  TrimRequest(TopicName t, Offset k, GapCause c)
      : Request(Kind::trim, std::move(t)), keep(k), cause(c) {}
  Offset keep;
  GapCause cause;
  TopicId id;     ///< 0: whatever topic has the name; else only this incarnation
  Bounds bounds;  ///< outcome
};

/// Deletes a topic. One that has forks is kept for them, but is no more for anybody else.
struct EraseRequest : Request {
  explicit EraseRequest(TopicName t) : Request(Kind::erase, std::move(t)) {}
};

/// Has a topic's last use stored, or the topic removed if it has expired.
struct UseRequest : Request {
  UseRequest(TopicName t, TopicId i) : Request(Kind::use, std::move(t)), id(i) {}
  TopicId id;  ///< only this incarnation
};

/// Stores a topic's state, or removes it; synced. `stored` is filled in. Errors: disk_full,
/// unknown_topic, topic_deleted, wrong_epoch, position_ahead, state_too_large; position_trimmed:
/// events after it are gone, so that it would lead nowhere; state_outdated: what is stored is later
/// (the same position replaces it).
struct StoreStateRequest : Request {
  explicit StoreStateRequest(TopicName t) : Request(Kind::store_state, std::move(t)) {}
  std::optional<StoredState> state;  ///< nullopt: remove; epoch 0: the topic's now
  // outcome
  Position position;     ///< of what is stored then; of state_outdated, what is stored
  bool existed = false;  ///< there was one before
};

/// Opens a reader of a topic's keys. Errors: unknown_topic, topic_deleted, storage_failed;
/// no_state: it does not keep the latest; overloaded: there are as many readers as there may be.
struct ReadKeysRequest : Request {
  explicit ReadKeysRequest(TopicName t) : Request(Kind::read_keys, std::move(t)) {}
  std::unique_ptr<KeyReader> reader;  ///< outcome
};

/// Stores where cursors of a topic are; the caller has judged them. Not synced.
struct MoveCursorsRequest : Request {
  MoveCursorsRequest(TopicName t, TopicId i) : Request(Kind::move_cursors, std::move(t)), id(i) {}
  TopicId id;  ///< only this incarnation
  std::vector<CursorUpdate> cursors;
};

}  // namespace tidemark::storage
