// States over HTTP: stored ones, the newest of each key, and what a callback makes.
// tests/: broker/state_routes, broker/state_request, broker/state_body, over real sockets.
#include "broker/state_routes.hpp"

#include <future>

#include "protocol/position_token.hpp"
#include "tests/broker/chunked_answer.hpp"
#include "tests/broker/http_state_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class StateRoutesTest : public HttpStateTest {
 protected:
  using HttpStateTest::HttpStateTest;
};

// ---- stored ----

TEST_F(StateRoutesTest, ATopicWithoutAStateSaysSo) {
  put("t", "application/json", "[1]");
  EXPECT_EQ(get_state("t").status, 404);
  EXPECT_EQ(get_state("t").error(), "no_state");
  EXPECT_EQ(get_state("none").error(), "unknown_topic");
  EXPECT_EQ(get_state("a//b").error(), "invalid_topic");
  EXPECT_EQ(ask_api("POST /v1/state/t").status, 405);
  EXPECT_THAT(ask_api("POST /v1/state/t").head, HasSubstr("Allow: GET, HEAD, PUT, DELETE\r\n"));
}

TEST_F(StateRoutesTest, WhatIsStoredComesBackAsItWas) {
  const auto offset = next(put("a/b", "application/json", "[1,2]"));
  const auto stored = store_state("a/b", offset, R"({"sum": 3})");
  EXPECT_EQ(stored.status, 201) << stored.body;
  EXPECT_EQ(stored.json().at("topic").as_string(), "a/b");
  EXPECT_EQ(number(stored.json(), "offset"), 2);
  post("a/b", "application/json", "[3]");
  const auto answer = get_state("a%2Fb");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"sum": 3})");
  EXPECT_EQ(field_of(answer, "Content-Type"), "application/json");
  EXPECT_EQ(next(answer), offset);
  EXPECT_EQ(get("a/b?offset=" + next(answer)).body, "[3]") << "what follows it";
}

TEST_F(StateRoutesTest, AnyTypeCanBeStoredWhateverTheTopicIs) {
  using namespace std::string_literals;
  put("t", "application/json", "[1]");
  ASSERT_EQ(store_state("t", "1", "\x00\xff"s, "image/png").status, 201);
  const auto answer = get_state("t");
  EXPECT_EQ(answer.body, "\x00\xff"s);
  EXPECT_EQ(field_of(answer, "Content-Type"), "image/png");
}

