// Limits at work: by address, by rate, changed while the broker runs, told clearly and counted.
// tests/: broker/server, broker/connection, over real sockets.
#include <gtest/gtest.h>

#include "broker/connection.hpp"
#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;

/// A server that takes this machine for a proxy, so that tests come from wherever they say.
ServerOptions behind_proxy(std::size_t per_address) {
  ServerOptions options;
  options.trusted_proxies = {"127.0.0.0/8"};
  options.limits.connections_per_address = per_address;
  return options;
}

std::string from(std::string_view address) {
  return "X-Forwarded-For: " + std::string(address) + "\r\n";
}

std::uint64_t refusals(TestServer& server, Errc code) {
  return server.hub.shard(0).counters().refusals[code].get();
}

/// The value of `"code"` in an answer, or what it is instead.
std::string code_of(const boost::json::value& answer) {
  const auto* const code = answer.as_object().if_contains("code");
  return code == nullptr ? boost::json::serialize(answer) : std::string(code->as_string());
}

std::string post_head(std::string_view topic) {
  return "POST /v1/topics/" + std::string(topic) + "/events";
}

HttpAnswer post(std::uint16_t port, std::string_view topic, std::string_view headers = {}) {
  return ask(port, http_request(post_head(topic), R"({"events":[{"data":1}]})",
                                "Content-Type: application/json\r\n" + std::string(headers)));
}

// ---- by address ----

TEST(ConnectionsPerAddressTest, OneTooManyIsTurnedAwayAtTheDoorAndLeavingMakesRoom) {
  MemoryStore memory;
  Hub hub(memory.store, {});
  ServerOptions options;
  options.limits.connections_per_address = 2;
  const auto rules = NetworkRules::make(options);
  const auto network = std::make_shared<Network>(hub, rules, options);
  const auto one = ClientAddress::parse("192.0.2.1").value();
  const auto enter = [&](const ClientAddress& address) {
    return network->take_slot({.peer = address}, rules);
  };
  auto a = enter(one);
  {
    const auto b = enter(one);
    EXPECT_TRUE(std::holds_alternative<ConnectionSlot>(b));
    EXPECT_EQ(std::get<Errc>(enter(one)), Errc::too_many_from_address);
    EXPECT_TRUE(
        std::holds_alternative<ConnectionSlot>(enter(ClientAddress::parse("192.0.2.2").value())));
    EXPECT_EQ(network->refused_from_address, 1U);
  }
  const auto again = enter(one);
  EXPECT_TRUE(std::holds_alternative<ConnectionSlot>(again));
  EXPECT_EQ(network->connections, 2U);
  EXPECT_EQ(network->addresses.addresses(), 1U);
  EXPECT_TRUE(std::holds_alternative<ConnectionSlot>(
      network->take_slot({.peer = one, .operators = true}, rules)))
      << "operators are not counted";
  hub.stop();
}

TEST(ConnectionsPerAddressTest, LoopbackIsNotCounted) {
  ServerOptions options;
  options.limits.connections_per_address = 1;
  TestServer server(options);
  WsClient a(server.server.port());
  WsClient b(server.server.port());
  EXPECT_EQ(WsClient::type_of(b.ask(R"({"type":"ping"})")), "pong");
}

TEST(ConnectionsPerAddressTest, AProxysClientsAreCountedEachForItself) {
  TestServer server(behind_proxy(2));
  const auto port = server.server.port();
  WsClient a(port, from("203.0.113.1"));
  {
    WsClient b(port, from("203.0.113.1"));
    RawClient c(port);
    c.send(upgrade_request(from("203.0.113.1")));
    const auto refused = read_answer(c);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.error(), "too_many_from_address");
    EXPECT_NE(refused.head.find("\r\nRetry-After: "), std::string::npos);
    EXPECT_EQ(refusals(server, Errc::too_many_from_address), 1U);
    WsClient other(port, from("203.0.113.2"));
  }
  server.wait_for([](const ServerStats& s) { return s.connections == 1; });
  WsClient again(port, from("203.0.113.1"));
}

