// The lines that sessions leave: they say on whose connection and at which request.
// tests/: broker/session_log, over real sockets.
#include "broker/session_log.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// The only line with `text` in it.
std::string line_with(const log::Capture& capture, std::string_view text) {
  const auto lines = capture.lines();
  const auto has = [&](const std::string& line) { return line.find(text) != std::string::npos; };
  EXPECT_EQ(std::ranges::count_if(lines, has), 1) << text << " in\n" << capture.text();
  const auto found = std::ranges::find_if(lines, has);
  return found == lines.end() ? "" : *found;
}

/// "conn=7" of a line.
std::string connection_of(const std::string& line) {
  const auto begin = line.find("conn=");
  return begin == std::string::npos ? "" : line.substr(begin, line.find(' ', begin) - begin);
}

TEST(SessionLogTest, RequestsAreTracedByConnectionAndNumberAndWithoutTheirQuery) {
  TestServer server;
  const log::Capture capture;
  RawClient client(server.port());
  client.send(http_request("GET /v1/topics?prefix=hush") + http_request("GET /nowhere?key=hush"));
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(read_answer(client).status, 404);
  const auto first = line_with(capture, "GET /v1/topics");
  const auto second = line_with(capture, "GET /nowhere");
  EXPECT_EQ(connection_of(first), connection_of(second));
  const auto id = connection_of(first).substr(5);
  EXPECT_THAT(first, AllOf(HasSubstr("req=" + id + ".1"), HasSubstr("status=200")));
  EXPECT_THAT(second, AllOf(HasSubstr("req=" + id + ".2"), HasSubstr("status=404"),
                            HasSubstr("code=not_found"), HasSubstr("client=127.0.0.1")));
  EXPECT_THAT(capture.text(), Not(HasSubstr("hush")));
}

TEST(SessionLogTest, WhatAWebSocketIsRefusedNamesItsConnection) {
  TestServer server;
  const log::Capture capture;
  WsClient one(server.port());
  WsClient two(server.port());
  EXPECT_EQ(one.refused(R"({"type":"unsubscribe","topic":"one"})"), "not_subscribed");
  EXPECT_EQ(two.refused(R"({"type":"unsubscribe","topic":"two"})"), "not_subscribed");
  const auto of_one = connection_of(line_with(capture, "topic=one"));
  const auto of_two = connection_of(line_with(capture, "topic=two"));
  EXPECT_NE(of_one, "");
  EXPECT_NE(of_one, of_two);
}

TEST(SessionLogTest, WhoMayNotIsToldAtTheUsualLevelAndWhoMayIsNot) {
  TestServer server;
  const log::Capture capture(log::Level::info);
  EXPECT_EQ(ask(server.port(), http_request("GET /v1/topics")).status, 200);
  EXPECT_EQ(ask(server.port(), http_request("POST /v1/topics/t/events", "1",
                                            "Origin: https://elsewhere.example\r\n"))
                .status,
            403);
  EXPECT_THAT(line_with(capture, "request_refused"),
              AllOf(HasSubstr("asked=\"POST /v1/topics/t/events\""), HasSubstr("status=403"),
                    HasSubstr("code=forbidden_origin")));
  EXPECT_THAT(capture.text(), Not(HasSubstr("GET /v1/topics")));
}

}  // namespace
}  // namespace tidemark::broker
