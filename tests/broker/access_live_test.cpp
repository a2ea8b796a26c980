// What becomes of long-polls and event streams when a credential ends before they do.
// tests/: broker/stream_reader and broker/sse_session.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class AccessLive : public testing::Test {
 protected:
  AccessLive() { server_.memory.requester.publish(name_of("a"), 1); }

  std::string token(std::int64_t lives_ms = 3'600'000) const {
    return access_.token({.grants = R"({"subscribe":["a"]})", .lives_ms = lives_ms});
  }
  /// One that waits; `fields` say who asks.
  std::unique_ptr<RawClient> live(const std::string& kind, const std::string& fields) {
    const auto before = waiting();
    auto client = std::make_unique<RawClient>(server_.server.port());
    client->send(http_request("GET /v1/stream/a?offset=now&live=" + kind, {}, fields));
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (waiting() == before) {  // it comes without a sign, hence the polling
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain");
    }
    return client;
  }
  std::size_t waiting() { return server_.hub.subscribers(*server_.memory.topic(name_of("a"))); }
  void withdraw() {
    auto rules = access_.rules();
    rules.revoked_subjects = {"ada"};
    access_.replace(rules);
  }

  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(AccessLive, ALongPollIsAnsweredWhenTheTokenExpires) {
  const auto client = live("long-poll", TestAccess::bearer(token(5'000)));
  access_.pass(seconds(5));
  const auto answer = read_answer(*client);
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(answer.head, HasSubstr("Stream-Up-To-Date: true"));
}

TEST_F(AccessLive, ALongPollIsAnsweredWhenTheTokenIsWithdrawn) {
  const auto client = live("long-poll", TestAccess::bearer(token()));
  withdraw();
  const auto answer = read_answer(*client);
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: Bearer error=\"invalid_token\""));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(AccessLive, ALongPollIsAnsweredWhenTheRightGoes) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"a"};
  access_.replace(rules);
  const auto client = live("long-poll", "");
  rules.anonymous.subscribe = {"b"};
  access_.replace(rules);
  EXPECT_EQ(read_answer(*client).status, 401);
}

TEST_F(AccessLive, ALongPollWhoseRightStaysGoesOn) {
  const auto client = live("long-poll", TestAccess::bearer(token()));
  const auto bobs = live(
      "long-poll",
      TestAccess::bearer(access_.token({.subject = "bob", .grants = R"({"subscribe":["a"]})"})));
  auto rules = access_.rules();
  rules.revoked_subjects = {"bob"};
  access_.replace(rules);
  EXPECT_EQ(read_answer(*bobs).status, 401);
  server_.memory.requester.publish(name_of("a"), 1);
  EXPECT_EQ(read_answer(*client).status, 200);
}

TEST_F(AccessLive, AnEventStreamEndsWhenTheTokenExpires) {
  const auto client = live("sse", TestAccess::bearer(token(5'000)));
  client->read_until("event: control");
  access_.pass(seconds(5));
  EXPECT_THAT(client->read_all(), HasSubstr("retry:100"));
}

TEST_F(AccessLive, AnEventStreamEndsWhenTheTokenIsWithdrawn) {
  const auto client = live("sse", TestAccess::bearer(token()));
  client->read_until("event: control");
  withdraw();
  client->read_all();  // returns when the stream has ended
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(AccessLive, AnEventStreamEndsWhenTheRightGoes) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"**"};
  access_.replace(rules);
  const auto client = live("sse", "");
  client->read_until("event: control");
  rules.anonymous.subscribe = {"**", "!a"};
  access_.replace(rules);
  const auto rest = client->read_all();
  server_.memory.requester.publish(name_of("a"), 1);
  EXPECT_THAT(rest, Not(HasSubstr("event: data")));
}

TEST_F(AccessLive, AStreamOfMessagesSaysThatTheRightHasGone) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"**"};
  access_.replace(rules);
  const auto client = live("sse&form=messages", "");
  client->read_until("caught_up");
  rules.anonymous.subscribe = {"**", "!a"};
  access_.replace(rules);
  EXPECT_THAT(client->read_all(),
              HasSubstr(R"(data:{"type":"unsubscribed","topic":"a","reason":"forbidden"})"));
}

TEST_F(AccessLive, AStreamOfMessagesEndsWithoutAWordWhenTheTokenExpires) {
  const auto client = live("sse&form=messages", TestAccess::bearer(token(5'000)));
  client->read_until("caught_up");
  access_.pass(seconds(5));
  const auto rest = client->read_all();
  EXPECT_THAT(rest, HasSubstr("retry:100"));
  EXPECT_THAT(rest, Not(HasSubstr("unsubscribed")));
}

TEST_F(AccessLive, AnEventStreamOfAKnownClientIsPrivate) {
  const auto client = live("sse", TestAccess::bearer(token()));
  EXPECT_THAT(client->read_until("\r\n\r\n"),
              testing::AllOf(HasSubstr("Cache-Control: private, no-cache, no-transform"),
                             HasSubstr("Vary: Origin, Authorization, Cookie")));
}

}  // namespace
}  // namespace tidemark::broker
