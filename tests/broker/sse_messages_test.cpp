// Event streams of the protocol's messages: what a WebSocket would be told, over plain HTTP.
// tests/: broker/message_dialect and broker/sse_session, over real sockets.
#include "broker/message_dialect.hpp"
#include "protocol/position_token.hpp"
#include "tests/broker/http_state_fixture.hpp"
#include "tests/broker/sse_client.hpp"

namespace tidemark::broker {
namespace {

using boost::json::value;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A reader of messages.
class MessageClient : public SseClient {
 public:
  using SseClient::SseClient;

  /// The next message as it came; nullopt at the end of the stream.
  std::optional<std::string> text() {
    const auto event = next();
    if (!event) return std::nullopt;
    EXPECT_EQ(event->name, "message") << event->data;
    EXPECT_EQ(event->id, "") << "an EventSource would resume in the middle";
    return event->data;
  }
  value expect(std::string_view type) {
    const auto message = text();
    if (!message) throw std::runtime_error("the stream has ended before " + std::string(type));
    auto parsed = boost::json::parse(*message);
    EXPECT_EQ(WsClient::type_of(parsed), type) << *message;
    return parsed;
  }
  /// Messages up to the first of this type, as they came.
  std::vector<std::string> texts_until(std::string_view type) {
    std::vector<std::string> out;
    do {
      const auto message = text();
      if (!message) throw std::runtime_error("the stream has ended before " + std::string(type));
      out.push_back(*message);
    } while (WsClient::type_of(boost::json::parse(out.back())) != type);
    return out;
  }
};

std::vector<std::string> texts_until(WsClient& client, std::string_view type) {
  std::vector<std::string> out;
  do {
    const auto frame = client.frame();
    if (!frame || frame->opcode != opcode::text) throw std::runtime_error("no message");
    out.push_back(frame->payload);
  } while (WsClient::type_of(boost::json::parse(out.back())) != type);
  return out;
}

std::string text_of(const value& message, std::string_view field) {
  return std::string(message.at(boost::json::string_view(field.data(), field.size())).as_string());
}

class SseMessagesTest : public HttpStateTest {
 protected:
  explicit SseMessagesTest(ServerOptions options = {}) : HttpStateTest(std::move(options)) {}

  [[nodiscard]] MessageClient follow(const std::string& query, std::string_view topic = "t",
                                     int receive_buffer = 0) const {
    return MessageClient(port(), std::string(topic) + "?live=sse&form=messages&" + query, {},
                         receive_buffer);
  }
  [[nodiscard]] HttpAnswer refused(const std::string& query) const {
    return get("t?live=sse&form=messages&" + query);
  }
  /// What a WebSocket is told of the topic until it is caught up.
  [[nodiscard]] std::vector<std::string> told_over_websocket(std::string_view topic,
                                                             std::string_view start) const {
    WsClient client(port());
    client.send(R"({"type":"subscribe","topic":")" + std::string(topic) + "\"," +
                std::string(start) + "}");
    return texts_until(client, "caught_up");
  }
  /// The token of an offset of the topic's epoch now.
  [[nodiscard]] std::string token(std::uint64_t offset, std::string_view topic = "t") {
    const auto epoch = server_.memory.topic(name_of(topic))->bounds().epoch;
    return to_token({.epoch = epoch, .offset = Offset{offset}});
  }
};

// ---- as a WebSocket ----

TEST_F(SseMessagesTest, TellsWhatAWebSocketIsTold) {
  const std::vector<std::pair<std::string, std::string>> topics{
      {"application/json", "{\n \"a\":1 }"},
      {"application/a+json", "[1,\n2]"},
      {"text/plain", " one\n  two\r\n\n"},
      {"application/octet-stream", "\n\xff"}};
  for (std::size_t i = 0; i < topics.size(); ++i) {
    const auto name = "t" + std::to_string(i);
    const auto& [type, data] = topics[i];
    put(name, type);
    post(name, type, data);
    const auto keyed =
        ask_api("POST /v1/topics/" + name + "/events", "Content-Type: application/json\r\n",
                R"({"key":"k","headers":{"region":"eu"},"data_base64":"MQ=="})");
    ASSERT_EQ(keyed.status, 200) << keyed.body;
    const auto told = told_over_websocket(name, R"("from":"earliest")");
    ASSERT_EQ(told.size(), 4U);
    EXPECT_THAT(told[2], HasSubstr(R"("key":"k","headers":{"region":"eu"})"));
    EXPECT_EQ(follow("offset=-1", name).texts_until("caught_up"), told) << type;
  }
}

TEST_F(SseMessagesTest, GoesOnLive) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=now");
  const auto subscribed = client.expect("subscribed");
  EXPECT_EQ(number(subscribed, "offset"), 1);
  EXPECT_EQ(number(subscribed, "head"), 1);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 1);
  post("t", "application/json", "[2,3]");
  EXPECT_EQ(number(client.expect("event"), "data"), 2);
  EXPECT_EQ(number(client.expect("event"), "data"), 3);
  EXPECT_EQ(client.retry, "1000");
}

