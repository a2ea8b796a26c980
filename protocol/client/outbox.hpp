// Publishes on their way: numbering, sending again, what an answer means for those behind it.
// protocol/client/: a state machine without I/O; the session feeds it answers and sends what it
// says.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/client/backoff.hpp"
#include "protocol/client/options.hpp"

namespace tidemark::client {

/// A topic's publishes form a lane; they are numbered 0, 1, 2 … in the order they were added and
/// sent in that order, many at a time. What keeps a retry from doubling:
///
/// - An unanswered publish is sent again under its number, with every connection, until answered.
/// - A publish that is refused for good leaves a hole, and those behind it come back as
///   sequence_gap. A copy of theirs may still wait in the broker on a connection we have lost, so
///   their numbers cannot be given to others. They move to the next producer epoch instead, which
///   fences all such copies, as soon as everything before the hole is answered.
///   Example: 4 5 6 7 are in flight; 5 is refused. When 4 is answered, 6 and 7 become (epoch + 1,
///   0) and (epoch + 1, 1). If 5 was the last and was sent only once, 6 simply takes its number.
/// - A publish that timed out after it was sent stays in its lane, without anybody waiting for it,
///   until it is answered or nothing behind it has a number that depends on it.
/// - A sequence_gap with nothing before it means the broker has forgotten this producer (the topic
///   was made anew, or lost a tail it had not synced): the next epoch begins.
///
/// Publishes with an identity of the application's are sent again under it and never renumbered.
/// Threads: one. Lanes live as long as the outbox, since their numbers must go on.
class Outbox {
 public:
  using Time = Clock::time_point;
  using Done = std::function<void(Reply<PublishReceipt>)>;
  using NextId = std::function<RequestId()>;
  using Send = std::function<void(const ClientMessage&)>;  ///< it holds a Publish

  struct Options {
    ProducerStamp producer;  ///< id and first epoch; the sequence is ignored
    std::size_t publishes_in_flight = 256;
    std::size_t bytes_in_flight = std::size_t{8} << 20;
    milliseconds backoff_min{100};
    milliseconds backoff_max{10'000};
    std::uint64_t seed = 0;
  };

  Outbox(Options options, NextId next_id);
  ~Outbox();

  /// One publish in the outbox, for abandon().
  struct Ticket {
    std::string lane;
    std::uint64_t place = 0;
  };

  /// Takes a publish; `done` is called once, from one of the calls below, unless abandoned. It must
  /// not call back into the outbox.
  /// `publish`: id is set here; its producer is the application's own or none.
  Ticket add(Publish publish, std::optional<Time> deadline, Done done);
  /// The caller no longer waits; `done` will not be called. True if it was never sent.
  bool abandon(const Ticket& ticket);

  /// Hands to `send` what may be sent now. Call after each of the others. Pre: connected.
  void pump(Time now, const Send& send);

  void published(const Published& answer);
  /// False if the failure is about none of ours.
  bool failed(const Failure& failure, Time now);
  /// The connection is gone, and what becomes of the unanswered is not known.
  void disconnected();
  /// The broker refused a message for its size without saying which: it must be the largest.
  void too_large(const Refusal& refusal);
  /// Refuses what is past its deadline.
  void expire(Time now);
  /// Refuses everything, with the outcome unknown for what has been sent.
  void refuse_all(const Refusal& refusal);

  /// When pump or expire next have something to do that no answer brings about; none: never.
  [[nodiscard]] std::optional<Time> next_wake(Time now) const;
  /// Until when nothing is sent because the broker asked for patience.
  [[nodiscard]] std::optional<Time> held_until() const { return hold_until_; }
  /// Those somebody waits for.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  /// True if one more publish would be sent without waiting for others.
  [[nodiscard]] bool has_room() const;

 private:
  struct Item;
  struct Lane;
  struct Attempt {
    Lane* lane = nullptr;
    std::uint64_t place = 0;
  };
  using Attempts = std::unordered_map<RequestId, Attempt>;

  Lane& lane_of(const Publish& publish);
  void pump_lane(Lane& lane, Time now, const Send& send);
  void number(Lane& lane, Item& item);
  void forget_attempt(Lane& lane, std::uint64_t place, Item& item);
  void release(Item& item);
  void complete(Item& item, Reply<PublishReceipt> reply);
  void erase(Lane& lane, std::uint64_t place);
  void gap(Lane& lane, std::uint64_t place, const Failure& failure);
  void refuse(Lane& lane, std::uint64_t place, const Refusal& refusal);
  void unnumber_from(Lane& lane, std::uint64_t place);
  void settle(Lane& lane);
  void make_ready(Lane& lane);
  [[nodiscard]] bool window_open() const;

  Options options_;
  NextId next_id_;
  Backoff backoff_;
  std::map<std::string, std::unique_ptr<Lane>> lanes_;
  std::deque<Lane*> ready_;  ///< lanes with something unsent, each once
  Attempts attempts_;        ///< sent on this connection and unanswered
  std::size_t bytes_in_flight_ = 0;
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::optional<Time> hold_until_;  ///< the broker asked for patience
};

}  // namespace tidemark::client
