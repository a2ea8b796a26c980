// A shard's turns, run by hand: what is posted, who is woken, in which order.
// tests/: broker/shard.
#include "broker/shard.hpp"

#include <functional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include "broker/subscription.hpp"
#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

struct Probe final : Waiter, Flushable {
  explicit Probe(Shard* s = nullptr) : shard(s) {}
  void wake() override {
    ++wakes;
    if (on_wake) on_wake();
    if (shard != nullptr) shard->schedule(*this, nullptr);
  }
  void flush() override {
    ++flushes;
    if (on_flush) on_flush();
  }
  Shard* shard;
  int wakes = 0;
  int flushes = 0;
  std::function<void()> on_wake;
  std::function<void()> on_flush;
};

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() {
    memory.store.add_observer(shard);
    memory.requester.publish(name, 1);
    io.poll();
  }
  ~ShardTest() override {
    memory.store.remove_observer(shard);
    readers.join();
  }
  /// Runs what is ready; how many handlers that was.
  std::size_t poll() { return io.poll(); }

  std::unique_ptr<Probe> keep_;
  const TopicName name = name_of("a");
  MemoryStore memory;
  boost::asio::thread_pool readers{1};
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard{io.get_executor()};
  Shard shard{memory.store, io, readers};
};

TEST_F(ShardTest, ManyGroupsAreOneTurnOneWakeAndOneFlush) {
  Probe probe(&shard);
  shard.attach(memory.topic(name), probe);
  for (int i = 0; i < 20; ++i) memory.requester.publish(name, 1);
  EXPECT_EQ(poll(), 1U);
  EXPECT_EQ(probe.wakes, 1);
  EXPECT_EQ(probe.flushes, 1);
  EXPECT_EQ(poll(), 0U);
}

TEST_F(ShardTest, CountsWhoWaitsForATopic) {
  const auto topic = memory.topic(name);
  EXPECT_EQ(shard.waiting_for(*topic), 0U);
  Probe one(&shard);
  shard.attach(topic, one);
  {
    Probe two(&shard);
    shard.attach(topic, two);
    shard.attach(topic, two);
    EXPECT_EQ(shard.waiting_for(*topic), 2U) << "however often it attaches";
    memory.requester.publish(name, 1);
    poll();
    EXPECT_EQ(shard.waiting_for(*topic), 2U) << "also after a wake-up";
  }
  EXPECT_EQ(shard.waiting_for(*topic), 1U);
  one.on_wake = [&] { one.unlink(); };
  memory.requester.publish(name, 1);
  poll();
  EXPECT_EQ(shard.waiting_for(*topic), 0U);
}

TEST_F(ShardTest, TopicsNobodyWaitsForCostNothing) {
  Probe probe(&shard);
  shard.attach(memory.topic(name), probe);
  memory.requester.publish(name_of("b"), 1);
  EXPECT_EQ(poll(), 0U);
  probe.unlink();
  memory.requester.publish(name, 1);
  EXPECT_EQ(poll(), 0U);
  EXPECT_EQ(probe.wakes, 0);
}

TEST_F(ShardTest, AWaiterOfManyTopicsIsFlushedOnce) {
  struct Reader {
    explicit Reader(Shard& s) : session(&s) {}
    Probe session;
    std::vector<std::unique_ptr<Probe>> topics;
  } reader(shard);
  for (int i = 0; i < 10; ++i) {
    const TopicName topic = name_of("many/" + std::to_string(i));
    memory.requester.publish(topic, 1);
    auto& probe = *reader.topics.emplace_back(std::make_unique<Probe>());
    probe.on_wake = [&] { shard.schedule(reader.session, nullptr); };
    shard.attach(memory.topic(topic), probe);
  }
  for (int i = 0; i < 10; ++i) memory.requester.publish(name_of("many/" + std::to_string(i)), 1);
  EXPECT_EQ(poll(), 1U);
  EXPECT_EQ(reader.session.flushes, 1);
  for (const auto& topic : reader.topics) EXPECT_EQ(topic->wakes, 1);
}

TEST_F(ShardTest, AnswersAndWakesComeBeforeAnyFlush) {
  struct Answer final : storage::PublishRequest {
    Answer(TopicName t, std::function<void()> then)
        : PublishRequest(std::move(t)), f(std::move(then)) {}
    void answer() override { f(); }
    std::function<void()> f;
  };
  std::string order;
  Probe a(&shard);
  Probe b(&shard);
  for (Probe* probe : {&a, &b}) {
    probe->on_wake = [&] { order += 'w'; };
    probe->on_flush = [&] { order += 'f'; };
    shard.attach(memory.topic(name), *probe);
  }
  auto request = std::make_unique<Answer>(name, [&] { order += 'a'; });
  request->events = numbers(2, 1);
  request->observer = &shard;
  std::unique_ptr<storage::Request> base = std::move(request);
  ASSERT_TRUE(memory.store.submit(base));
  memory.requester.publish(name_of("later"), 1);
  poll();
  EXPECT_EQ(order, "awwff");
}

