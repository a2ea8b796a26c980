// The WebSocket protocol as clients meet it, friendly and otherwise.
// tests/: broker/websocket_session, over real sockets.
#include "broker/websocket_session.hpp"

#include <chrono>
#include <future>
#include <map>
#include <thread>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

ServerOptions with_limits(const std::function<void(ServerLimits&)>& change) {
  ServerOptions options;
  change(options.limits);
  return options;
}

class WebSocketSessionTest : public testing::Test {
 protected:
  explicit WebSocketSessionTest(ServerOptions options = with_limits([](ServerLimits& l) {
                                  l.message_bytes = 8192;
                                  l.subscriptions_per_connection = 3;
                                  l.events_per_publish = 4;
                                }))
      : server_(std::move(options), small_events()) {}

  static storage::EventStoreOptions small_events() {
    storage::EventStoreOptions options;
    options.committer.max_event_bytes = 1024;
    return options;
  }

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] WsClient connect(std::string_view headers = {}) const {
    return WsClient(port(), headers);
  }
  /// The other clients of the server don't notice.
  void expect_serving() {
    auto client = connect();
    EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping","id":1})")), "pong");
  }
  OffsetRange publish(std::string_view topic, std::uint64_t count) {
    return server_.memory.requester.publish(name_of(topic), count);
  }
  /// The handshake's answer to these headers.
  [[nodiscard]] HttpAnswer handshake(std::string_view headers) const {
    return broker::ask(port(), upgrade_request(headers));
  }

  TestServer server_;
};

// ---- handshake ----

TEST_F(WebSocketSessionTest, JsonIsSpokenIfNothingIsAsked) {
  auto client = connect();
  EXPECT_THAT(client.head, Not(HasSubstr("Sec-WebSocket-Protocol")));
  EXPECT_THAT(client.head, Not(HasSubstr("permessage-deflate")));
  EXPECT_EQ(number(client.ask(R"({"type":"ping","id":7})"), "id"), 7);
}

TEST_F(WebSocketSessionTest, TheFirstKnownSubprotocolIsChosen) {
  EXPECT_THAT(connect("Sec-WebSocket-Protocol: x, tidemark.v1.json\r\n").head,
              HasSubstr("Sec-WebSocket-Protocol: tidemark.v1.json\r\n"));
  EXPECT_THAT(connect("Sec-WebSocket-Protocol: tidemark.v1.cereal, tidemark.v1.json\r\n").head,
              HasSubstr("Sec-WebSocket-Protocol: tidemark.v1.cereal\r\n"));
  EXPECT_EQ(handshake("Sec-WebSocket-Protocol: graphql-ws\r\n").status, 400);
}

