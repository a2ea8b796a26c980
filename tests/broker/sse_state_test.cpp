// Event streams that begin with a state, take it after a gap, or send only what passes a filter.
// tests/: broker/sse_session and broker/state_feed, over real sockets.
#include "protocol/base64.hpp"
#include "protocol/position_token.hpp"
#include "tests/broker/http_state_fixture.hpp"
#include "tests/broker/sse_client.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SseStateTest : public HttpStateTest {
 protected:
  using HttpStateTest::HttpStateTest;
  [[nodiscard]] SseClient follow(const std::string& query, std::string_view headers = {}) const {
    return SseClient(port(), "t?live=sse&" + query, headers);
  }
  /// The status a stream is refused with, and the error.
  HttpAnswer refused(const std::string& query) const { return get("t?live=sse&" + query); }
};

// ---- bundles ----

TEST_F(SseStateTest, BeginsWithTheStateAndGoesOnBehindIt) {
  const auto offset = next(put("t", "application/json", "[1,2]"));
  store_state("t", offset, R"({"sum":3})");
  post("t", "application/json", "[3]");
  auto client = follow("state=true");
  const auto state = client.expect("state");
  EXPECT_EQ(state.data, R"({"sum":3})");
  EXPECT_EQ(state.id, offset);
  EXPECT_EQ(client.control().at("streamNextOffset").as_string(), offset);
  const auto events = client.until_up_to_date();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].data, "[3\n]");
  const auto appended = post("t", "application/json", "[4]");
  EXPECT_EQ(client.expect("data").id, next(appended)) << "and then live";
}

TEST_F(SseStateTest, ABundleOfManyLinesArrivesAsItWas) {
  put("t", "text/plain", "x");
  store_state("t", "1", " one\n  two\r\n\nthree", "text/plain");
  EXPECT_EQ(follow("state=true").expect("state").data, " one\n  two\n\nthree");
  store_state("t", "1", "", "text/plain");
  EXPECT_EQ(follow("state=true").expect("state").data, "");
}

TEST_F(SseStateTest, BytesAreBase64) {
  using namespace std::string_literals;
  put("t", "application/octet-stream", "x");
  store_state("t", "1", "\x00\n\xff"s, "application/octet-stream");
  auto client = follow("state=true");
  EXPECT_THAT(client.head, HasSubstr("Stream-SSE-Data-Encoding: base64\r\n"));
  EXPECT_EQ(read_base64(client.expect("state").data), "\x00\n\xff"s);
}

TEST_F(SseStateTest, WhatThereIsNoStateOfIsRefusedByAStatus) {
  put("t", "application/json", "[1]");
  const auto answer = refused("state=true");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.error(), "no_state");
  EXPECT_EQ(get("none?live=sse&state=true").error(), "unknown_topic");
}

TEST_F(SseStateTest, WhoResumesIsSentNoStateAgain) {
  const auto offset = next(put("t", "application/json", "[1,2]"));
  store_state("t", offset, R"({"sum":3})");
  post("t", "application/json", "[3]");
  auto client = follow("state=true", "Last-Event-ID: " + offset + "\r\n");
  EXPECT_EQ(client.expect("data").data, "[3\n]");
}

// ---- gaps ----

TEST_F(SseStateTest, AGapIsFollowedByTheState) {
  const auto begin = to_token(
      {.epoch = parse_token(next(put("t", "application/json", "[1]")))->epoch, .offset = {}});
  const auto offset = next(post("t", "application/json", "[2,3]"));
  store_state("t", offset, "[6]");
  trim("t", 3);
  auto client = follow("state=true", "Last-Event-ID: " + begin + "\r\n");
  const auto gap = client.expect("gap");
  EXPECT_EQ(gap.id, "") << "who is cut off here has to be told again";
  EXPECT_EQ(number(boost::json::parse(gap.data).at("lost"), "first"), 1);
  const auto state = client.expect("state");
  EXPECT_EQ(state.data, "[6]");
  EXPECT_EQ(state.id, offset);
  EXPECT_TRUE(client.control().at("upToDate").as_bool());
  const auto appended = post("t", "application/json", "[4]");
  EXPECT_EQ(client.expect("data").id, next(appended));
}

