// A topic's state for newcomers, wherever it comes from: asked for once, shared by all who come.
// broker/state/: sessions ask here; hook, stored state, keys and callbacks stand behind it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "broker/shard.hpp"
#include "broker/state/state_rules.hpp"
#include "protocol/messages.hpp"
#include "storage/topic.hpp"

namespace tidemark::broker {

/// Part of a state, shared by all who are sent it. Threads: any.
class StatePart {
 public:
  /// `message`: one part of a state as section 12 of PROTOCOL.md has it, its data settled to the
  /// topic's payload.
  StatePart(State message, Payload payload);
  ~StatePart();
  [[nodiscard]] const State& message() const { return std::get<State>(message_); }
  [[nodiscard]] Payload payload() const { return payload_; }
  /// The message as one whole WebSocket frame; made once for each form.
  [[nodiscard]] std::shared_ptr<const std::string> frame(WireForm form) const;
  /// The message as one whole Server-Sent Event; made once.
  [[nodiscard]] std::shared_ptr<const std::string> event() const;

 private:
  class Made;
  struct Frames;
  const ServerMessage message_;  // as frames are made of it
  const Payload payload_;
  const std::unique_ptr<Frames> frames_;
};

/// One reader's way through a state: its parts, one after another. What follows position() stays in
/// the log for as long as this lives, within Topic::kHoldsFor. Threads: a shard's.
class StateReading {
 public:
  virtual ~StateReading() = default;
  /// Every event after this follows the state.
  [[nodiscard]] virtual Position position() const = 0;
  /// Hands the next part to `done` on the shard, at once if it is in memory. Nothing is asked for
  /// after the last part (State::last) or an error. Destroying the reading meanwhile is fine: then
  /// `done` is not called. Errors: corrupt_record, storage_failed; state_failed: the client was so
  /// slow that what is left of the state can't be read any more.
  using Done = std::function<void(Result<std::shared_ptr<const StatePart>>)>;
  virtual void next(Done done) = 0;
};

/// Who asks for a state.
struct StateWanted {
  std::string subject;  ///< of the caller; empty: nobody said who it is
  std::string claims;   ///< of its token, as JSON; empty: none
};

/// Threads: any. Stopped before the shards are.
class States {
 public:
  /// `clock`: the age of bundles and of readers is told by it; empty: the steady clock.
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  States(storage::EventStore& store, StateRules rules, Clock clock = {});
  ~States();
  States(const States&) = delete;
  States& operator=(const States&) = delete;

  /// Asks for a topic's state: `done` is called once, on the shard, unless `asked` is destroyed
  /// before. The first of these that the topic has: a rule's hook or callback, the newest event of
  /// each key, what an application has stored. One that is there already is shared if it is no
  /// older than the rules say and everything after it is still in the log; who asks while it is
  /// being made waits for the same one.
  /// Errors: no_state; state_failed, state_too_large, timed_out (of the source; logged with its
  /// reason); overloaded; unknown_topic, topic_deleted, storage_failed, shutting_down.
  using Done = std::function<void(Result<std::unique_ptr<StateReading>>)>;
  [[nodiscard]] std::shared_ptr<void> ask(Shard& shard,
                                          const std::shared_ptr<storage::Topic>& topic,
                                          const StateWanted& wanted, Done done);

  /// Rules from now on; what is being asked goes on.
  void apply(StateRules rules);
  [[nodiscard]] StateFigures figures() const;
  /// Whoever waits is told shutting_down. Safe to call twice.
  void stop();

  class Impl;

 private:
  // Shared with what is under way on other threads, which outlives it for a moment.
  std::shared_ptr<Impl> impl_;
};

}  // namespace tidemark::broker