TEST_F(SseMessagesTest, TheHeadPromisesNoBase64) {
  put("t", "application/octet-stream", "x");
  const auto client = follow("offset=-1");
  EXPECT_THAT(client.head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(client.head, HasSubstr("no-transform"));
  EXPECT_THAT(client.head, Not(HasSubstr("Stream-SSE-Data-Encoding")));
}

TEST_F(SseMessagesTest, ResumesBehindAPosition) {
  put("t", "application/json", "[1,2,3]");
  auto client = follow("offset=" + token(2));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 2);
  EXPECT_EQ(number(client.expect("event"), "offset"), 3);
}

TEST_F(SseMessagesTest, TellsOfANewEpochBeforeItsEvents) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=-1");
  client.texts_until("caught_up");
  server_.memory.begin_epoch();
  post("t", "application/json", "2");
  const auto epoch = client.expect("epoch");
  EXPECT_EQ(number(epoch, "first"), 2);
  EXPECT_EQ(number(client.expect("event"), "offset"), 2);
}

TEST_F(SseMessagesTest, MuchIsToldWithoutAHole) {
  put("t", "application/json");
  constexpr int kAppends = 300;
  for (int i = 0; i < kAppends; ++i) {
    post("t", "application/json", "\"" + std::string(1'000, 'x') + std::to_string(i) + "\"");
  }
  auto client = follow("offset=-1");
  client.expect("subscribed");
  for (int i = 1; i <= kAppends; ++i) ASSERT_EQ(number(client.expect("event"), "offset"), i);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), kAppends);
}

// ---- filters ----

TEST_F(SseMessagesTest, TellsThePlaceWhenNothingPasses) {
  ask_api("PUT /v1/topics/t", {}, "{}");
  publish_keyed("t", "a", "1");
  publish_keyed("t", "b", "2");
  auto client = follow("offset=-1&filter_key=a");
  client.expect("subscribed");
  EXPECT_EQ(number(client.expect("event"), "offset"), 1);
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 2);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 2);
  publish_keyed("t", "b", "3");
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 3);
  publish_keyed("t", "a", "4");
  EXPECT_EQ(number(client.expect("event"), "offset"), 4) << "which says where the reader is";
  publish_keyed("t", "b", "5");
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 5);
}

// ---- gaps ----

TEST_F(SseMessagesTest, AGapAtTheStartIsAStatusWithTheGap) {
  put("t", "application/json", "[1,2,3,4]");
  trim("t", 4);
  const auto answer = refused("offset=" + token(1));
  EXPECT_EQ(answer.status, 410);
  EXPECT_EQ(answer.error(), "position_trimmed");
  EXPECT_EQ(number(answer.json().at("gap"), "first"), 2);
  EXPECT_EQ(number(answer.json().at("gap"), "end"), 4);
  EXPECT_EQ(refused("offset=" + token(9)).error(), "position_ahead");
}

