// State hooks over real sockets: what is asked, what is believed, and what nothing is asked of.
// tests/: broker/state/hook_client, hook_url and their use by States.
#include <algorithm>
#include <condition_variable>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access/base64url.hpp"
#include "broker/log/log.hpp"
#include "broker/state/hook_url.hpp"
#include "protocol/position_token.hpp"
#include "tests/broker/hook_server.hpp"
#include "tests/broker/state_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// ---- the URL ----

TEST(HookUrl, ATopicStandsWhereItsMarkDoes) {
  const auto topic = name_of("rooms/1");
  EXPECT_EQ(hook_url_for("https://a/state/{topic}/now", topic), "https://a/state/rooms/1/now");
  EXPECT_EQ(hook_url_for("https://a/{topic}?t={topic}&u={topic}", topic),
            "https://a/rooms/1?t=rooms%2F1&u=rooms%2F1");
  EXPECT_EQ(hook_url_for("https://a/state", topic), "https://a/state?topic=rooms%2F1");
  EXPECT_EQ(hook_url_for("https://a/state?x=1", topic), "https://a/state?x=1&topic=rooms%2F1");
}

TEST(HookUrl, HttpIsForPrivateAddressesOnly) {
  EXPECT_EQ(hook_url_fault("https://app.example/{topic}", false), "");
  EXPECT_EQ(hook_url_fault("http://app.internal:8080/{topic}", true), "");
  EXPECT_NE(hook_url_fault("http://app.example/{topic}", false), "");
  for (const auto* wrong :
       {"", "app", "//app/x", "ftp://app/x", "file:///etc/passwd", "https://u@app/x",
        "https://u:p@app/x", "https://app/#x", "https://{topic}/", "https://app.{topic}"}) {
    EXPECT_NE(hook_url_fault(wrong, true), "") << wrong;
  }
}

// ---- a server ----

class StateHookTest : public StateTest {
 protected:
  ~StateHookTest() override {
    open();
    finish();  // before the server goes
  }

  StateRules rules_of(const HookServer& server) {
    StateRules out;
    out.rules = {{.pattern = "**",
                  .hook = {.url = server.url(), .allow_private = true, .timeout = kPatience},
                  .callback = {}}};
    return out;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return !closed_; });
  }
  /// What one answer to the first try comes to, and that it was the only one.
  GotState of_one_answer(const std::string& bytes) {
    HookServer server([&](const std::string&) { return bytes; });
    begin(rules_of(server));
    auto got = ask();
    EXPECT_EQ(server.connections(), 1) << bytes.substr(0, 200);
    states->stop();
    return got;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool closed_ = false;
};

TEST_F(StateHookTest, AHookIsToldWhatItIsAskedFor) {
  memory.requester.publish(name, 5);
  HookServer server([](const std::string&) { return hook_answer("{\"score\":5}"); });
  auto rules = rules_of(server);
  rules.rules[0].hook.bearer = "s3cret";
  begin(rules);
  const auto got = ask();
  ASSERT_FALSE(got.error);
  EXPECT_EQ(got.bundle(), "{\"score\":5}");
  EXPECT_EQ(got.parts.front()->message().content_type, "application/json");
  const auto taken = memory.topic(name)->end().tail;
  EXPECT_EQ(got.position, taken);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_THAT(requests[0], StartsWith("GET /state/scores HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nTidemark-Topic: scores\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nTidemark-Position: " + to_token(taken) + "\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nAuthorization: Bearer s3cret\r\n"));
  EXPECT_THAT(requests[0],
              AllOf(Not(HasSubstr("Tidemark-Subject")), Not(HasSubstr("Tidemark-Claims"))));
}

