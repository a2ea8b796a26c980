// Patterns over WebSocket: topics there are and that come to be, each followed once.
// tests/: broker/websocket_session and broker/pattern_watchers, over real sockets.
#include <future>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"
#include "tests/broker/follow_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

class WebSocketPattern : public FollowFixture {
 protected:
  using FollowFixture::FollowFixture;

  static std::string subscribe(std::string_view pattern, std::string_view rest = {}) {
    return R"({"type":"subscribe","id":5,"pattern":")" + std::string(pattern) + "\"" +
           (rest.empty() ? "" : "," + std::string(rest)) + "}";
  }
  static void expect_following(WsClient& client, std::string_view pattern) {
    const auto following = client.expect("following");
    EXPECT_EQ(number(following, "id"), 5);
    EXPECT_EQ(text(following, "pattern"), pattern);
  }
  /// Topics and start positions of as many answers; everything else is passed over.
  static std::map<std::string, std::int64_t> subscribed(WsClient& client, std::size_t count) {
    std::map<std::string, std::int64_t> topics;
    while (topics.size() < count) {
      const auto message = client.message();
      if (WsClient::type_of(message) != "subscribed") continue;
      EXPECT_FALSE(message.as_object().contains("id"));
      const bool twice = !topics.emplace(text(message, "topic"), number(message, "offset")).second;
      EXPECT_FALSE(twice) << text(message, "topic");
    }
    return topics;
  }
  /// The next message of this type; everything else is passed over.
  static boost::json::value next(WsClient& client, std::string_view type) {
    while (true) {
      auto message = client.message();
      if (WsClient::type_of(message) == type) return message;
    }
  }
};

// ---- topics there are ----

TEST_F(WebSocketPattern, TopicsThereAreAreFollowed) {
  publish("rooms/1", 2);
  publish("rooms/2", 3);
  publish("roomservice", 1);
  publish("rooms/2/a", 1);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  EXPECT_THAT(subscribed(client, 2), UnorderedElementsAre(Pair("rooms/1", 2), Pair("rooms/2", 3)));
  publish("rooms/1", 1);
  publish("rooms/2/a", 1);
  const auto event = next(client, "event");
  EXPECT_EQ(text(event, "topic"), "rooms/1");
  EXPECT_EQ(number(event, "offset"), 3);
}

TEST_F(WebSocketPattern, TheyBeginWhereTheSubscribeSays) {
  publish("rooms/1", 2);
  auto client = connect();
  client.send(subscribe("rooms/*", R"("from":"earliest")"));
  expect_following(client, "rooms/*");
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 2));
}

TEST_F(WebSocketPattern, NoSegmentFitsTwoStarsToo) {
  publish("rooms", 1);
  publish("rooms/a/b", 2);
  publish("roomservice", 1);
  auto client = connect();
  client.send(subscribe("rooms/**"));
  expect_following(client, "rooms/**");
  EXPECT_THAT(subscribed(client, 2), UnorderedElementsAre(Pair("rooms", 1), Pair("rooms/a/b", 2)));
}

TEST_F(WebSocketPattern, PositionsAreWhereTheReaderIs) {
  publish("rooms/1", 4);
  publish("rooms/2", 3);
  auto client = connect();
  client.send(subscribe("rooms/*", R"("positions":{"rooms/1":{"epoch":)" +
                                       std::to_string(epoch("rooms/1")) + R"(,"offset":3}})"));
  expect_following(client, "rooms/*");
  EXPECT_THAT(subscribed(client, 2), UnorderedElementsAre(Pair("rooms/1", 3), Pair("rooms/2", 0)));
}

TEST_F(WebSocketPattern, TopicsOfPositionsThatAreNoMoreAreTold) {
  publish("rooms/1", 1);
  auto client = connect();
  client.send(subscribe("rooms/*", R"("positions":{"rooms/gone":{"epoch":7,"offset":3},)"
                                   R"("halls/gone":{"epoch":7,"offset":3}})"));
  expect_following(client, "rooms/*");
  EXPECT_EQ(text(client.expect("subscribed"), "topic"), "rooms/1");
  const auto ended = next(client, "unsubscribed");
  EXPECT_EQ(text(ended, "topic"), "rooms/gone");
  EXPECT_EQ(text(ended, "reason"), "topic_deleted");
  publish("rooms/1", 1);
  EXPECT_EQ(text(next(client, "event"), "topic"), "rooms/1") << "nothing of what does not fit";
}