TEST(ConnectionsPerAddressTest, WhatAProxysClientWritesItselfDoesNotHelpIt) {
  TestServer server(behind_proxy(1));
  const auto port = server.server.port();
  WsClient a(port, from("203.0.113.1"));
  RawClient b(port);
  b.send(upgrade_request(from("198.51.100.7, 203.0.113.1")));
  EXPECT_EQ(read_answer(b).status, 429);
  RawClient c(port);  // a field of its own before the proxy's
  c.send(upgrade_request(from("198.51.100.7") + from("203.0.113.1")));
  EXPECT_EQ(read_answer(c).status, 429);
}

TEST(ConnectionsPerAddressTest, WithoutATrustedProxyTheFieldIsIgnored) {
  ServerOptions options;
  options.limits.connections_per_address = 1;
  TestServer server(options);
  WsClient a(server.server.port(), from("203.0.113.1"));
  WsClient b(server.server.port(), from("203.0.113.1"));
}

TEST(ConnectionsPerAddressTest, AProxysConnectionIsWhosRequestItCarries) {
  TestServer server(behind_proxy(1));
  const auto port = server.server.port();
  WsClient holder(port, from("203.0.113.1"));
  RawClient shared(port);  // as proxies keep them, for whoever comes
  for (int i = 0; i < 3; ++i) {
    shared.send(http_request("GET /healthz", {}, from("203.0.113.2")));
    EXPECT_EQ(read_answer(shared).status, 200);
    shared.send(http_request("GET /healthz", {}, from("203.0.113.3")));
    EXPECT_EQ(read_answer(shared).status, 200);
  }
  // Between requests it counts for nobody.
  WsClient second(port, from("203.0.113.3"));
  shared.send(http_request("GET /healthz", {}, from("203.0.113.1")));
  EXPECT_EQ(read_answer(shared).status, 429);
}

TEST(ConnectionsPerAddressTest, AHostileHeadDoesNoHarm) {
  TestServer server(behind_proxy(1));
  for (const auto* field :
       {"", ",", ",,,,", "x", "[", "]", "[]:", ":", "1.2.3.4:", "::::::::::::"}) {
    EXPECT_EQ(ask(server.server.port(), http_request("GET /healthz", {}, from(field))).status, 200)
        << field;
  }
}

// ---- rates ----

ServerOptions with_rate(double per_second) {
  ServerOptions options;
  options.limits.publish_rates = {.events_per_identity = per_second,
                                  .burst = std::chrono::hours(1)};
  return options;
}

TEST(PublishRateTest, AWebSocketThatPublishesTooFastIsToldHowLongToWait) {
  TestServer server(with_rate(1.0 / 3600));  // one an hour
  WsClient client(server.server.port());
  const auto* const publish = R"({"type":"publish","id":7,"topic":"t","events":[{"data":1}]})";
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  const auto refused = client.ask(publish);
  EXPECT_EQ(code_of(refused), "rate_limited");
  EXPECT_EQ(number(refused, "id"), 7);
  EXPECT_EQ(refused.at("topic").as_string(), "t");
  EXPECT_GT(number(refused, "retry_after_ms"), 3'500'000);
  EXPECT_LE(number(refused, "retry_after_ms"), 3'600'000);
  EXPECT_EQ(server.memory.topic(name_of("t"))->bounds().head, Offset{1});
  EXPECT_EQ(refusals(server, Errc::rate_limited), 1U);
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping"})")), "pong") << "and goes on";
}

TEST(PublishRateTest, APostedEventIsToldWithRetryAfter) {
  TestServer server(with_rate(0.5 / 3600));  // one in two hours, one at once
  const auto port = server.server.port();
  EXPECT_EQ(post(port, "t").status, 200);
  const auto refused = post(port, "t");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.error(), "rate_limited");
  EXPECT_GT(number(refused.json(), "retry_after_ms"), 3'000'000);
  EXPECT_NE(refused.head.find("\r\nRetry-After: 3600\r\n"), std::string::npos) << refused.head;
}

