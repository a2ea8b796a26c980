// The broker as a library: threads, races, ends.
// tests/: broker/hub, broker/subscription, broker/initial_state.
#include "broker/hub.hpp"

#include <charconv>
#include <latch>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

/// What one subscription has been told. Waiting is for a condition on it, never for time.
class Heard {
 public:
  SubscriptionHandler handler() {
    return {
        .on_state =
            [this](std::string_view bundle, Position position) {
              note([&] {
                state = std::string(bundle);
                state_at = position;
                last = position.offset;
              });
            },
        .on_event =
            [this](const EventView& event, Epoch epoch) {
              note([&] {
                if (event.offset != last.next()) ++misordered;
                last = event.offset;
                epochs.insert(epoch);
                data.emplace_back(event.data);
              });
            },
        .on_epoch = [this](const EpochNotice& n) { note([&] { epoch_notices.push_back(n); }); },
        .on_gap =
            [this](const Gap& gap) {
              note([&] {
                gaps.push_back(gap);
                last = {gap.earliest.value - 1};
              });
            },
        .on_caught_up = [this](Offset at) { note([&] { caught_up.push_back(at); }); },
        .on_end = [this](Errc reason) { note([&] { ended = reason; }); },
    };
  }

  template <class Condition>
  void wait(const Condition& condition) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, kPatience, condition)) {
      ADD_FAILURE() << "waited in vain; last " << last.value;
    }
  }
  void wait_for(Offset offset) {
    wait([&] { return last >= offset || ended; });
    EXPECT_FALSE(ended) << info(*ended).name;
  }
  Errc wait_for_end() {
    wait([&] { return ended.has_value(); });
    return ended.value_or(Errc::timed_out);
  }
  template <class Body>
  void note(const Body& body) {
    const std::lock_guard lock(mutex);
    body();
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::string> state;
  Position state_at;
  Offset last;
  std::size_t misordered = 0;
  std::set<Epoch> epochs;
  std::vector<std::string> data;
  std::vector<EpochNotice> epoch_notices;
  std::vector<Gap> gaps;
  std::vector<Offset> caught_up;
  std::optional<Errc> ended;
};

class HubTest : public ::testing::Test {
 protected:
  PublishOutcome publish(std::uint64_t first, std::uint64_t count) {
    return publish_to(name, numbers(first, count));
  }
  PublishOutcome publish_to(const TopicName& topic, std::vector<NewEvent> events) {
    auto future = hub->publish(topic, std::move(events));
    if (future.wait_for(kPatience) != std::future_status::ready) {
      throw std::runtime_error("a publish was never answered");
    }
    return future.get();
  }
  std::unique_ptr<Subscription> subscribe(Heard& heard, const Start& start,
                                          OnGap on_gap = OnGap::fail) {
    return hub->subscribe(name, start, on_gap, heard.handler()).value();
  }
  /// Returns when everything posted to the shards so far has run.
  void settle() {
    for (std::size_t i = 0; i < hub->shard_count(); ++i) {
      std::promise<void> ran;
      hub->shard(i).link()->post([&] { ran.set_value(); });
      ran.get_future().wait();
    }
  }

  const TopicName name = name_of("scores");
  MemoryStore memory;
  std::optional<Hub> hub{std::in_place, memory.store, HubOptions{.io_threads = 2}};
};

// ---- publishing ----

TEST_F(HubTest, APublishIsAnsweredWithItsPlace) {
  const PublishOutcome one = publish(1, 1);
  EXPECT_FALSE(one.error);
  EXPECT_EQ(one.offsets, (OffsetRange{{1}, {2}}));
  const PublishOutcome two = publish(2, 3);
  EXPECT_EQ(two.offsets, (OffsetRange{{2}, {5}}));
  EXPECT_EQ(two.position, (Position{memory.topic(name)->bounds().epoch, {4}}));
}

TEST_F(HubTest, ARefusedPublishSaysWhy) {
  const PublishOutcome none = publish_to(name, {});
  EXPECT_EQ(none.error, Errc::malformed_message);
  EXPECT_FALSE(none.text.empty());
  const PublishOutcome bad = publish_to(name, {NewEvent{.data = "{"}});
  EXPECT_EQ(bad.error, Errc::invalid_payload);
  EXPECT_FALSE(bad.text.empty());
}