TEST_F(WebSocketPattern, AnErrorOfOneTopicLeavesTheOthers) {
  publish("rooms/1", 4);
  publish("rooms/2", 1);
  auto client = connect();
  client.send(subscribe("rooms/*", R"("positions":{"rooms/1":{"epoch":999,"offset":3}})"));
  expect_following(client, "rooms/*");
  const auto error = client.expect("error");
  EXPECT_EQ(text(error, "code"), "wrong_epoch");
  EXPECT_EQ(text(error, "topic"), "rooms/1");
  EXPECT_EQ(text(client.expect("subscribed"), "topic"), "rooms/2");
}

TEST_F(WebSocketPattern, StatesAndFiltersAreOfEachTopic) {
  keep_latest("rooms/1");
  publish_keys("rooms/1", {"a", "b"});
  auto client = connect();
  client.send(subscribe("rooms/*", R"("state":true,"filter":{"keys":["a"]})"));
  expect_following(client, "rooms/*");
  client.expect("subscribed");
  EXPECT_EQ(client.expect("state").at("entries").as_array().size(), 2U);
  client.expect("caught_up");
  publish_keys("rooms/1", {"b", "a"});
  EXPECT_EQ(number(next(client, "event"), "offset"), 4);
}

TEST_F(WebSocketPattern, MoreTopicsThanAPageAreAllFollowed) {
  std::set<std::string> names;
  for (int i = 0; i < 300; ++i) {
    const auto name = "rooms/" + std::to_string(i);
    publish(name, 1);
    names.insert(name);
  }
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  std::set<std::string> got;
  for (const auto& [name, offset] : subscribed(client, 300)) got.insert(name);
  EXPECT_EQ(got, names);
}

// ---- topics that come to be ----

TEST_F(WebSocketPattern, ATopicThatComesToBeIsFollowedFromItsFirstEvent) {
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  publish("rooms/new", 2);
  const auto told = client.expect("subscribed");
  EXPECT_EQ(text(told, "topic"), "rooms/new");
  EXPECT_EQ(number(told, "offset"), 0);
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
  EXPECT_EQ(number(client.expect("event"), "offset"), 2);
}

TEST_F(WebSocketPattern, ANewTopicWithoutAStateBeginsWithItsEvents) {
  auto client = connect();
  client.send(subscribe("rooms/*", R"("state":true)"));
  expect_following(client, "rooms/*");
  publish("rooms/new", 1);
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
}

TEST_F(WebSocketPattern, ADeletedTopicEndsAndIsFollowedWhenItComesBack) {
  publish("rooms/1", 3);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  client.expect("subscribed");
  client.expect("caught_up");
  erase("rooms/1");
  const auto ended = client.expect("unsubscribed");
  EXPECT_EQ(text(ended, "topic"), "rooms/1");
  EXPECT_EQ(text(ended, "reason"), "topic_deleted");
  publish("rooms/1", 1);
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
}

TEST_F(WebSocketPattern, WhatComesToBeMeanwhileIsFollowedOnce) {
  constexpr std::size_t kTopics = 400;
  auto creating = std::async(std::launch::async, [this] {
    for (std::size_t i = 0; i < kTopics; ++i) publish("rooms/" + std::to_string(i), 1);
  });
  auto client = connect();
  client.send(subscribe("rooms/*", R"("from":"earliest")"));
  expect_following(client, "rooms/*");
  std::map<std::string, int> begun;
  std::map<std::string, int> events;
  while (events.size() < kTopics) {
    const auto message = client.message();
    const auto type = WsClient::type_of(message);
    if (type == "subscribed") ++begun[text(message, "topic")];
    if (type == "event") ++events[text(message, "topic")];
  }
  creating.get();
  for (const auto& [topic, times] : begun) EXPECT_EQ(times, 1) << topic;
  for (const auto& [topic, times] : events) EXPECT_EQ(times, 1) << topic;
  EXPECT_EQ(begun.size(), kTopics);
}

