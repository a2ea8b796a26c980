// The listener, the number of connections, and the end.
// tests/: broker/server, over real sockets.
#include "broker/server.hpp"

#include <future>
#include <poll.h>
#include <random>
#include <sys/resource.h>
#include <system_error>

#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;

TEST(ServerTest, APortInUseIsNamed) {
  TestServer first;
  ServerOptions options;
  options.port = first.server.port();
  try {
    const Server second(first.hub, options);
    FAIL() << "it listens twice";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(error.what()).find("127.0.0.1:" + std::to_string(options.port)),
              std::string::npos);
  }
}

TEST(ServerTest, BadAddressesAndOriginsAreRefused) {
  MemoryStore memory;
  Hub hub(memory.store, {});
  EXPECT_THROW(Server(hub, {.address = "nonsense", .port = 0}), std::invalid_argument);
  ServerOptions options;
  options.port = 0;
  options.allowed_origins = {"app.example"};
  EXPECT_THROW(Server(hub, options), std::invalid_argument);
}

TEST(ServerTest, LoopbackAddressesAreKnown) {
  for (const auto* address : {"127.0.0.1", "127.8.9.1", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(address)) << address;
  }
  for (const auto* address : {"0.0.0.0", "192.168.0.1", "::"}) {
    EXPECT_FALSE(is_loopback(address)) << address;
  }
}

TEST(ServerTest, OneConnectionTooManyIsToldSo) {
  ServerOptions options;
  options.limits.connections = 3;
  TestServer server(options);
  const auto port = server.server.port();
  WsClient a(port);
  WsClient b(port);
  {
    WsClient c(port);
    RawClient refused(port);
    const auto answer = read_answer(refused);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.error(), "too_many_connections");
    EXPECT_EQ(server.server.stats().refused, 1U);
  }
  server.wait_for([](const ServerStats& s) { return s.connections == 2; });
  WsClient again(port);
  EXPECT_EQ(WsClient::type_of(again.ask(R"({"type":"ping"})")), "pong");
}

TEST(ServerTest, ConnectionsAreCountedDownHoweverTheyEnd) {
  TestServer server;
  const auto port = server.server.port();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  for (int i = 0; i < 300; ++i) {
    RawClient client(port);
    switch (random() % 5) {
      case 0:
        break;
      case 1:
        client.send("GET /heal");
        break;
      case 2:
        client.send(upgrade_request());
        break;
      case 3:
        client.send(upgrade_request() + masked_frame(opcode::text, R"({"type":"ping"})"));
        client.read_until("\r\n\r\n");
        break;
      default:
        client.send(http_request("GET /healthz"));
    }
    if (random() % 3 == 0) client.reset();
  }
  server.wait_for([](const ServerStats& s) { return s.accepted == 300 && s.connections == 0; });
}

TEST(ServerTest, WithoutDescriptorsItWaitsInsteadOfSpinning) {
  TestServer server;
  const auto port = server.server.port();
  RawClient before(port);
  before.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(before).status, 200);
  RawClient waiting(port);  // accepted or in the backlog
  server.wait_for([](const ServerStats& s) { return s.accepted == 2; });
  // A descriptor for the client's end, none for the server's.
  const int next = ::dup(0);
  ::close(next);
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = static_cast<rlim_t>(next) + 1;
  ::setrlimit(RLIMIT_NOFILE, &low);
  RawClient late(port);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto cpu = [](const rusage& r) {
    return milliseconds(1000 * (r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
                        (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000);
  };
  const auto from = cpu(used);
  for (int i = 0; i < 20; ++i) {
    // Those who are connected are served meanwhile; each answer takes a turn of the server's loop.
    before.send(http_request("GET /healthz"));
    EXPECT_EQ(read_answer(before).status, 200);
    ::poll(nullptr, 0, 10);  // time to spin in; no promise: UBSan's look at one takes a descriptor
  }
  ::getrusage(RUSAGE_SELF, &used);
  EXPECT_LT(cpu(used) - from, milliseconds(150)) << "in at least 200 ms";
  ::setrlimit(RLIMIT_NOFILE, &old);
  late.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(late).status, 200);
}