TEST_F(WebSocketSessionTest, ForeignOriginsAreRefused) {
  EXPECT_EQ(handshake("Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(handshake("Origin: null\r\n").status, 403);
  EXPECT_THAT(connect("Origin: http://localhost\r\n").head, HasSubstr("101"));
}

TEST_F(WebSocketSessionTest, MessagesMayComeWithTheUpgrade) {
  RawClient client(port());
  client.send(upgrade_request() + masked_frame(opcode::text, R"({"type":"ping","id":1})") +
              masked_frame(opcode::text, R"({"type":"ping","id":2})"));
  client.read_until("\r\n\r\n");
  client.read_until(R"("id":1)");
  client.read_until(R"("id":2)");
}

// ---- publish and subscribe ----

TEST_F(WebSocketSessionTest, WhatIsPublishedReachesASubscriberInOrder) {
  auto publisher = connect();
  EXPECT_EQ(number(publisher.ask(R"({"type":"publish","id":1,"topic":"t","data":1})"), "last"), 1);
  auto subscriber = connect();
  subscriber.send(R"({"type":"subscribe","id":5,"topic":"t","from":"earliest"})");
  const auto subscribed = subscriber.expect("subscribed");
  EXPECT_EQ(number(subscribed, "id"), 5);
  EXPECT_EQ(number(subscribed, "offset"), 0);
  EXPECT_EQ(number(subscribed, "head"), 1);
  EXPECT_EQ(number(subscriber.expect("event"), "offset"), 1);
  EXPECT_EQ(number(subscriber.expect("caught_up"), "offset"), 1);
  publisher.send(R"({"type":"publish","topic":"t","events":[{"data":{"a":1.0}},{"data":3}]})");
  EXPECT_THAT(boost::json::serialize(publisher.expect("published")), HasSubstr("\"last\":3"));
  EXPECT_EQ(number(subscriber.expect("event"), "offset"), 2);
  EXPECT_EQ(number(subscriber.expect("event"), "offset"), 3);
}

TEST_F(WebSocketSessionTest, AReconnectedClientGetsExactlyWhatItMissed) {
  publish("t", 5);
  std::int64_t epoch = 0;
  {
    auto client = connect();
    client.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
    epoch = number(client.expect("subscribed"), "epoch");
    for (int i = 1; i <= 5; ++i) EXPECT_EQ(number(client.expect("event"), "offset"), i);
  }
  publish("t", 5);
  auto client = connect();
  client.send(R"({"type":"subscribe","topic":"t","after":{"offset":5,"epoch":)" +
              std::to_string(epoch) + "}}");
  client.expect("subscribed");
  for (int i = 6; i <= 10; ++i) EXPECT_EQ(number(client.expect("event"), "offset"), i);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 10);
}

TEST_F(WebSocketSessionTest, StartsAreResolved) {
  publish("t", 10);
  const auto offset = [&](std::string_view start) {
    auto client = connect();
    return number(client.ask(R"({"type":"subscribe","topic":"t",)" + std::string(start) + "}"),
                  "offset");
  };
  EXPECT_EQ(offset(R"("from":"now")"), 10);
  EXPECT_EQ(offset(R"("last":3)"), 7);
  EXPECT_EQ(offset(R"("after":{"offset":4})"), 4);
  EXPECT_EQ(offset(R"("time":0)"), 0);
}

TEST_F(WebSocketSessionTest, TwoFormsSeeTheSameEvents) {
  publish("t", 1);
  auto client = connect("Sec-WebSocket-Protocol: tidemark.v1.cereal\r\n");
  std::string request;
  encode(WireForm::binary, ClientMessage(Subscribe{1, "t", StartEarliest{}, OnGap::fail}),
         Payload::json, request);
  client.raw.send(masked_frame(opcode::binary, request));
  const auto next = [&] {
    const auto frame = client.frame();
    EXPECT_EQ(frame->opcode, opcode::binary);
    return *decode_server(WireForm::binary, frame->payload);
  };
  EXPECT_EQ(std::get<Subscribed>(next()).head, Offset{1});
  EXPECT_EQ(std::get<Event>(next()).data, "1");
  EXPECT_EQ(std::get<CaughtUp>(next()).offset, Offset{1});
}

TEST_F(WebSocketSessionTest, UnsubscribedIsTheLastOfATopic) {
  publish("t", 3);
  auto client = connect();
  client.send(R"({"type":"subscribe","id":1,"topic":"t","from":"earliest"})");
  client.send(R"({"type":"unsubscribe","id":2,"topic":"t"})");
  boost::json::value message;
  do {
    message = client.message();
  } while (WsClient::type_of(message) != "unsubscribed");
  publish("t", 3);
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping"})")), "pong");
  EXPECT_EQ(client.refused(R"({"type":"unsubscribe","topic":"t"})"), "not_subscribed");
}

TEST_F(WebSocketSessionTest, DeletingTheTopicEndsTheSubscription) {
  publish("t", 1);
  auto client = connect();
  client.send(R"({"type":"subscribe","topic":"t"})");
  client.expect("subscribed");
  client.expect("caught_up");
  server_.memory.requester.erase(name_of("t"));
  EXPECT_EQ(client.expect("unsubscribed").at("reason").as_string(), "topic_deleted");
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"t"})"), "unknown_topic");
}

TEST_F(WebSocketSessionTest, AGapIsToldAsTheClientAsked) {
  publish("t", 10);
  server_.memory.requester.trim(name_of("t"), Offset{6});
  auto strict = connect();
  const auto refusal =
      strict.ask(R"({"type":"subscribe","id":3,"topic":"t","after":{"offset":2}})");
  EXPECT_EQ(refusal.at("code").as_string(), "position_trimmed");
  EXPECT_EQ(number(refusal.at("gap"), "first"), 3);
  EXPECT_EQ(number(refusal.at("gap"), "end"), 6);
  EXPECT_EQ(strict.refused(R"({"type":"unsubscribe","topic":"t"})"), "not_subscribed");

  auto lenient = connect();
  lenient.send(R"({"type":"subscribe","topic":"t","after":{"offset":2},"on_gap":"earliest"})");
  lenient.expect("subscribed");
  EXPECT_EQ(number(lenient.expect("gap"), "earliest"), 6);
  for (int i = 6; i <= 10; ++i) EXPECT_EQ(number(lenient.expect("event"), "offset"), i);
  lenient.expect("caught_up");
}

