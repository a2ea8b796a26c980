// Topics as Durable Streams: what the conformance suite leaves open, and what is ours beyond it.
// tests/: broker/stream_routes and stream_reader, over real sockets.
#include "broker/stream_routes.hpp"

#include <random>

#include "protocol/position_token.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ServerOptions small_limits() {
  ServerOptions options;
  options.limits.message_bytes = 64 << 10;
  options.limits.catch_up_bytes = 100;
  options.limits.events_per_append = 50;
  options.limits.long_poll_timeout = std::chrono::milliseconds(100);
  options.allowed_origins = {"https://app.example"};
  return options;
}

class StreamRoutesTest : public StreamTest {
 protected:
  StreamRoutesTest() : StreamTest(small_limits()) {}
};

std::string array_of(int first, int count) {
  std::string out = "[";
  for (int i = 0; i < count; ++i) out += (i > 0 ? "," : "") + std::to_string(first + i);
  return out + "]";
}

// ---- create and append ----

TEST_F(StreamRoutesTest, CreatesAppendsAndReads) {
  const auto created = put("a/b", "application/json", "[1]");
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(field_of(created, "Content-Type"), "application/json");
  EXPECT_THAT(field_of(created, "Location"), EndsWith("/v1/stream/a/b"));
  EXPECT_EQ(put("a/b", "Application/JSON;charset=utf-8").status, 200);
  const auto appended = post("a/b", "application/json", R"([{"x":[1]}, "two"])");
  EXPECT_EQ(appended.status, 204);
  const auto read = get("a/b?offset=-1");
  EXPECT_EQ(read.body, R"([1,{"x":[1]},"two"])");
  EXPECT_EQ(next(read), next(appended));
  EXPECT_EQ(field_of(read, "Stream-Up-To-Date"), "true");
  EXPECT_EQ(get("a/b?offset=" + next(created)).body, R"([{"x":[1]},"two"])");
  EXPECT_EQ(get("a/b?offset=" + next(read)).body, "[]");
}

TEST_F(StreamRoutesTest, AnAppendIsSeenByWebSocketClientsAndTheOtherWayRound) {
  put("t", "application/json");
  WsClient client(port());
  client.send(R"({"type":"subscribe","id":1,"topic":"t","from":"earliest"})");
  client.expect("subscribed");
  client.expect("caught_up");
  post("t", "application/json", R"({"from":"http"})");
  EXPECT_EQ(client.expect("event").at("data").at("from").as_string(), "http");
  client.send(R"({"type":"publish","id":2,"topic":"t","data":{"from":"ws"}})");
  client.message();  // the event or the answer, whichever is first
  client.message();
  EXPECT_EQ(get("t?offset=-1").body, R"([{"from":"http"},{"from":"ws"}])");
}

TEST_F(StreamRoutesTest, ALocationNamesOnlyHostsThatAreSpelledAsHosts) {
  const auto location = [&](std::string_view host, std::string_view name) {
    const auto created = ask(port(), "PUT /v1/stream/" + std::string(name) +
                                         " HTTP/1.1\r\nHost: " + std::string(host) +
                                         "\r\nContent-Type: text/plain\r\n\r\n");
    return field_of(created, "Location");
  };
  EXPECT_EQ(location("localhost:1234", "x"),
            server_.door.scheme() + "://localhost:1234/v1/stream/x");
  EXPECT_EQ(location("localhost:1234/evil", "y"), "/v1/stream/y");
}

TEST_F(StreamRoutesTest, JsonPlusSuffixIsAStreamOfBytes) {
  put("t", "application/geo+json");
  EXPECT_EQ(post("t", "application/geo+json", "[1,2]").status, 204);
  EXPECT_EQ(post("t", "application/geo+json", "[3]").status, 204);
  EXPECT_EQ(get("t?offset=-1").body, "[1,2][3]");
  EXPECT_EQ(code(post("t", "application/geo+json", "no json")), "invalid_payload");
}