TEST_F(SseMessagesTest, GoesOnBehindAGap) {
  put("t", "application/json", "[1,2,3,4]");
  trim("t", 4);
  auto client = follow("on_gap=earliest&offset=" + token(1));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 1);
  const auto gap = client.expect("gap");
  EXPECT_EQ(number(gap, "first"), 2);
  EXPECT_EQ(number(gap, "end"), 4);
  EXPECT_EQ(text_of(gap, "cause"), "trimmed");
  EXPECT_EQ(number(client.expect("event"), "offset"), 4);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 4);
}

TEST_F(SseMessagesTest, HasTheStateInsteadOfAGapAtTheStart) {
  put("t", "application/json", "[1,2,3,4]");
  store_state("t", token(3), "[6]");
  trim("t", 4);
  auto client = follow("on_gap=state&offset=" + token(1));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 3) << "the state's, as in 12.6";
  EXPECT_EQ(number(client.expect("state"), "offset"), 3);
  EXPECT_EQ(number(client.expect("event"), "offset"), 4);
  ask_api("DELETE /v1/state/t");
  EXPECT_EQ(refused("on_gap=state&offset=" + token(1)).error(), "no_state");
}

class LaggingSseMessagesTest : public SseMessagesTest {
 protected:
  LaggingSseMessagesTest() { put("t", "application/json"); }
  /// More than the sockets hold, so that a trim finds the session in the middle of it.
  void overwhelm(MessageClient& client) {
    client.texts_until("caught_up");
    const std::string large = '"' + std::string(1'000'000, 'x') + '"';
    for (int i = 0; i < kEvents; ++i) {
      ASSERT_EQ(post("t", "application/json", large).status, 204);
    }
  }
  /// The gap that follows some events; it ends before the last.
  static void expect_gap(MessageClient& client) {
    auto told = client.texts_until("gap");
    const auto gap = boost::json::parse(told.back());
    EXPECT_EQ(number(gap, "first"), static_cast<std::int64_t>(told.size()));
    EXPECT_EQ(number(gap, "end"), kEvents);
  }
  static constexpr int kEvents = 16;
};

TEST_F(LaggingSseMessagesTest, AGapThatArisesEndsTheSubscription) {
  auto client = follow("offset=-1&on_gap=fail", "t", 4096);
  overwhelm(client);
  trim("t", kEvents);
  expect_gap(client);
  const auto ended = client.expect("unsubscribed");
  EXPECT_EQ(text_of(ended, "reason"), "position_trimmed");
  EXPECT_EQ(text_of(ended, "topic"), "t");
  EXPECT_FALSE(client.next());
}

TEST_F(LaggingSseMessagesTest, AGapThatArisesIsFollowedByTheState) {
  auto client = follow("offset=-1&on_gap=state", "t", 4096);
  overwhelm(client);
  store_state("t", token(kEvents - 1), "[6]");
  trim("t", kEvents);
  expect_gap(client);
  const auto state = client.expect("state");
  EXPECT_EQ(number(state, "offset"), kEvents - 1);
  EXPECT_TRUE(state.at("first").as_bool());
  EXPECT_EQ(number(client.expect("event"), "offset"), kEvents);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), kEvents);
}

