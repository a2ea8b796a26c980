// Limits and figures where there is access: by identity, and what became of credentials.
// tests/: broker/connection, broker/metrics, with tokens of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using ::testing::HasSubstr;

class AccessLimits : public ::testing::Test {
 protected:
  static ServerOptions with_rate(ServerOptions options) {
    options.trusted_proxies = {"127.0.0.1"};
    // One an hour, and one at once.
    options.limits.publish_rates = {.events_per_identity = 1.0 / 3600,
                                    .burst = std::chrono::hours(1)};
    return options;
  }
  static AccessRules anonymous_may_publish() {
    AccessRules rules;
    rules.anonymous.publish = {"**"};
    return rules;
  }
  [[nodiscard]] std::string token_of(const std::string& subject) const {
    return access_.token(TokenSays{.subject = subject, .grants = R"({"publish":["**"]})"});
  }
  [[nodiscard]] std::string as(const std::string& subject) const {
    return TestAccess::bearer(token_of(subject));
  }
  static std::string from(const std::string& address) {
    return "X-Forwarded-For: " + address + "\r\n";
  }
  int post(const std::string& topic, const std::string& fields) {
    return ask(port_, http_request("POST /v1/topics/" + topic + "/events", R"({"data":1})",
                                   "Content-Type: application/json\r\n" + fields))
        .status;
  }
  int append(const std::string& topic, const std::string& fields) {
    return ask(port_, http_request("POST /v1/stream/" + topic, "[1]",
                                   "Content-Type: application/json\r\n" + fields))
        .status;
  }
  std::uint64_t auth(AuthEvent event) const {
    return server_.hub.shard(0).counters().auth[event].get();
  }

  TestAccess access_{anonymous_may_publish()};
  mutable TestServer server_{with_rate(access_.options())};
  const std::uint16_t port_ = server_.server.port();
};

TEST_F(AccessLimits, AClientWithANameIsLimitedByItWhereverItComesFrom) {
  EXPECT_EQ(post("t", from("203.0.113.1") + as("ada")), 200);
  EXPECT_EQ(post("u", from("203.0.113.2") + as("ada")), 429);
  EXPECT_EQ(post("t", from("203.0.113.1") + as("bob")), 200) << "another, from the same place";
}

TEST_F(AccessLimits, AllWaysOfPublishingCountForTheSameClient) {
  EXPECT_EQ(post("t", as("ada")), 200);
  EXPECT_EQ(append("t", as("ada")), 429);
  WsClient client(port_, as("ada"));
  EXPECT_EQ(client.refused(R"({"type":"publish","topic":"t","events":[{"data":1}]})"),
            "rate_limited");
}

TEST_F(AccessLimits, TheAnonymousAreNobodyAndLimitedByWhereTheyComeFrom) {
  EXPECT_EQ(post("t", from("203.0.113.1")), 200);
  EXPECT_EQ(post("t", from("203.0.113.1")), 429);
  EXPECT_EQ(post("t", from("203.0.113.2")), 200);
  EXPECT_EQ(post("t", from("203.0.113.1") + as("ada")), 200) << "with a name";
}

TEST_F(AccessLimits, WhoMayNotPublishIsToldSoAndNotCounted) {
  const auto reader = TestAccess::bearer(access_.token(R"({"subscribe":["**"]})"));
  EXPECT_EQ(post("t", reader), 403);
  EXPECT_EQ(server_.hub.shard(0).counters().publishes_in[Channel::http].get(), 0U);
}

TEST_F(AccessLimits, WhatBecameOfCredentialsIsCounted) {
  EXPECT_EQ(post("t", as("ada")), 200);
  EXPECT_EQ(auth(AuthEvent::accepted), 1U);
  EXPECT_EQ(post("t", TestAccess::bearer("nonsense")), 401);
  EXPECT_EQ(auth(AuthEvent::refused), 1U);
  const auto old = access_.token(
      TokenSays{.subject = "ada", .grants = R"({"publish":["**"]})", .lives_ms = -1'000});
  EXPECT_EQ(post("t", TestAccess::bearer(old)), 401);
  EXPECT_EQ(auth(AuthEvent::expired), 1U);
  EXPECT_EQ(post("t", TestAccess::bearer(access_.token(R"({"subscribe":["**"]})"))), 403);
  EXPECT_EQ(auth(AuthEvent::forbidden), 1U);

  WsClient client(port_);
  const auto show = [&](const std::string& token) {
    return WsClient::type_of(client.ask(R"({"type":"auth","id":1,"token":")" + token + "\"}"));
  };
  EXPECT_EQ(show(token_of("ada")), "authenticated");
  EXPECT_EQ(auth(AuthEvent::accepted), 2U);
  EXPECT_EQ(show(token_of("ada")), "authenticated");
  EXPECT_EQ(auth(AuthEvent::refreshed), 1U);
  access_.pass(std::chrono::hours(2));
  EXPECT_EQ(client.closed_with(), 3000U);
  EXPECT_EQ(auth(AuthEvent::ended), 1U);
}

TEST_F(AccessLimits, MetricsAreForWhoMayOperate) {
  const auto get = [&](const std::string& fields) {
    return ask(port_, http_request("GET /metrics", {}, fields)).status;
  };
  EXPECT_EQ(get(""), 401);
  EXPECT_EQ(get(as("ada")), 403);
  EXPECT_EQ(get(TestAccess::bearer(access_.token(R"({"manage":["rooms/*"]})"))), 403);
  EXPECT_EQ(get(TestAccess::bearer(access_.token(R"({"manage":["**"]})"))), 200);
  EXPECT_EQ(ask(port_, http_request("GET /readyz")).status, 200) << "for everybody";
}

TEST(AccessMetrics, NeedNoTokenWhereOperatorsComeIn) {
  const TestAccess access;
  auto options = access.options();
  options.admin = AdminOptions{};
  const TestServer server(options);
  const auto answer = ask(server.server.admin_port(), http_request("GET /metrics"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("\ntidemark_connections{"));
  EXPECT_EQ(ask(server.server.port(), http_request("GET /metrics")).status, 401);
}

}  // namespace
}  // namespace tidemark::broker
