// A topic's state over WebSocket: at the start, at a gap, and rather than a long backlog.
// tests/: broker/websocket_session, over real sockets.
#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "tests/broker/follow_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;

/// Holds up the state of `made/slow`. Shared with the callback, which may outlive the test's body.
struct Gate {
  std::promise<void> entered;
  std::promise<void> opened;
  std::shared_future<void> open{opened.get_future()};
};

Result<StateBundle> make_state(Gate& gate, const TopicName& topic, Position taken) {
  if (topic.str() == "made/badly") return Errc::cancelled;
  if (topic.str() == "made/slow") {
    gate.entered.set_value();
    gate.open.wait();
  }
  return StateBundle{.data = R"({"taken":)" + std::to_string(taken.offset.value) + "}",
                     .reflects = {}};
}

/// Topics `made/*` have states from a callback, others what has been stored for them.
class WebSocketState : public FollowFixture {
 protected:
  explicit WebSocketState(std::shared_ptr<Gate> gate = std::make_shared<Gate>())
      : FollowFixture({}, hub(gate)), gate_(std::move(gate)) {}
  ~WebSocketState() override { let_go(); }

  static HubOptions hub(const std::shared_ptr<Gate>& gate) {
    HubOptions options;
    StateRule rule;
    rule.pattern = "made/*";
    rule.max_age = std::chrono::milliseconds(0);
    rule.callback = [gate](const TopicName& topic, Position taken) {
      return make_state(*gate, topic, taken);
    };
    options.states.rules.push_back(std::move(rule));
    return options;
  }
  /// The state of `made/slow` is being made, and has its position.
  void wait_until_asked() {
    if (gate_->entered.get_future().wait_for(kPatience) != std::future_status::ready) {
      throw std::runtime_error("nobody asked for the state");
    }
  }
  void let_go() {
    if (!std::exchange(gone_, true)) gate_->opened.set_value();
  }
  static std::string subscribe(std::string_view rest, std::string_view topic = "t") {
    return R"({"type":"subscribe","id":5,"topic":")" + std::string(topic) + "\"," +
           std::string(rest) + "}";
  }
  /// The answer to a subscribe, then a state in one message.
  static boost::json::value expect_state(WsClient& client, std::int64_t offset) {
    const auto subscribed = client.expect("subscribed");
    EXPECT_EQ(number(subscribed, "id"), 5);
    EXPECT_EQ(number(subscribed, "offset"), offset);
    auto state = client.expect("state");
    EXPECT_EQ(number(state, "offset"), offset);
    EXPECT_EQ(number(state, "epoch"), number(subscribed, "epoch"));
    EXPECT_TRUE(state.at("first").as_bool());
    EXPECT_TRUE(state.at("last").as_bool());
    return state;
  }

 private:
  const std::shared_ptr<Gate> gate_;
  bool gone_ = false;
};

// ---- at the start ----

TEST_F(WebSocketState, WhatIsStoredComesFirstThenWhatFollowsIt) {
  publish("t", 5);
  store_state("t", 3, R"({"sum":6})");
  auto client = connect();
  client.send(subscribe(R"("state":true)"));
  const auto state = expect_state(client, 3);
  EXPECT_EQ(text(state, "content_type"), "application/json");
  EXPECT_EQ(number(state.at("data"), "sum"), 6);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(4, 5));
  publish("t", 1);
  EXPECT_EQ(number(client.expect("event"), "offset"), 6);
}

TEST_F(WebSocketState, ACallbackIsGivenThePositionBeforeIt) {
  publish("made/a", 4);
  auto client = connect();
  client.send(subscribe(R"("state":true)", "made/a"));
  EXPECT_EQ(number(expect_state(client, 4).at("data"), "taken"), 4);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 4);
}

TEST_F(WebSocketState, WhatComesWhileTheStateIsMadeFollowsIt) {
  publish("made/slow", 2);
  auto client = connect();
  client.send(subscribe(R"("state":true)", "made/slow"));
  wait_until_asked();
  expect_quiet(client);
  publish("made/slow", 2);
  let_go();
  expect_state(client, 2);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(3, 4));
}

TEST_F(WebSocketState, KeysComeAsEntries) {
  keep_latest("t");
  publish_keys("t", {"b", "a", "b"});
  auto client = connect();
  client.send(subscribe(R"("state":true)"));
  const auto state = expect_state(client, 3);
  const auto& entries = state.at("entries").as_array();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(text(entries[0], "key"), "a");
  EXPECT_EQ(number(entries[0], "offset"), 2);
  EXPECT_EQ(number(entries[0], "data"), 2);
  EXPECT_EQ(text(entries[1], "key"), "b");
  EXPECT_EQ(number(entries[1], "offset"), 3);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 3);
}

