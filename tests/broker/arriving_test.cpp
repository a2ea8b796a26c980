// Messages and bodies that never become whole: many together take no more memory than is set.
// tests/: broker/websocket_session and http_session, over real sockets.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;

// Room for one that sends 10,000 bytes on each thread, not for two.
constexpr std::size_t kHoarded = 10'000;

ServerOptions little_room() {
  ServerOptions options;
  options.limits.message_bytes = std::size_t{64} << 10;
  options.limits.arriving_bytes = std::size_t{16} << 10;
  options.limits.small_message_bytes = 1024;
  options.limits.close_timeout = milliseconds(100);
  return options;
}

// Connections are dealt out over the threads in turn, so each thread gets two.
std::size_t two_for_each_thread(const TestServer& server) { return 2 * server.hub.shard_count(); }

std::string padded_ping(std::size_t size) {
  const std::string ping = R"({"type":"ping","id":7})";
  return ping + std::string(size - ping.size(), ' ');
}

TEST(Arriving, MessagesThatDoNotEndAreBoundedTogether) {
  TestServer server(little_room());
  std::vector<std::unique_ptr<WsClient>> hoarders;
  const auto count = two_for_each_thread(server);
  for (std::size_t i = 0; i < count; ++i) {
    auto& one = *hoarders.emplace_back(std::make_unique<WsClient>(server.port()));
    one.raw.send(masked_frame(opcode::text, std::string(kHoarded, ' '), false));
  }
  server.wait_for([&](const ServerStats& stats) { return stats.websockets == count / 2; });
  WsClient other(server.port());
  EXPECT_EQ(WsClient::type_of(other.ask(padded_ping(500))), "pong") << "small ones are taken";
  EXPECT_EQ(server.server.stats().websockets, count / 2 + 1) << "who has room keeps it";

  hoarders.clear();
  server.wait_for([](const ServerStats& stats) { return stats.websockets == 1; });
  EXPECT_EQ(WsClient::type_of(other.ask(padded_ping(kHoarded))), "pong") << "there is room again";
}

TEST(Arriving, WhoHasNoRoomIsToldToTryAgain) {
  TestServer server(little_room());
  WsClient client(server.port());
  client.raw.send(masked_frame(opcode::text, std::string(2 * kHoarded, ' '), false));
  EXPECT_EQ(client.closed_with(), info(Errc::overloaded).close_code);
}

TEST(Arriving, AMessageThatComesTooSlowlyEndsTheConnection) {
  auto options = little_room();
  options.limits.handshake_timeout = milliseconds(200);
  TestServer server(options);
  // However little has come of it: without a limit a byte now and then would be enough to stay.
  for (const std::size_t size : {600, 1}) {
    WsClient client(server.port());
    client.raw.send(masked_frame(opcode::text, std::string(size, ' '), false));
    EXPECT_EQ(client.closed_with(), info(Errc::timed_out).close_code) << size;
  }
}

TEST(Arriving, AMessageMayComeAsSlowlyAsABadLinkCarriesIt) {
  ServerOptions options;
  options.limits.handshake_timeout = milliseconds(200);
  TestServer server(options);
  WsClient client(server.port());
  client.raw.send(masked_frame(opcode::text, padded_ping(8'192), false));  // wins seconds
  ::poll(nullptr, 0, 1'000);                                               // what is tested is time
  client.raw.send(masked_frame(opcode::continuation, " ", true));
  EXPECT_EQ(WsClient::type_of(client.message()), "pong");
}

TEST(Arriving, MuchOfAMessageAtOnceWinsNoMoreThanAPause) {
  ServerOptions options;
  options.limits.handshake_timeout = milliseconds(200);
  options.limits.stall_timeout = milliseconds(300);
  TestServer server(options);
  WsClient client(server.port());
  const auto began = std::chrono::steady_clock::now();
  client.raw.send(masked_frame(opcode::text, std::string(60'000, ' '), false));
  EXPECT_EQ(client.closed_with(), info(Errc::timed_out).close_code);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20)) << "of a minute";
}

TEST(Arriving, BodiesThatDoNotEndAreBoundedTogether) {
  TestServer server(little_room());
  std::vector<std::unique_ptr<RawClient>> hoarders;
  const auto count = two_for_each_thread(server);
  const std::string post =
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n";
  for (std::size_t i = 0; i < count; ++i) {
    hoarders.push_back(std::make_unique<RawClient>(server.port()));
    hoarders.back()->send(post + std::string(kHoarded, '1'));
  }
  server.wait_for([&](const ServerStats& stats) { return stats.connections == count / 2; });
  EXPECT_EQ(ask(server.port(), http_request("POST /v1/topics/t/events", "1")).status, 200);

  RawClient late(server.port());
  late.send(post + std::string(2 * kHoarded - 1, '1'));
  const auto answer = read_answer(late);
  EXPECT_EQ(answer.status, info(Errc::overloaded).http_status);
  EXPECT_EQ(answer.error(), "overloaded");
}

}  // namespace
}  // namespace tidemark::broker
