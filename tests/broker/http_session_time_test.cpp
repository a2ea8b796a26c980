// How long a request may take to arrive.
// tests/: broker/http_session, over real sockets.
#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

TEST(HttpSessionTime, ARequestThatDoesNotArriveIsTimedOut) {
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(200);
  TestServer server(options);
  RawClient head(server.port());
  head.send("GET /healthz HTTP/1.1\r\nHo");
  EXPECT_EQ(read_answer(head).status, 408);
  EXPECT_EQ(head.read_all(), "");
  RawClient body(server.port());
  body.send("POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1");
  EXPECT_EQ(read_answer(body).status, 408);
  RawClient silent(server.port());
  EXPECT_EQ(silent.read_all(), "") << "nothing was asked, so nothing is answered";
}

TEST(HttpSessionTime, AByteNowAndThenWinsNoTime) {
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(2'000);
  TestServer server(options);
  RawClient slow(server.port());
  const auto began = std::chrono::steady_clock::now();
  ::poll(nullptr, 0, 1'000);  // what is tested is time
  slow.send("G");
  EXPECT_EQ(read_answer(slow).status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(2'200));
  EXPECT_EQ(slow.read_all(), "");
}

TEST(HttpSessionTime, ABodyMayComeAsSlowlyAsABadLinkCarriesIt) {
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(200);
  TestServer server(options);
  RawClient slow(server.port());
  const std::string most = "[" + std::string(8'190, ' ');  // wins seconds
  slow.send("POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8193\r\n\r\n" +
            most);
  ::poll(nullptr, 0, 1'000);  // what is tested is time
  slow.send("1]");
  EXPECT_EQ(read_answer(slow).status, 200);
}

TEST(HttpSessionTime, MuchAtOnceWinsNoMoreThanAPause) {
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(200);
  options.limits.stall_timeout = std::chrono::milliseconds(300);
  TestServer server(options);
  RawClient client(server.port());
  const auto began = std::chrono::steady_clock::now();
  client.send(
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60001\r\n\r\n" +
      std::string(60'000, ' '));
  EXPECT_EQ(read_answer(client).status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << "of a minute";
}

TEST(HttpSessionTime, WhoIsLateIsLetGoAtOnce) {
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(200);
  options.limits.close_timeout = std::chrono::hours(1);
  TestServer server(options);
  RawClient late(server.port());
  late.send("GET /healthz HTTP/1.1\r\nHo");
  EXPECT_EQ(read_answer(late).status, 408);
  server.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

}  // namespace
}  // namespace tidemark::broker
