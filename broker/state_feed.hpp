// A session's way to a topic's state: asked for, then taken part by part.
// broker/: between States and whoever sends a state over HTTP.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "broker/caller.hpp"
#include "broker/state/states.hpp"

namespace tidemark::broker {

/// As who asks for a state, a caller is told of to the application.
[[nodiscard]] StateWanted wanted_by(const Caller& caller);

/// Holds one part at most, and reads the next only when it is asked to: how fast a state is read is
/// how fast its client takes it. Threads: the shard's. Not movable; destroying it ends the reading.
class StateFeed {
 public:
  using Part = Result<std::shared_ptr<const StatePart>>;

  StateFeed() = default;
  StateFeed(const StateFeed&) = delete;
  StateFeed& operator=(const StateFeed&) = delete;

  /// `ready` is called, from now on, when peek() and take() may have something. It only takes note:
  /// what it leads to happens in another turn, since a source may still be on the stack.
  void set_ready(std::function<void()> ready) { ready_ = std::move(ready); }
  /// Asks for the state; once. Pre: set_ready.
  void ask(States& states, Shard& shard, const std::shared_ptr<storage::Topic>& topic,
           const StateWanted& wanted);
  /// The next part, or why there is none; nullptr: nothing yet, and `ready` will be called. Pre: it
  /// has been asked, the last part or an error has not been taken yet; not from within `ready`.
  [[nodiscard]] const Part* peek();
  /// The same, and the one behind it is next.
  [[nodiscard]] std::optional<Part> take();
  /// Of the state. Pre: there has been a part.
  [[nodiscard]] Position position() const { return position_; }

 private:
  using Opened = Result<std::unique_ptr<StateReading>>;

  std::function<void()> ready_;
  bool reading_next_ = false;     ///< a part has been asked for, and not been taken yet
  std::optional<Opened> opened_;  ///< what asking has come to, not looked at yet
  std::optional<Part> part_;      ///< read, not taken yet
  Position position_;
  // Last, so that they go first: their callbacks use what is above.
  std::shared_ptr<void> asked_;
  std::unique_ptr<StateReading> reading_;
};

}  // namespace tidemark::broker
