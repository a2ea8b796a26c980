// Filtered subscriptions over WebSocket: which events come, and what is told of the others.
// tests/: broker/websocket_session, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/follow_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;

class WebSocketFilter : public FollowFixture {
 protected:
  static std::string subscribe(std::string_view filter, std::string_view from = "earliest") {
    return R"({"type":"subscribe","topic":"t","from":")" + std::string(from) + R"(","filter":)" +
           std::string(filter) + "}";
  }
};

TEST_F(WebSocketFilter, OnlyEventsThatPassAreSent) {
  publish_keys("t", {"a", "b", "a", "a", "", "b", "a"});
  auto client = connect();
  client.send(subscribe(R"({"keys":["a"]})"));
  client.expect("subscribed");
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 3, 4, 7));
}

TEST_F(WebSocketFilter, AKeyMayBeTheStartOfMany) {
  publish_keys("t", {"user-1", "order-1", "user-2", "user"});
  auto client = connect();
  client.send(subscribe(R"({"keys":["user-*"]})"));
  client.expect("subscribed");
  EXPECT_THAT(offsets_until(client, "advanced"), ElementsAre(1, 3));
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 4);
}

TEST_F(WebSocketFilter, HeadersHaveToMatch) {
  auto publisher = connect();
  publisher.ask(
      R"({"type":"publish","topic":"t","events":[{"data":1,"headers":{"region":"eu"}},)"
      R"({"data":2,"headers":{"region":"asia"}},{"data":3},{"data":4,"headers":{"region":"us"}}]})");
  auto client = connect();
  client.send(subscribe(R"({"headers":{"region":["eu","us"]}})"));
  client.expect("subscribed");
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 4));
}

TEST_F(WebSocketFilter, WhatWasFilteredOutIsToldBeforeCaughtUp) {
  publish_keys("t", {"a", "b", "b"});
  auto client = connect();
  client.send(subscribe(R"({"keys":["a"]})"));
  client.expect("subscribed");
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
  const auto advanced = client.expect("advanced");
  EXPECT_EQ(text(advanced, "topic"), "t");
  EXPECT_EQ(number(advanced, "offset"), 3);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 3);
  expect_quiet(client);
}

TEST_F(WebSocketFilter, LiveEventsThatDoNotPassAreToldOnce) {
  publish_keys("t", {"a"});
  auto client = connect();
  client.send(subscribe(R"({"keys":["a"]})", "now"));
  client.expect("subscribed");
  client.expect("caught_up");
  publish_keys("t", {"b", "b", "b"});
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 4);
  expect_quiet(client);
  publish_keys("t", {"b", "a"});
  EXPECT_EQ(number(client.expect("event"), "offset"), 6);
  expect_quiet(client);
}

TEST_F(WebSocketFilter, AReaderOfNothingLearnsWhereItIs) {
  for (int i = 0; i < 10; ++i) publish("t", 3'000);
  auto client = connect();
  client.send(subscribe(R"({"keys":["nobody"]})"));
  client.expect("subscribed");
  std::int64_t told = 0;
  int times = 0;
  while (told < 30'000) {
    const auto at = number(client.expect("advanced"), "offset");
    EXPECT_GT(at, told);
    EXPECT_LE(at - told, 10'000);
    told = at;
    ++times;
  }
  EXPECT_GE(times, 3);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 30'000);
}

TEST_F(WebSocketFilter, LongRunsThatPassComeWholeAndInOrder) {
  // Many writes' worth of events that pass, between such that do not.
  std::vector<std::string> keys(1, "b");
  keys.insert(keys.end(), 4'000, "a");
  keys.emplace_back("b");
  publish_keys("t", keys);
  publish_keys("t", {"a", "b"});
  auto client = connect();
  client.send(subscribe(R"({"keys":["a"]})"));
  client.expect("subscribed");
  const auto offsets = offsets_until(client, "advanced");
  ASSERT_EQ(offsets.size(), 4'001U);
  for (std::int64_t i = 0; i < 4'000; ++i) ASSERT_EQ(offsets[static_cast<std::size_t>(i)], i + 2);
  EXPECT_EQ(offsets.back(), 4'003);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 4'004);
}

TEST_F(WebSocketFilter, EventsFromTheDiskAreFilteredToo) {
  publish_keys("t", {"a", "b", "a"});
  server_.memory.topic(name_of("t"))->shrink(true);
  auto client = connect();
  client.send(subscribe(R"({"keys":["a"]})"));
  client.expect("subscribed");
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 3));
}

TEST_F(WebSocketFilter, AFilterOutOfBoundsIsRefused) {
  auto client = connect();
  publish("t", 1);
  EXPECT_EQ(client.refused(subscribe(R"({"keys":["a","a"]})")), "invalid_filter");
  EXPECT_EQ(client.refused(subscribe(R"({"keys":[""]})")), "invalid_filter");
  EXPECT_EQ(client.refused(subscribe(R"({"headers":{"":"x"}})")), "invalid_filter");
}

TEST_F(WebSocketFilter, OthersOfTheTopicAreNotFiltered) {
  publish_keys("t", {"a", "b", "a"});
  auto some = connect();
  auto all = connect();
  some.send(subscribe(R"({"keys":["a"]})"));
  all.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
  some.expect("subscribed");
  all.expect("subscribed");
  EXPECT_THAT(offsets_until(some, "caught_up"), ElementsAre(1, 3));
  EXPECT_THAT(offsets_until(all, "caught_up"), ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace tidemark::broker