TEST_F(StateRoutesTest, ABundleThatIsKnownIsNotSentAgain) {
  put("t", "application/json", "[1,2]");
  store_state("t", "1", "1");
  const auto tag = field_of(get_state("t"), "ETag");
  EXPECT_THAT(tag, StartsWith("W/\""));
  const auto again = get_state("t", "If-None-Match: \"x\", " + tag + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(field_of(again, "ETag"), tag);
  store_state("t", "2", "2");
  const auto other = get_state("t", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body, "2");
}

TEST_F(StateRoutesTest, ALaterStateReplacesTheOneBefore) {
  put("t", "application/json", "[1,2,3]");
  EXPECT_EQ(store_state("t", "2", "2").status, 201);
  EXPECT_EQ(store_state("t", "2", "22").status, 200);
  EXPECT_EQ(store_state("t", "3", "3").status, 200);
  const auto outdated = store_state("t", "1", "1");
  EXPECT_EQ(outdated.status, 409);
  EXPECT_EQ(outdated.error(), "state_outdated");
  EXPECT_EQ(parse_token(next(outdated))->offset, Offset{3});
  EXPECT_EQ(get_state("t").body, "3");
}

TEST_F(StateRoutesTest, APositionThatLeadsNowhereIsRefused) {
  const auto created = put("t", "application/json", "[1,2,3]");
  auto there = *parse_token(next(created));
  EXPECT_EQ(store_state("t", "4", "0").error(), "position_ahead");
  there.epoch.value += 5;
  EXPECT_EQ(store_state("t", to_token(there), "0").error(), "wrong_epoch");
  EXPECT_EQ(store_state("none", "1", "0").error(), "unknown_topic");
  trim("t", 3);
  const auto trimmed = store_state("t", "1", "0");
  EXPECT_EQ(trimmed.status, 410);
  EXPECT_EQ(trimmed.error(), "position_trimmed");
  EXPECT_EQ(store_state("t", "2", "0").status, 201);
}

TEST_F(StateRoutesTest, AStateSaysOnceWhatItReflects) {
  put("t", "application/json", "[1]");
  const std::string type = "Content-Type: application/json\r\n";
  for (const auto* fields : {"", "Tidemark-Offset: x\r\n", "Tidemark-Offset: -1\r\n",
                             "Tidemark-Offset: 9007199254740992\r\n", "Tidemark-Offset:\r\n",
                             "Tidemark-Offset: 1\r\nTidemark-Offset: 1\r\n"}) {
    const auto answer = ask_api("PUT /v1/state/t", type + fields, "1");
    EXPECT_EQ(answer.status, 400) << fields;
    EXPECT_EQ(answer.error(), "malformed_message") << fields;
  }
  EXPECT_EQ(get_state("t").status, 404);
}

TEST_F(StateRoutesTest, AStateIsWhatItSaysItIs) {
  put("t", "application/json", "[1]");
  EXPECT_EQ(store_state("t", "1", "{").error(), "invalid_payload");
  EXPECT_EQ(store_state("t", "1", "\xff", "text/plain").error(), "invalid_payload");
  EXPECT_EQ(store_state("t", "1", "1", "nothing").error(), "invalid_content_type");
  EXPECT_EQ(ask_api("PUT /v1/state/t", "Tidemark-Offset: 1\r\n", "1").error(),
            "invalid_content_type");
}

TEST_F(StateRoutesTest, WhatIsForgottenIsNoMore) {
  put("t", "application/json", "[1]");
  store_state("t", "1", "1");
  EXPECT_EQ(ask_api("DELETE /v1/state/t").status, 204);
  EXPECT_EQ(get_state("t").error(), "no_state");
  EXPECT_EQ(ask_api("DELETE /v1/state/t").status, 204) << "it is as asked for";
  EXPECT_EQ(ask_api("DELETE /v1/state/none").error(), "unknown_topic");
}

TEST_F(StateRoutesTest, HeadIsTheSameWithoutTheBody) {
  put("t", "application/json", "[1]");
  store_state("t", "1", "[1234]");
  const auto whole = get_state("t");
  const auto head = ask_api("HEAD /v1/state/t");
  EXPECT_EQ(head.status, 200);
  for (const auto* name : {"Content-Type", "Content-Length", "ETag", "Stream-Next-Offset"}) {
    EXPECT_EQ(field_of(head, name), field_of(whole, name)) << name;
  }
}

class LargeStates : public HttpStateTest {
 protected:
  LargeStates() : HttpStateTest(small_messages(), small_states()) {
    put("t", "application/json", "[1]");
  }
  static ServerOptions small_messages() {
    ServerOptions options;
    options.limits.message_bytes = 1'000;
    return options;
  }
  static storage::EventStoreOptions small_states() {
    storage::EventStoreOptions options;
    options.committer.max_state_bytes = 100'000;
    return options;
  }
};

TEST_F(LargeStates, MayBeLargerThanAMessage) {
  const auto text = std::string(99'998, 'x');
  EXPECT_EQ(store_state("t", "1", "\"" + text + "\"").status, 201);
  EXPECT_EQ(get_state("t").body, "\"" + text + "\"");
  EXPECT_EQ(post("t", "application/json", "\"" + text + "\"").status, 413) << "an event may not";
}

TEST_F(LargeStates, AreBoundedHoweverTheyCome) {
  const auto told = store_state("t", "1", std::string(100'001, '1'));
  EXPECT_EQ(told.status, 413);
  EXPECT_EQ(told.error(), "state_too_large");
  RawClient client(port());
  client.send(http_request("PUT /v1/state/t", {},
                           "Tidemark-Offset: 1\r\nContent-Type: application/json\r\n"
                           "Transfer-Encoding: chunked\r\n"));
  client.send("186a1\r\n" + std::string(100'001, '1') + "\r\n0\r\n\r\n");
  const auto chunked = read_answer(client);
  EXPECT_EQ(chunked.status, 413);
  EXPECT_EQ(chunked.error(), "state_too_large");
}

// ---- keys ----

TEST_F(StateRoutesTest, KeysComeAsAnArrayInTheirOrder) {
  make_keyed("t");
  publish_keyed("t", "b", "1");
  publish_keyed("t", "a", R"({"n":2})");
  publish_keyed("t", "c", "3");
  publish_keyed("t", "b", "4");
  publish_keyed("t", "c", "null");
  RawClient client(port());
  client.send(http_request("GET /v1/state/t"));
  const auto answer = read_chunked(client);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(field_of(answer, "Content-Type"), "application/json");
  EXPECT_THAT(answer.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(parse_token(next(answer))->offset, Offset{5});
  const auto entries = answer.json().as_array();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].at("key").as_string(), "a");
  EXPECT_EQ(number(entries[0], "offset"), 2);
  EXPECT_EQ(boost::json::serialize(entries[0].at("data")), R"({"n":2})");
  EXPECT_EQ(entries[1].at("key").as_string(), "b");
  EXPECT_EQ(number(entries[1], "offset"), 4);
  client.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(client).status, 200) << "the connection goes on";
}

TEST_F(StateRoutesTest, NoKeysAreAnEmptyArray) {
  make_keyed("t");
  RawClient client(port());
  client.send(http_request("GET /v1/state/t"));
  EXPECT_EQ(read_chunked(client).json().as_array().size(), 0U);
  EXPECT_THAT(ask_api("HEAD /v1/state/t").head, HasSubstr("Transfer-Encoding: chunked\r\n"));
}

TEST_F(StateRoutesTest, OldClientsAreAnsweredWithoutChunks) {
  make_keyed("t");
  publish_keyed("t", "a", "1");
  RawClient client(port());
  client.send("GET /v1/state/t HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const auto all = client.read_all();
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  const auto body = boost::json::parse(all.substr(all.find("\r\n\r\n") + 4));
  EXPECT_EQ(body.as_array().at(0).at("key").as_string(), "a");
}

class ManyKeys : public HttpStateTest {
 protected:
  static constexpr int kKeys = 3'000;
  ManyKeys() {
    make_keyed("t");
    const std::string filling(1'000, 'x');
    for (int from = 0; from < kKeys; from += 1'000) {
      std::string body = R"({"events":[)";
      for (int i = from; i < from + 1'000; ++i) {
        body += R"({"key":"k)" + std::to_string(10'000 + i) + R"(","data":")" + filling + "\"},";
      }
      body.back() = ']';
      EXPECT_EQ(
          ask_api("POST /v1/topics/t/events", "Content-Type: application/json\r\n", body + "}")
              .status,
          200);
    }
  }
};

TEST_F(ManyKeys, ComePageByPageToWhoReadsSlowly) {
  RawClient client(port(), 4'096);
  client.send(http_request("GET /v1/state/t"));
  const auto answer = read_chunked(client);
  const auto entries = answer.json().as_array();
  ASSERT_EQ(entries.size(), static_cast<std::size_t>(kKeys));
  for (int i = 0; i < kKeys; ++i) {
    EXPECT_EQ(entries[static_cast<std::size_t>(i)].at("key").as_string(),
              "k" + std::to_string(10'000 + i));
  }
}

TEST_F(ManyKeys, AreLetGoWhenTheirClientLeavesInBetween) {
  RawClient client(port(), 4'096);
  client.send(http_request("GET /v1/state/t"));
  client.read_until("\r\n\r\n");
  client.close();
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

// ---- a source of the application's ----

/// Answers with the position it was given, when it may.
class MadeStates : public HttpStateTest {
 protected:
  explicit MadeStates(TopicStateSource source)
      : HttpStateTest({}, {}, with_callback(std::move(source))) {
    put("made/t", "application/json", "[1,2,3]");
  }
  MadeStates()
      : MadeStates([](const TopicName& topic, Position taken) -> Result<StateBundle> {
          return StateBundle{
              .data = "\"" + topic.str() + " " + std::to_string(taken.offset.value) + "\"",
              .reflects = {}};
        }) {}
};

TEST_F(MadeStates, AreAskedForWithAPositionAndFollowedByWhatIsBehindIt) {
  const auto answer = get_state("made/t");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"("made/t 3")");
  EXPECT_EQ(field_of(answer, "Content-Type"), "application/json");
  EXPECT_EQ(parse_token(next(answer))->offset, Offset{3});
}

class FailingStates : public MadeStates {
 protected:
  FailingStates()
      : MadeStates(
            [](const TopicName&, Position) -> Result<StateBundle> { return Errc::state_failed; }) {}
};

TEST_F(FailingStates, AreABadGateway) {
  const auto answer = get_state("made/t");
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.error(), "state_failed");
}

struct Gate {
  std::promise<void> asked;
  std::promise<void> ended;
  const std::shared_future<void> end{ended.get_future()};
};

/// Whose source works until it is told to end.
class SlowStates : public MadeStates {
 protected:
  explicit SlowStates(const std::shared_ptr<Gate>& gate = std::make_shared<Gate>())
      : MadeStates([gate](const TopicName&, Position) -> Result<StateBundle> {
          gate->asked.set_value();
          gate->end.wait();
          return StateBundle{.data = "1", .reflects = {}};
        }),
        gate_(gate) {}
  ~SlowStates() override {
    if (!ended_) gate_->ended.set_value();
  }
  void wait_until_asked() { gate_->asked.get_future().wait(); }
  void end() {
    ended_ = true;
    gate_->ended.set_value();
  }

 private:
  const std::shared_ptr<Gate> gate_;
  bool ended_ = false;
};

TEST_F(SlowStates, AreWaitedForNoLongerThanTheClientStays) {
  {
    RawClient client(port());
    client.send(http_request("GET /v1/state/made/t"));
    wait_until_asked();
  }
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

TEST_F(SlowStates, AreAnsweredWhenTheyAreThere) {
  RawClient client(port());
  client.send(http_request("GET /v1/state/made/t"));
  wait_until_asked();
  end();
  EXPECT_EQ(read_answer(client).body, "1");
}

// ---- what may be embedded ----

TEST(StateCheck, LooksAtWhatMessagesEmbed) {
  EXPECT_TRUE(check_state("application/json", "[1, 2]"));
  EXPECT_EQ(check_state("application/vnd.x+json", "[1,").errc(), Errc::invalid_payload);
  EXPECT_EQ(check_state("application/json", "").errc(), Errc::invalid_payload);
  EXPECT_TRUE(check_state("text/plain; charset=utf-8", "ä"));
  EXPECT_EQ(check_state("text/plain", "\xc3").errc(), Errc::invalid_payload);
  EXPECT_TRUE(check_state("application/octet-stream", "\xc3"));
  EXPECT_EQ(check_state("", "1").errc(), Errc::invalid_content_type);
}

}  // namespace
}  // namespace tidemark::broker