TEST_F(WebSocketPattern, TopicsThatComeAndGoAreFollowedToTheLast) {
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  for (int i = 0; i < 20; ++i) {
    publish("rooms/1", 1);
    erase("rooms/1");
  }
  publish("rooms/1", 7);
  while (number(next(client, "event"), "offset") != 7) {
  }
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 7);
  expect_quiet(client);
}

// ---- more than one way to a topic ----

TEST_F(WebSocketPattern, ATopicIsFollowedOnceHoweverManyPatternsFit) {
  publish("rooms/1", 1);
  publish("rooms/2", 1);
  auto client = connect();
  client.send(R"({"type":"subscribe","id":1,"topic":"rooms/1"})");
  EXPECT_EQ(number(client.expect("subscribed"), "id"), 1);
  client.expect("caught_up");
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  EXPECT_EQ(text(client.expect("subscribed"), "topic"), "rooms/2");
  client.expect("caught_up");
  client.send(subscribe("**"));
  expect_following(client, "**");
  EXPECT_EQ(client.refused(R"({"type":"subscribe","id":2,"topic":"rooms/2"})"),
            "already_subscribed");
  publish("rooms/3", 1);
  EXPECT_EQ(text(client.expect("subscribed"), "topic"), "rooms/3");
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
  client.expect("caught_up");
  expect_quiet(client);
}

TEST_F(WebSocketPattern, UnsubscribingEndsItsTopicsSilently) {
  publish("rooms/1", 1);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  client.expect("subscribed");
  client.expect("caught_up");
  const auto ended = client.ask(R"({"type":"unsubscribe","id":9,"pattern":"rooms/*"})");
  EXPECT_EQ(WsClient::type_of(ended), "unsubscribed");
  EXPECT_EQ(number(ended, "id"), 9);
  EXPECT_EQ(text(ended, "pattern"), "rooms/*");
  publish("rooms/1", 1);
  publish("rooms/2", 1);
  expect_quiet(client);
  EXPECT_EQ(client.refused(R"({"type":"unsubscribe","topic":"rooms/1"})"), "not_subscribed");
  EXPECT_EQ(client.refused(R"({"type":"unsubscribe","pattern":"rooms/*"})"), "not_subscribed");
}

TEST_F(WebSocketPattern, AnotherPatternKeepsItsTopics) {
  publish("rooms/1", 1);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  client.expect("subscribed");
  client.expect("caught_up");
  client.send(subscribe("*/1"));
  expect_following(client, "*/1");
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"unsubscribe","pattern":"rooms/*"})")),
            "unsubscribed");
  publish("rooms/1", 1);
  EXPECT_EQ(number(client.expect("event"), "offset"), 2);
}

TEST_F(WebSocketPattern, OneOfItsTopicsCanBeLeft) {
  publish("rooms/1", 1);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  client.expect("subscribed");
  client.expect("caught_up");
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"unsubscribe","topic":"rooms/1"})")),
            "unsubscribed");
  publish("rooms/1", 1);
  expect_quiet(client);
}

// ---- limits ----

TEST_F(WebSocketPattern, WhatIsNoPatternIsRefused) {
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe("rooms//*")), "invalid_pattern");
  EXPECT_EQ(client.refused(subscribe("rooms/?")), "invalid_pattern");
  EXPECT_EQ(client.refused(subscribe(std::string(300, '*'))), "invalid_pattern");
}

TEST_F(WebSocketPattern, APatternIsFollowedOnce) {
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  EXPECT_EQ(client.refused(subscribe("rooms/*")), "already_subscribed");
}

TEST_F(WebSocketPattern, AConnectionFollowsAHundredPatterns) {
  auto client = connect();
  for (int i = 0; i < 100; ++i) {
    client.send(subscribe("a" + std::to_string(i) + "/*"));
    client.expect("following");
  }
  EXPECT_EQ(client.refused(subscribe("b/*")), "too_many_subscriptions");
}

