// Who may do what over a WebSocket, in both wire forms: auth, refresh, expiry, withdrawal.
// tests/: broker/websocket_session.
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "tests/broker/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A client that speaks structs.
class Talker {
 public:
  Talker(std::uint16_t port, WireForm form, const std::string& fields = {})
      : form_(form),
        ws_(port, "Sec-WebSocket-Protocol: " + std::string(subprotocol(form)) + "\r\n" + fields) {}

  static std::string framed(WireForm form, const ClientMessage& message) {
    std::string bytes;
    encode(form, message, Payload::json, bytes);
    return masked_frame(form == WireForm::json ? opcode::text : opcode::binary, bytes);
  }
  void send(const ClientMessage& message) { ws_.raw.send(framed(form_, message)); }
  void send_bytes(const std::string& bytes) { ws_.raw.send(bytes); }
  void drop() { ws_.raw.reset(); }

  ServerMessage next() {
    while (auto frame = ws_.frame()) {
      if (frame->opcode == opcode::ping) continue;
      if (frame->opcode == opcode::close) throw std::runtime_error("closed: " + frame->payload);
      auto message = decode_server(form_, frame->payload);
      if (!message) throw std::runtime_error(message.error().text);
      return std::move(*message);
    }
    throw std::runtime_error("the connection has ended");
  }
  template <class T>
  T expect() {
    auto message = next();
    auto* wanted = std::get_if<T>(&message);
    if (wanted == nullptr) throw std::runtime_error("another message: " + describe(message));
    return std::move(*wanted);
  }
  Failure refused(const ClientMessage& message) {
    send(message);
    return expect<Failure>();
  }
  /// How it is closed: code and reason, after everything else has been passed over.
  std::pair<unsigned, std::string> closed() {
    while (auto frame = ws_.frame()) {
      if (frame->opcode != opcode::close || frame->payload.size() < 2) continue;
      const auto at = [&](std::size_t i) { return static_cast<unsigned char>(frame->payload[i]); };
      return {at(0) * 256U + at(1), frame->payload.substr(2)};
    }
    return {0, "no close frame"};
  }

 private:
  static std::string describe(const ServerMessage& message) {
    std::string out;
    encode(WireForm::json, message, Payload::json, out);
    return out;
  }

  WireForm form_;
  WsClient ws_;
};

Subscribe subscribe(const std::string& topic, RequestId id = 1) {
  return {.id = id, .topic = topic, .start = StartNow{}};
}
Publish publish(const std::string& topic, RequestId id = 1) {
  Publish out{.id = id, .topic = topic, .events = std::vector<NewEvent>(1)};
  out.events.front().data = "1";
  return out;
}
Authenticate auth(const std::string& token, RequestId id = 7) { return {.id = id, .token = token}; }

class AccessWebSocket : public testing::TestWithParam<WireForm> {
 protected:
  AccessWebSocket() {
    for (const auto* name : {"rooms/lobby", "rooms/staff"}) {
      server_.memory.requester.publish(name_of(name), 1);
    }
  }
  ServerOptions options() const {
    auto out = access_.options();
    out.limits.handshake_timeout = seconds(60);
    return out;
  }
  Talker connect(const std::string& fields = {}) {
    return {server_.server.port(), GetParam(), fields};
  }
  Talker connect_as(const std::string& grants) {
    return connect(TestAccess::bearer(access_.token(grants)));
  }
  /// Of Ada, who may follow this.
  std::string ada(const std::string& patterns, std::int64_t lives_ms = 3'600'000) const {
    return access_.token({.grants = R"({"subscribe":)" + patterns + "}", .lives_ms = lives_ms});
  }
  /// The same refusal for a topic that is there and one that is not.
  static void expect_refused(Talker& talker, Errc code) {
    for (const auto* topic : {"rooms/lobby", "rooms/none"}) {
      EXPECT_EQ(talker.refused(subscribe(topic)).code, code);
      EXPECT_EQ(talker.refused(publish(topic)).code, code);
    }
    Failure there = talker.refused(subscribe("rooms/lobby"));
    there.topic = "rooms/none";
    EXPECT_EQ(there, talker.refused(subscribe("rooms/none")));
  }

  TestAccess access_;
  TestServer server_{options()};
};

// ---- rights ----

TEST_P(AccessWebSocket, WithoutACredentialNothingIsDone) {
  auto talker = connect();
  expect_refused(talker, Errc::unauthorized);
}

