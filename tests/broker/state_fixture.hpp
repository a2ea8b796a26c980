// Newcomers that ask for a topic's state and read it whole, on a shard as sessions do.
// tests/: for the tests of broker/state.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "broker/hub.hpp"
#include "broker/state/states.hpp"
#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {

/// Waits for what comes without a sign.
inline void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain");
    std::this_thread::yield();
  }
}

/// A clock that stands still unless it is moved. Threads: any.
class StillClock {
 public:
  [[nodiscard]] States::Clock clock() {
    return [this] {
      const std::lock_guard lock(mutex_);
      return now_;
    };
  }
  void advance(std::chrono::milliseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
};

/// What became of one newcomer.
struct GotState {
  std::optional<Errc> error;
  Position position;
  std::vector<std::shared_ptr<const StatePart>> parts;

  [[nodiscard]] std::string bundle() const {
    return parts.empty() ? "" : parts.front()->message().bundle.value_or("");
  }
  [[nodiscard]] std::vector<StateEntry> entries() const {
    std::vector<StateEntry> out;
    for (const auto& part : parts) {
      const auto& more = part->message().entries;
      out.insert(out.end(), more.begin(), more.end());
    }
    return out;
  }
};

/// Asks, reads to the end or `parts` at most, and keeps the reading until it is let go.
class Newcomer : public std::enable_shared_from_this<Newcomer> {
 public:
  std::future<GotState> ask(States& states, Shard& shard,
                            const std::shared_ptr<storage::Topic>& topic,
                            const StateWanted& wanted = {}) {
    link_ = shard.link();
    auto future = got_.get_future();
    link_->post([self = shared_from_this(), &states, &shard, topic, wanted] {
      self->asked_ =
          states.ask(shard, topic, wanted, [self](Result<std::unique_ptr<StateReading>> reading) {
            self->begin(std::move(reading));
          });
      self->has_asked_.set_value();
    });
    return future;
  }
  /// Returns when it has asked.
  void wait_until_asked() { has_asked_.get_future().wait(); }

  /// What the next part comes to, for one that has stopped.
  std::future<Result<std::shared_ptr<const StatePart>>> next() {
    using Part = Result<std::shared_ptr<const StatePart>>;
    const auto part = std::make_shared<std::promise<Part>>();
    link_->post([self = shared_from_this(), part] {
      self->reading_->next([part](Part got) { part->set_value(std::move(got)); });
    });
    return part->get_future();
  }

  /// Goes away; returns when it has.
  void leave() {
    std::promise<void> left;
    link_->post([self = shared_from_this(), &left] {
      self->asked_.reset();
      self->reading_.reset();
      left.set_value();
    });
    left.get_future().wait();
  }

  std::size_t stop_after = SIZE_MAX;  ///< parts
  bool keeps_reading = false;         ///< until leave()

 private:
  void begin(Result<std::unique_ptr<StateReading>> reading) {
    asked_.reset();
    if (!reading) return end(reading.errc());
    reading_ = std::move(*reading);
    state_.position = reading_->position();
    step();
  }
  void step() {
    reading_->next([self = shared_from_this()](Result<std::shared_ptr<const StatePart>> part) {
      if (!part) return self->end(part.errc());
      self->state_.parts.push_back(*part);
      const bool enough = (*part)->message().last || self->state_.parts.size() >= self->stop_after;
      enough ? self->end(std::nullopt) : self->step();
    });
  }
  void end(std::optional<Errc> error) {
    state_.error = error;
    if (!keeps_reading) reading_.reset();
    got_.set_value(state_);
  }

  std::shared_ptr<ShardLink> link_;
  std::promise<void> has_asked_;
  std::promise<GotState> got_;
  // the shard's
  std::shared_ptr<void> asked_;
  std::unique_ptr<StateReading> reading_;
  GotState state_;
};

inline GotState result_of(std::future<GotState>& future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    throw std::runtime_error("nobody was told anything");
  }
  return future.get();
}

/// A store, shards, and States of its own with a clock of its own.
class StateTest : public ::testing::Test {
 protected:
  ~StateTest() override { finish(); }

  void finish() {
    if (states) states->stop();
    hub.stop();
  }

  void begin(StateRules rules) { states.emplace(memory.store, std::move(rules), time.clock()); }

  std::future<GotState> start(const TopicName& topic, const StateWanted& wanted = {}) {
    return std::make_shared<Newcomer>()->ask(*states, hub.next_shard(), memory.topic(topic),
                                             wanted);
  }
  GotState ask(const TopicName& topic, const StateWanted& wanted = {}) {
    auto future = start(topic, wanted);
    return result_of(future);
  }
  GotState ask() { return ask(name); }

  const TopicName name = name_of("scores");
  MemoryStore memory;
  Hub hub{memory.store, HubOptions{.io_threads = 2}};
  StillClock time;
  std::optional<States> states;
};

}  // namespace tidemark::broker
