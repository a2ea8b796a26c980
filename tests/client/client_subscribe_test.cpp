// Following over real sockets that break.
// tests/client/: see protocol/client/client.hpp.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/harness.hpp"

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;
using test::FakeBroker;
using test::Harness;
using test::quick;
using test::StatusLog;

/// The next event's data; other deliveries are passed over.
std::string next_event(Harness& harness, Subscription& subscription) {
  for (;;) {
    auto reply = harness.get(subscription.next());
    if (!reply) return std::string(info(reply.error().code).name);
    if (auto* event = std::get_if<Event>(&*reply)) return event->data;
  }
}

/// The next delivery in short.
std::string next_any(Harness& harness, Subscription& subscription) {
  auto reply = harness.get(subscription.next());
  if (!reply) return std::string(info(reply.error().code).name);
  if (auto* event = std::get_if<Event>(&*reply)) return event->data;
  if (auto* gap = std::get_if<Gap>(&*reply)) {
    return "gap " + std::to_string(gap->lost.first.value) + "-" +
           std::to_string(gap->lost.end.value) + " " + std::string(to_string(gap->cause));
  }
  if (auto* caught_up = std::get_if<CaughtUp>(&*reply)) {
    return "caught up " + std::to_string(caught_up->offset.value);
  }
  return "epoch " + std::to_string(std::get<EpochNotice>(*reply).first.value);
}

void fill(FakeBroker& broker, int count) {
  broker.create("t");
  for (int i = 1; i <= count; ++i) broker.append("t", std::to_string(i));
}

void expect_all(Harness& harness, Subscription& subscription, int first, int last) {
  for (int i = first; i <= last; ++i) {
    ASSERT_EQ(next_event(harness, subscription), std::to_string(i));
  }
}

class ClientSubscribe : public testing::TestWithParam<WireForm> {
 protected:
  ClientOptions options(const FakeBroker& broker) {
    ClientOptions out = quick(broker.url());
    out.form = GetParam();
    return out;
  }
};

TEST_P(ClientSubscribe, HandsOverWhatIsThereAndThenWhatComes) {
  FakeBroker broker(GetParam());
  fill(broker, 3);
  Harness harness;
  Client client(harness.executor(), options(broker));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  EXPECT_EQ(next_any(harness, subscription), "1");
  EXPECT_EQ(next_any(harness, subscription), "2");
  EXPECT_EQ(next_any(harness, subscription), "3");
  EXPECT_EQ(next_any(harness, subscription), "caught up 3");
  broker.append("t", "4");
  EXPECT_EQ(next_any(harness, subscription), "4");
  EXPECT_EQ(subscription.position(), (Position{{7}, {4}}));
  EXPECT_EQ(subscription.content_type(), "text/plain");
}

TEST_P(ClientSubscribe, ADropAfterAnyEventNeitherLosesNorDoubles) {
  constexpr int kCount = 10;
  for (std::uint64_t at = 0; at < kCount; ++at) {
    FakeBroker broker(GetParam());
    broker.drop_after_event = [at](std::uint64_t nth) { return nth == at; };
    fill(broker, kCount);
    Harness harness;
    Client client(harness.executor(), options(broker));
    auto subscription = client.subscribe("t", {.start = StartEarliest{}});
    expect_all(harness, subscription, 1, kCount);
    // The last one's drop must not cost the next event either.
    broker.append("t", "11");
    EXPECT_EQ(next_event(harness, subscription), "11") << "drop after " << at;
  }
}

TEST_P(ClientSubscribe, RandomDropsEverywhereNeitherLoseNorDouble) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    FakeBroker broker(GetParam());
    broker.drop_after_event = [&](std::uint64_t) { return random() % 20 == 0; };
    broker.drop_connection = [&](std::uint64_t) { return random() % 4 == 0; };
    broker.create("t");
    Harness harness;
    Client client(harness.executor(), options(broker));
    auto subscription = client.subscribe("t", {.start = StartEarliest{}});
    for (int i = 1; i <= 300; ++i) {
      broker.append("t", std::to_string(i));
      if (i % 10 == 0) expect_all(harness, subscription, i - 9, i);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, ClientSubscribe, testing::Values(WireForm::json, WireForm::binary),
                         [](const auto& form) {
                           return form.param == WireForm::json ? "Json" : "Binary";
                         });

TEST(ClientSubscribing, ResumesAfterTheLastEventWithItsEpoch) {
  FakeBroker broker;
  fill(broker, 3);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  expect_all(harness, subscription, 1, 3);
  broker.drop_all();
  broker.append("t", "4");
  expect_all(harness, subscription, 4, 4);
  const auto asked = broker.subscribes();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked.back().start, Start(StartAfter{{{7}, {3}}}));
}

TEST(ClientSubscribing, ManyTopicsShareAConnection) {
  FakeBroker broker;
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  std::vector<Subscription> subscriptions;
  for (int i = 0; i < 30; ++i) {
    const auto topic = "t/" + std::to_string(i);
    broker.create(topic);
    broker.append(topic, topic);
    subscriptions.push_back(client.subscribe(topic, {.start = StartEarliest{}}));
  }
  for (auto& subscription : subscriptions) {
    EXPECT_EQ(next_event(harness, subscription), subscription.topic());
  }
  broker.drop_all();
  for (auto& subscription : subscriptions) {
    broker.append(subscription.topic(), "again");
    EXPECT_EQ(next_event(harness, subscription), "again");
  }
  EXPECT_EQ(broker.connections(), 2U);
}