TEST(PublishRateTest, AStreamAppendIsToldWithRetryAfter) {
  TestServer server(with_rate(1.0 / 3600));
  const auto port = server.server.port();
  const auto text = std::string("Content-Type: text/plain\r\n");
  EXPECT_EQ(ask(port, http_request("PUT /v1/stream/s", {}, text)).status, 201);
  EXPECT_EQ(ask(port, http_request("POST /v1/stream/s", "one", text)).status, 204);
  const auto refused = ask(port, http_request("POST /v1/stream/s", "two", text));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.error(), "rate_limited");
  EXPECT_NE(refused.head.find("\r\nRetry-After: 3"), std::string::npos) << refused.head;
}

TEST(PublishRateTest, WhatAStreamIsCreatedWithCountsToo) {
  TestServer server(with_rate(1.0 / 3600));
  const auto port = server.server.port();
  const auto text = std::string("Content-Type: text/plain\r\n");
  EXPECT_EQ(ask(port, http_request("PUT /v1/stream/a", "one", text)).status, 201);
  EXPECT_EQ(ask(port, http_request("PUT /v1/stream/b", "two", text)).error(), "rate_limited");
  EXPECT_EQ(ask(port, http_request("PUT /v1/stream/b", {}, text)).status, 201) << "without any";
}

TEST(PublishRateTest, TheAnonymousAreLimitedByWhereTheyComeFrom) {
  auto options = with_rate(1.0 / 3600);
  options.trusted_proxies = {"127.0.0.1"};
  TestServer server(options);
  const auto port = server.server.port();
  EXPECT_EQ(post(port, "t", from("203.0.113.1")).status, 200);
  EXPECT_EQ(post(port, "u", from("203.0.113.1")).status, 429);
  EXPECT_EQ(post(port, "t", from("203.0.113.2")).status, 200);
  EXPECT_EQ(post(port, "t", from("2001:db8:1:2::3")).status, 200);
  EXPECT_EQ(post(port, "t", from("2001:db8:1:2::4")).status, 429) << "the same household";
}

TEST(PublishRateTest, DuplicatesCountLikeOthers) {
  TestServer server(with_rate(2.0 / 3600));
  WsClient client(server.server.port());
  const auto* const publish =
      R"({"type":"publish","topic":"t","events":[{"data":1}],"producer":{"id":"p","epoch":1,"sequence":0}})";
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  EXPECT_EQ(client.refused(publish), "rate_limited");
}

// ---- changed while it runs ----

TEST(ServerApplyTest, RatesHoldFromThenOnForThoseWhoAreConnected) {
  TestServer server;
  WsClient client(server.server.port());
  const auto* const publish = R"({"type":"publish","topic":"t","events":[{"data":1}]})";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  server.server.apply(with_rate(1.0 / 3600));
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  EXPECT_EQ(client.refused(publish), "rate_limited");
  server.server.apply({});
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
}

TEST(ServerApplyTest, FewerConnectionsKeepThoseThereAre) {
  TestServer server;
  const auto port = server.server.port();
  WsClient a(port);
  WsClient b(port);
  ServerOptions options;
  options.limits.connections = 1;
  server.server.apply(options);
  EXPECT_EQ(WsClient::type_of(a.ask(R"({"type":"ping"})")), "pong");
  RawClient refused(port);
  EXPECT_EQ(read_answer(refused).error(), "too_many_connections");
}

TEST(ServerApplyTest, SubscriptionsAreLimitedAnew) {
  TestServer server;
  const auto port = server.server.port();
  server.memory.requester.publish(name_of("a"), 1);
  server.memory.requester.publish(name_of("b"), 1);
  WsClient client(port);
  ServerOptions options;
  options.limits.subscriptions_per_connection = 1;
  server.server.apply(options);
  EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"subscribe","topic":"a","from":"now"})")),
            "subscribed");
  client.expect("caught_up");
  EXPECT_EQ(client.refused(R"({"type":"subscribe","topic":"b"})"), "too_many_subscriptions");
  EXPECT_EQ(refusals(server, Errc::too_many_subscriptions), 1U);
}