TEST_F(HubTest, AfterStopEverythingIsRefused) {
  publish(1, 1);
  hub->stop();
  hub->stop();
  EXPECT_EQ(publish(2, 1).error, Errc::shutting_down);
  Heard heard;
  EXPECT_EQ(hub->subscribe(name, StartNow{}, OnGap::fail, heard.handler()).errc(),
            Errc::shutting_down);
  EXPECT_EQ(hub->join(name, {}, OnGap::fail, heard.handler()).errc(), Errc::shutting_down);
}

TEST_F(HubTest, PublishesUnderWayAtTheStopAreAnswered) {
  std::vector<std::future<PublishOutcome>> futures;
  for (std::uint64_t i = 0; i < 500; ++i) futures.push_back(hub->publish(name, numbers(i, 1)));
  hub.reset();
  memory.store.stop();
  for (auto& future : futures) {
    ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
    const PublishOutcome outcome = future.get();
    EXPECT_EQ(outcome.error.value_or(Errc::shutting_down), Errc::shutting_down);
  }
}

// ---- following ----

TEST_F(HubTest, ASubscriptionGetsWhatIsThereAndWhatComes) {
  publish(1, 3);
  Heard heard;
  const auto subscription = subscribe(heard, StartEarliest{});
  heard.wait([&] { return !heard.caught_up.empty(); });
  publish(4, 2);
  heard.wait_for({5});
  EXPECT_EQ(heard.data, (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(heard.caught_up, std::vector<Offset>{{3}});
  settle();
  EXPECT_EQ(subscription->position(), (Position{memory.topic(name)->bounds().epoch, {5}}));
}

TEST_F(HubTest, StartsWhereItIsAskedTo) {
  publish(1, 10);
  const Epoch epoch = memory.topic(name)->bounds().epoch;
  const std::vector<std::pair<Start, std::string>> starts = {
      {StartEarliest{}, "1"},
      {StartAfter{{epoch, {4}}}, "5"},
      {StartAfter{{{0}, {4}}}, "5"},
      {StartLast{3}, "8"},
      {StartNow{}, "11"},
  };
  std::vector<std::unique_ptr<Heard>> heard;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (const auto& [start, first] : starts) {
    subscriptions.push_back(subscribe(*heard.emplace_back(std::make_unique<Heard>()), start));
  }
  publish(11, 1);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    heard[i]->wait_for({11});
    EXPECT_EQ(heard[i]->data.front(), starts[i].second);
  }
}

TEST_F(HubTest, AnUnknownTopicIsRefused) {
  Heard heard;
  EXPECT_EQ(hub->subscribe(name, StartNow{}, OnGap::fail, heard.handler()).errc(),
            Errc::unknown_topic);
}

TEST_F(HubTest, NothingIsMissedOrDoubledWhenSubscribingWhilePublishing) {
  // Publishing and subscribing start together each time; the readers begin before, amid, after.
  constexpr int kRounds = 200;
  constexpr std::uint64_t kEvents = 40;
  for (int round = 0; round < kRounds; ++round) {
    const TopicName topic = name_of("round/" + std::to_string(round));
    publish_to(topic, numbers(1, 1));
    std::latch start(2);
    std::thread publisher([&] {
      start.arrive_and_wait();
      for (std::uint64_t i = 2; i <= kEvents; ++i) {
        auto future = hub->publish(topic, numbers(i, 1));
        if (i % 8 == 0) future.wait();
      }
    });
    start.arrive_and_wait();
    std::vector<std::unique_ptr<Heard>> heard;
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    for (int i = 0; i < 6; ++i) {
      auto& reader = *heard.emplace_back(std::make_unique<Heard>());
      subscriptions.push_back(
          hub->subscribe(topic, StartEarliest{}, OnGap::fail, reader.handler()).value());
    }
    publisher.join();
    for (const auto& reader : heard) {
      reader->wait_for({kEvents});
      ASSERT_EQ(reader->data.size(), kEvents);
      ASSERT_EQ(reader->misordered, 0U);
      ASSERT_EQ(reader->data.back(), std::to_string(kEvents));
    }
  }
}

TEST_F(HubTest, AThousandSubscriptionsGetEveryEventOnce) {
  publish(1, 1);
  std::vector<std::unique_ptr<Heard>> heard;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < 1'000; ++i) {
    subscriptions.push_back(
        subscribe(*heard.emplace_back(std::make_unique<Heard>()), StartEarliest{}));
  }
  for (std::uint64_t i = 2; i <= 100; ++i) publish(i, 1);
  for (const auto& reader : heard) {
    reader->wait_for({100});
    EXPECT_EQ(reader->data.size(), 100U);
    EXPECT_EQ(reader->misordered, 0U);
  }
}

