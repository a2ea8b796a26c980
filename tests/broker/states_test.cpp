// A state is made once for all who come, and never given to whom it would lead nowhere.
// tests/: broker/state, with callbacks and what is stored; hooks and keys have tests of their own.
#include "broker/state/states.hpp"

#include <atomic>
#include <condition_variable>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "protocol/frames.hpp"
#include "tests/broker/state_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A callback that may be held up, and counts.
class Source {
 public:
  using Make = std::function<Result<StateBundle>(Position taken, int call)>;

  TopicStateSource callback() {
    return [this](const TopicName&, Position taken) -> Result<StateBundle> {
      const int call = ++calls;
      {
        std::unique_lock lock(mutex_);
        open_.wait(lock, [&] { return !closed_; });
      }
      if (make) return make(taken, call);
      return StateBundle{.data = std::to_string(taken.offset.value), .reflects = std::nullopt};
    };
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    open_.notify_all();
  }

  std::atomic<int> calls = 0;
  Make make;  ///< unset: the offset it was given, as JSON

 private:
  std::mutex mutex_;
  std::condition_variable open_;
  bool closed_ = false;
};

class StatesTest : public StateTest {
 protected:
  /// No callback runs any more when the source goes.
  ~StatesTest() override {
    source.open();
    finish();
  }

  StateRules rules() {
    StateRules out;
    out.rules = {{.pattern = "**", .hook = {}, .callback = source.callback()}};
    return out;
  }
  void begin_with_source() { begin(rules()); }
  void publish(std::uint64_t count) { memory.requester.publish(name, count); }

  Source source;
};

// ---- one for all ----