TEST_F(LaggingSseMessagesTest, AStateThatCannotBeHadEndsTheSubscription) {
  auto client = follow("offset=-1&on_gap=state", "t", 4096);
  overwhelm(client);
  trim("t", kEvents);
  expect_gap(client);
  EXPECT_EQ(text_of(client.expect("unsubscribed"), "reason"), "no_state");
  EXPECT_FALSE(client.next());
  EXPECT_GE(std::stoi(client.retry), 1'000) << "not with all others at once";
}

// ---- states ----

TEST_F(SseMessagesTest, AStateIsToldAsToAWebSocket) {
  put("t", "application/octet-stream", "x");
  const std::vector<std::pair<std::string, std::string>> states{
      {"application/json", "{\n  \"sum\": 3\n}"},
      {"text/plain", " one\r\ntwo"},
      {"application/octet-stream", "\n\xff"}};
  for (const auto& [type, data] : states) {
    store_state("t", token(1), data, type);
    const auto told = told_over_websocket("t", R"("state":true)");
    ASSERT_EQ(told.size(), 3U) << "subscribed, state, caught_up";
    EXPECT_EQ(follow("state=true").texts_until("caught_up"), told) << type;
  }
}

TEST_F(SseMessagesTest, KeysAreToldAsToAWebSocket) {
  for (const auto* type : {"application/json", "text/plain"}) {
    const auto* const name = std::string_view(type) == "text/plain" ? "text" : "json";
    make_keyed(name, type);
    EXPECT_EQ(follow("state=true", name).texts_until("caught_up"),
              told_over_websocket(name, R"("state":true)"))
        << "no keys are a state too";
    publish_keyed(name, "a", "\"two\\nlines\"");
    publish_keyed(name, "b", "\"x\"");
    publish_keyed(name, "a", "\"y\"");
    const auto told = told_over_websocket(name, R"("state":true)");
    EXPECT_THAT(told.at(1), HasSubstr(R"("key":"a","offset":3)"));
    EXPECT_EQ(follow("state=true", name).texts_until("caught_up"), told);
  }
}

TEST_F(SseMessagesTest, WhatFollowsTheStateComesBehindIt) {
  put("t", "application/json", "[1,2]");
  store_state("t", token(2), R"({"sum":3})");
  post("t", "application/json", "[3]");
  auto client = follow("state=true");
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 2);
  EXPECT_EQ(number(client.expect("state").at("data"), "sum"), 3);
  EXPECT_EQ(number(client.expect("event"), "offset"), 3);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 3);
  EXPECT_EQ(get("none?live=sse&form=messages&state=true").error(), "unknown_topic");
}

TEST_F(SseMessagesTest, WhoIsFarBehindRatherHasTheState) {
  put("t", "application/json", "[1,2,3,4]");
  const auto far = "state_if_behind=2&offset=" + token(1);
  EXPECT_THAT(follow(far).texts_until("caught_up"), testing::SizeIs(5))
      << "a topic that has none is sent from there on";
  EXPECT_EQ(SseClient(port(), "t?live=sse&" + far).expect("data").data, "[2\n,3\n,4\n]")
      << "in the words of Durable Streams too";
  store_state("t", token(4), "[10]");
  auto client = follow(far);
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 4);
  client.expect("state");
  EXPECT_EQ(follow("state_if_behind=3&offset=" + token(1)).texts_until("caught_up").size(), 5U);
  trim("t", 4);
  EXPECT_EQ(refused(far).error(), "position_trimmed") << "as a WebSocket's subscription would be";
}

// ---- the end ----

TEST_F(SseMessagesTest, AClosedTopicEndsItsSubscription) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=-1");
  client.texts_until("caught_up");
  post("t", "application/json", "2", "Stream-Closed: true\r\n");
  EXPECT_EQ(number(client.expect("event"), "offset"), 2);
  EXPECT_EQ(text_of(client.expect("unsubscribed"), "reason"), "topic_closed");
  EXPECT_FALSE(client.next());
  auto late = follow("offset=-1");
  EXPECT_THAT(late.texts_until("caught_up"), testing::SizeIs(4));
  EXPECT_EQ(text_of(late.expect("unsubscribed"), "reason"), "topic_closed");
  EXPECT_FALSE(late.next());
}

TEST_F(SseMessagesTest, AClosedTopicEndsTheSubscriptionOfOneWhomNothingPasses) {
  put("t", "application/json", "[1]");
  send("POST", "t", "Stream-Closed: true\r\n");
  auto client = follow("offset=-1&filter_key=a");
  client.expect("subscribed");
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 1);
  client.expect("caught_up");
  client.expect("unsubscribed");
  EXPECT_FALSE(client.next());
  SseClient other(port(), "t?live=sse&offset=-1&filter_key=a");
  EXPECT_TRUE(other.control().at("streamClosed").as_bool());
  EXPECT_FALSE(other.next()) << "told once";
}