TEST_F(WebSocketSessionTest, PositionsOfAnotherHistoryAreRefused) {
  publish("t", 3);
  auto client = connect();
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"t","after":{"offset":4}})"),
            "position_ahead");
  EXPECT_EQ(
      client.refused(R"({"type":"subscribe","topic":"t","after":{"epoch":12345,"offset":2}})"),
      "wrong_epoch");
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"unknown"})"), "unknown_topic");
  expect_serving();
}

TEST_F(WebSocketSessionTest, ManyPublishesInFlightAreAllAnsweredOnce) {
  auto client = connect();
  constexpr int kCount = 3000;
  std::string all;
  for (int i = 1; i <= kCount; ++i) {
    all += masked_frame(
        opcode::text, R"({"type":"publish","topic":"t","data":1,"id":)" + std::to_string(i) + "}");
  }
  client.raw.send(all);
  std::map<std::int64_t, std::int64_t> offsets;
  for (int i = 0; i < kCount; ++i) {
    const auto answer = client.expect("published");
    EXPECT_TRUE(offsets.emplace(number(answer, "id"), number(answer, "first")).second);
  }
  for (const auto& [id, offset] : offsets) EXPECT_EQ(id, offset) << "taken in order";
}

// ---- bad input ----

TEST_F(WebSocketSessionTest, MalformedMessagesAreAnsweredAndTheConnectionGoesOn) {
  auto client = connect();
  const std::map<std::string, std::string> cases{
      {"", "malformed_message"},
      {"{", "malformed_message"},
      {"[]", "malformed_message"},
      {R"({"type":"publish"})", "malformed_message"},
      {R"({"type":"publish","topic":7,"data":1})", "malformed_message"},
      {R"({"type":"publish","topic":"t","data":1,"id":-1})", "malformed_message"},
      {R"({"type":"publish","topic":"t","data":1,"id":"x"})", "malformed_message"},
      {R"({"type":"dance"})", "unknown_message"},
      {R"({"type":"publish","topic":"a//b","data":1})", "invalid_topic"},
      {R"({"type":"publish","topic":")" + std::string(256, 'a') + R"(","data":1})",
       "invalid_topic"},
      {R"({"type":"subscribe","topic":"../etc"})", "invalid_topic"},
      {R"({"type":"publish","topic":"_tidemark/x","data":1})", "reserved_topic"},
      {R"({"type":"unsubscribe","topic":"t"})", "not_subscribed"},
      {R"({"type":"publish","topic":"t","events":[{"data":1},{"data":1},{"data":1},{"data":1},{"data":1}]})",
       "too_many_events"},
      {R"({"type":"publish","topic":"t","data":")" + std::string(1024, 'x') + "\"}",
       "event_too_large"},
      {R"({"type":"publish","topic":"t","data":1,"key":")" + std::string(1025, 'k') + "\"}",
       "invalid_key"},
      {R"({"type":"publish","topic":"t","data":1,"producer":{"id":"","epoch":0,"sequence":0}})",
       "invalid_producer"},
      {R"({"type":"publish","topic":"t","data":1,"expected_last":9})", "offset_mismatch"},
  };
  for (const auto& [message, code] : cases) EXPECT_EQ(client.refused(message), code) << message;
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping"})")), "pong");
}

TEST_F(WebSocketSessionTest, AnErrorCarriesTheIdOfItsRequest) {
  auto client = connect();
  const auto answer = client.ask(R"({"type":"publish","id":42,"topic":"t"})");
  EXPECT_EQ(number(answer, "id"), 42);
  EXPECT_FALSE(answer.at("message").as_string().empty());
}

TEST_F(WebSocketSessionTest, ProtocolViolationsCloseOnlyTheOneWhoCommitsThem) {
  const auto closes = [&](const std::string& bytes, unsigned code) {
    auto client = connect();
    client.raw.send(bytes);
    EXPECT_EQ(client.closed_with(), code);
    expect_serving();
  };
  closes(masked_frame(opcode::text, "{\"a\":\"\xff\"}"), 1007);
  closes(masked_frame(opcode::text, std::string(8193, ' ')), 1009);
  closes(masked_frame(opcode::text, std::string(5000, ' '), false) +
             masked_frame(opcode::continuation, std::string(5000, ' ')),
         1009);
  closes(std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14), 1009);  // 2^63 - 1
  closes(std::string("\x81\x02{}", 4), 1002);                                         // not masked
  closes(std::string("\xc1\x80\0\0\0\0", 6), 1002);        // reserved bit
  closes(std::string("\x83\x80\0\0\0\0", 6), 1002);        // opcode
  closes(std::string("\x80\x80\0\0\0\0", 6), 1002);        // continues nothing
  closes(std::string("\x89\xfe\0\x7e\0\0\0\0", 8), 1002);  // a ping of 126 bytes
  closes(masked_frame(opcode::binary, "x"), 1007);         // of the wrong kind
}