TEST(ClientSubscribing, ASecondSubscriptionToATopicIsRefusedAndTheFirstGoesOn) {
  FakeBroker broker;
  fill(broker, 1);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto first = client.subscribe("t", {.start = StartEarliest{}});
  {
    auto second = client.subscribe("t");
    EXPECT_EQ(next_any(harness, second), "already_subscribed");
  }
  EXPECT_EQ(next_event(harness, first), "1");
  broker.append("t", "2");
  EXPECT_EQ(next_event(harness, first), "2");
}

TEST(ClientSubscribing, LeavingMakesRoomForAnother) {
  FakeBroker broker;
  fill(broker, 5);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  for (int i = 0; i < 20; ++i) {
    auto subscription = client.subscribe("t", {.start = StartEarliest{}});
    EXPECT_EQ(next_event(harness, subscription), "1");
  }
}

TEST(ClientSubscribing, AGapIsToldAndThenItGoesOn) {
  FakeBroker broker;
  fill(broker, 10);
  broker.trim("t", 8);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartAfter{{{7}, {2}}}});
  EXPECT_EQ(next_any(harness, subscription), "gap 3-8 trimmed");
  EXPECT_EQ(next_any(harness, subscription), "8");
}

TEST(ClientSubscribing, AGapEndsItIfItShould) {
  FakeBroker broker;
  fill(broker, 10);
  broker.trim("t", 8);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription =
      client.subscribe("t", {.start = StartAfter{{{7}, {2}}}, .on_gap = OnGap::fail});
  EXPECT_EQ(next_any(harness, subscription), "gap 3-8 trimmed");
  EXPECT_EQ(next_any(harness, subscription), "position_trimmed");
}

TEST(ClientSubscribing, APositionAheadIsNeverUpToDate) {
  FakeBroker broker;
  fill(broker, 2);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartAfter{{{7}, {50}}}});
  EXPECT_EQ(next_any(harness, subscription), "gap 3-51 ahead");
  EXPECT_EQ(next_any(harness, subscription), "1");
}

TEST(ClientSubscribing, ANewEpochIsToldAndResumedWith) {
  FakeBroker broker;
  fill(broker, 2);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  expect_all(harness, subscription, 1, 2);
  EXPECT_EQ(next_any(harness, subscription), "caught up 2");
  broker.new_epoch("t");
  EXPECT_EQ(next_any(harness, subscription), "epoch 3");
  EXPECT_EQ(subscription.position(), (Position{{8}, {2}}));
  broker.drop_all();
  broker.append("t", "3");
  expect_all(harness, subscription, 3, 3);
  EXPECT_EQ(broker.subscribes().back().start, Start(StartAfter{{{8}, {2}}}));
}

TEST(ClientSubscribing, ASilentGapMakesItComeBackForWhatIsMissing) {
  FakeBroker broker;
  bool left_out = false;
  broker.change_event = [&](Event event) -> std::optional<Event> {
    if (event.offset == Offset{3} && !std::exchange(left_out, true)) return std::nullopt;
    return event;
  };
  fill(broker, 6);
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  expect_all(harness, subscription, 1, 6);
  EXPECT_EQ(statuses.wait_for<Disconnected>().reason.code, Errc::malformed_message);
}

TEST(ClientSubscribing, EndsWhenTheTopicIsDeleted) {
  FakeBroker broker;
  fill(broker, 1);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  EXPECT_EQ(next_event(harness, subscription), "1");
  broker.remove("t");
  EXPECT_EQ(next_event(harness, subscription), "topic_deleted");
}

TEST(ClientSubscribing, WaitsForATopicIfAskedTo) {
  FakeBroker broker;
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto impatient = client.subscribe("u");
  EXPECT_EQ(next_any(harness, impatient), "unknown_topic");
  auto subscription = client.subscribe("t", {.start = StartEarliest{}, .wait_for_topic = true});
  auto next = harness.start(subscription.next());
  while (broker.subscribes().size() < 4) std::this_thread::yield();  // it has tried a few times
  fill(broker, 1);
  ASSERT_TRUE(Harness::await(std::move(next)).has_value());
  broker.append("t", "2");
  EXPECT_EQ(next_event(harness, subscription).size(), 1U);
  EXPECT_EQ(subscription.position().epoch, Epoch{7});
}

TEST(ClientSubscribing, ASlowApplicationHoldsTheBrokerBack) {
  constexpr std::size_t kEvents = 400;
  constexpr std::size_t kBytes = 100'000;  // 40 MB in all, far beyond what sockets hold
  FakeBroker broker;
  broker.create("t");
  for (std::size_t i = 0; i < kEvents; ++i) broker.append("t", std::string(kBytes, 'x'));
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.on_status = std::ref(statuses);
  options.ping_interval = milliseconds(400);  // holding back for longer must not look like silence
  Client client(harness.executor(), options);
  auto subscription =
      client.subscribe("t", {.start = StartEarliest{}, .queued_bytes = 10 * kBytes});
  EXPECT_EQ(next_event(harness, subscription).size(), kBytes);
  // That it stops sending can only be seen by giving it time: two looks see the same number.
  std::uint64_t sent = 0;
  for (std::uint64_t before = 1; before != sent;) {
    before = broker.events_sent();
    std::this_thread::sleep_for(milliseconds(500));
    sent = broker.events_sent();
  }
  EXPECT_LT(sent, kEvents / 2);
  for (std::size_t i = 1; i < kEvents; ++i) {
    ASSERT_EQ(next_event(harness, subscription).size(), kBytes);
  }
  EXPECT_EQ(broker.connections(), 1U);
}

TEST(ClientSubscribing, AQueueOfOneStillMoves) {
  FakeBroker broker;
  fill(broker, 200);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}, .queued_events = 1});
  expect_all(harness, subscription, 1, 200);
}

}  // namespace
}  // namespace tidemark::client
