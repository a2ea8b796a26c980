// Event streams as a browser's EventSource and a Durable Streams client read them.
// tests/: broker/sse_session, over real sockets.
#include "broker/sse_session.hpp"

#include "protocol/base64.hpp"
#include "protocol/position_token.hpp"
#include "tests/broker/sse_client.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SseSessionTest : public StreamTest {
 protected:
  explicit SseSessionTest(ServerOptions options = {}) : StreamTest(std::move(options)) {}
  [[nodiscard]] SseClient follow(std::string_view name, std::string_view offset = "-1",
                                 std::string_view headers = {}) const {
    return SseClient(port(), std::string(name) + "?live=sse&offset=" + std::string(offset),
                     headers);
  }
};

TEST_F(SseSessionTest, TellsWhatThereIsThenWhatComes) {
  const auto created = put("t", "application/json", "[1,2]");
  auto client = follow("t");
  EXPECT_THAT(client.head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(client.head, HasSubstr("no-cache"));
  EXPECT_THAT(client.head, Not(HasSubstr("Content-Length")));
  const auto first = client.expect("data");
  EXPECT_EQ(first.data, "[1\n,2\n]");
  EXPECT_EQ(first.id, next(created));
  const auto control = client.control();
  EXPECT_EQ(control.at("streamNextOffset").as_string(), next(created));
  EXPECT_TRUE(control.at("upToDate").as_bool());
  EXPECT_FALSE(control.at("streamCursor").as_string().empty());
  const auto appended = post("t", "application/json", R"({"n":3})");
  const auto second = client.expect("data");
  EXPECT_EQ(boost::json::parse(second.data), boost::json::parse(R"([{"n":3}])"));
  EXPECT_EQ(second.id, next(appended));
  client.control();
}

TEST_F(SseSessionTest, AnEmptyTopicSaysWhereItIs) {
  const auto created = put("t", "application/json");
  auto client = follow("t");
  EXPECT_EQ(client.control().at("streamNextOffset").as_string(), next(created));
  EXPECT_EQ(client.last_id, next(created)) << "an EventSource that loses us resumes here";
  EXPECT_EQ(client.retry, "1000");
}

TEST_F(SseSessionTest, ResumesWhereTheLastEventIdSays) {
  put("t", "application/json", "[1,2]");
  auto client = follow("t");
  client.until_up_to_date();
  const auto id = client.last_id;
  client.raw.close();
  post("t", "application/json", "[3,4]");
  // What the page's address says is where it began; the browser knows better by now.
  auto resumed = follow("t", "-1", "Last-Event-ID: " + id + "\r\n");
  EXPECT_EQ(resumed.expect("data").data, "[3\n,4\n]");
  auto without = SseClient(port(), "t?live=sse", "Last-Event-ID: " + id + "\r\n");
  EXPECT_EQ(without.expect("data").data, "[3\n,4\n]");
}

TEST_F(SseSessionTest, AGapIsToldInBandToOneWhoResumesByItself) {
  put("t", "application/json", "[1,2]");
  auto client = follow("t");
  client.until_up_to_date();
  const auto id = client.last_id;
  client.raw.close();
  post("t", "application/json", "[3,4,5,6]");
  server_.memory.requester.trim(name_of("t"), Offset{5});
  auto resumed = follow("t", "-1", "Last-Event-ID: " + id + "\r\n");
  const auto gap = resumed.expect("gap");
  const auto told = boost::json::parse(gap.data);
  EXPECT_EQ(told.at("code").as_string(), "position_trimmed");
  EXPECT_EQ(number(told.at("lost"), "first"), 3);
  EXPECT_EQ(number(told.at("lost"), "end"), 5);
  EXPECT_EQ(number(told, "earliest"), 5);
  EXPECT_EQ(parse_token(gap.id).value().offset, Offset{4}) << "what was told is not told again";
  EXPECT_EQ(resumed.expect("data").data, "[5\n,6\n]");
}

TEST_F(SseSessionTest, OneWhoAsksToFailIsRefusedAGapAtTheStart) {
  const auto created = put("t", "application/json", "[1,2,3]");
  const auto start = parse_token(next(created)).value();
  server_.memory.requester.trim(name_of("t"), Offset{3});
  const auto refused =
      get("t?live=sse&offset=" + to_token({.epoch = start.epoch, .offset = Offset{1}}));
  EXPECT_EQ(refused.status, 410);
  EXPECT_THAT(field_of(refused, "Stream-Gap"), StartsWith("position_trimmed;first=2;end=3;"));
}

TEST_F(SseSessionTest, AClosedTopicEndsItsStream) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  const auto closed = post("t", "application/json", "2", "Stream-Closed: true\r\n");
  EXPECT_EQ(client.expect("data").data, "[2\n]");
  const auto control = client.control();
  EXPECT_TRUE(control.at("streamClosed").as_bool());
  EXPECT_EQ(control.at("streamNextOffset").as_string(), next(closed));
  EXPECT_FALSE(control.as_object().contains("streamCursor"));
  EXPECT_FALSE(client.next());
  client.raw.close();
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

TEST_F(SseSessionTest, TheCloseAloneIsToldToo) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  send("POST", "t", "Stream-Closed: true\r\n");
  EXPECT_TRUE(client.control().at("streamClosed").as_bool());
  EXPECT_FALSE(client.next());
  auto late = follow("t");
  EXPECT_EQ(late.expect("data").data, "[1\n]");
  EXPECT_TRUE(late.control().at("streamClosed").as_bool());
  EXPECT_FALSE(late.next());
}

