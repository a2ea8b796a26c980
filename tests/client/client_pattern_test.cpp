// Following all topics of a pattern over real sockets that break.
// tests/client/: see protocol/client/client.hpp.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/told.hpp"

namespace tidemark::client {
namespace {

using test::entries;
using test::FakeBroker;
using test::Harness;
using test::quick;
using test::told;
using test::told_of_events;
using testing::ElementsAre;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class ClientPattern : public testing::Test {
 protected:
  void fill(const std::string& topic, int count) {
    broker.create(topic);
    for (int i = 1; i <= count; ++i) broker.append(topic, std::to_string(i));
  }
  std::vector<std::string> next(PatternSubscription& subscription, int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(told(harness, subscription));
    return out;
  }

  FakeBroker broker;  // epochs count from 7 on
  Harness harness;
};

TEST_F(ClientPattern, HandsOverWhatMatchesAndGivesTheMapBack) {
  fill("rooms/1", 1);
  fill("rooms/2", 2);
  fill("users/1", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
  EXPECT_THAT(next(subscription, 5),
              UnorderedElementsAre("rooms/1: 1", "rooms/1: caught up 1", "rooms/2: 1", "rooms/2: 2",
                                   "rooms/2: caught up 2"));
  EXPECT_THAT(subscription.positions(), UnorderedElementsAre(TopicPosition{"rooms/1", {{7}, {1}}},
                                                             TopicPosition{"rooms/2", {{8}, {2}}}));
}

TEST_F(ClientPattern, DeliveriesTellTheirTopicsContentType) {
  broker.create("rooms/1", "text/markdown");
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*");
  const auto delivery = harness.get(subscription.next());
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->content_type, "text/markdown");
}

TEST_F(ClientPattern, GoesOnFromAMapOfPositions) {
  fill("rooms/1", 3);
  fill("rooms/2", 2);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern(
      "rooms/*", {.positions = std::vector<TopicPosition>{{"rooms/1", {{7}, {2}}}}});
  EXPECT_THAT(subscription.positions(), ElementsAre(TopicPosition{"rooms/1", {{7}, {2}}}));
  EXPECT_THAT(next(subscription, 5),
              UnorderedElementsAre("rooms/1: 3", "rooms/1: caught up 3", "rooms/2: 1", "rooms/2: 2",
                                   "rooms/2: caught up 2"));
}

TEST_F(ClientPattern, ALostConnectionIsResumedInEveryTopic) {
  fill("rooms/1", 1);
  fill("rooms/2", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
  next(subscription, 4);
  broker.drop_all();
  broker.append("rooms/1", "2");
  broker.append("rooms/2", "2");
  fill("rooms/3", 1);  // made while nobody was connected, or just after
  const std::vector<TopicPosition> wanted{
      {"rooms/1", {{7}, {2}}}, {"rooms/2", {{8}, {2}}}, {"rooms/3", {{9}, {1}}}};
  while (subscription.positions() != wanted)
    ASSERT_THAT(told(harness, subscription), StartsWith("rooms/"));
  const auto asked = broker.subscribes().back();
  ASSERT_TRUE(asked.positions.has_value());
  EXPECT_THAT(*asked.positions, ElementsAre(TopicPosition{"rooms/1", {{7}, {1}}},
                                            TopicPosition{"rooms/2", {{8}, {1}}}));
}

TEST_F(ClientPattern, TopicsAppearAndGoByThemselves) {
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*");
  auto first = harness.start(subscription.next());
  while (broker.subscribes().empty()) std::this_thread::yield();
  broker.create("rooms/9");
  auto appeared = Harness::await(std::move(first));
  ASSERT_TRUE(appeared.has_value());
  EXPECT_EQ(appeared->topic, "rooms/9");
  EXPECT_TRUE(std::holds_alternative<CaughtUp>(appeared->delivery));
  broker.append("rooms/9", "1");
  EXPECT_EQ(told(harness, subscription), "rooms/9: 1");
  broker.remove("rooms/9");
  EXPECT_EQ(told(harness, subscription), "rooms/9: ended topic_deleted");
  EXPECT_TRUE(subscription.positions().empty());
  broker.create("rooms/9");
  broker.append("rooms/9", "again");
  EXPECT_EQ(told_of_events(harness, subscription), "rooms/9: again");
  EXPECT_THAT(subscription.positions(), ElementsAre(TopicPosition{"rooms/9", {{8}, {1}}}));
}

TEST_F(ClientPattern, ATopicDeletedMeanwhileIsTold) {
  fill("rooms/1", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern(
      "rooms/*", {.positions = std::vector<TopicPosition>{{"rooms/0", {{3}, {5}}}}});
  EXPECT_THAT(next(subscription, 3), UnorderedElementsAre("rooms/0: ended topic_deleted",
                                                          "rooms/1: 1", "rooms/1: caught up 1"));
  EXPECT_THAT(subscription.positions(), ElementsAre(TopicPosition{"rooms/1", {{7}, {1}}}));
}

TEST_F(ClientPattern, AStateThatIsCutShortBeginsAgainInItsTopicOnly) {
  fill("rooms/1", 1);
  fill("rooms/2", 1);
  broker.set_state("rooms/1", {entries("rooms/1", {{7}, {1}}, {"a"})});
  broker.set_state("rooms/2", {entries("rooms/2", {{8}, {1}}, {"b"}, true, false),
                               entries("rooms/2", {{8}, {1}}, {"c"}, false, true)});
  broker.drop_after_part = [](std::uint64_t nth) { return nth == 1; };  // the first of rooms/2
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.state = true});
  std::string seen;
  while (seen != "rooms/2: caught up 1") seen = told(harness, subscription);
  const auto asked = broker.subscribes();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[1].state);
  ASSERT_TRUE(asked[1].positions.has_value());
  EXPECT_THAT(*asked[1].positions, ElementsAre(TopicPosition{"rooms/1", {{7}, {1}}}));
  EXPECT_THAT(subscription.positions(), UnorderedElementsAre(TopicPosition{"rooms/1", {{7}, {1}}},
                                                             TopicPosition{"rooms/2", {{8}, {1}}}));
}

TEST_F(ClientPattern, ATopicThatIsRefusedIsToldOnceAndTheOthersGoOn) {
  broker.refuse_topic = [](const std::string& topic) -> std::optional<Errc> {
    if (topic == "rooms/2") return Errc::forbidden;
    return std::nullopt;
  };
  fill("rooms/1", 1);
  fill("rooms/2", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
  EXPECT_THAT(next(subscription, 3), UnorderedElementsAre("rooms/1: 1", "rooms/1: caught up 1",
                                                          "rooms/2: ended forbidden"));
  broker.drop_all();
  EXPECT_EQ(told(harness, subscription), "rooms/1: caught up 1");
  broker.append("rooms/1", "2");
  EXPECT_EQ(told(harness, subscription), "rooms/1: 2");
}

TEST_F(ClientPattern, ATopicThatCanNotBeHadForNowIsAskedForAgain) {
  std::atomic<int> refusals{2};
  broker.refuse_topic = [&refusals](const std::string& topic) -> std::optional<Errc> {
    if (topic == "rooms/2" && refusals-- > 0) return Errc::state_failed;
    return std::nullopt;
  };
  fill("rooms/1", 1);
  fill("rooms/2", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
  std::vector<std::string> events;
  std::string seen;
  while (seen != "rooms/2: caught up 1") {
    seen = told(harness, subscription);
    if (seen.ends_with(": 1")) events.push_back(seen);
  }
  EXPECT_THAT(events, ElementsAre("rooms/1: 1", "rooms/2: 1"));
  EXPECT_EQ(broker.connections(), 1U);
  EXPECT_EQ(broker.subscribes().size(), 3U);
  ASSERT_EQ(broker.unsubscribes().size(), 2U);
  EXPECT_EQ(broker.unsubscribes().front().pattern, "rooms/*");
}

TEST_F(ClientPattern, ATopicOfItsOwnIsLeftOutAndTheOtherWayRoundRefused) {
  fill("rooms/1", 1);
  fill("rooms/2", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto own = client.subscribe("rooms/1", {.start = StartEarliest{}});
  EXPECT_EQ(told(harness, own), "1");
  EXPECT_EQ(told(harness, own), "caught up 1");
  auto pattern = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
  EXPECT_THAT(next(pattern, 2), ElementsAre("rooms/2: 1", "rooms/2: caught up 1"));
  auto late = client.subscribe("rooms/2", {.start = StartEarliest{}});
  EXPECT_EQ(told(harness, late), "already_subscribed");
  broker.append("rooms/1", "own");
  EXPECT_EQ(told(harness, own), "own");
  broker.append("rooms/2", "of the pattern");
  EXPECT_EQ(told(harness, pattern), "rooms/2: of the pattern");
}

TEST_F(ClientPattern, WhatIsNoPatternAndASecondOfTheSameAreRefused) {
  Client client(harness.executor(), quick(broker.url()));
  auto wrong = client.subscribe_pattern("rooms//*");
  EXPECT_EQ(told(harness, wrong), "invalid_pattern");
  auto first = client.subscribe_pattern("rooms/*");
  auto second = client.subscribe_pattern("rooms/*");
  EXPECT_EQ(told(harness, second), "already_subscribed");
}

TEST_F(ClientPattern, LeavingTellsTheBroker) {
  fill("rooms/1", 1);
  Client client(harness.executor(), quick(broker.url()));
  for (int i = 0; i < 5; ++i) {
    auto subscription = client.subscribe_pattern("rooms/*", {.start = StartEarliest{}});
    EXPECT_EQ(told(harness, subscription), "rooms/1: 1");
  }
  while (broker.unsubscribes().size() < 5) std::this_thread::yield();
  EXPECT_EQ(broker.unsubscribes().back().pattern, "rooms/*");
}

TEST_F(ClientPattern, AcknowledgesTopicByTopic) {
  fill("rooms/1", 1);
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe_pattern("rooms/*", {.cursor = "c"});
  const auto reply = harness.get(subscription.acknowledge("rooms/1", {{7}, {1}}));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(*reply, (Position{{7}, {1}}));
  EXPECT_EQ(broker.acknowledgements().back().topic, "rooms/1");
}

}  // namespace
}  // namespace tidemark::client