TEST_P(AccessWebSocket, ARightIsForItsTopicsAndItsKindOnly) {
  auto other = connect_as(R"({"subscribe":["other/**"],"publish":["other/**"],"manage":["**"]})");
  expect_refused(other, Errc::forbidden);
  auto denied = connect_as(
      R"({"subscribe":["**","!rooms/*"],"publish":["**","!rooms/lobby","!rooms/none"]})");
  expect_refused(denied, Errc::forbidden);

  auto reader = connect_as(R"({"subscribe":["rooms/*"]})");
  EXPECT_EQ(reader.refused(publish("rooms/lobby")).code, Errc::forbidden);
  reader.send(subscribe("rooms/lobby"));
  reader.expect<Subscribed>();

  auto writer = connect_as(R"({"publish":["rooms/*"]})");
  EXPECT_EQ(writer.refused(subscribe("rooms/lobby")).code, Errc::forbidden);
  writer.send(publish("rooms/new"));
  writer.expect<Published>();
}

TEST_P(AccessWebSocket, TheAnonymousHaveWhatIsConfigured) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"rooms/lobby"};
  access_.replace(rules);
  auto talker = connect();
  talker.send(subscribe("rooms/lobby"));
  talker.expect<Subscribed>();
  talker.expect<CaughtUp>();
  EXPECT_EQ(talker.refused(subscribe("rooms/staff")).code, Errc::unauthorized);
}

// ---- saying who one is ----

TEST_P(AccessWebSocket, AnUpgradeWithAWrongCredentialIsRefused) {
  const auto upgrade = [&](const std::string& token) {
    RawClient client(server_.server.port());
    client.send(upgrade_request(TestAccess::bearer(token)));
    return read_answer(client);
  };
  EXPECT_EQ(upgrade("garbage").error(), "unauthorized");
  EXPECT_EQ(upgrade("garbage").status, 401);
  EXPECT_EQ(upgrade(ada(R"(["**"])", -1'000)).error(), "token_expired");
}

TEST_P(AccessWebSocket, TheFirstMessageMaySayWhoItIs) {
  auto talker = connect();
  talker.send(auth(ada(R"(["rooms/*"])")));
  const auto answer = talker.expect<Authenticated>();
  EXPECT_EQ(answer.id, 7U);
  EXPECT_EQ(answer.subject, "ada");
  EXPECT_EQ(answer.expires, (Timestamp{access_.now().ms + 3'600'000}));
  talker.send(subscribe("rooms/lobby"));
  talker.expect<Subscribed>();
}

TEST_P(AccessWebSocket, ARefusedTokenEndsTheConnection) {
  auto talker = connect();
  EXPECT_EQ(talker.refused(auth("garbage")).code, Errc::unauthorized);
  EXPECT_EQ(talker.closed(), std::pair(3000U, std::string("unauthorized")));
  auto late = connect();
  const auto failure = late.refused(auth(ada(R"(["**"])", -1'000)));
  EXPECT_EQ(failure.code, Errc::token_expired);
  EXPECT_EQ(failure.id, 7U);
  EXPECT_EQ(late.closed(), std::pair(3000U, std::string("token_expired")));
}

TEST_P(AccessWebSocket, AuthsAreLimitedToAPace) {
  auto talker = connect();
  const auto token = ada(R"(["**"])");
  std::string burst;
  for (RequestId id = 1; id <= 5; ++id) burst += Talker::framed(GetParam(), auth(token, id));
  talker.send_bytes(burst);
  for (RequestId id = 1; id <= 4; ++id) EXPECT_EQ(talker.expect<Authenticated>().id, id);
  const auto refused = talker.expect<Failure>();
  EXPECT_EQ(refused.id, 5U);
  EXPECT_EQ(refused.code, Errc::rate_limited);
  EXPECT_GT(refused.retry_after_ms, 0U);
  EXPECT_LE(refused.retry_after_ms, 1'000U);
  talker.send(subscribe("rooms/lobby"));  // it goes on as it was
  talker.expect<Subscribed>();
}

// ---- refreshing ----

TEST_P(AccessWebSocket, ARefreshReplacesTheRightsAndEndsWhatTheyDoNotCover) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])")));
  for (const auto* topic : {"rooms/lobby", "rooms/staff"}) {
    talker.send(subscribe(topic));
    talker.expect<Subscribed>();
    talker.expect<CaughtUp>();
  }
  talker.send(auth(ada(R"(["rooms/lobby"])")));
  talker.expect<Authenticated>();
  const auto ended = talker.expect<Unsubscribed>();
  EXPECT_EQ(ended.topic, "rooms/staff");
  EXPECT_EQ(ended.reason, Errc::forbidden);
  server_.memory.requester.publish(name_of("rooms/staff"), 1);
  server_.memory.requester.publish(name_of("rooms/lobby"), 1);
  EXPECT_EQ(talker.expect<Event>().topic, "rooms/lobby");
  EXPECT_EQ(talker.refused(subscribe("rooms/staff")).code, Errc::forbidden);
}

TEST_P(AccessWebSocket, ARefreshIsForTheSameClientOnly) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])")));
  const auto bob = access_.token({.subject = "bob", .grants = R"({"subscribe":["**"]})"});
  EXPECT_EQ(talker.refused(auth(bob)).code, Errc::unauthorized);
  EXPECT_EQ(talker.closed(), std::pair(3000U, std::string("unauthorized")));
}

TEST_P(AccessWebSocket, AnExpiryIsAnnouncedAndARefreshPutsItOff) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])", 100'000)));
  talker.send(Ping{.id = 1});
  talker.expect<Pong>();
  access_.pass(seconds(45));
  EXPECT_EQ(talker.expect<TokenExpires>().in_ms, 55'000U);
  talker.send(auth(ada(R"(["rooms/*"])", 100'000)));
  talker.expect<Authenticated>();
  access_.pass(seconds(60));  // past what the first one had
  EXPECT_EQ(talker.expect<TokenExpires>().in_ms, 40'000U);
}

TEST_P(AccessWebSocket, LittleTimeLeftIsToldAtOnce) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])", 5'000)));
  EXPECT_EQ(talker.expect<TokenExpires>().in_ms, 5'000U);
  talker.send(auth(ada(R"(["rooms/*"])", 6'000)));
  talker.expect<Authenticated>();
  EXPECT_EQ(talker.expect<TokenExpires>().in_ms, 6'000U);
}

// ---- the end of a credential ----

TEST_P(AccessWebSocket, AnExpiredTokenEndsTheConnection) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])", 5'000)));
  talker.expect<TokenExpires>();
  talker.send(subscribe("rooms/lobby"));
  talker.expect<Subscribed>();
  access_.pass(seconds(5));
  EXPECT_EQ(talker.closed(), std::pair(3000U, std::string("token_expired")));
}

TEST_P(AccessWebSocket, AWithdrawnSubjectIsSentAway) {
  auto talker = connect(TestAccess::bearer(ada(R"(["rooms/*"])")));
  talker.send(subscribe("rooms/lobby"));
  talker.expect<Subscribed>();
  auto rules = access_.rules();
  rules.revoked_subjects = {"ada"};
  access_.replace(rules);
  EXPECT_EQ(talker.closed(), std::pair(3000U, std::string("unauthorized")));
}

TEST_P(AccessWebSocket, OtherRulesAreMetByEveryConnection) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"rooms/*"};
  access_.replace(rules);
  auto talker = connect();
  for (const auto* topic : {"rooms/lobby", "rooms/staff"}) {
    talker.send(subscribe(topic));
    talker.expect<Subscribed>();
    talker.expect<CaughtUp>();
  }
  rules.anonymous.subscribe = {"rooms/staff"};
  access_.replace(rules);
  const auto ended = talker.expect<Unsubscribed>();
  EXPECT_EQ(ended.topic, "rooms/lobby");
  EXPECT_EQ(ended.reason, Errc::forbidden);
  server_.memory.requester.publish(name_of("rooms/staff"), 1);
  EXPECT_EQ(talker.expect<Event>().topic, "rooms/staff");
}

TEST_P(AccessWebSocket, WhoMayNothingIsNotWaitedForLong) {
  auto options = access_.options();
  options.limits.handshake_timeout = milliseconds(200);
  TestServer server(options);
  Talker talker(server.server.port(), GetParam());
  EXPECT_EQ(talker.closed(), std::pair(3000U, std::string("unauthorized")));
}

TEST_P(AccessWebSocket, WhoHasSaidWhoTheyAreIsLeftInPeace) {
  auto options = access_.options();
  options.limits.handshake_timeout = milliseconds(500);
  TestServer server(options);
  Talker talker(server.server.port(), GetParam());
  talker.send(auth(ada(R"(["rooms/*"])")));
  talker.expect<Authenticated>();
  Talker silent(server.server.port(), GetParam());
  silent.closed();  // its time is over later than the other's would have been
  talker.send(Ping{.id = 2});
  talker.expect<Pong>();
}

INSTANTIATE_TEST_SUITE_P(BothForms, AccessWebSocket,
                         testing::Values(WireForm::json, WireForm::binary), [](const auto& param) {
                           return param.param == WireForm::json ? "Json" : "Binary";
                         });

// ---- keys that have to be fetched first ----

/// Access whose only key is in a set that comes when the test says so.
class AccessLater : public testing::Test {
 protected:
  AccessLater() : key_(SigningKey::generate(Algorithm::es256)) {
    AccessRules rules;
    rules.key_sets.push_back({.url = "https://keys.example/set", .file = {}, .issuer = {}});
    AccessSources sources;
    sources.fetch = [document = document_.get_future().share()](const FetchRequest&) -> Fetched {
      return document.get();
    };
    access_ = std::get<std::shared_ptr<Access>>(Access::make(rules, std::move(sources)));
    ServerOptions options;
    options.access = access_;
    server_.emplace(options);
    server_->memory.requester.publish(name_of("a"), 1);
  }
  ~AccessLater() override { release(); }

  void release() {
    if (!std::exchange(released_, true)) {
      document_.set_value(R"({"keys":[)" + key_.public_jwk_text("k1") + "]}");
    }
  }
  std::string token() const {
    const auto expires = std::chrono::system_clock::now() + std::chrono::hours(1);
    const auto seconds_since = std::chrono::duration_cast<seconds>(expires.time_since_epoch());
    return key_.token(R"({"alg":"ES256","kid":"k1"})",
                      boost::json::serialize(boost::json::object{
                          {"sub", "ada"},
                          {"exp", seconds_since.count()},
                          {"tidemark", {{"subscribe", {"a"}}, {"publish", {"a"}}}}}));
  }

  std::promise<Fetched> document_;
  bool released_ = false;
  SigningKey key_;
  std::shared_ptr<Access> access_;
  std::optional<TestServer> server_;
};

TEST_F(AccessLater, WhatComesBehindAnAuthWaitsForItsOutcome) {
  Talker talker(server_->server.port(), WireForm::json);
  talker.send(Ping{.id = 1});
  talker.expect<Pong>();
  std::string packet = Talker::framed(WireForm::json, auth(token(), 2));
  packet += Talker::framed(WireForm::json, publish("a", 3));
  packet += Talker::framed(WireForm::json, Ping{.id = 4});
  talker.send_bytes(packet);
  // Another connection's answers show that the broker has read what there was.
  Talker(server_->server.port(), WireForm::json).refused(subscribe("a"));
  release();
  EXPECT_EQ(talker.expect<Authenticated>().id, 2U);
  std::vector<ServerMessage> rest{talker.next(), talker.next()};
  EXPECT_THAT(rest, testing::UnorderedElementsAre(testing::VariantWith<Published>(testing::_),
                                                  testing::VariantWith<Pong>(testing::_)));
}

TEST_F(AccessLater, ARequestWaitsForItsOutcome) {
  RawClient client(server_->server.port());
  const auto fields = TestAccess::bearer(token());
  client.send(http_request("GET /v1/stream/a?offset=-1", {}, fields) +
              http_request("GET /healthz"));
  EXPECT_EQ(ask(server_->server.port(), http_request("GET /v1/stream/a?offset=-1")).status, 401);
  release();
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(AccessLater, AServerStopsWhileItIsNotKnownWhoSomebodyIs) {
  Talker talker(server_->server.port(), WireForm::json);
  RawClient client(server_->server.port());
  talker.send(auth(token()));
  client.send(http_request("GET /v1/stream/a?offset=-1", {}, TestAccess::bearer(token())));
  server_->wait_for([](const ServerStats& stats) { return stats.websockets == 1; });
  server_.reset();  // the outcome comes when nobody is there any more
  release();
}

TEST_F(AccessLater, AClientMayLeaveBeforeItIsKnownWhoItIs) {
  {
    Talker talker(server_->server.port(), WireForm::json);
    talker.send(auth(token()));
    Talker(server_->server.port(), WireForm::json).refused(subscribe("a"));
    talker.drop();
  }
  release();
  server_->wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

}  // namespace
}  // namespace tidemark::broker