TEST_F(HubTest, WakesAreCountedPerTurnNotPerPublish) {
  publish(1, 1);
  Heard heard;
  Hub one(memory.store, {.io_threads = 1});
  const auto subscription = one.subscribe(name, StartNow{}, OnGap::fail, heard.handler()).value();
  heard.wait([&] { return !heard.caught_up.empty(); });
  // The shard's thread is held while the events are published.
  std::promise<void> held;
  std::promise<void> go_on;
  ShardStats before;
  one.shard(0).link()->post([&] {
    before = one.shard(0).stats();
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  for (std::uint64_t i = 2; i <= 50; ++i) memory.requester.publish(name, 1);
  go_on.set_value();
  heard.wait_for({50});
  std::promise<ShardStats> after;
  one.shard(0).link()->post([&] { after.set_value(one.shard(0).stats()); });
  const ShardStats now = after.get_future().get();
  EXPECT_EQ(now.drains - before.drains, 1U);
  EXPECT_EQ(now.wakes - before.wakes, 1U);
  EXPECT_EQ(now.flushes - before.flushes, 1U);
}

TEST_F(HubTest, ALongReplayIsServedInTurns) {
  for (std::uint64_t i = 0; i < 4; ++i) publish(1 + i * 500, 500);
  Heard heard;
  const auto subscription = subscribe(heard, StartEarliest{});
  heard.wait_for({2'000});
  EXPECT_EQ(heard.misordered, 0U);
  std::uint64_t flushes = 0;
  for (std::size_t i = 0; i < hub->shard_count(); ++i) {
    std::promise<std::uint64_t> seen;
    hub->shard(i).link()->post([&, i] { seen.set_value(hub->shard(i).stats().flushes); });
    flushes += seen.get_future().get();
  }
  EXPECT_GE(flushes, 8U) << "2,000 events are more than a turn's";
}

// ---- what is gone ----

TEST_F(HubTest, AGapAtTheStartRefusesTheSubscription) {
  publish(1, 9);
  memory.requester.trim(name, {6});
  const Epoch epoch = memory.topic(name)->bounds().epoch;
  Heard heard;
  const auto refused = [&](Position position) {
    return hub->subscribe(name, StartAfter{position}, OnGap::fail, heard.handler()).errc();
  };
  EXPECT_EQ(refused({epoch, {2}}), Errc::position_trimmed);
  EXPECT_EQ(refused({epoch, {10}}), Errc::position_ahead);
  EXPECT_EQ(refused({{999}, {7}}), Errc::wrong_epoch);
}

TEST_F(HubTest, AGapIsToldAndPassedIfAskedTo) {
  publish(1, 9);
  memory.requester.trim(name, {6});
  Heard heard;
  const auto subscription = subscribe(heard, StartAfter{{{0}, {2}}}, OnGap::earliest);
  heard.wait_for({9});
  ASSERT_EQ(heard.gaps.size(), 1U);
  EXPECT_EQ(heard.gaps[0].lost, (OffsetRange{{3}, {6}}));
  EXPECT_EQ(heard.data, (std::vector<std::string>{"6", "7", "8", "9"}));
}

TEST_F(HubTest, ADeletedTopicEndsItsSubscriptions) {
  publish(1, 1);
  Heard one;
  Heard two;
  const auto first = subscribe(one, StartNow{});
  const auto second = subscribe(two, StartEarliest{});
  memory.requester.erase(name);
  EXPECT_EQ(one.wait_for_end(), Errc::topic_deleted);
  EXPECT_EQ(two.wait_for_end(), Errc::topic_deleted);
  // Another of that name is another topic.
  publish(1, 1);
  settle();
  EXPECT_LE(two.data.size(), 1U);
}

TEST_F(HubTest, ANewEpochIsTold) {
  publish(1, 2);
  Heard heard;
  const auto subscription = subscribe(heard, StartEarliest{});
  heard.wait_for({2});
  memory.begin_epoch();
  publish(3, 2);
  heard.wait_for({4});
  const Epoch now = memory.topic(name)->bounds().epoch;
  EXPECT_EQ(heard.epoch_notices, (std::vector<EpochNotice>{{"scores", now, {3}}}));
  EXPECT_EQ(heard.epochs.size(), 2U);
  settle();
  EXPECT_EQ(subscription->position(), (Position{now, {4}}));
}

TEST(HubOnASmallMemory, ALogThatIsNotInMemoryIsReadFromTheLog) {
  storage::EventStoreOptions options;
  options.ring_topic_bytes = 1;
  MemoryStore memory(std::move(options));
  Hub hub(memory.store, {.io_threads = 2});
  const TopicName name = name_of("long");
  constexpr std::uint64_t kEvents = 40'000;
  for (std::uint64_t i = 0; i < kEvents; i += 1'000) memory.requester.publish(name, 1'000);
  std::vector<std::unique_ptr<Heard>> heard;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (std::uint64_t i = 0; i < 20; ++i) {
    auto& reader = *heard.emplace_back(std::make_unique<Heard>());
    reader.last = {i * 1'777};
    subscriptions.push_back(
        hub.subscribe(name, StartAfter{{{0}, reader.last}}, OnGap::fail, reader.handler()).value());
  }
  memory.requester.publish(name, 1);
  for (std::uint64_t i = 0; i < 20; ++i) {
    heard[i]->wait_for({kEvents + 1});
    EXPECT_EQ(heard[i]->data.size(), kEvents + 1 - i * 1'777);
    EXPECT_EQ(heard[i]->misordered, 0U);
  }
}

// ---- ends ----

TEST_F(HubTest, WhatACallbackThrowsEndsOnlyItsSubscription) {
  publish(1, 3);
  Heard good;
  Heard bad;
  SubscriptionHandler handler = bad.handler();
  handler.on_event = [&](const EventView& event, Epoch) {
    if (event.offset == Offset{2}) throw std::runtime_error("not this one");
  };
  const auto healthy = subscribe(good, StartEarliest{});
  const auto broken =
      hub->subscribe(name, StartEarliest{}, OnGap::fail, std::move(handler)).value();
  EXPECT_EQ(bad.wait_for_end(), Errc::cancelled);
  EXPECT_EQ(broken->position().offset, Offset{1});
  publish(4, 1);
  good.wait_for({4});
}

TEST_F(HubTest, EvenTheEndMayThrow) {
  publish(1, 1);
  std::promise<void> ended;
  const auto subscription = hub->subscribe(name, StartEarliest{}, OnGap::fail,
                                           {.on_event = [](const EventView&, Epoch) { throw 1; },
                                            .on_end =
                                                [&](Errc) {
                                                  ended.set_value();
                                                  throw 2;
                                                }})
                                .value();
  EXPECT_EQ(ended.get_future().wait_for(kPatience), std::future_status::ready);
  settle();
}

TEST_F(HubTest, ASubscriptionMayBeDestroyedInItsOwnCallback) {
  for (int round = 0; round < 100; ++round) {
    const TopicName topic = name_of("own/" + std::to_string(round));
    publish_to(topic, numbers(1, 5));
    std::unique_ptr<Subscription> subscription;
    std::promise<void> assigned;
    auto ready = assigned.get_future().share();
    std::promise<void> gone;
    int calls = 0;
    // Where it is destroyed differs: first event, last event, caught up.
    const int at = round % 6;
    const auto destroy_at = [&](int call) {
      if (call != at) return;
      ready.wait();
      subscription.reset();
      gone.set_value();
    };
    subscription = hub->subscribe(topic, StartEarliest{}, OnGap::fail,
                                  {.on_event =
                                       [&](const EventView&, Epoch) {
                                         ++calls;
                                         destroy_at(calls - 1);
                                       },
                                   .on_caught_up = [&](Offset) { destroy_at(5); },
                                   .on_end = [&](Errc) { ADD_FAILURE(); }})
                       .value();
    assigned.set_value();
    ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
    settle();
    publish_to(topic, numbers(6, 1));
    settle();
    EXPECT_EQ(calls, std::min(at + 1, 5));
  }
}

TEST_F(HubTest, DestroyingWaitsForACallbackUnderWay) {
  publish(1, 1);
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> left = false;
  auto subscription = hub->subscribe(name, StartEarliest{}, OnGap::fail,
                                     {.on_event =
                                          [&](const EventView&, Epoch) {
                                            entered.set_value();
                                            leave.get_future().wait();
                                            left = true;
                                          }})
                          .value();
  entered.get_future().wait();
  std::thread destroyer([&] {
    subscription.reset();
    EXPECT_TRUE(left);
  });
  leave.set_value();
  destroyer.join();
}

TEST_F(HubTest, NoCallbackComesAfterDestruction) {
  publish(1, 1);
  std::atomic<bool> stop = false;
  std::thread publisher([&] {
    for (std::uint64_t i = 2; !stop; ++i) publish(i, 1);
  });
  for (int round = 0; round < 300; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto subscription =
        hub->subscribe(name, StartLast{3}, OnGap::earliest,
                       {.on_event = [&](const EventView&, Epoch) { EXPECT_TRUE(*alive); }})
            .value();
    if (round % 3 == 0) settle();
    subscription.reset();
    *alive = false;
    alive.reset();
  }
  stop = true;
  publisher.join();
  settle();
  for (std::size_t i = 0; i < hub->shard_count(); ++i) {
    std::promise<std::size_t> waited;
    hub->shard(i).link()->post([&, i] { waited.set_value(hub->shard(i).waited_topics()); });
    EXPECT_EQ(waited.get_future().get(), 0U);
  }
}

TEST_F(HubTest, TheHubMayGoBeforeItsSubscriptions) {
  publish(1, 500);
  std::vector<std::unique_ptr<Heard>> heard;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int i = 0; i < 50; ++i) {
    subscriptions.push_back(
        subscribe(*heard.emplace_back(std::make_unique<Heard>()), StartEarliest{}));
  }
  memory.topic(name)->shrink(true);  // some are in a cold read
  hub.reset();
  memory.requester.publish(name, 1);
  for (const auto& reader : heard) {
    EXPECT_EQ(reader->misordered, 0U);
    EXPECT_FALSE(reader->ended);
  }
  for (auto& subscription : subscriptions) EXPECT_LE(subscription->position().offset, Offset{500});
  subscriptions.clear();
}

// ---- joining with an initial state ----

TEST(PositionAfter, GoesOnAfterWhatTheBundleReflects) {
  const Position taken{{7}, {10}};
  EXPECT_EQ(position_after({}, taken, {20}).value(), taken);
  EXPECT_EQ(position_after({.data = "", .reflects = Offset{15}}, taken, {20}).value(),
            (Position{{7}, {15}}));
  EXPECT_EQ(position_after({.data = "", .reflects = Offset{20}}, taken, {20}).value().offset,
            Offset{20});
  EXPECT_EQ(position_after({.data = "", .reflects = Offset{8}}, taken, {20}).value().offset,
            Offset{8});
  EXPECT_EQ(position_after({.data = "", .reflects = Offset{21}}, taken, {20}).errc(),
            Errc::position_ahead);
}

/// An application's state: a counter that each event sets, changed before the event is published.
struct Counter {
  void set(std::uint64_t to) {
    const std::lock_guard lock(mutex);
    value = to;
  }
  std::string read() {
    const std::lock_guard lock(mutex);
    return std::to_string(value);
  }
  std::mutex mutex;
  std::uint64_t value = 0;
};

TEST_F(HubTest, JoiningANewTopicCreatesIt) {
  Heard heard;
  const auto subscription = hub->join(
      name,
      [](Position taken) -> Result<StateBundle> {
        EXPECT_EQ(taken.offset, Offset{0});
        return StateBundle{.data = "empty", .reflects = std::nullopt};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  publish(1, 2);
  heard.wait_for({2});
  EXPECT_EQ(heard.state, "empty");
  EXPECT_EQ(heard.data, (std::vector<std::string>{"1", "2"}));
}

TEST_F(HubTest, EventsPublishedWhileTheSourceWorksFollowTheState) {
  publish(1, 5);
  Heard heard;
  const auto subscription = hub->join(
      name,
      [&](Position taken) -> Result<StateBundle> {
        EXPECT_EQ(taken, (Position{memory.topic(name)->bounds().epoch, {5}}));
        publish(6, 3);  // waits: it may, on a reader thread
        return StateBundle{.data = "five", .reflects = std::nullopt};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  heard.wait_for({8});
  EXPECT_EQ(heard.state, "five");
  EXPECT_EQ(heard.state_at.offset, Offset{5});
  EXPECT_EQ(heard.data, (std::vector<std::string>{"6", "7", "8"}));
}

TEST_F(HubTest, ASourceThatKnowsWhatItReflectsGetsNothingTwice) {
  publish(1, 5);
  Heard heard;
  const auto subscription = hub->join(
      name,
      [&](Position) -> Result<StateBundle> {
        publish(6, 3);
        return StateBundle{.data = "seven", .reflects = Offset{7}};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  heard.wait_for({8});
  EXPECT_EQ(heard.state_at.offset, Offset{7});
  EXPECT_EQ(heard.data, (std::vector<std::string>{"8"}));
}

TEST_F(HubTest, StateAndEventsTogetherAreTheFinalStateHoweverTheyRace) {
  constexpr int kRounds = 100;
  constexpr std::uint64_t kEvents = 40;
  for (int round = 0; round < kRounds; ++round) {
    const TopicName topic = name_of("join/" + std::to_string(round));
    Counter counter;
    std::latch start(2);
    std::thread publisher([&] {
      start.arrive_and_wait();
      for (std::uint64_t i = 1; i <= kEvents; ++i) {
        counter.set(i);
        auto future = hub->publish(topic, numbers(i, 1));
        if (i % 4 == 0) future.wait();
      }
    });
    start.arrive_and_wait();
    std::vector<std::unique_ptr<Heard>> heard;
    std::vector<std::unique_ptr<Subscription>> subscriptions;
    for (int i = 0; i < 4; ++i) {
      auto& reader = *heard.emplace_back(std::make_unique<Heard>());
      auto source = [&](Position taken) -> Result<StateBundle> {
        std::string data = counter.read();
        std::uint64_t shown = 0;
        std::from_chars(data.data(), data.data() + data.size(), shown);
        EXPECT_GE(shown, taken.offset.value) << "the position was taken before the state was read";
        return StateBundle{.data = std::move(data), .reflects = std::nullopt};
      };
      subscriptions.push_back(hub->join(topic, source, OnGap::fail, reader.handler()).value());
    }
    publisher.join();
    for (const auto& reader : heard) {
      reader->wait([&] { return reader->state && reader->last >= Offset{kEvents}; });
      ASSERT_EQ(reader->misordered, 0U);
      ASSERT_EQ(reader->data.empty() ? *reader->state : reader->data.back(),
                std::to_string(kEvents));
      ASSERT_EQ(reader->state_at.offset.value + reader->data.size(), kEvents);
    }
  }
}

TEST_F(HubTest, ASourcesErrorEndsTheSubscriptionBeforeItHasBegun) {
  publish(1, 1);
  const std::vector<std::pair<InitialStateSource, Errc>> sources = {
      {[](Position) -> Result<StateBundle> { return Errc::storage_failed; }, Errc::storage_failed},
      {[](Position) -> Result<StateBundle> { throw std::runtime_error("no"); }, Errc::cancelled},
      {[](Position) -> Result<StateBundle> {
         return StateBundle{.data = "", .reflects = Offset{99}};
       },
       Errc::position_ahead},
  };
  for (const auto& [source, reason] : sources) {
    Heard heard;
    const auto subscription = hub->join(name, source, OnGap::fail, heard.handler());
    ASSERT_TRUE(subscription);
    EXPECT_EQ(heard.wait_for_end(), reason);
    EXPECT_FALSE(heard.state);
    EXPECT_EQ((*subscription)->position(), Position{});
  }
}

TEST_F(HubTest, WhatIsTrimmedWhileTheSourceWorksIsNoSilentGap) {
  publish(1, 5);
  for (const OnGap on_gap : {OnGap::fail, OnGap::earliest}) {
    Heard heard;
    std::atomic<int> runs = 0;
    const Offset head = memory.topic(name)->bounds().head;
    const auto subscription = hub->join(
        name,
        [&](Position taken) -> Result<StateBundle> {
          ++runs;
          publish(taken.offset.value + 1, 4);
          memory.requester.trim(name, {taken.offset.value + 3});
          return StateBundle{.data = "old", .reflects = std::nullopt};
        },
        on_gap, heard.handler());
    ASSERT_TRUE(subscription);
    if (on_gap == OnGap::fail) {
      EXPECT_EQ(heard.wait_for_end(), Errc::position_trimmed);
    } else {
      heard.wait_for({head.value + 12});
    }
    EXPECT_EQ(runs, 3);
    ASSERT_EQ(heard.gaps.size(), 1U);
    EXPECT_EQ(heard.gaps[0].lost, (OffsetRange{{head.value + 9}, {head.value + 11}}));
  }
}

TEST_F(HubTest, ASourceThatRetentionHasOutrunIsCalledAgain) {
  publish(1, 5);
  Heard heard;
  std::atomic<int> runs = 0;
  const auto subscription = hub->join(
      name,
      [&](Position taken) -> Result<StateBundle> {
        if (++runs == 1) {
          publish(6, 4);
          memory.requester.trim(name, {8});
        }
        return StateBundle{.data = std::to_string(taken.offset.value), .reflects = std::nullopt};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  publish(10, 1);
  heard.wait_for({10});
  EXPECT_EQ(runs, 2);
  const std::lock_guard lock(heard.mutex);
  EXPECT_GE(heard.state_at.offset, Offset{9});
  EXPECT_TRUE(heard.gaps.empty());
}

TEST_F(HubTest, DestroyingAJoinWaitsForItsSource) {
  publish(1, 1);
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> left = false;
  Heard heard;
  auto subscription = hub->join(
      name,
      [&](Position) -> Result<StateBundle> {
        entered.set_value();
        leave.get_future().wait();
        left = true;
        return StateBundle{};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  entered.get_future().wait();
  std::thread destroyer([&] {
    subscription->reset();
    EXPECT_TRUE(left);
  });
  leave.set_value();
  destroyer.join();
}

TEST_F(HubTest, ASourceThatHasNotBegunIsNotCalledAfterDestruction) {
  publish(1, 1);
  Hub one(memory.store, {.io_threads = 1, .reader_threads = 1});
  std::promise<void> release;
  std::promise<void> released;
  one.shard(0).run_blocking([&] { release.get_future().wait(); }, [] {});
  Heard heard;
  bool called = false;
  auto subscription = one.join(
      name,
      [&](Position) -> Result<StateBundle> {
        called = true;
        return StateBundle{};
      },
      OnGap::fail, heard.handler());
  ASSERT_TRUE(subscription);
  subscription->reset();
  release.set_value();
  one.shard(0).run_blocking([&] { released.set_value(); }, [] {});
  released.get_future().wait();
  EXPECT_FALSE(called);
}

TEST_F(HubTest, AJoinInACallbackDoesNotBlockItsShard) {
  // Creating the topic waits for the committer; with one shard that must not wait for itself.
  Hub one(memory.store, {.io_threads = 1});
  publish(1, 1);
  Heard inner;
  std::unique_ptr<Subscription> joined;
  std::promise<void> done;
  const auto outer =
      one.subscribe(name, StartEarliest{}, OnGap::fail,
                    {.on_event =
                         [&](const EventView&, Epoch) {
                           joined = one.join(
                                           name_of("made/in/a/callback"),
                                           [](Position) -> Result<StateBundle> {
                                             return StateBundle{.data = "x", .reflects = {}};
                                           },
                                           OnGap::fail, inner.handler())
                                        .value();
                           done.set_value();
                         }})
          .value();
  ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  inner.wait([&] { return inner.state.has_value(); });
}

}  // namespace
}  // namespace tidemark::broker