TEST_F(SseMessagesTest, ADeletedTopicEndsItsSubscription) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=-1");
  client.texts_until("caught_up");
  send("DELETE", "t");
  EXPECT_EQ(text_of(client.expect("unsubscribed"), "reason"), "topic_deleted");
  EXPECT_FALSE(client.next());
}

TEST_F(SseMessagesTest, AStopSaysGoodbye) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=-1");
  client.texts_until("caught_up");
  client.retry.clear();
  server_.server.stop();
  const auto goodbye = client.expect("goodbye");
  EXPECT_FALSE(client.next());
  EXPECT_EQ(client.retry, std::to_string(number(goodbye, "reconnect_after_ms")));
}

class ShortSseMessagesTest : public SseMessagesTest {
 protected:
  ShortSseMessagesTest() : SseMessagesTest(short_lives()) {}
  static ServerOptions short_lives() {
    ServerOptions options;
    options.limits.sse_lifetime = milliseconds(100);
    options.limits.close_timeout = milliseconds(100);  // so that it is looked at often
    return options;
  }
};

TEST_F(ShortSseMessagesTest, ItsAgeEndsAStreamAndNotTheSubscription) {
  put("t", "application/json", "[1]");
  auto client = follow("offset=-1");
  client.texts_until("caught_up");
  EXPECT_FALSE(client.next());
  EXPECT_EQ(client.retry, "100");
}

// ---- once ----

class SseOnceTest : public SseMessagesTest {
 protected:
  using SseMessagesTest::SseMessagesTest;
  [[nodiscard]] MessageClient once(const std::string& query) const {
    return follow("once=true&" + query);
  }
  /// The types of all messages, up to the end.
  static std::vector<std::string> types_of(MessageClient client) {
    std::vector<std::string> out;
    while (const auto text = client.text()) {
      out.push_back(WsClient::type_of(boost::json::parse(*text)));
    }
    return out;
  }
};

TEST_F(SseOnceTest, EndsWhenTheReaderHasWhatThereIs) {
  put("t", "application/json", "[1,2]");
  EXPECT_THAT(types_of(once("offset=-1")),
              ElementsAre("subscribed", "event", "event", "caught_up"));
  EXPECT_THAT(types_of(once("offset=" + token(1))),
              ElementsAre("subscribed", "event", "caught_up"));
}

TEST_F(SseOnceTest, WhoHasNoPositionYetIsGivenOneAtOnce) {
  put("t", "application/json");
  EXPECT_THAT(types_of(once("offset=-1")), ElementsAre("subscribed", "caught_up"));
  EXPECT_THAT(types_of(once("offset=now")), ElementsAre("subscribed", "caught_up"));
  post("t", "application/json", "1");
  store_state("t", token(1), "[1]");
  EXPECT_THAT(types_of(once("state=true")), ElementsAre("subscribed", "state", "caught_up"));
}

TEST_F(SseOnceTest, WhoHasEverythingWaitsForWhatComes) {
  put("t", "application/json", "[1]");
  auto client = once("offset=" + token(1));
  client.expect("subscribed");
  post("t", "application/json", "2");
  EXPECT_EQ(number(client.expect("event"), "offset"), 2);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 2);
  EXPECT_FALSE(client.next());
}

TEST_F(SseOnceTest, WhatDoesNotPassIsNoNews) {
  ask_api("PUT /v1/topics/t", {}, "{}");
  publish_keyed("t", "b", "1");
  auto client = once("filter_key=a&offset=" + token(1));
  client.expect("subscribed");
  publish_keyed("t", "b", "2");
  EXPECT_EQ(number(client.expect("advanced"), "offset"), 2);
  publish_keyed("t", "a", "3");
  EXPECT_EQ(number(client.expect("event"), "offset"), 3);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 3);
  EXPECT_FALSE(client.next());
}