TEST_F(SseStateTest, AGapWithoutAStateEndsTheStream) {
  const auto first = next(put("t", "application/json", "[1]"));
  post("t", "application/json", "[2,3]");
  trim("t", 3);
  auto client = follow("on_gap=state&offset=" + first);
  EXPECT_EQ(client.expect("gap").id, "");
  const auto failed = client.expect("failed");
  EXPECT_EQ(boost::json::parse(failed.data).at("code").as_string(), "no_state");
  EXPECT_EQ(failed.id, "");
  EXPECT_FALSE(client.next());
}

TEST_F(SseStateTest, WhoIsFarBehindRatherHasTheState) {
  const auto first = next(put("t", "application/json", "[1]"));
  const auto offset = next(post("t", "application/json", "[2,3,4]"));
  store_state("t", offset, "[10]");
  EXPECT_EQ(follow("state_if_behind=2&offset=" + first).expect("state").data, "[10]");
  EXPECT_EQ(follow("state_if_behind=3&offset=" + first).expect("data").data, "[2\n,3\n,4\n]");
  trim("t", 4);
  EXPECT_EQ(follow("state_if_behind=2&offset=" + first).expect("state").data, "[10]")
      << "however far";
  EXPECT_EQ(refused("state_if_behind=3&offset=" + first).status, 410);
}

TEST_F(SseStateTest, WhoIsOfAnotherHistoryIsToldThatFirst) {
  auto position = *parse_token(next(put("t", "application/json", "[1,2,3]")));
  store_state("t", "3", "[6]");
  position = {.epoch = {position.epoch.value + 9}, .offset = {1}};
  EXPECT_EQ(refused("state_if_behind=0&offset=" + to_token(position)).error(), "wrong_epoch");
}

// ---- keys ----

TEST_F(SseStateTest, KeysComeInPagesAndOnlyTheLastHasAnId) {
  make_keyed("t");
  constexpr int kKeys = 2'000;
  std::string body = R"({"events":[)";
  for (int i = 0; i < kKeys / 2; ++i) {
    body += R"({"key":"k)" + std::to_string(10'000 + i) + R"(","data":")" +
            std::string(1'000, 'x') + "\"},";
  }
  body.back() = ']';
  body += '}';
  ask_api("POST /v1/topics/t/events", "Content-Type: application/json\r\n", body);
  for (auto at = body.find("\"k1"); at != std::string::npos; at = body.find("\"k1", at)) {
    body[at + 2] = '2';
  }
  ask_api("POST /v1/topics/t/events", "Content-Type: application/json\r\n", body);
  auto client = follow("state=true");
  int entries = 0;
  int pages = 0;
  for (bool last = false; !last; ++pages) {
    const auto event = client.expect("state");
    const auto page = boost::json::parse(event.data);
    EXPECT_EQ(page.at("first").as_bool(), pages == 0);
    last = page.at("last").as_bool();
    entries += static_cast<int>(page.at("entries").as_array().size());
    EXPECT_EQ(event.id.empty(), !last) << "nobody resumes behind half a state";
  }
  EXPECT_EQ(entries, kKeys);
  EXPECT_GT(pages, 1);
  EXPECT_TRUE(client.control().at("upToDate").as_bool());
}

TEST_F(SseStateTest, NoKeysAreAStateToo) {
  make_keyed("t");
  auto client = follow("state=true");
  const auto state = client.expect("state");
  EXPECT_EQ(state.data, R"({"first":true,"last":true,"entries":[]})");
  client.control();
  publish_keyed("t", "a", "1");
  EXPECT_EQ(client.expect("data").data, "[1\n]");
}