TEST_F(StateHookTest, AThousandNewcomersAreOneRequest) {
  memory.requester.publish(name, 1);
  close();
  HookServer server([&](const std::string&) {
    pass();
    return hook_answer("1");
  });
  begin(rules_of(server));
  std::vector<std::future<GotState>> waiting;
  for (int i = 0; i < 1'000; ++i) waiting.push_back(start(name));
  wait_until([&] { return states->figures().waiting == 1'000; });
  open();
  for (auto& each : waiting) EXPECT_EQ(result_of(each).bundle(), "1");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(states->figures().hook_requests, 1U);
}

TEST_F(StateHookTest, NoMoreRequestsAreUnderWayThanMayBe) {
  close();
  HookServer server([&](const std::string&) {
    pass();
    return hook_answer("1");
  });
  auto rules = rules_of(server);
  rules.requests = 3;
  begin(rules);
  std::vector<std::future<GotState>> waiting;
  for (int i = 0; i < 20; ++i) {
    const auto topic = name_of("t" + std::to_string(i));
    memory.requester.publish(topic, 1);
    waiting.push_back(start(topic));
  }
  wait_until([&] { return server.requests().size() == 3; });
  open();
  for (auto& each : waiting) EXPECT_FALSE(result_of(each).error);
  EXPECT_EQ(server.connections(), 20);
  EXPECT_LE(server.most_at_once(), 3);
}

TEST_F(StateHookTest, AnOffsetIsBelieved) {
  memory.requester.publish(name, 5);
  const auto epoch = memory.topic(name)->bounds().epoch;
  for (const auto& offset : {std::string("3"), to_token({epoch, {3}})}) {
    const auto got = of_one_answer(hook_answer("{}", "tidemark-OFFSET:  " + offset + " \r\n"));
    EXPECT_FALSE(got.error);
    EXPECT_EQ(got.position, (Position{epoch, {3}})) << offset;
  }
  const auto none = of_one_answer(hook_answer("{}", "Tidemark-Offset: 0\r\n"));
  EXPECT_EQ(none.position, (Position{epoch, {0}}));
}

TEST_F(StateHookTest, AnOffsetThatCannotBeIsRefused) {
  memory.requester.publish(name, 5);
  const auto epoch = memory.topic(name)->bounds().epoch;
  for (const auto& wrong :
       {std::string("6"), std::string("-1"), std::string("3.0"), std::string("three"),
        std::string("99999999999999999999"), to_token({epoch, {6}}),
        to_token({{epoch.value + 1}, {3}}), to_token({epoch, {3}}) + "0", std::string("3, 3")}) {
    EXPECT_EQ(of_one_answer(hook_answer("{}", "Tidemark-Offset: " + wrong + "\r\n")).error,
              Errc::state_failed)
        << wrong;
  }
  const auto twice =
      of_one_answer(hook_answer("{}", "Tidemark-Offset: 3\r\nTidemark-Offset: 4\r\n"));
  EXPECT_EQ(twice.error, Errc::state_failed);
}

TEST_F(StateHookTest, AnswersAreTakenForWhatTheyAre) {
  memory.requester.publish(name, 5);
  EXPECT_EQ(of_one_answer(hook_answer("", "", "404 Not Found")).error, Errc::no_state);
  EXPECT_EQ(of_one_answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").error,
            Errc::no_state);
  for (const auto* status :
       {"201 Created", "206 Partial Content", "400 Bad Request", "401 Unauthorized", "410 Gone"}) {
    EXPECT_EQ(of_one_answer(hook_answer("{}", "", status)).error, Errc::state_failed) << status;
  }
  EXPECT_EQ(of_one_answer(hook_answer("{\"torn\":")).error, Errc::state_failed);
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\xff{";
  const auto untyped = of_one_answer(bytes);
  EXPECT_FALSE(untyped.error);
  EXPECT_EQ(untyped.parts.front()->message().content_type, "application/octet-stream");
}

TEST_F(StateHookTest, ARedirectIsNotFollowed) {
  memory.requester.publish(name, 1);
  HookServer other([](const std::string&) { return hook_answer("{}"); });
  for (const auto* status : {"301 Moved", "302 Found", "307 Temporary Redirect"}) {
    const auto got =
        of_one_answer(hook_answer("", "Location: " + other.url("/x") + "\r\n", status));
    EXPECT_EQ(got.error, Errc::state_failed) << status;
  }
  EXPECT_EQ(other.connections(), 0);
}

// ---- what may pass by itself ----

TEST_F(StateHookTest, WhatMayPassIsTriedAgain) {
  memory.requester.publish(name, 1);
  std::atomic<int> calls = 0;
  HookServer server([&](const std::string&) {
    switch (++calls) {
      case 1:
        return hook_answer("", "", "503 Service Unavailable");
      case 2:
        return hook_answer("", "", "429 Too Many Requests");
      default:
        return hook_answer("1");
    }
  });
  begin(rules_of(server));
  EXPECT_EQ(ask().bundle(), "1");
  EXPECT_EQ(states->figures().hook_requests, 3U);
  EXPECT_EQ(states->figures().hook_failures, 2U);
}

TEST_F(StateHookTest, AHookThatFailsEachTimeIsGivenUp) {
  memory.requester.publish(name, 1);
  HookServer server([](const std::string&) { return hook_answer("", "", "500 No"); });
  auto rules = rules_of(server);
  rules.rules[0].hook.url = server.url("/state?token=hush&t={topic}");
  begin(rules);
  const log::Capture log;
  EXPECT_EQ(ask().error, Errc::state_failed);
  EXPECT_EQ(server.connections(), 3);
  EXPECT_THAT(log.text(), AllOf(HasSubstr("it answers 500"), Not(HasSubstr("hush"))));
}

TEST_F(StateHookTest, AHookThatIsDownIsGivenUp) {
  memory.requester.publish(name, 1);
  StateRules rules;
  {
    const HookServer gone([](const std::string&) { return std::nullopt; });
    rules = rules_of(gone);
  }
  rules.rules[0].hook.tries = 2;
  begin(rules);
  EXPECT_EQ(ask().error, Errc::state_failed);
  EXPECT_EQ(states->figures().hook_requests, 2U);
  EXPECT_EQ(states->figures().hook_failures, 2U);
  EXPECT_EQ(states->figures().failed, 1U);
}

TEST_F(StateHookTest, AHookThatIsSilentTimesOut) {
  memory.requester.publish(name, 1);
  HookServer server([](const std::string&) { return std::nullopt; });
  auto rules = rules_of(server);
  rules.rules[0].hook.timeout = milliseconds(50);
  rules.rules[0].hook.tries = 2;
  begin(rules);
  EXPECT_EQ(ask().error, Errc::timed_out);
  EXPECT_EQ(states->figures().hook_requests, 2U);
}

// ---- hostile answers ----

TEST_F(StateHookTest, ABodyWithoutEndIsBrokenOff) {
  memory.requester.publish(name, 1);
  const std::string large(std::size_t{4} << 20, 'x');
  HookServer server([&](const std::string&) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + large;
  });
  auto rules = rules_of(server);
  rules.max_bytes = 1'000;
  begin(rules);
  EXPECT_EQ(ask().error, Errc::state_too_large);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(StateHookTest, HeadersWithoutEndAreBrokenOff) {
  memory.requester.publish(name, 1);
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(of_one_answer(many + "\r\n").error, Errc::state_failed);
}

TEST_F(StateHookTest, PrivateAddressesAreNotAskedUnlessAllowed) {
  memory.requester.publish(name, 1);
  HookServer server([](const std::string&) { return hook_answer("{}"); });
  auto rules = rules_of(server);
  rules.rules[0].hook.allow_private = false;
  for (const auto* host : {"127.0.0.1", "localhost", "127.1", "0x7f000001"}) {
    rules.rules[0].hook.url =
        "https://" + std::string(host) + ":" + std::to_string(server.port()) + "/{topic}";
    begin(rules);
    EXPECT_EQ(ask().error, Errc::state_failed) << host;
    EXPECT_EQ(states->figures().hook_requests, 1U) << "and not again";
    states->stop();
  }
  EXPECT_EQ(server.connections(), 0);
}

// ---- per client ----

class PerClientTest : public StateHookTest {
 protected:
  PerClientTest() {
    memory.requester.publish(name, 1);
    auto rules = rules_of(server);
    rules.rules[0].per_client = true;
    begin(rules);
  }
  ~PerClientTest() override {
    open();
    finish();
  }

  HookServer server{[this](const std::string& head) {
    pass();
    const auto at = head.find("Tidemark-Subject: ");
    if (at == std::string::npos) return hook_answer("\"nobody\"");
    const auto subject = head.substr(at + 18, head.find("\r\n", at) - at - 18);
    return hook_answer("\"" + subject + "\"");
  }};
};

TEST_F(PerClientTest, TheHookIsToldWhoAsks) {
  const std::string claims = R"({"sub":"ada","team":7})";
  EXPECT_EQ(ask(name, {"ada", claims}).bundle(), "\"ada\"");
  const auto head = server.requests().at(0);
  EXPECT_THAT(head, HasSubstr("\r\nTidemark-Subject: ada\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTidemark-Claims: " + to_base64url(claims) + "\r\n"));
  EXPECT_EQ(ask(name).bundle(), "\"nobody\"");
}

TEST_F(PerClientTest, NobodyIsGivenWhatIsAnothers) {
  close();
  auto ada = start(name, {"ada", "{}"});
  auto bob = start(name, {"bob", "{}"});
  auto other_ada = start(name, {"ada", "{\"team\":1}"});
  wait_until([&] { return states->figures().waiting == 3; });
  EXPECT_EQ(states->figures().running, 3U);
  open();
  EXPECT_EQ(result_of(ada).bundle(), "\"ada\"");
  EXPECT_EQ(result_of(bob).bundle(), "\"bob\"");
  EXPECT_EQ(result_of(other_ada).bundle(), "\"ada\"");
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(ask(name, {"ada", "{}"}).bundle(), "\"ada\"");
  EXPECT_EQ(server.connections(), 4) << "nothing is kept";
}

TEST_F(PerClientTest, AClientOnTwoConnectionsIsOneRequest) {
  close();
  auto one = start(name, {"ada", "{}"});
  auto two = start(name, {"ada", "{}"});
  wait_until([&] { return states->figures().waiting == 2; });
  open();
  EXPECT_FALSE(result_of(one).error);
  EXPECT_FALSE(result_of(two).error);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(PerClientTest, ANameThatWouldBreakTheHeaderIsNotSent) {
  EXPECT_EQ(ask(name, {"ada\r\nTidemark-Subject: root", ""}).error, Errc::state_failed);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(PerClientTest, WhenItLeavesItsRequestIsBrokenOff) {
  close();
  const auto newcomer = std::make_shared<Newcomer>();
  auto never = newcomer->ask(*states, hub.shard(0), memory.topic(name), {"ada", ""});
  newcomer->wait_until_asked();
  EXPECT_EQ(states->figures().running, 1U);
  newcomer->leave();
  EXPECT_EQ(states->figures().running, 0U);
  EXPECT_EQ(states->figures().waiting, 0U);
  open();
  EXPECT_EQ(ask(name, {"bob", ""}).bundle(), "\"bob\"");
  EXPECT_EQ(never.wait_for(milliseconds(0)), std::future_status::timeout);
}

// ---- ends ----

TEST_F(StateHookTest, AStopDoesNotWaitForHooks) {
  memory.requester.publish(name, 1);
  HookServer server([](const std::string&) { return std::nullopt; });
  begin(rules_of(server));
  auto waiting = start(name);
  wait_until([&] { return server.requests().size() == 1; });
  states->stop();
  EXPECT_EQ(result_of(waiting).error, Errc::shutting_down);
}

}  // namespace
}  // namespace tidemark::broker