TEST(ServerTest, StopSaysGoodbyeToEveryoneAndClosesWith1012) {
  ServerOptions options;
  options.limits.reconnect_spread = milliseconds(1000);
  TestServer server(options);
  server.memory.requester.publish(name_of("t"), 3);
  std::vector<std::unique_ptr<WsClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<WsClient>(server.server.port()));
    clients.back()->send(R"({"type":"subscribe","topic":"t"})");
    clients.back()->expect("subscribed");
    clients.back()->expect("caught_up");
  }
  auto stopping = std::async(std::launch::async, [&] { server.server.stop(); });
  std::set<std::int64_t> delays;
  for (const auto& client : clients) {
    const auto delay = number(client->expect("goodbye"), "reconnect_after_ms");
    EXPECT_LE(delay, 1000);
    delays.insert(delay);
    EXPECT_EQ(client->closed_with(), 1012U);
    client->raw.send(masked_frame(opcode::close, "\x03\xf4"));
    client->raw.close();
  }
  EXPECT_GT(delays.size(), 5U) << "spread";
  stopping.get();
  EXPECT_EQ(server.server.stats().connections, 0U);
  EXPECT_THROW(RawClient(server.server.port()), std::runtime_error) << "nobody listens any more";
}

TEST(ServerTest, StopAnswersThePublishesInFlight) {
  TestServer server;
  WsClient client(server.server.port());
  constexpr int kCount = 500;
  std::string all;
  for (int i = 1; i <= kCount; ++i) {
    all += masked_frame(
        opcode::text, R"({"type":"publish","topic":"t","data":1,"id":)" + std::to_string(i) + "}");
  }
  client.raw.send(all);
  EXPECT_EQ(WsClient::type_of(client.message()), "published");
  auto stopping = std::async(std::launch::async, [&] { server.server.stop(); });
  int published = 1;
  std::set<std::string> others;
  while (const auto frame = client.frame()) {
    if (frame->opcode != opcode::text) break;
    const auto message = boost::json::parse(frame->payload);
    const auto type = WsClient::type_of(message);
    if (type == "published") {
      ++published;
    } else {
      others.insert(type == "error" ? std::string(message.at("code").as_string()) : type);
    }
  }
  client.raw.close();
  stopping.get();
  const auto head = server.memory.topic(name_of("t"))->bounds().head;
  EXPECT_EQ(static_cast<std::uint64_t>(published), head.value) << "what is appended is answered";
  others.erase("goodbye");
  others.erase("shutting_down");
  EXPECT_TRUE(others.empty());
}

TEST(ServerTest, StopDoesNotWaitForeverForAStalledClient) {
  ServerOptions options;
  options.limits.drain_timeout = milliseconds(200);
  TestServer server(options);
  server.memory.requester.publish(name_of("t"), 200'000);
  WsClient client(server.server.port(), {}, 4096);
  client.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
  client.expect("subscribed");
  const auto from = std::chrono::steady_clock::now();
  server.server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - from, std::chrono::seconds(5));
  EXPECT_EQ(server.server.stats().connections, 0U);
}

TEST(ServerTest, DestroyingItClosesWhatIsOpen) {
  MemoryStore memory;
  Hub hub(memory.store, {});
  auto server = std::make_unique<Server>(hub, ServerOptions{.port = 0});
  WsClient web_socket(server->port());
  RawClient http(server->port());
  server.reset();
  EXPECT_FALSE(web_socket.frame().has_value());
  EXPECT_EQ(http.read_all(), "");
}

TEST(ServerTest, ManyShardsServeTheSameTopics) {
  MemoryStore memory;
  Hub hub(memory.store, {.io_threads = 3});
  Server server(hub, ServerOptions{.port = 0});
  std::vector<std::unique_ptr<WsClient>> clients;
  memory.requester.publish(name_of("t"), 1);
  for (int i = 0; i < 9; ++i) {
    clients.push_back(std::make_unique<WsClient>(server.port()));
    clients.back()->send(R"({"type":"subscribe","topic":"t"})");
    clients.back()->expect("subscribed");
    clients.back()->expect("caught_up");
  }
  for (int i = 2; i < 50; ++i) {
    auto& publisher = *clients[static_cast<std::size_t>(i) % clients.size()];
    publisher.send(R"({"type":"publish","topic":"t","data":1})");
    for (const auto& client : clients) {
      boost::json::value message;
      do {
        message = client->message();
      } while (WsClient::type_of(message) == "published");
      EXPECT_EQ(number(message, "offset"), i);
    }
  }
}

}  // namespace
}  // namespace tidemark::broker
