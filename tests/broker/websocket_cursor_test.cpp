// Named cursors over WebSocket: acknowledged, and begun from.
// tests/: broker/websocket_session, over real sockets.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"
#include "tests/broker/follow_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;

class WebSocketCursor : public FollowFixture {
 protected:
  std::string ack(std::uint64_t offset, std::string_view name = "device-7", int id = 3) {
    return R"({"type":"ack","id":)" + std::to_string(id) + R"(,"topic":"t","cursor":")" +
           std::string(name) + R"(","epoch":)" + std::to_string(epoch("t")) + R"(,"offset":)" +
           std::to_string(offset) + "}";
  }
  static std::string subscribe(std::string_view rest) {
    return R"({"type":"subscribe","topic":"t",)" + std::string(rest) + "}";
  }
};

TEST_F(WebSocketCursor, AnAcknowledgementIsAnsweredWithWhereTheCursorIs) {
  publish("t", 10);
  auto client = connect();
  const auto answer = client.ask(ack(7));
  EXPECT_EQ(WsClient::type_of(answer), "acknowledged");
  EXPECT_EQ(number(answer, "id"), 3);
  EXPECT_EQ(text(answer, "topic"), "t");
  EXPECT_EQ(text(answer, "cursor"), "device-7");
  EXPECT_EQ(number(answer, "epoch"), static_cast<std::int64_t>(epoch("t")));
  EXPECT_EQ(number(answer, "offset"), 7);
  EXPECT_EQ(number(client.ask(ack(4)), "offset"), 7);
  EXPECT_EQ(number(client.ask(ack(9)), "offset"), 9);
}

TEST_F(WebSocketCursor, ASubscriptionBeginsAfterIt) {
  publish("t", 10);
  {
    auto client = connect();
    client.ask(ack(8));
  }
  auto client = connect();
  client.send(subscribe(R"("from":"earliest","cursor":"device-7")"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 8);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(9, 10));
}

TEST_F(WebSocketCursor, WithoutOneTheSubscribeSaysWhere) {
  publish("t", 3);
  auto client = connect();
  client.send(subscribe(R"("from":"earliest","cursor":"new")"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 2, 3));
}

TEST_F(WebSocketCursor, ANewcomerBeginsWithTheStateAndComesBackWithout) {
  publish("t", 4);
  store_state("t", 3, "3");
  auto client = connect();
  client.send(subscribe(R"("state":true,"cursor":"device-7")"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 3);
  client.expect("state");
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(4));
  client.ask(ack(4));
  publish("t", 1);
  auto again = connect();
  again.send(subscribe(R"("state":true,"cursor":"device-7")"));
  EXPECT_EQ(number(again.expect("subscribed"), "offset"), 4);
  EXPECT_THAT(offsets_until(again, "caught_up"), ElementsAre(5));
}

TEST_F(WebSocketCursor, ACursorThatFellOffRetentionIsAGap) {
  publish("t", 10);
  auto client = connect();
  client.ask(ack(2));
  trim("t", 6);
  EXPECT_EQ(client.refused(subscribe(R"("cursor":"device-7")")), "position_trimmed");
}

TEST_F(WebSocketCursor, AnswersComeInTheOrderOfTheRequests) {
  publish("t", 200);
  auto client = connect();
  for (int i = 1; i <= 200; ++i) client.send(ack(static_cast<std::uint64_t>(i), "device-7", i));
  for (int i = 1; i <= 200; ++i) {
    const auto answer = client.expect("acknowledged");
    ASSERT_EQ(number(answer, "id"), i);
    ASSERT_EQ(number(answer, "offset"), i);
  }
}

TEST_F(WebSocketCursor, WhatCannotBeAcknowledgedIsRefused) {
  publish("t", 3);
  auto client = connect();
  EXPECT_EQ(client.refused(ack(4)), "position_ahead");
  EXPECT_EQ(client.refused(ack(1, "")), "invalid_cursor");
  EXPECT_EQ(client.refused(ack(1, std::string(limits::cursor_name_bytes + 1, 'x'))),
            "invalid_cursor");
  EXPECT_EQ(client.refused(R"({"type":"ack","topic":"t","cursor":"a","epoch":999,"offset":1})"),
            "wrong_epoch");
  EXPECT_EQ(client.refused(R"({"type":"ack","topic":"none","cursor":"a","epoch":1,"offset":1})"),
            "unknown_topic");
  EXPECT_EQ(client.refused(R"({"type":"ack","topic":"/","cursor":"a","epoch":1,"offset":1})"),
            "invalid_topic");
}

TEST_F(WebSocketCursor, ASubscribeWithAnInvalidNameIsRefused) {
  publish("t", 1);
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe(R"("cursor":")" + std::string(200, 'x') + "\"")),
            "invalid_cursor");
}

TEST_F(WebSocketCursor, TopicsOfAPatternHaveTheirOwn) {
  publish("t", 5);
  publish("u", 5);
  auto client = connect();
  client.ask(ack(4));
  client.send(R"({"type":"subscribe","pattern":"*","from":"earliest","cursor":"device-7"})");
  client.expect("following");
  std::map<std::string, std::int64_t> begun;
  while (begun.size() < 2) {
    const auto message = client.message();
    if (WsClient::type_of(message) != "subscribed") continue;
    begun[text(message, "topic")] = number(message, "offset");
  }
  EXPECT_EQ(begun["t"], 4);
  EXPECT_EQ(begun["u"], 0);
}

TEST(WebSocketCursorRights, OnlyWhoMayFollowTheTopicAcknowledges) {
  TestAccess access;
  TestServer server(access.options());
  server.memory.requester.publish(name_of("t"), 1);
  const auto asked = R"({"type":"ack","id":3,"topic":"t","cursor":"a","offset":1})";
  WsClient publisher(server.server.port(),
                     TestAccess::bearer(access.token(R"({"publish":["**"]})")));
  EXPECT_EQ(publisher.refused(asked), "forbidden");
  WsClient reader(server.server.port(), TestAccess::bearer(access.token(R"({"subscribe":["t"]})")));
  EXPECT_EQ(WsClient::type_of(reader.ask(asked)), "acknowledged");
}

}  // namespace
}  // namespace tidemark::broker