TEST_F(StatesTest, AThousandNewcomersAreOneCall) {
  publish(5);
  begin_with_source();
  source.close();
  std::vector<std::future<GotState>> waiting;
  for (int i = 0; i < 1'000; ++i) waiting.push_back(start(name));
  wait_until([&] { return states->figures().waiting == 1'000; });
  EXPECT_EQ(states->figures().running, 1U);
  source.open();
  std::shared_ptr<const StatePart> shared;
  for (auto& each : waiting) {
    const auto got = result_of(each);
    ASSERT_FALSE(got.error);
    EXPECT_EQ(got.bundle(), "5");
    EXPECT_EQ(got.position.offset, Offset{5});
    if (!shared) shared = got.parts.front();
    EXPECT_EQ(got.parts.front(), shared) << "not a copy of it";
  }
  EXPECT_EQ(source.calls, 1);
  const auto figures = states->figures();
  EXPECT_EQ(figures.asked, 1'000U);
  EXPECT_EQ(figures.shared, 999U);
  EXPECT_EQ(figures.made, 1U);
  EXPECT_EQ(figures.waiting, 0U);
  EXPECT_EQ(figures.running, 0U);
}

TEST_F(StatesTest, AStateIsGivenToOthersUntilItIsTooOld) {
  publish(1);
  begin_with_source();
  EXPECT_EQ(ask().bundle(), "1");
  publish(1);
  time.advance(milliseconds(10'000));
  EXPECT_EQ(ask().bundle(), "1");
  EXPECT_EQ(source.calls, 1);
  time.advance(milliseconds(1));
  EXPECT_EQ(ask().bundle(), "2");
  EXPECT_EQ(source.calls, 2);
}

TEST_F(StatesTest, AStateIsGivenToOthersUntilTooMuchHasComeAfterIt) {
  publish(1);
  auto with = rules();
  with.rules[0].max_events = 2;
  begin(with);
  EXPECT_EQ(ask().position.offset, Offset{1});
  publish(2);
  EXPECT_EQ(ask().position.offset, Offset{1});
  publish(1);
  EXPECT_EQ(ask().position.offset, Offset{4});
  EXPECT_EQ(source.calls, 2);
}

TEST_F(StatesTest, AStateWhoseEventsAreGoneIsNotGivenToAnybody) {
  publish(5);
  begin_with_source();
  EXPECT_EQ(ask().position.offset, Offset{5});
  publish(5);
  memory.requester.trim(name, {6});
  EXPECT_EQ(ask().position.offset, Offset{5}) << "all that follows it is there";
  memory.requester.trim(name, {7});
  EXPECT_EQ(ask().position.offset, Offset{10});
  EXPECT_EQ(source.calls, 2);
}

TEST_F(StatesTest, EachTopicHasItsOwn) {
  begin_with_source();
  const auto other = name_of("other");
  publish(3);
  memory.requester.publish(other, 7);
  EXPECT_EQ(ask().bundle(), "3");
  EXPECT_EQ(ask(other).bundle(), "7");
  EXPECT_EQ(ask().bundle(), "3");
  EXPECT_EQ(source.calls, 2);
}

TEST_F(StatesTest, AnotherTopicOfTheSameNameGetsAnotherState) {
  publish(3);
  begin_with_source();
  EXPECT_EQ(ask().bundle(), "3");
  memory.requester.erase(name);
  publish(1);
  EXPECT_EQ(ask().bundle(), "1");
}

TEST_F(StatesTest, OtherRulesHoldFromThenOn) {
  publish(1);
  begin_with_source();
  EXPECT_EQ(ask().bundle(), "1");
  auto next = rules();
  next.rules[0].callback = [](const TopicName&, Position) -> Result<StateBundle> {
    return StateBundle{.data = "\"new\"", .reflects = std::nullopt};
  };
  states->apply(next);
  EXPECT_EQ(ask().bundle(), "\"new\"");
}

// ---- where it stands ----

TEST_F(StatesTest, WhatASourceReflectsIsThePosition) {
  publish(5);
  begin_with_source();
  source.make = [](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = "{}", .reflects = Offset{3}};
  };
  const auto got = ask();
  EXPECT_EQ(got.position, (Position{memory.topic(name)->bounds().epoch, {3}}));
  EXPECT_EQ(got.parts.front()->message().position, got.position);
}

TEST_F(StatesTest, AClaimOfEventsToComeIsRefused) {
  publish(5);
  begin_with_source();
  source.make = [](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = "{}", .reflects = Offset{6}};
  };
  EXPECT_EQ(ask().error, Errc::state_failed);
}

TEST_F(StatesTest, AnOffsetOfAnEarlierEpochIsOfThatEpoch) {
  publish(2);
  const auto before = memory.topic(name)->bounds().epoch;
  memory.begin_epoch();
  publish(2);
  ASSERT_NE(memory.topic(name)->bounds().epoch, before);
  begin_with_source();
  source.make = [](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = "{}", .reflects = Offset{1}};
  };
  EXPECT_EQ(ask().position, (Position{before, {1}}));
}

TEST_F(StatesTest, ASourceThatRetentionHasOutrunIsAskedAgain) {
  publish(1);
  begin_with_source();
  source.make = [&](Position taken, int call) -> Result<StateBundle> {
    if (call == 1) {
      publish(4);
      memory.requester.trim(name, {4});
    }
    return StateBundle{.data = std::to_string(taken.offset.value), .reflects = std::nullopt};
  };
  const auto got = ask();
  ASSERT_FALSE(got.error);
  EXPECT_EQ(got.bundle(), "5");
  EXPECT_EQ(source.calls, 2);
  EXPECT_EQ(states->figures().outrun, 1U);
}

TEST_F(StatesTest, ASourceThatIsOutrunEachTimeIsGivenUp) {
  publish(5);
  memory.requester.trim(name, {4});
  begin_with_source();
  source.make = [](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = "{}", .reflects = Offset{1}};
  };
  const log::Capture log;
  EXPECT_EQ(ask().error, Errc::state_failed);
  EXPECT_EQ(source.calls, 3);
  EXPECT_EQ(states->figures().outrun, 2U);
  EXPECT_THAT(log.text(), HasSubstr("state_failed"));
}

TEST_F(StatesTest, RetentionLeavesWhatFollowsAStateThatIsBeingRead) {
  publish(5);
  begin_with_source();
  const auto slow = std::make_shared<Newcomer>();
  slow->keeps_reading = true;
  const auto topic = memory.topic(name);
  auto future = slow->ask(*states, hub.shard(0), topic);
  ASSERT_FALSE(result_of(future).error);
  publish(3);
  const auto now = [] { return std::chrono::steady_clock::now(); };
  EXPECT_EQ(topic->held(now()), Offset{6});
  slow->leave();
  EXPECT_EQ(topic->held(now()), std::nullopt);
}

// ---- what can go wrong ----

TEST_F(StatesTest, ABundleHasToBeWhatItsContentTypeSays) {
  publish(1);
  auto with = rules();
  with.rules[0].max_age = milliseconds(0);
  with.max_bytes = 10;
  begin(with);
  std::string data;
  source.make = [&](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = data, .reflects = std::nullopt};
  };
  for (const auto* broken : {"", "{", "{}}", "\"\xff\""}) {
    data = broken;
    EXPECT_EQ(ask().error, Errc::state_failed) << broken;
  }
  data = "1234567890";
  EXPECT_EQ(ask().error, std::nullopt);
  time.advance(milliseconds(1));
  data = "12345678901";
  EXPECT_EQ(ask().error, Errc::state_too_large);
}

TEST_F(StatesTest, WhatTheCallbackSaysIsToldOrLogged) {
  publish(1);
  begin_with_source();
  source.make = [](Position, int call) -> Result<StateBundle> {
    if (call == 1) return Errc::no_state;
    if (call == 2) return Errc::storage_failed;
    throw std::runtime_error("no");
  };
  EXPECT_EQ(ask().error, Errc::no_state);
  EXPECT_EQ(ask().error, Errc::state_failed);
  EXPECT_EQ(ask().error, Errc::state_failed);
  EXPECT_EQ(states->figures().failed, 3U);
}

TEST_F(StatesTest, ATopicThatIsDeletedMeanwhileHasNoState) {
  publish(1);
  begin_with_source();
  source.close();
  auto waiting = start(name);
  wait_until([&] { return source.calls == 1; });
  memory.requester.erase(name);
  source.open();
  EXPECT_EQ(result_of(waiting).error, Errc::topic_deleted);
}

TEST_F(StatesTest, NoMoreWaitThanMay) {
  publish(1);
  auto with = rules();
  with.waiting = 2;
  begin(with);
  source.close();
  auto first = start(name);
  auto second = start(name);
  wait_until([&] { return states->figures().waiting == 2; });
  EXPECT_EQ(ask().error, Errc::overloaded);
  source.open();
  EXPECT_FALSE(result_of(first).error);
  EXPECT_FALSE(result_of(second).error);
}

TEST_F(StatesTest, WhoLeavesIsNotTold) {
  publish(1);
  begin_with_source();
  source.close();
  const auto leaving = std::make_shared<Newcomer>();
  auto never = leaving->ask(*states, hub.shard(0), memory.topic(name));
  leaving->wait_until_asked();
  auto staying = start(name);
  wait_until([&] { return states->figures().waiting == 2; });
  leaving->leave();
  EXPECT_EQ(states->figures().waiting, 1U);
  source.open();
  EXPECT_FALSE(result_of(staying).error);
  leaving->leave();  // all that was posted to its shard has run
  EXPECT_EQ(never.wait_for(milliseconds(0)), std::future_status::timeout);
}

TEST_F(StatesTest, StatesTakeNoMoreMemoryThanTheyMay) {
  publish(1);
  const auto other = name_of("other");
  memory.requester.publish(other, 1);
  auto with = rules();
  with.shared_bytes = 100;
  begin(with);
  source.make = [](Position, int) -> Result<StateBundle> {
    return StateBundle{.data = "\"" + std::string(58, 'x') + "\"", .reflects = std::nullopt};
  };
  EXPECT_FALSE(ask().error);
  EXPECT_EQ(states->figures().bytes, 60U);
  EXPECT_FALSE(ask(other).error) << "the other makes room";
  EXPECT_EQ(states->figures().bytes, 60U);
  EXPECT_FALSE(ask(other).error);
  EXPECT_EQ(source.calls, 2);

  const auto slow = std::make_shared<Newcomer>();
  slow->keeps_reading = true;
  auto future = slow->ask(*states, hub.shard(0), memory.topic(other));
  EXPECT_FALSE(result_of(future).error);
  EXPECT_EQ(ask().error, Errc::overloaded) << "what is being sent can't make room";
  slow->leave();
  wait_until([&] { return !ask().error; });
}

TEST_F(StatesTest, AStopTellsWhoWaits) {
  publish(1);
  begin_with_source();
  source.close();
  auto waiting = start(name);
  wait_until([&] { return source.calls == 1; });
  states->stop();
  EXPECT_EQ(result_of(waiting).error, Errc::shutting_down);
  EXPECT_EQ(ask().error, Errc::shutting_down);
  states->stop();
  source.open();
}

TEST(StatesOfHub, AHubThatStopsTellsWhoWaits) {
  Source source;
  MemoryStore memory;
  const auto name = name_of("a");
  memory.requester.publish(name, 1);
  HubOptions options;
  options.states.rules = {{.pattern = "**", .hook = {}, .callback = source.callback()}};
  Hub hub(memory.store, options);
  source.close();
  auto waiting = std::make_shared<Newcomer>()->ask(hub.states(), hub.shard(0), memory.topic(name));
  wait_until([&] { return source.calls == 1; });
  std::thread stopper([&] { hub.stop(); });
  EXPECT_EQ(result_of(waiting).error, Errc::shutting_down);
  source.open();
  stopper.join();
}

// ---- what is stored ----

class StoredStatesTest : public StateTest {
 protected:
  void store(std::optional<storage::StoredState> state) {
    auto request = std::make_unique<storage::StoreStateRequest>(name);
    request->state = std::move(state);
    EXPECT_FALSE(memory.requester.run(std::move(request))->error);
  }
  storage::StoredState state_at(Offset offset, std::string data) {
    return {.position = {memory.topic(name)->bounds().epoch, offset},
            .stored = {},
            .content_type = "application/json",
            .data = std::move(data)};
  }
};

TEST_F(StoredStatesTest, WhatAnApplicationHasStoredIsTheState) {
  memory.requester.publish(name, 5);
  begin({});
  EXPECT_EQ(ask().error, Errc::no_state);
  store(state_at({3}, "{\"n\":3}"));
  const auto got = ask();
  EXPECT_EQ(got.bundle(), "{\"n\":3}");
  EXPECT_EQ(got.position.offset, Offset{3});
  store(state_at({4}, "{\"n\":4}"));
  EXPECT_EQ(ask().bundle(), "{\"n\":4}") << "at once, since it is not shared beyond its reading";
  store(std::nullopt);
  EXPECT_EQ(ask().error, Errc::no_state);
}

TEST_F(StoredStatesTest, WhatLeadsNowhereIsNone) {
  memory.requester.publish(name, 5);
  begin({});
  store(state_at({2}, "2"));
  memory.requester.trim(name, {3});
  EXPECT_EQ(ask().bundle(), "2");
  memory.requester.trim(name, {4});
  EXPECT_EQ(ask().error, Errc::no_state);
}

TEST_F(StoredStatesTest, ARuleGoesBeforeIt) {
  memory.requester.publish(name, 1);
  Source source;
  StateRules rules;
  rules.rules = {{.pattern = "scores", .hook = {}, .callback = source.callback()}};
  begin(rules);
  store(state_at({1}, "\"stored\""));
  EXPECT_EQ(ask().bundle(), "1");
}

// ---- parts ----

TEST(StatePartTest, ItsFrameIsMadeOnceForEachForm) {
  State state{.topic = "a", .position = {{7}, {3}}};
  state.content_type = "application/json";
  state.bundle = "{\"n\":1}";
  const StatePart part(state, Payload::json);
  for (const auto form : {WireForm::json, WireForm::binary}) {
    std::string expected;
    append_frame(form, state, Payload::json, expected);
    const auto frame = part.frame(form);
    EXPECT_EQ(*frame, expected);
    EXPECT_EQ(part.frame(form), frame);
  }
}

}  // namespace
}  // namespace tidemark::broker