TEST_F(StreamRoutesTest, TextIsUtf8) {
  put("t", "text/plain");
  EXPECT_EQ(code(post("t", "text/plain", "\xff")), "invalid_payload");
  EXPECT_EQ(post("t", "text/plain", "\xc3\xa4").status, 204);
  EXPECT_EQ(get("t?offset=-1").body, "\xc3\xa4");
}

TEST_F(StreamRoutesTest, AnArrayHasItsMost) {
  put("t", "application/json");
  EXPECT_EQ(post("t", "application/json", array_of(1, 50)).status, 204);
  EXPECT_EQ(code(post("t", "application/json", array_of(1, 51))), "too_many_events");
}

TEST_F(StreamRoutesTest, AnythingAfterTheCloseIsRefusedWhateverItHolds) {
  put("t", "application/json");
  post("t", "application/json", "1", "Stream-Closed: true\r\n");
  for (const auto* body : {"2", "{", "[]"}) {
    const auto refused = post("t", "application/json", body);
    EXPECT_EQ(refused.status, 409) << body;
    EXPECT_EQ(code(refused), "topic_closed");
    EXPECT_EQ(field_of(refused, "Stream-Closed"), "true");
    EXPECT_EQ(next(refused), next(get("t?offset=-1")));
  }
  EXPECT_EQ(code(post("t", "text/plain", "2")), "topic_closed");
  EXPECT_EQ(field_of(get("t?offset=-1"), "Stream-Closed"), "true");
  EXPECT_EQ(field_of(get("t?offset=now"), "Stream-Closed"), "true");
}

TEST_F(StreamRoutesTest, ARetryOfTheClosingAppendIsAnsweredAsTheFirst) {
  put("t", "application/json");
  const auto* const stamp =
      "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 0\r\nStream-Closed: true\r\n";
  EXPECT_EQ(post("t", "application/json", "1", stamp).status, 200);
  const auto again = post("t", "application/json", "1", stamp);
  EXPECT_EQ(again.status, 204);
  EXPECT_EQ(field_of(again, "Stream-Closed"), "true");
  EXPECT_EQ(field_of(again, "Producer-Seq"), "0");
}

TEST_F(StreamRoutesTest, AnAnswerWithoutABodySaysSoByItsLengthOrItsStatus) {
  put("t", "application/json");
  const auto* const stamp = "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 0\r\n";
  const auto first = post("t", "application/json", "1", stamp);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(field_of(first, "Content-Length"), "0") << "else a client waits for the end of it all";
  const auto again = post("t", "application/json", "1", stamp);
  EXPECT_EQ(again.status, 204);
  EXPECT_EQ(field_of(again, "Content-Length"), "");
}

TEST_F(StreamRoutesTest, ProducersAreToldWhatTheirAppendCameTo) {
  put("t", "application/json");
  const auto send_as = [&](std::string_view epoch, std::string_view seq) {
    return post("t", "application/json", "1",
                "Producer-Id: p\r\nProducer-Epoch: " + std::string(epoch) +
                    "\r\nProducer-Seq: " + std::string(seq) + "\r\n");
  };
  EXPECT_EQ(send_as("1", "3").status, 409) << "unknown so far: it begins with 0";
  EXPECT_EQ(send_as("1", "0").status, 200);
  EXPECT_EQ(send_as("1", "1").status, 200);
  const auto duplicate = send_as("1", "0");
  EXPECT_EQ(duplicate.status, 204);
  EXPECT_EQ(field_of(duplicate, "Producer-Seq"), "1") << "the highest there is";
  const auto gap = send_as("1", "5");
  EXPECT_EQ(gap.status, 409);
  EXPECT_EQ(field_of(gap, "Producer-Expected-Seq"), "2");
  EXPECT_EQ(field_of(gap, "Producer-Received-Seq"), "5");
  const auto fenced = send_as("0", "0");
  EXPECT_EQ(fenced.status, 403);
  EXPECT_EQ(field_of(fenced, "Producer-Epoch"), "1");
  EXPECT_EQ(send_as("2", "1").status, 400) << "a new epoch begins with 0";
  EXPECT_EQ(send_as("2", "0").status, 200);
}