TEST_F(WebSocketState, AStateWithoutEntriesIsOneMessage) {
  keep_latest("t");
  auto client = connect();
  client.send(subscribe(R"("state":true)"));
  EXPECT_TRUE(expect_state(client, 0).at("entries").as_array().empty());
  client.expect("caught_up");
}

TEST_F(WebSocketState, AllEntriesOfManyKeysCome) {
  keep_latest("t");
  std::vector<std::string> keys;
  for (int i = 0; i < 3'000; ++i) keys.push_back(std::to_string(10'000 + i));
  publish_keys("t", keys);
  auto client = connect({}, 4'096);
  client.send(subscribe(R"("state":true)"));
  client.expect("subscribed");
  std::vector<std::string> got;
  bool last = false;
  for (bool first = true; !last; first = false) {
    const auto part = client.expect("state");
    EXPECT_EQ(part.at("first").as_bool(), first);
    for (const auto& entry : part.at("entries").as_array()) got.push_back(text(entry, "key"));
    last = part.at("last").as_bool();
  }
  EXPECT_EQ(got, keys);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 3'000);
}

TEST_F(WebSocketState, ALargeStateReachesASlowClientWhole) {
  publish("t", 3);
  const std::string large(std::size_t{3} << 20, 'x');
  store_state("t", 2, '"' + large + '"');
  auto slow = connect({}, 4'096);
  slow.send(subscribe(R"("state":true)"));
  auto quick = connect();
  quick.send(subscribe(R"("state":true)"));
  EXPECT_EQ(text(expect_state(quick, 2), "data"), large);
  EXPECT_EQ(number(quick.expect("event"), "offset"), 3);
  EXPECT_EQ(text(expect_state(slow, 2), "data"), large);
  EXPECT_EQ(number(slow.expect("event"), "offset"), 3);
}

TEST_F(WebSocketState, TheBinaryFormHasItToo) {
  publish("t", 3);
  store_state("t", 2, "[1,2]");
  auto client = connect("Sec-WebSocket-Protocol: tidemark.v1.cereal\r\n");
  Subscribe wanted;
  wanted.topic = "t";
  wanted.state = true;
  std::string bytes;
  encode(WireForm::binary, ClientMessage(wanted), Payload::json, bytes);
  client.raw.send(masked_frame(opcode::binary, bytes));
  const auto next = [&client] {
    auto message = decode_server(WireForm::binary, client.frame().value().payload);
    return message ? std::move(*message) : throw std::runtime_error(message.error().text);
  };
  EXPECT_EQ(std::get<Subscribed>(next()).position.offset, Offset{2});
  const auto state = std::get<State>(next());
  EXPECT_EQ(state.bundle, "[1,2]");
  EXPECT_TRUE(state.first && state.last);
  EXPECT_EQ(std::get<Event>(next()).offset, Offset{3});
}

TEST_F(WebSocketState, ATopicWithoutAStateIsRefusedAndMayBeAskedForOtherwise) {
  publish("t", 1);
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe(R"("state":true)")), "no_state");
  EXPECT_EQ(WsClient::type_of(client.ask(subscribe(R"("from":"now")"))), "subscribed");
}

TEST_F(WebSocketState, ASourceThatFailsRefusesTheSubscription) {
  publish("made/badly", 1);
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe(R"("state":true)", "made/badly")), "state_failed");
  EXPECT_EQ(client.refused(R"({"type":"unsubscribe","topic":"made/badly"})"), "not_subscribed");
}

TEST_F(WebSocketState, AnUnknownTopicHasNone) {
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe(R"("state":true)")), "unknown_topic");
}

TEST_F(WebSocketState, ASubscribeThatWaitsForItsStateCanBeTakenBack) {
  publish("made/slow", 1);
  auto client = connect();
  client.send(subscribe(R"("state":true)", "made/slow"));
  EXPECT_EQ(client.refused(R"({"type":"unsubscribe","id":6,"topic":"made/slow"})"), "cancelled");
  EXPECT_EQ(number(client.expect("unsubscribed"), "id"), 6);
  let_go();
  publish("made/slow", 1);
  expect_quiet(client);
}

TEST_F(WebSocketState, AClientMayLeaveWhileItsStateIsMade) {
  publish("made/slow", 1);
  {
    auto client = connect();
    client.send(subscribe(R"("state":true)", "made/slow"));
    wait_until_asked();
    client.raw.reset();
  }
  server_.wait_for([](const ServerStats& stats) { return stats.websockets == 0; });
  let_go();
  auto client = connect();
  expect_quiet(client);
}

// ---- at a gap ----