class FewSubscriptions : public WebSocketPattern {
 protected:
  static ServerOptions few() {
    ServerOptions options;
    options.limits.subscriptions_per_connection = 2;
    return options;
  }
  FewSubscriptions() : WebSocketPattern(few()) {}
};

TEST_F(FewSubscriptions, EachTopicCountsAndTheLimitIsToldOnce) {
  for (int i = 0; i < 4; ++i) publish("rooms/" + std::to_string(i), 1);
  auto client = connect();
  client.send(subscribe("rooms/*"));
  expect_following(client, "rooms/*");
  const auto error = next(client, "error");
  EXPECT_EQ(text(error, "code"), "too_many_subscriptions");
  EXPECT_EQ(text(error, "topic"), "rooms/2");
  for (int i = 0; i < 2; ++i) next(client, "caught_up");
  publish("rooms/9", 1);
  publish("rooms/0", 1);
  EXPECT_EQ(text(next(client, "event"), "topic"), "rooms/0");
  expect_quiet(client);
}

// ---- rights ----

class PatternRights : public testing::Test {
 protected:
  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(PatternRights, TopicsTheCallerMayNotSeeAreLeftOut) {
  for (const auto* name : {"rooms/lobby", "rooms/staff"}) {
    server_.memory.requester.publish(name_of(name), 1);
  }
  WsClient client(server_.server.port(),
                  TestAccess::bearer(access_.token(R"({"subscribe":["rooms/*","!rooms/staff"]})")));
  client.send(R"({"type":"subscribe","id":5,"pattern":"rooms/*"})");
  client.expect("following");
  EXPECT_EQ(client.expect("subscribed").at("topic").as_string(), "rooms/lobby");
  client.expect("caught_up");
  server_.memory.requester.publish(name_of("rooms/hall"), 1);
  EXPECT_EQ(client.expect("subscribed").at("topic").as_string(), "rooms/hall");
}

TEST_F(PatternRights, WhetherWhatTheCallerMayNotSeeIsGoneIsNotTold) {
  WsClient client(server_.server.port(),
                  TestAccess::bearer(access_.token(R"({"subscribe":["rooms/*","!rooms/staff"]})")));
  client.send(R"({"type":"subscribe","id":5,"pattern":"rooms/*","positions":)"
              R"({"rooms/staff":{"epoch":7,"offset":3},"rooms/gone":{"epoch":7,"offset":3}}})");
  client.expect("following");
  EXPECT_EQ(client.expect("unsubscribed").at("topic").as_string(), "rooms/gone");
  server_.memory.requester.publish(name_of("rooms/hall"), 1);
  EXPECT_EQ(client.expect("subscribed").at("topic").as_string(), "rooms/hall");
}

TEST_F(PatternRights, OtherRightsEndTopicsAndThePatternGoesOn) {
  server_.memory.requester.publish(name_of("rooms/lobby"), 1);
  WsClient client(server_.server.port(),
                  TestAccess::bearer(access_.token(R"({"subscribe":["rooms/*"]})")));
  client.send(R"({"type":"subscribe","id":5,"pattern":"rooms/*"})");
  client.expect("following");
  client.expect("subscribed");
  client.expect("caught_up");
  client.send(R"({"type":"auth","id":6,"token":")" +
              access_.token(R"({"subscribe":["rooms/hall"]})") + "\"}");
  client.expect("authenticated");
  const auto ended = client.expect("unsubscribed");
  EXPECT_EQ(ended.at("topic").as_string(), "rooms/lobby");
  EXPECT_EQ(ended.at("reason").as_string(), "forbidden");
  server_.memory.requester.publish(name_of("rooms/attic"), 1);
  server_.memory.requester.publish(name_of("rooms/hall"), 1);
  EXPECT_EQ(client.expect("subscribed").at("topic").as_string(), "rooms/hall");
}

TEST_F(PatternRights, WhoMayNothingIsRefused) {
  WsClient client(server_.server.port());
  EXPECT_EQ(client.refused(R"({"type":"subscribe","id":5,"pattern":"rooms/*"})"), "unauthorized");
}

}  // namespace
}  // namespace tidemark::broker