// ---- reading ----

TEST_F(StreamRoutesTest, AnswersAreBoundedAndLeadToOneAnother) {
  put("t", "application/json");
  for (int i = 0; i < 5; ++i) post("t", "application/json", array_of(1 + 50 * i, 50));
  std::string all;
  std::string offset = "-1";
  for (int answers = 0;; ++answers) {
    ASSERT_LT(answers, 50);
    const auto read = get("t?offset=" + offset);
    ASSERT_EQ(read.status, 200);
    EXPECT_LE(read.body.size(), 110U);
    offset = next(read);
    if (!all.empty() && read.body != "[]") all += ',';
    all += read.body.substr(1, read.body.size() - 2);
    if (field_of(read, "Stream-Up-To-Date") == "true") break;
    EXPECT_THAT(field_of(read, "Cache-Control"), HasSubstr("max-age=60"));
  }
  EXPECT_EQ("[" + all + "]", array_of(1, 250));
}

TEST_F(StreamRoutesTest, AnEventLargerThanAnAnswerIsAnAnswer) {
  put("t", "application/octet-stream");
  const std::string large(5'000, 'x');
  post("t", "application/octet-stream", large);
  EXPECT_EQ(get("t?offset=-1").body, large);
}

TEST_F(StreamRoutesTest, LargeAndSmallEventsOfBytesComeInOneAnswer) {
  put("t", "application/octet-stream");
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string data(i % 2 == 0 ? 3 : 3'000, static_cast<char>('a' + i));
    post("t", "application/octet-stream", data);
    all += data;
  }
  std::string read;
  std::string offset = "-1";
  for (int answers = 0; read.size() < all.size() && answers < 30; ++answers) {
    const auto answer = get("t?offset=" + offset);
    read += answer.body;
    offset = next(answer);
  }
  EXPECT_EQ(read, all);
}

TEST_F(StreamRoutesTest, TheStartOfATrimmedTopicIsWhatIsLeftOfIt) {
  const auto created = put("t", "application/json");
  post("t", "application/json", array_of(1, 10));
  server_.memory.requester.trim(name_of("t"), Offset{6});
  EXPECT_EQ(get("t?offset=-1").body, array_of(6, 5));
  EXPECT_EQ(get("t").body, array_of(6, 5));

  const auto gone = get("t?offset=" + next(created));
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(code(gone), "position_trimmed");
  EXPECT_THAT(field_of(gone, "Stream-Gap"),
              StartsWith("position_trimmed;first=1;end=6;earliest=6;"));

  const auto passed = get("t?on_gap=earliest&offset=" + next(created));
  EXPECT_EQ(passed.status, 200);
  EXPECT_EQ(passed.body, array_of(6, 5));
  EXPECT_THAT(field_of(passed, "Stream-Gap"), StartsWith("position_trimmed;first=1;end=6;"));
}

TEST_F(StreamRoutesTest, PositionsOfAnotherHistoryAreRefused) {
  const auto created = put("t", "application/json");
  const auto appended = post("t", "application/json", "1");
  const auto position = parse_token(next(appended)).value();
  const auto ahead = get("t?offset=" + to_token({position.epoch, Offset{7}}));
  EXPECT_EQ(ahead.status, 409);
  EXPECT_EQ(code(ahead), "position_ahead");
  const auto foreign = get("t?offset=" + to_token({{position.epoch.value + 1}, Offset{1}}));
  EXPECT_EQ(foreign.status, 409);
  EXPECT_EQ(code(foreign), "wrong_epoch");
  for (const auto* live : {"&live=sse", "&live=long-poll"}) {
    EXPECT_EQ(get("t?offset=" + to_token({position.epoch, Offset{7}}) + live).status, 409) << live;
  }
}

TEST_F(StreamRoutesTest, ATokenOutlivesTheEpochItWasGivenIn) {
  put("t", "application/json");
  const auto first = post("t", "application/json", "1");
  server_.memory.begin_epoch();
  const auto second = post("t", "application/json", "2");
  EXPECT_EQ(get("t?offset=" + next(first)).body, "[2]");
  EXPECT_LT(next(first), next(second)) << "tokens sort like events";
  EXPECT_EQ(next(get("t?offset=-1")), next(second));
}

TEST_F(StreamRoutesTest, NowIsWhereTheTopicEnds) {
  put("t", "application/json", "[1]");
  const auto now = get("t?offset=now");
  EXPECT_EQ(now.body, "[]");
  EXPECT_EQ(next(now), next(get("t?offset=-1")));
  EXPECT_EQ(field_of(now, "Cache-Control"), "no-store");
  RawClient client(port());
  client.send(http_request("GET /v1/stream/t?live=long-poll&offset=now"));
  wait_for_waited(1);
  post("t", "application/json", "2");
  EXPECT_EQ(read_answer(client).body, "[2]");
}

TEST_F(StreamRoutesTest, AnUnchangedAnswerIsNotSentAgain) {
  put("t", "application/json", "[1]");
  const auto first = get("t?offset=-1");
  const auto tag = field_of(first, "ETag");
  ASSERT_FALSE(tag.empty());
  const auto same = get("t?offset=-1", "If-None-Match: \"x\", W/" + tag + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(field_of(same, "ETag"), tag);
  EXPECT_EQ(field_of(same, "Content-Length"), "");
  send("POST", "t", "Stream-Closed: true\r\n");
  const auto closed = get("t?offset=-1", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(closed.status, 200) << "that it ends here is news";
  EXPECT_EQ(closed.body, "[1]");
}

TEST_F(StreamRoutesTest, GzipIsForThoseWhoAskForIt) {
  put("t", "text/plain", std::string(4'000, 'x'));
  const auto packed = get("t?offset=-1", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(field_of(packed, "Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 200U);
  EXPECT_THAT(packed.head, HasSubstr("Accept-Encoding"));
  const auto plain = get("t?offset=-1");
  EXPECT_EQ(plain.body.size(), 4'000U);
  EXPECT_NE(field_of(plain, "ETag"), field_of(packed, "ETag"));
  EXPECT_EQ(get("t?offset=-1", "Accept-Encoding: gzip;q=0\r\n").body.size(), 4'000U);
}

TEST_F(StreamRoutesTest, HeadTellsWhatGetWouldWithoutABody) {
  put("t", "text/plain", "x");
  RawClient client(port());
  client.send(http_request("HEAD /v1/stream/t") + http_request("GET /v1/stream/t?offset=-1"));
  const auto head = read_answer(client, false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(field_of(head, "Content-Type"), "text/plain");
  EXPECT_EQ(field_of(head, "Content-Length"), "");
  const auto read = read_answer(client);
  EXPECT_EQ(next(read), next(head));
  EXPECT_EQ(read.body, "x");
}

TEST_F(StreamRoutesTest, OtherMethodsAreRefusedWithThoseThereAre) {
  const auto answer = send("PATCH", "t");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(field_of(answer, "Allow"), "GET, HEAD, PUT, POST, DELETE");
}

TEST_F(StreamRoutesTest, RequestsSentAheadAreAnsweredInTurn) {
  put("t", "text/plain", "x");
  std::string requests;
  constexpr int kCount = 3'000;
  for (int i = 0; i < kCount; ++i) {
    requests += http_request(i % 2 == 0 ? "GET /v1/stream/t?offset=now" : "GET /v1/stream/none");
  }
  RawClient client(port());
  client.send(requests);
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(read_answer(client).status, i % 2 == 0 ? 200 : 404) << i;
  }
}

TEST_F(StreamRoutesTest, PagesOfListedOriginsSeeTheProtocolsFields) {
  put("t", "text/plain", "x");
  const auto answer = get("t?offset=-1", "Origin: https://app.example\r\n");
  EXPECT_THAT(field_of(answer, "Access-Control-Expose-Headers"), HasSubstr("Stream-Next-Offset"));
  EXPECT_EQ(field_of(answer, "Cross-Origin-Resource-Policy"), "cross-origin");
  const auto other = get("t?offset=-1");
  EXPECT_EQ(field_of(other, "Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(field_of(other, "X-Content-Type-Options"), "nosniff");
}

// ---- long-poll ----

TEST_F(StreamRoutesTest, ALongPollIsAnsweredByTheNextEvent) {
  const auto created = put("t", "application/json");
  const auto client = poll(next(created));
  post("t", "application/json", "[1,2]");
  const auto answer = read_answer(*client);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "[1,2]");
  EXPECT_EQ(field_of(answer, "Stream-Up-To-Date"), "true");
  EXPECT_FALSE(field_of(answer, "Stream-Cursor").empty());
  wait_for_waited(0);
}

TEST_F(StreamRoutesTest, ALongPollWithoutNewsIsAnsweredInTime) {
  const auto created = put("t", "application/json");
  const auto answer = get("t?live=long-poll&offset=" + next(created));
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(next(answer), next(created));
  EXPECT_EQ(field_of(answer, "Stream-Up-To-Date"), "true");
  EXPECT_EQ(field_of(answer, "Cache-Control"), "no-store");
}

TEST_F(StreamRoutesTest, TheCloseAnswersALongPoll) {
  const auto created = put("t", "application/json");
  const auto client = poll(next(created));
  send("POST", "t", "Stream-Closed: true\r\n");
  const auto answer = read_answer(*client);
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(field_of(answer, "Stream-Closed"), "true");
}

TEST_F(StreamRoutesTest, ADeletedTopicAnswersALongPoll) {
  const auto created = put("t", "application/json");
  const auto client = poll(next(created));
  EXPECT_EQ(send("DELETE", "t").status, 204);
  EXPECT_EQ(read_answer(*client).status, 410);
}

ServerOptions large_answers() {
  ServerOptions options;
  options.limits.catch_up_bytes = 16 << 20;
  options.limits.answers_in_flight = 1 << 20;
  options.limits.stall_timeout = std::chrono::milliseconds(1'500);
  return options;
}

class LargeAnswersTest : public StreamTest {
 protected:
  LargeAnswersTest() : StreamTest(large_answers()) {
    put("t", "application/octet-stream");
    for (int i = 0; i < 16; ++i) post("t", "application/octet-stream", std::string(1 << 20, 'x'));
  }
};

TEST_F(LargeAnswersTest, WhileMuchWaitsForSlowClientsNewAnswersAreShort) {
  EXPECT_EQ(get("t?offset=-1").body.size(), std::size_t{16} << 20);
  RawClient slow(port(), 4096);
  slow.send(http_request("GET /v1/stream/t?offset=-1"));
  slow.read_until("\r\n\r\n");
  EXPECT_EQ(get("t?offset=-1").body.size(), std::size_t{1} << 20) << "one event, as it must";
  slow.reset();
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
  EXPECT_EQ(get("t?offset=-1").body.size(), std::size_t{16} << 20);
}

TEST_F(LargeAnswersTest, AClientThatDoesNotTakeItsAnswerIsClosed) {
  RawClient slow(port(), 4096);
  slow.send(http_request("GET /v1/stream/t?offset=-1"));
  slow.read_until("\r\n\r\n");
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

class PatientStreamTest : public StreamTest {};

TEST_F(PatientStreamTest, AClientThatLeavesIsWaitedForNoMore) {
  const auto created = put("t", "application/json");
  const auto request = http_request("GET /v1/stream/t?live=long-poll&offset=" + next(created));
  for (const bool reset : {false, true}) {
    RawClient client(port());
    client.send(request);
    wait_for_waited(1);
    reset ? client.reset() : client.close();
    wait_for_waited(0);
  }
  server_.wait_for([](const ServerStats& stats) { return stats.connections == 0; });
}

TEST_F(PatientStreamTest, WhatComesWhileAnAnswerIsCompressedIsTheNextOnes) {
  // Takes much longer to compress than what comes then, so that a second answer would be the first.
  std::string first;
  std::minstd_rand random(1);
  while (first.size() < 1'000'000) first += std::to_string(random());
  const std::string second(4'000, 'y');
  const auto created = put("t", "text/plain");
  const auto client = poll(next(created), "Accept-Encoding: gzip\r\n");
  {
    const HeldReaders held(server_.hub);
    post("t", "text/plain", first);
    on_shard([](Shard&) { return 0; });
    post("t", "text/plain", second);
    on_shard([](Shard&) { return 0; });
  }
  const auto answer = read_answer(*client);
  EXPECT_EQ(field_of(answer, "Content-Encoding"), "gzip");
  EXPECT_EQ(get("t?offset=" + next(answer)).body, second);
}

storage::EventStoreOptions one_open_topic() {
  storage::EventStoreOptions options;
  options.max_open_topics = 1;
  return options;
}

ServerOptions quick_return() {
  ServerOptions options;
  options.limits.reconnect_spread = std::chrono::milliseconds(7);
  return options;
}

class StoppingStreamTest : public StreamTest {
 protected:
  StoppingStreamTest() : StreamTest(quick_return(), one_open_topic()) {}

  /// Sends a request for a topic that must be read from disk first, and stops the server meanwhile.
  void ask_while_stopping(RawClient& client, const std::string& request) {
    put("other", "text/plain");
    std::thread stopping;
    {
      const HeldReaders held(server_.hub);
      client.send(request);
      server_.wait_for([](const ServerStats& stats) { return stats.connections == 1; });
      // Taken on, and read: between any two of these the loop asks the system for news.
      for (int i = 0; i < 5; ++i) on_shard([](Shard&) { return 0; });
      stopping = std::thread([this] { server_.server.stop(); });
      while (accepts()) std::this_thread::yield();
      on_shard([](Shard&) { return 0; });
    }
    answer_ = client.read_all();
    client.close();
    stopping.join();
  }
  [[nodiscard]] bool accepts() const {
    try {
      const RawClient other(port());
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  std::string answer_;
};

TEST_F(StoppingStreamTest, ALongPollThatBeginsWhileItStopsIsAnswered) {
  const auto created = put("t", "text/plain");
  RawClient client(port());
  ask_while_stopping(client,
                     http_request("GET /v1/stream/t?live=long-poll&offset=" + next(created)));
  EXPECT_THAT(answer_, StartsWith("HTTP/1.1 204 "));
}

TEST_F(StoppingStreamTest, AnEventStreamThatBeginsWhileItStopsIsSentAway) {
  put("t", "text/plain");
  RawClient client(port());
  ask_while_stopping(client, http_request("GET /v1/stream/t?live=sse&offset=-1"));
  EXPECT_THAT(answer_, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer_, testing::ContainsRegex("retry:[0-7]\n"));
}

TEST_F(PatientStreamTest, AStopAnswersThoseWhoWait) {
  const auto created = put("t", "application/json");
  const auto client = poll(next(created));
  server_.server.stop();
  const auto answer = read_answer(*client);
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
}

TEST_F(PatientStreamTest, WhatIsSentAheadOfALongPollWaitsForItsAnswer) {
  const auto created = put("t", "application/json");
  RawClient client(port());
  client.send(http_request("GET /v1/stream/t?live=long-poll&offset=" + next(created)) +
              http_request("GET /v1/stream/t?offset=-1"));
  wait_for_waited(1);
  post("t", "application/json", "7");
  EXPECT_EQ(read_answer(client).body, "[7]");
  EXPECT_EQ(read_answer(client).body, "[7]");
}

}  // namespace
}  // namespace tidemark::broker