TEST(ServerApplyTest, OriginsAndProxiesChangeToo) {
  TestServer server;
  const auto port = server.server.port();
  const auto origin = std::string("Origin: https://app.example\r\n");
  EXPECT_EQ(post(port, "t", origin).status, 403);
  ServerOptions options = behind_proxy(1);
  options.allowed_origins = {"https://app.example"};
  server.server.apply(options);
  EXPECT_EQ(post(port, "t", origin).status, 200);
  WsClient a(port, from("203.0.113.1"));
  RawClient b(port);
  b.send(upgrade_request(from("203.0.113.1")));
  EXPECT_EQ(read_answer(b).status, 429);
}

TEST(ServerApplyTest, AMistakeChangesNothing) {
  TestServer server;
  ServerOptions options;
  options.limits.connections = 0;
  options.trusted_proxies = {"nonsense"};
  EXPECT_THROW(server.server.apply(options), std::invalid_argument);
  options.trusted_proxies = {};
  options.allowed_origins = {"nonsense"};
  EXPECT_THROW(server.server.apply(options), std::invalid_argument);
  EXPECT_EQ(ask(server.server.port(), http_request("GET /healthz")).status, 200);
}

// ---- each limit has its count ----

TEST(RefusalTest, EachIsCountedByItsCode) {
  ServerOptions options;
  options.limits.message_bytes = 2'000;
  options.limits.events_per_publish = 2;
  storage::EventStoreOptions store;
  store.committer.max_event_bytes = 100;
  store.committer.limits.topics = 1;
  TestServer server(options, std::move(store));
  const auto port = server.server.port();
  WsClient client(port);
  EXPECT_EQ(client.refused(
                R"({"type":"publish","topic":"t","events":[{"data":1},{"data":2},{"data":3}]})"),
            "too_many_events");
  EXPECT_EQ(client.refused(R"({"type":"publish","topic":"t","events":[{"data":")" +
                           std::string(200, 'x') + R"("}]})"),
            "event_too_large");
  EXPECT_EQ(
      WsClient::type_of(client.ask(R"({"type":"publish","topic":"t","events":[{"data":1}]})")),
      "published");
  EXPECT_EQ(client.refused(R"({"type":"publish","topic":"u","events":[{"data":1}]})"),
            "too_many_topics");
  client.send(std::string(3'000, ' '));
  EXPECT_EQ(client.closed_with(), 1009U);
  client.raw.close();  // the broker waits for it, then looks at what has ended the connection
  server.wait_for([](const ServerStats& now) { return now.websockets == 0; });
  EXPECT_EQ(ask(port, http_request(post_head("t"), std::string(3'000, ' '))).status, 413);
  for (const auto code : {Errc::too_many_events, Errc::event_too_large, Errc::too_many_topics}) {
    EXPECT_EQ(refusals(server, code), 1U) << info(code).name;
  }
  EXPECT_EQ(refusals(server, Errc::message_too_large), 2U);
}

TEST(RefusalTest, TimesThatAreOverAreCountedByTheirLimit) {
  ServerOptions options;
  options.limits.handshake_timeout = milliseconds(200);
  options.limits.idle_timeout = milliseconds(100);
  TestServer server(options);
  const auto port = server.server.port();
  const auto& timeouts = server.hub.shard(0).counters().timeouts;
  RawClient slow(port);
  slow.send("GET /heal");
  EXPECT_EQ(read_answer(slow).status, 408);
  RawClient silent(port);
  EXPECT_EQ(silent.read_all(), "");
  WsClient idle(port);
  EXPECT_EQ(idle.closed_with(), 0U);
  RawClient quiet(port);
  quiet.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(quiet).status, 200);
  EXPECT_EQ(quiet.read_all(), "");
  EXPECT_EQ(timeouts[TimeLimit::handshake].get(), 2U);
  EXPECT_EQ(timeouts[TimeLimit::idle].get(), 2U);
}

}  // namespace
}  // namespace tidemark::broker
