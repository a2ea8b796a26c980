// The echo for conformance suites, and what it shows of every WebSocket's ends.
// tests/: broker/echo, by way of the session and the stream that serve topics.
#include "broker/echo.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

ServerOptions with_echo(std::chrono::milliseconds stall = std::chrono::seconds(30)) {
  ServerOptions options;
  options.test_echo = true;
  options.limits.stall_timeout = stall;
  options.limits.message_bytes = 8192;  // of topics, not of the echo
  return options;
}

class EchoTest : public testing::Test {
 protected:
  [[nodiscard]] WsClient connect(std::string_view path = kEchoPath) const {
    return WsClient(server_.port(), {}, 0, path);
  }
  static void expect_next(WsClient& client, unsigned op, const std::string& payload) {
    const auto next = client.frame();
    ASSERT_TRUE(next) << "the end came";
    EXPECT_EQ(next->opcode, op);
    EXPECT_TRUE(next->payload == payload) << next->payload.size() << " bytes came back";
  }

  TestServer server_{with_echo()};
};

TEST(Echo, IsNotThereUnlessAskedFor) {
  const TestServer server;
  EXPECT_EQ(ask(server.port(), upgrade_request({}, kEchoPath)).status, 404);
}

TEST_F(EchoTest, TakesUpgradesOnly) {
  EXPECT_EQ(ask(server_.port(), http_request("GET /v1/echo")).status, 426);
  EXPECT_EQ(ask(server_.port(), http_request("POST /v1/echo", "x")).status, 426);
  EXPECT_EQ(ask(server_.port(), upgrade_request("Origin: http://elsewhere\r\n", kEchoPath)).status,
            403);
}

TEST_F(EchoTest, EveryMessageComesBackAsItCame) {
  auto client = connect();
  std::string payload;
  std::minstd_rand random(7);
  for (const std::size_t size : {0, 1, 125, 126, 65535, 65536, 16 << 20}) {
    while (payload.size() < size) payload += static_cast<char>(random());
    client.raw.send(masked_frame(opcode::binary, payload));
    expect_next(client, opcode::binary, payload);
    const std::string text(size, 'x');
    client.raw.send(masked_frame(opcode::text, text));
    expect_next(client, opcode::text, text);
  }
}

TEST_F(EchoTest, FragmentsComeBackAsOneMessageBehindThePongsOfPingsBetweenThem) {
  auto client = connect();
  client.raw.send(masked_frame(opcode::text, "a", false) + masked_frame(opcode::ping, "p") +
                  masked_frame(opcode::continuation, "", false) +
                  masked_frame(opcode::continuation, "b"));
  expect_next(client, opcode::pong, "p");
  expect_next(client, opcode::text, "ab");
}

TEST_F(EchoTest, OneByteTooManyIsTooLarge) {
  auto client = connect();
  client.raw.send(std::string("\x82\xff\0\0\0\0\1\0\0\1\0\0\0\0", 14));
  EXPECT_EQ(client.closed_with(), 1009U);
}

TEST_F(EchoTest, SaysNothingOfItsOwnWhenTheBrokerStops) {
  auto client = connect();
  client.raw.send(masked_frame(opcode::text, "a"));
  expect_next(client, opcode::text, "a");
  std::thread stop([&] { server_.server.stop(); });
  const auto next = client.frame();
  client.raw.close();
  stop.join();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->opcode, opcode::close);
}

// What is sent but not read stays in the sockets and in two messages here; then reading stops.
TEST(Echo, AClientThatReadsNothingIsSoonNotReadFrom) {
  const TestServer server(with_echo(std::chrono::milliseconds(200)));
  WsClient client(server.port(), {}, 4096, kEchoPath);
  const auto message = masked_frame(opcode::binary, std::string(std::size_t{1} << 20, 'm'));
  std::size_t sent = 0;
  while (client.raw.send(message)) {
    sent += message.size();
    ASSERT_LT(sent, std::size_t{64} << 20);
  }
  server.wait_for([](const ServerStats& s) { return s.websockets == 0; });
}

// ---- the ends of every WebSocket, be it of topics or the echo ----

TEST_F(EchoTest, WhatWasAnsweredBeforeAFaultOrACloseIsSentBeforeTheEnd) {
  const auto close = masked_frame(opcode::close, "\x03\xe8");
  const auto fault = std::string("\x83\x80\0\0\0\0", 6);
  for (const auto& [end, code] : {std::pair(close, 1000U), std::pair(fault, 1002U)}) {
    for (const auto path : {kEchoPath, std::string_view("/v1/ws")}) {
      auto client = connect(path);
      std::string all;
      for (int i = 0; i < 20; ++i) all += masked_frame(opcode::text, R"({"type":"ping"})");
      client.raw.send(all + end);
      for (int i = 0; i < 20; ++i) {
        const auto next = client.frame();
        ASSERT_TRUE(next);
        EXPECT_EQ(next->opcode, opcode::text) << path << ", " << code << ": answer " << i;
      }
      EXPECT_EQ(client.closed_with(), code) << path;
    }
  }
}

TEST_F(EchoTest, TextThatEndsWithinACharacterIsRefusedAlsoIfNothingFollowsIt) {
  for (const auto* cut : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "ab\xf0\x9f"}) {
    for (const auto path : {kEchoPath, std::string_view("/v1/ws")}) {
      auto client = connect(path);
      client.raw.send(masked_frame(opcode::text, cut, false) +
                      masked_frame(opcode::continuation, ""));
      EXPECT_EQ(client.closed_with(), 1007U) << path;
    }
  }
  auto client = connect();
  for (const auto* whole : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    client.raw.send(masked_frame(opcode::text, whole, false) +
                    masked_frame(opcode::continuation, ""));
    expect_next(client, opcode::text, whole);
  }
}

TEST_F(EchoTest, TextIsRefusedAtTheFirstByteThatCannotBe) {
  for (const auto* wrong : {"\xc0", "\xff", "\xe0\x9f", "\xed\xa0", "\xf4\x90"}) {
    auto client = connect();
    const auto frame = masked_frame(opcode::text, wrong + std::string(100, '.'));
    client.raw.send(std::string_view(frame).substr(0, 6 + std::string_view(wrong).size()));
    EXPECT_EQ(client.closed_with(), 1007U) << "the rest never comes";
  }
}

}  // namespace
}  // namespace tidemark::broker