TEST_F(WebSocketSessionTest, LyingBinaryLengthsAreAnsweredAndTheConnectionGoesOn) {
  auto client = connect("Sec-WebSocket-Protocol: tidemark.v1.cereal\r\n");
  std::string right;
  encode(WireForm::binary, ClientMessage(Publish{.id = 1, .topic = "t", .events = {NewEvent{}}}),
         Payload::json, right);
  const auto code_of_answer = [&](std::string_view bytes) {
    client.raw.send(masked_frame(opcode::binary, bytes));
    const auto message = *decode_server(WireForm::binary, client.frame()->payload);
    const auto* failure = std::get_if<Failure>(&message);
    return failure == nullptr ? std::string_view("none") : info(failure->code).name;
  };
  for (std::size_t cut = 0; cut < right.size(); ++cut) {
    EXPECT_NE(code_of_answer(std::string_view(right).substr(0, cut)), "none") << cut;
  }
  for (std::size_t i = 10; i < right.size(); ++i) {
    std::string lying = right;
    lying[i] = '\x7f';
    code_of_answer(lying);  // whatever it says, it says something
  }
  client.raw.send(masked_frame(opcode::text, "{}"));
  EXPECT_EQ(client.closed_with(), 1007);
  expect_serving();
}

TEST_F(WebSocketSessionTest, ManyFragmentsMakeOneMessage) {
  auto client = connect();
  const std::string message = R"({"type":"ping","id":9})" + std::string(2000, ' ');
  std::string frames = masked_frame(opcode::text, message.substr(0, 1), false);
  for (std::size_t i = 1; i < message.size(); ++i) {
    frames += masked_frame(opcode::continuation, message.substr(i, 1), i + 1 == message.size());
    if (i % 100 == 0) frames += masked_frame(opcode::ping, "p");
  }
  client.raw.send(frames);
  EXPECT_EQ(number(client.expect("pong"), "id"), 9);
}

TEST_F(WebSocketSessionTest, LimitsOfAConnectionAreKept) {
  for (const auto* topic : {"a", "b", "c", "d"}) publish(topic, 1);
  auto client = connect();
  for (const auto* topic : {"a", "b", "c"}) {
    client.send(R"({"type":"subscribe","topic":")" + std::string(topic) + "\"}");
    client.expect("subscribed");
    client.expect("caught_up");
  }
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"a"})"), "already_subscribed");
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"d"})"), "too_many_subscriptions");
}

// ---- time ----

class ImpatientSessionTest : public WebSocketSessionTest {
 protected:
  ImpatientSessionTest()
      : WebSocketSessionTest(with_limits([](ServerLimits& l) {
          l.idle_timeout = std::chrono::milliseconds(200);
          l.stall_timeout = std::chrono::milliseconds(200);
          l.close_timeout = std::chrono::milliseconds(100);
          l.handshake_timeout = std::chrono::milliseconds(200);
        })) {}
};

TEST_F(ImpatientSessionTest, ASilentClientIsPingedThenClosed) {
  auto client = connect();
  const auto ping = client.frame();
  ASSERT_TRUE(ping.has_value());
  EXPECT_EQ(ping->opcode, opcode::ping);
  EXPECT_FALSE(client.frame().has_value()) << "no pong came";
}

TEST_F(ImpatientSessionTest, AClientThatAnswersPingsStays) {
  auto client = connect();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.frame()->opcode, opcode::ping);
    client.raw.send(masked_frame(opcode::pong, ""));
  }
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping"})")), "pong");
}

TEST_F(ImpatientSessionTest, ATimeInWhichTheBrokerCouldNotHearItsClientsClosesNone) {
  auto client = connect();
  // As if the process had been stopped: five times the idle timeout.
  std::promise<void> over;
  boost::asio::post(server_.hub.shard(0).io(), [&over] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    over.set_value();
  });
  over.get_future().wait();
  const auto ping = client.frame();
  ASSERT_TRUE(ping.has_value()) << "closed for the broker's own silence";
  EXPECT_EQ(ping->opcode, opcode::ping);
  client.raw.send(masked_frame(opcode::pong, ""));
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping"})")), "pong");
}