TEST_F(SseSessionTest, TextKeepsItsLinesAndBlanks) {
  put("t", "text/plain", " one\n  two\r\n");
  auto client = follow("t");
  EXPECT_THAT(client.head, Not(HasSubstr("Stream-SSE-Data-Encoding")));
  EXPECT_EQ(client.expect("data").data, " one\n  two\n");
  client.control();
  post("t", "text/plain", "data: x\nevent: gap\n\nid: 0");
  EXPECT_EQ(client.expect("data").data, "data: x\nevent: gap\n\nid: 0") << "and nothing else of it";
  client.control();
  post("t", "text/plain", " three");
  EXPECT_EQ(client.expect("data").data, " three");
}

TEST_F(SseSessionTest, BytesComeAsOneBase64) {
  using namespace std::string_literals;
  put("t", "application/octet-stream", "\x00\xff"s);
  post("t", "application/octet-stream", "\r\n\r\n"s);
  auto client = follow("t");
  EXPECT_THAT(client.head, HasSubstr("Stream-SSE-Data-Encoding: base64\r\n"));
  EXPECT_EQ(read_base64(client.expect("data").data), "\x00\xff\r\n\r\n"s);
  EXPECT_TRUE(client.control().at("upToDate").as_bool());
}

TEST_F(SseSessionTest, MuchIsToldInRunsThatFollowOneAnother) {
  put("t", "application/json");
  constexpr int kAppends = 200;
  for (int i = 0; i < kAppends; ++i) {
    const std::string text = "\"" + std::string(1'000, 'x') + std::to_string(i) + "\"";
    post("t", "application/json", text);
  }
  auto client = follow("t");
  int seen = 0;
  std::size_t runs = 0;
  for (const auto& event : client.until_up_to_date()) {
    ++runs;
    const auto values = boost::json::parse(event.data);
    for (const auto& value : values.as_array()) {
      EXPECT_TRUE(value.as_string().ends_with("x" + std::to_string(seen++)));
    }
  }
  EXPECT_EQ(seen, kAppends);
  EXPECT_GT(runs, 2U) << "bounded writes";
  EXPECT_LT(runs, 50U) << "of many events each";
}

TEST_F(SseSessionTest, ADeletedTopicEndsItsStreams) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  send("DELETE", "t");
  EXPECT_FALSE(client.next());
  EXPECT_EQ(get("t?live=sse&offset=-1").status, 404);
}