TEST_F(SseOnceTest, AGapIsNews) {
  put("t", "application/json", "[1,2]");
  const auto begin = token(0);
  trim("t", 3);
  EXPECT_THAT(types_of(once("on_gap=earliest&offset=" + begin)),
              ElementsAre("subscribed", "gap", "caught_up"));
}

TEST_F(SseOnceTest, AClosedTopicIsNotWaitedFor) {
  put("t", "application/json", "[1]");
  send("POST", "t", "Stream-Closed: true\r\n");
  EXPECT_THAT(types_of(once("offset=" + token(1))),
              ElementsAre("subscribed", "caught_up", "unsubscribed"));
  EXPECT_THAT(types_of(once("offset=-1")),
              ElementsAre("subscribed", "event", "caught_up", "unsubscribed"));
}

TEST_F(SseOnceTest, AStopSaysGoodbyeToOneWhoWaits) {
  put("t", "application/json", "[1]");
  auto client = once("offset=" + token(1));
  client.expect("subscribed");
  server_.server.stop();
  client.expect("goodbye");
  EXPECT_FALSE(client.next());
}

TEST(MessageDialect, WhoHasHalfOfAStateIsNotCaughtUp) {
  MemoryStore memory;
  memory.requester.publish(name_of("t"), 1);
  const auto topic = memory.topic(name_of("t"));
  const Cursor cursor(topic, topic->end().tail, OnGap::fail);
  MessageDialect dialect(cursor, StreamsUntil::tail);
  SseOut out;
  dialect.end({.why = SseEnd::Why::pause}, false, out);
  EXPECT_EQ(out.size(), 0U);
  dialect.end({.why = SseEnd::Why::pause}, true, out);
  EXPECT_EQ(out.front, "data:{\"type\":\"caught_up\",\"topic\":\"t\",\"offset\":1}\n\n");
}

class ShortSseOnceTest : public SseOnceTest {
 protected:
  ShortSseOnceTest() : SseOnceTest(short_waits()) {}
  static ServerOptions short_waits() {
    ServerOptions options;
    options.limits.long_poll_timeout = milliseconds(100);
    options.limits.sse_lifetime = milliseconds(0);  // no end by age
    return options;
  }
};

TEST_F(ShortSseOnceTest, WhoWaitsInVainIsToldThatItIsCaughtUp) {
  put("t", "application/json", "[1]");
  EXPECT_THAT(types_of(once("offset=" + token(1))), ElementsAre("subscribed", "caught_up"));
}

class BoundedSseOnceTest : public SseOnceTest {
 protected:
  BoundedSseOnceTest() : SseOnceTest(small_answers()) {}
  static ServerOptions small_answers() {
    ServerOptions options;
    options.limits.bytes_in_flight = 400;
    options.limits.catch_up_bytes = 1'000;
    return options;
  }
};

TEST_F(BoundedSseOnceTest, ALargeAnswerIsCutAndTheNextGoesOnBehindIt) {
  put("t", "application/json");
  constexpr int kEvents = 50;
  for (int i = 0; i < kEvents; ++i)
    post("t", "application/json", "\"" + std::string(50, 'x') + "\"");
  std::int64_t at = 0;
  int answers = 0;
  for (bool caught_up = false; !caught_up; ++answers) {
    ASSERT_LE(answers, kEvents);
    auto client = once("offset=" + token(static_cast<std::uint64_t>(at)));
    client.expect("subscribed");
    while (const auto text = client.text()) {
      const auto message = boost::json::parse(*text);
      caught_up = WsClient::type_of(message) == "caught_up";
      ASSERT_EQ(number(message, "offset"), caught_up ? at : at + 1) << *text;
      at = number(message, "offset");
    }
  }
  EXPECT_EQ(at, kEvents);
  EXPECT_GT(answers, 3);
  EXPECT_LT(answers, 20) << "each of several events";
}

}  // namespace
}  // namespace tidemark::broker