TEST_F(ImpatientSessionTest, AClientThatStopsReadingIsClosedAndLosesNothing) {
  constexpr std::uint64_t kEvents = 200'000;
  publish("t", kEvents);
  std::int64_t last = 0;
  {
    WsClient client(port(), {}, 4096);
    client.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
    client.expect("subscribed");
    server_.wait_for([](const ServerStats& s) { return s.websockets == 0; });
    while (const auto frame = client.frame()) {
      if (frame->opcode == opcode::text)
        last = number(boost::json::parse(frame->payload), "offset");
    }
  }
  ASSERT_LT(last, static_cast<std::int64_t>(kEvents));
  auto again = connect();
  again.send(R"({"type":"subscribe","topic":"t","after":{"offset":)" + std::to_string(last) + "}}");
  again.expect("subscribed");
  EXPECT_EQ(number(again.expect("event"), "offset"), last + 1);
}

class SlowReaderTest : public WebSocketSessionTest {
 protected:
  SlowReaderTest()
      : WebSocketSessionTest(with_limits([](ServerLimits& l) {
          l.idle_timeout = std::chrono::milliseconds(200);
          l.stall_timeout = std::chrono::seconds(10);
        })) {}
};

// It says nothing for longer than a silent client may, since it has not come to a ping yet.
TEST_F(SlowReaderTest, AClientThatIsSlowToReadIsNotTakenForASilentOne) {
  publish("t", 200'000);
  WsClient client(port(), {}, 4096);
  client.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
  client.expect("subscribed");
  const auto began = std::chrono::steady_clock::now();
  bool pinged = false;
  bool caught_up = false;
  for (int i = 0; !pinged || !caught_up; ++i) {
    const auto frame = client.frame();
    ASSERT_TRUE(frame.has_value()) << "closed after frame " << i;
    pinged = pinged || frame->opcode == opcode::ping;
    if (frame->opcode == opcode::ping) client.raw.send(masked_frame(opcode::pong, ""));
    caught_up = caught_up || frame->payload.starts_with(R"({"type":"caught_up")");
    const bool slow = std::chrono::steady_clock::now() - began < std::chrono::milliseconds(600);
    if (slow && i % 50 == 0) ::poll(nullptr, 0, 1);
  }
  EXPECT_GT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(600))
      << "it was not slow";
}

TEST_F(ImpatientSessionTest, APeerThatDoesNotAnswerTheCloseIsLetGo) {
  auto client = connect();
  client.raw.send(masked_frame(opcode::binary, "x"));
  EXPECT_EQ(client.closed_with(), 1007);
  server_.wait_for([](const ServerStats& s) { return s.connections == 0; });
}

TEST_F(ImpatientSessionTest, AFloodOfPingsThatAreNotReadIsBounded) {
  WsClient client(port(), {}, 4096);
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += masked_frame(opcode::ping, std::string(125, 'p'));
  // The pongs fill the socket, then reading stops, then ours does: at last we are closed.
  std::size_t sent = 0;
  while (client.raw.send(pings)) {
    sent += pings.size();
    ASSERT_LT(sent, std::size_t{1} << 30);
  }
  server_.wait_for([](const ServerStats& s) { return s.websockets == 0; });
  expect_serving();
}

TEST_F(WebSocketSessionTest, PingsAreAnsweredDuringAFlood) {
  publish("t", 100'000);
  auto client = connect();
  client.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
  int pongs = 0;
  std::int64_t last = 0;
  while (last < 100'000 || pongs < 100) {
    if (last % 1000 == 0 && pongs < 100) client.raw.send(masked_frame(opcode::ping, "p"));
    const auto frame = client.frame();
    ASSERT_TRUE(frame.has_value());
    if (frame->opcode == opcode::pong) ++pongs;
    if (frame->opcode != opcode::text) continue;
    const auto message = boost::json::parse(frame->payload);
    if (WsClient::type_of(message) != "event") {
      EXPECT_TRUE(WsClient::type_of(message) == "subscribed" || last == 100'000);
      continue;
    }
    ASSERT_EQ(number(message, "offset"), ++last);
  }
}

}  // namespace
}  // namespace tidemark::broker