TEST_F(SseSessionTest, AClientThatLeavesIsLetGo) {
  put("t", "application/json", "[1]");
  for (const bool reset : {false, true}) {
    auto client = follow("t");
    client.until_up_to_date();
    reset ? client.raw.reset() : client.raw.close();
    server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
  }
  wait_for_waited(0);
}

TEST_F(SseSessionTest, WhatAReaderSendsIsDroppedAndTooMuchOfItEndsIt) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  client.raw.send("GET /healthz HTTP/1.1\r\n\r\n");
  post("t", "application/json", "2");
  EXPECT_EQ(client.expect("data").data, "[2\n]");
  client.control();
  const std::string chatter(1 << 20, 'x');
  client.raw.send(chatter);
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

TEST_F(SseSessionTest, AStopTellsWhenToComeBack) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  client.retry.clear();
  server_.server.stop();
  EXPECT_FALSE(client.next());
  ASSERT_FALSE(client.retry.empty());
  EXPECT_LE(std::stoi(client.retry), 5'000);
}

TEST_F(SseSessionTest, AStopTellsWhenToComeBackBehindWhatIsBeingSent) {
  put("t", "application/json");
  SseClient client(port(), "t?live=sse&offset=-1", {}, 4096);
  client.until_up_to_date();
  client.retry.clear();
  // More than the sockets hold, so that the stop finds the session in the middle of it.
  const std::string large = '"' + std::string(1'000'000, 'x') + '"';
  for (int i = 0; i < 8; ++i) ASSERT_EQ(post("t", "application/json", large).status, 204);
  const auto stopped = std::async(std::launch::async, [this] { server_.server.stop(); });
  while (client.next()) {
  }
  ASSERT_FALSE(client.retry.empty());
  EXPECT_LE(std::stoi(client.retry), 5'000);
}

ServerOptions short_lives() {
  ServerOptions options;
  options.limits.sse_lifetime = std::chrono::milliseconds(100);
  options.limits.stall_timeout = std::chrono::milliseconds(100);
  return options;
}

class ShortSseTest : public SseSessionTest {
 protected:
  ShortSseTest() : SseSessionTest(short_lives()) {}
};

TEST_F(ShortSseTest, AStreamHasAnEndAndTheClientGoesOnBehindIt) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  EXPECT_FALSE(client.next());
  EXPECT_EQ(client.retry, "100");
  post("t", "application/json", "2");
  auto resumed = follow("t", "-1", "Last-Event-ID: " + client.last_id + "\r\n");
  EXPECT_EQ(resumed.expect("data").data, "[2\n]");
}

ServerOptions endless_streams() {
  ServerOptions options;
  options.limits.sse_lifetime = std::chrono::milliseconds(0);
  options.limits.stall_timeout = std::chrono::milliseconds(200);
  options.limits.idle_timeout = std::chrono::milliseconds(200);
  return options;
}

class EndlessSseTest : public SseSessionTest {
 protected:
  EndlessSseTest() : SseSessionTest(endless_streams()) {}
};

TEST_F(EndlessSseTest, AClientThatIsGoneWithoutAWordIsFoundOut) {
  put("t", "application/json", "[1]");
  auto client = follow("t");
  client.until_up_to_date();
  client.raw.deafen();
  post("t", "application/json", "2");
  if (server_.door.scheme() == "https") GTEST_SKIP() << "it is the door that would have to be deaf";
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

TEST_F(ShortSseTest, AClientThatTakesNothingIsClosed) {
  put("t", "application/octet-stream");
  SseClient client(port(), "t?live=sse&offset=-1", {}, 4096);
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(post("t", "application/octet-stream", large).status, 204);
  }
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
  wait_for_waited(0);
}

}  // namespace
}  // namespace tidemark::broker