TEST_F(ShardTest, AWaiterMayUnlinkItselfWhenWoken) {
  Probe a;
  Probe b;
  a.on_wake = [&] { a.unlink(); };
  shard.attach(memory.topic(name), a);
  shard.attach(memory.topic(name), b);
  memory.requester.publish(name, 1);
  poll();
  memory.requester.publish(name, 1);
  poll();
  EXPECT_EQ(a.wakes, 1);
  EXPECT_EQ(b.wakes, 2);
}

TEST_F(ShardTest, AWaiterMayDestroyAnyOtherWhenWoken) {
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 5; ++i) {
    shard.attach(memory.topic(name), *probes.emplace_back(std::make_unique<Probe>()));
  }
  // One that has been called, one that has not, and the last but one from the one that calls.
  probes[2]->on_wake = [&] {
    probes[0].reset();
    probes[3].reset();
  };
  memory.requester.publish(name, 1);
  poll();
  EXPECT_EQ(probes[1]->wakes, 1);
  EXPECT_EQ(probes[2]->wakes, 1);
  EXPECT_EQ(probes[4]->wakes, 1);
}

TEST_F(ShardTest, TheLastWaiterMayGoWhenWokenAndAnotherComeInItsPlace) {
  auto a = std::make_unique<Probe>();
  Probe b;
  a->on_wake = [&] {
    shard.attach(memory.topic(name), b);
    auto gone = std::move(a);  // the function lives until it returns
    gone->unlink();
    keep_ = std::move(gone);
  };
  shard.attach(memory.topic(name), *a);
  memory.requester.publish(name, 1);
  poll();
  EXPECT_EQ(b.wakes, 0) << "attached in the round: it reads for itself";
  EXPECT_EQ(shard.waited_topics(), 1U);
  memory.requester.publish(name, 1);
  poll();
  EXPECT_EQ(b.wakes, 1);
}

TEST_F(ShardTest, AttachingElsewhereLeavesTheFirstTopic) {
  const TopicName other = name_of("b");
  memory.requester.publish(other, 1);
  Probe probe;
  shard.attach(memory.topic(name), probe);
  shard.attach(memory.topic(other), probe);
  EXPECT_EQ(shard.waited_topics(), 1U);
  memory.requester.publish(name, 1);
  EXPECT_EQ(poll(), 0U);
  memory.requester.publish(other, 1);
  EXPECT_EQ(poll(), 1U);
  EXPECT_EQ(probe.wakes, 1);
}

TEST_F(ShardTest, NothingIsLeftOfATopicNobodyWaitsForAnyMore) {
  std::vector<std::weak_ptr<storage::Topic>> seen;
  for (int i = 0; i < 1'000; ++i) {
    auto log = std::make_shared<storage::Topic>(
        name, storage::LoadedTopic{.meta = memory.topic(name)->meta(), .tail = {}}, 1);
    seen.push_back(log);
    Probe probe;
    shard.attach(log, probe);
    ASSERT_EQ(shard.waited_topics(), 1U);
  }
  EXPECT_EQ(shard.waited_topics(), 0U);
  for (const auto& topic : seen) EXPECT_TRUE(topic.expired());
}

TEST_F(ShardTest, WhoeverSchedulesInAFlushWaitsForALaterTurn) {
  Probe probe;
  int rounds = 3;
  probe.on_flush = [&] {
    if (--rounds > 0) shard.schedule(probe, nullptr);
  };
  shard.schedule(probe, nullptr);
  shard.schedule(probe, nullptr);
  std::vector<int> flushes_seen;
  while (io.poll_one() == 1) flushes_seen.push_back(probe.flushes);
  EXPECT_EQ(flushes_seen, (std::vector<int>{1, 2, 3}));
}

TEST_F(ShardTest, WhatIsScheduledIsKeptAliveUntilItsFlush) {
  auto probe = std::make_shared<Probe>();
  int flushes = 0;
  probe->on_flush = [&] { ++flushes; };
  const std::weak_ptr<Probe> seen = probe;
  shard.schedule(*probe, probe);
  probe.reset();
  EXPECT_FALSE(seen.expired());
  poll();
  EXPECT_EQ(flushes, 1);
  EXPECT_TRUE(seen.expired());
}

/// Notes the names it is told.
struct Watching final : PatternWatcher {
  void created(const std::shared_ptr<storage::Topic>& topic) override {
    names.push_back(topic->name().str());
  }
  std::vector<std::string> names;
};

TEST_F(ShardTest, WhoWatchesAPatternIsToldOfTheTopicsThatComeToBe) {
  const auto rooms = std::make_shared<Watching>();
  const auto all = std::make_shared<Watching>();
  memory.requester.publish(name_of("rooms/0"), 1);
  shard.watch("rooms/*", rooms);
  shard.watch("**", all);
  memory.requester.publish(name_of("rooms/1"), 1);
  memory.requester.publish(name_of("rooms/1"), 1);
  memory.requester.publish(name_of("rooms/1/a"), 1);
  poll();
  EXPECT_EQ(rooms->names, std::vector<std::string>{"rooms/1"});
  EXPECT_EQ(all->names, (std::vector<std::string>{"rooms/1", "rooms/1/a"}));
  shard.unwatch("rooms/*", *rooms);
  memory.requester.publish(name_of("rooms/2"), 1);
  poll();
  EXPECT_EQ(rooms->names.size(), 1U);
  EXPECT_EQ(all->names.size(), 3U);
}