TEST_F(SseStateTest, EntriesCarryPayloadsAsTheTopicsTypeHasThem) {
  make_keyed("t", "text/plain");
  publish_keyed("t", "a", R"("two\nlines")");
  auto client = follow("state=true");
  const auto page = boost::json::parse(client.expect("state").data);
  EXPECT_EQ(page.at("entries").at(0).at("data").as_string(), "two\nlines");
}

// ---- filters ----

class SseFilterTest : public SseStateTest {
 protected:
  SseFilterTest() { ask_api("PUT /v1/topics/t", {}, "{}"); }
  /// An event with a key, and a region perhaps.
  void publish(std::string_view key, std::string_view region, int value) const {
    std::string body = R"({"key":")" + std::string(key) + "\"";
    if (!region.empty()) body += R"(,"headers":{"region":")" + std::string(region) + "\"}";
    body += R"(,"data":)" + std::to_string(value) + "}";
    ask_api("POST /v1/topics/t/events", "Content-Type: application/json\r\n", body);
  }
  /// All numbers that a stream tells until it has no more.
  static std::vector<int> numbers_of(SseClient client) {
    std::vector<int> out;
    for (const auto& event : client.until_up_to_date()) {
      const auto values = boost::json::parse(event.data);
      for (const auto& value : values.as_array()) {
        out.push_back(static_cast<int>(value.as_int64()));
      }
    }
    return out;
  }
};

TEST_F(SseFilterTest, SendsWhatPasses) {
  publish("a", "eu", 1);
  publish("b", "eu", 2);
  publish("a", "us", 3);
  publish("ab", "us", 4);
  publish("a", "", 5);
  const auto with = [&](const std::string& filter) {
    return numbers_of(follow("offset=-1" + filter));
  };
  EXPECT_THAT(with(""), testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(with("&filter_key=a"), testing::ElementsAre(1, 3, 5));
  EXPECT_THAT(with("&filter_key=a*"), testing::ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(with("&filter_key=b&filter_key=ab"), testing::ElementsAre(2, 4));
  EXPECT_THAT(with("&filter_header=region:us"), testing::ElementsAre(3, 4));
  EXPECT_THAT(with("&filter_header=region:us&filter_header=region:eu"),
              testing::ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(with("&filter_key=a&filter_header=region:eu"), testing::ElementsAre(1));
  EXPECT_THAT(with("&filter_key=none"), testing::ElementsAre());
}

TEST_F(SseFilterTest, TellsWhereItIsWhenNothingPasses) {
  publish("a", "", 1);
  auto client = follow("offset=-1&filter_key=a");
  client.until_up_to_date();
  const auto before = client.last_id;
  publish("b", "", 2);
  const auto control = client.control();
  EXPECT_TRUE(control.at("upToDate").as_bool());
  EXPECT_EQ(parse_token(client.last_id)->offset, Offset{2});
  EXPECT_NE(client.last_id, before) << "who resumes need not begin where nothing passed";
  publish("a", "", 3);
  EXPECT_EQ(client.expect("data").data, "[3\n]");
}

TEST_F(SseFilterTest, TextIsJoinedOfWhatPassesAlone) {
  ask_api("PUT /v1/topics/u", {}, R"({"content_type":"text/plain"})");
  for (const auto* key : {"a", "b", "a", "b"})
    publish_keyed("u", key, "\"" + std::string(key) + "\"");
  SseClient client(port(), "u?live=sse&offset=-1&filter_key=b");
  std::string all;
  for (const auto& event : client.until_up_to_date()) all += event.data;
  EXPECT_EQ(all, "bb");
}

TEST_F(SseFilterTest, AStateIsSentWhole) {
  publish("a", "", 1);
  store_state("t", "1", "[1]");
  publish("b", "", 2);
  publish("a", "", 3);
  auto client = follow("state=true&filter_key=a");
  EXPECT_EQ(client.expect("state").data, "[1]");
  client.control();
  EXPECT_EQ(client.expect("data").data, "[3\n]");
}

}  // namespace
}  // namespace tidemark::broker