TEST_F(WebSocketState, AStartThatIsTrimmedIsAnsweredWithTheState) {
  publish("t", 10);
  store_state("t", 8, "8");
  trim("t", 9);
  auto client = connect();
  client.send(subscribe(R"("after":{"offset":2},"on_gap":"state")"));
  EXPECT_EQ(number(expect_state(client, 8), "data"), 8);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(9, 10));
}

TEST_F(WebSocketState, AStartThatIsThereNeedsNoState) {
  publish("t", 3);
  store_state("t", 3, "3");
  auto client = connect();
  client.send(subscribe(R"("after":{"offset":1},"on_gap":"state")"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 1);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(2, 3));
}

TEST_F(WebSocketState, AGapWithoutAStateIsRefused) {
  publish("t", 5);
  trim("t", 4);
  auto client = connect();
  EXPECT_EQ(client.refused(subscribe(R"("after":{"offset":1},"on_gap":"state")")), "no_state");
}

/// Publishes three events and trims them, so that no reader sees them.
void publish_and_trim(storage::EventStore& store, const TopicName& topic) {
  std::vector<std::unique_ptr<storage::Request>> requests;
  auto publish = std::make_unique<storage::PublishRequest>(topic);
  publish->events = numbers(1, 3);
  requests.push_back(std::move(publish));
  requests.push_back(
      std::make_unique<storage::TrimRequest>(topic, Offset{kMaxInteger - 1}, GapCause::trimmed));
  ASSERT_TRUE(store.submit(requests));
}

TEST_F(WebSocketState, ALaterGapIsToldThenComesTheState) {
  publish("made/a", 2);
  auto client = connect();
  client.send(subscribe(R"("from":"now","on_gap":"state")", "made/a"));
  client.expect("subscribed");
  client.expect("caught_up");
  publish_and_trim(server_.memory.store, name_of("made/a"));
  const auto gap = client.expect("gap");
  EXPECT_EQ(number(gap, "earliest"), 6);
  const auto state = client.expect("state");
  EXPECT_EQ(number(state, "offset"), 5);
  EXPECT_EQ(number(state.at("data"), "taken"), 5);
  EXPECT_EQ(number(client.expect("caught_up"), "offset"), 5);
  publish("made/a", 1);
  EXPECT_EQ(number(client.expect("event"), "offset"), 6);
}

TEST_F(WebSocketState, ALaterGapWithoutAStateEndsTheSubscription) {
  publish("t", 2);
  auto client = connect();
  client.send(subscribe(R"("from":"now","on_gap":"state")"));
  client.expect("subscribed");
  client.expect("caught_up");
  publish_and_trim(server_.memory.store, name_of("t"));
  client.expect("gap");
  EXPECT_EQ(text(client.expect("unsubscribed"), "reason"), "no_state");
}

// ---- rather than a backlog ----

TEST_F(WebSocketState, WhoIsFurtherBehindIsSentTheState) {
  publish("t", 10);
  store_state("t", 9, "9");
  auto client = connect();
  client.send(subscribe(R"("from":"earliest","state_if_behind":{"events":9})"));
  expect_state(client, 9);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(10));
}

TEST_F(WebSocketState, WhoIsNotIsSentTheEvents) {
  publish("t", 3);
  store_state("t", 2, "2");
  auto client = connect();
  client.send(subscribe(R"("from":"earliest","state_if_behind":{"events":3})"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 2, 3));
}

TEST_F(WebSocketState, BytesBehindCountToo) {
  publish("t", 10);
  store_state("t", 9, "9");
  auto behind = connect();
  behind.send(subscribe(R"("from":"earliest","state_if_behind":{"bytes":1})"));
  expect_state(behind, 9);
  auto near = connect();
  near.send(subscribe(R"("from":"earliest","state_if_behind":{"bytes":1000000})"));
  EXPECT_EQ(number(near.expect("subscribed"), "offset"), 0);
}

TEST_F(WebSocketState, WithoutAStateTheBacklogIsSent) {
  publish("t", 3);
  auto client = connect();
  client.send(subscribe(R"("from":"earliest","state_if_behind":{"events":1})"));
  EXPECT_EQ(number(client.expect("subscribed"), "offset"), 0);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(1, 2, 3));
}

TEST_F(WebSocketState, AFilterIsForTheEventsAfterIt) {
  publish_keys("t", {"a", "b", "b", "a"});
  store_state("t", 1, "1");
  auto client = connect();
  client.send(subscribe(R"("state":true,"filter":{"keys":["a"]})"));
  expect_state(client, 1);
  EXPECT_THAT(offsets_until(client, "caught_up"), ElementsAre(4));
}

}  // namespace
}  // namespace tidemark::broker
