// States from within: the books of what is made, for whom, and what is kept.
// broker/state/: see states.hpp; asking and answering are in states.cpp, sources in states_run.cpp.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <unordered_set>
#include <variant>

#include "broker/state/hook_client.hpp"
#include "broker/state/open_keys.hpp"
#include "broker/state/state_run.hpp"
#include "broker/state/state_source.hpp"

namespace tidemark::broker {

/// What the asker holds: when it goes, nobody waits any more. Threads: its shard's.
class StateAsked {
 public:
  StateAsked(std::weak_ptr<States::Impl> states, std::shared_ptr<storage::Topic> topic,
             States::Done done)
      : states_(std::move(states)), topic_(std::move(topic)), done_(std::move(done)) {}
  ~StateAsked();
  StateAsked(const StateAsked&) = delete;
  StateAsked& operator=(const StateAsked&) = delete;

  void answer(Result<std::unique_ptr<StateReading>> result);
  [[nodiscard]] const std::shared_ptr<storage::Topic>& topic() const { return topic_; }
  /// Which of a run's waiters it is.
  void wait_in(std::weak_ptr<StateRun> run, std::uint64_t number) {
    run_ = std::move(run);
    number_ = number;
  }

 private:
  const std::weak_ptr<States::Impl> states_;
  const std::shared_ptr<storage::Topic> topic_;
  States::Done done_;
  std::weak_ptr<StateRun> run_;
  std::uint64_t number_ = 0;
};

/// Threads: any. Lock: mutex_, for the books; nothing is called out to under it. What comes off the
/// books is destroyed after it.
class States::Impl : public std::enable_shared_from_this<States::Impl> {
 public:
  Impl(storage::EventStore& store, StateRules rules, Clock clock);

  std::shared_ptr<void> ask(Shard& shard, const std::shared_ptr<storage::Topic>& topic,
                            const StateWanted& wanted, Done done);
  void apply(StateRules rules);
  [[nodiscard]] StateFigures figures() const;
  void stop();
  /// One of a run's waiters is gone.
  void left(const std::shared_ptr<StateRun>& run, std::uint64_t number);

 private:
  using Run = std::shared_ptr<StateRun>;
  using Rules = std::shared_ptr<const StateRules>;
  using Made = std::shared_ptr<MadeState>;
  using Waiting = StateWaiting;
  struct Held {
    Made made;
    std::shared_ptr<const storage::Hold> hold;  // shared by its readers
  };

  // states.cpp: who asks, who is answered
  [[nodiscard]] Run run_for(const std::shared_ptr<storage::Topic>& topic, const StateWanted& wanted,
                            const Rules& rules) const;
  [[nodiscard]] Held kept_for(const StateRun& run);
  /// Joins a run under way, or this one, which is to begin then. Errors: overloaded, shutting_down.
  enum class Joined : std::uint8_t { under_way, to_begin };
  Result<Joined> join(Run& run, const std::shared_ptr<StateAsked>& asked, Waiting waiting);
  static void give(const Waiting& waiting, const Held& state);
  static void refuse(const Waiting& waiting, Errc code);
  std::vector<Waiting> take_off_books(const Run& run, const Made& made);
  void deliver(const Run& run, const Made& made);
  void fail(const Run& run, const SourceFailure& failure);
  bool make_room(std::size_t bytes);

  // states_run.cpp: the sources
  void begin(const Run& run);
  void ask_hook(const Run& run);
  void call_source(const Run& run);
  void open_keys(const Run& run, std::shared_ptr<void> place);
  void read_ahead(const Run& run, OpenKeysRequest& request, std::shared_ptr<void> place);
  void hand_first(const Waiting& waiting, KeysBegun begun);
  void finish(const Run& run, SourceOutcome outcome);
  void finish_keys(const Run& run, std::shared_ptr<OpenKeys> keys, OpenKeys::Pages pages);
  void settle(const Run& run, Position position, StateParts parts, std::size_t bytes);
  void hand_over(const Run& run, std::shared_ptr<OpenKeys> keys, OpenKeys::Pages pages);
  void begin_alone(const StateRun& like, const Waiting& waiting);
  bool enter(const Run& run, StateAsked& asked, const Waiting& waiting);
  /// True if everything after the position is there, and held; else the run is over, or has begun
  /// again.
  bool stands(const Run& run, Position position);
  void begin_again(const Run& run);

  // places of readers
  std::shared_ptr<void> take_place(const Run& run);
  [[nodiscard]] std::shared_ptr<void> new_place();
  void give_place_back();

  storage::EventStore& store_;
  const Clock clock_;
  const StateBytes bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
  HookClient hooks_;

  mutable std::mutex mutex_;
  Rules rules_;
  std::map<StateKey, Run> joinable_;
  std::unordered_set<Run> runs_;
  KeptStates kept_;
  std::deque<Run> for_a_place_;  ///< of a reader
  std::size_t places_taken_ = 0;
  std::uint64_t last_number_ = 0;
  std::size_t waiting_ = 0;
  StateFigures counted_;  ///< those that are not asked of others
  bool stopping_ = false;
};

}  // namespace tidemark::broker