TEST_F(ShardTest, AWatcherThatIsGoneIsNotTold) {
  auto gone = std::make_shared<Watching>();
  shard.watch("*", gone);
  gone.reset();
  memory.requester.publish(name_of("a"), 1);
  poll();
  EXPECT_TRUE(memory.store.find_open(name_of("a")));
}

TEST_F(ShardTest, CursorsAtOnePlaceGetTheSameBytes) {
  memory.requester.publish(name, 50);
  const auto topic = memory.topic(name);
  const auto read = [&](Offset after) {
    return memory.store.read(*topic, {.epoch = Epoch{}, .offset = after}).slice;
  };
  const SharedRun one = shard.frames(*topic, read({10}), FrameForm::json, 1 << 16);
  const SharedRun two = shard.frames(*topic, read({10}), FrameForm::json, 1 << 16);
  EXPECT_EQ(one.run.data, two.run.data);
  EXPECT_EQ(one.run.bytes, two.run.bytes);
  EXPECT_EQ(one.run.offsets.first, Offset{11});
  const SharedRun small = shard.frames(*topic, read({10}), FrameForm::json, 1);
  EXPECT_EQ(small.run.offsets, (OffsetRange{{11}, {12}}));
  const SharedRun binary = shard.frames(*topic, read({10}), FrameForm::binary, 1 << 16);
  EXPECT_NE(binary.run.data, one.run.data);
}

TEST_F(ShardTest, ALookUpIsNotReusedWhenTheSegmentHasMore) {
  const auto topic = memory.topic(name);
  const auto frames = [&] {
    const auto slice = memory.store.read(*topic, {.epoch = Epoch{}, .offset = {1}}).slice;
    return shard.frames(*topic, slice, FrameForm::json, 1 << 16).run.offsets;
  };
  memory.requester.publish(name, 1);
  EXPECT_EQ(frames(), (OffsetRange{{2}, {3}}));
  memory.requester.publish(name, 2);  // no turn of the loop in between
  EXPECT_GT(frames().end, Offset{3});
}

TEST_F(ShardTest, ColdReadsOfOnePlaceAreOneRead) {
  memory.requester.publish(name, 9);
  const auto topic = memory.topic(name);
  topic->shrink(true);
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    shard.load(topic, {3}, [&](const Result<void>& loaded) { done += loaded ? 1 : 0; });
  }
  EXPECT_EQ(shard.stats().loads, 1U);
  while (done < 100) io.run_one();
  EXPECT_EQ(memory.store.read(*topic, {.epoch = Epoch{}, .offset = {3}}).state,
            storage::ReadAnswer::State::events);
  topic->shrink(true);
  shard.load(topic, {3}, [&](const Result<void>&) { ++done; });
  EXPECT_EQ(shard.stats().loads, 2U);
  while (done < 101) io.run_one();
}

TEST_F(ShardTest, BlockingWorkIsAnsweredOnTheShard) {
  std::thread::id worker;
  std::thread::id answerer;
  shard.run_blocking([&] { worker = std::this_thread::get_id(); },
                     [&] { answerer = std::this_thread::get_id(); });
  io.run_one();
  EXPECT_EQ(answerer, std::this_thread::get_id());
  EXPECT_NE(worker, answerer);
}

TEST_F(ShardTest, AnEventBetweenAnyTwoTurnsOfABeginningSubscriptionIsNotMissed) {
  for (int turns = 0; turns < 6; ++turns) {
    const auto topic = memory.topic(name);
    const Offset head = topic->bounds().head;
    std::vector<Offset> got;
    SubscriptionHandler handler;
    handler.on_event = [&](const EventView& event, Epoch) { got.push_back(event.offset); };
    const auto subscription = Subscription::follow(
        shard, Cursor(topic, {topic->bounds().epoch, head}, OnGap::fail), std::move(handler));
    for (int i = 0; i < turns; ++i) io.poll_one();
    memory.requester.publish(name, 1);
    poll();
    EXPECT_EQ(got, std::vector<Offset>{head.next()}) << "published after " << turns << " turns";
  }
}

TEST_F(ShardTest, ALinkMayOutliveItsShard) {
  auto other = std::make_unique<Shard>(memory.store, io, readers);
  const auto link = other->link();
  Probe probe;
  other->attach(memory.topic(name), probe);
  int ran = 0;
  link->post([&] { ++ran; });
  other.reset();
  EXPECT_FALSE(probe.is_linked());
  link->post([&] { ++ran; });
  poll();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace tidemark::broker
