// HTTP as it should come, and as attackers send it.
// tests/: broker/http_session and broker/api_routes, over real sockets.
#include "broker/http_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/request_faults.hpp"
#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Limits small enough to be met.
ServerOptions small_limits() {
  ServerOptions options;
  options.limits.message_bytes = 4096;
  options.limits.http_header_bytes = 2048;
  options.limits.events_per_publish = 3;
  options.allowed_origins = {"https://app.example"};
  return options;
}

class HttpSessionTest : public testing::Test {
 protected:
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] HttpAnswer get(std::string_view path) const {
    return ask(port(), http_request("GET " + std::string(path)));
  }
  [[nodiscard]] HttpAnswer post_json(std::string_view path, std::string_view body) const {
    return ask(port(), http_request("POST " + std::string(path), body,
                                    "Content-Type: application/json\r\n"));
  }
  /// A request that must be refused, with the connection closed behind it and others unharmed.
  void expect_refused(const std::string& request, int status = 400) {
    RawClient client(port());
    client.send(request);
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, status) << request.substr(0, 300) << "\n" << answer.body;
    EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
    EXPECT_FALSE(answer.error().empty());
    EXPECT_EQ(client.read_all(), "") << "nothing that followed was taken for a request";
    EXPECT_EQ(get("/healthz").status, 200);
  }

  TestServer server_{small_limits()};
};

// ---- smuggling and malformed requests ----

TEST_F(HttpSessionTest, AmbiguousEndsOfARequestAreRefused) {
  const std::string smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string head = "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto* fields : {"Transfer-Encoding: gzip\r\n",
                             "Transfer-Encoding: chunked, gzip\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: xchunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: identity\r\n",
                             "Transfer-Encoding:\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                             "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                             "Content-Length: 4\r\nContent-Length: 4\r\n",
                             "Content-Length: 4\r\nContent-Length: 5\r\n",
                             "Content-Length: +4\r\n",
                             "Content-Length: 4, 4\r\n",
                             "Content-Length: 0x4\r\n",
                             "Content-Length: -1\r\n",
                             "Content-Length:\r\n",
                             "Content-Length: 99999999999999999999999\r\n",
                             "Content-Length : 4\r\n",
                             "Transfer-Encoding : chunked\r\n",
                             " Transfer-Encoding: chunked\r\n",
                             "X-A: b\r\n Transfer-Encoding: chunked\r\n",
                             "X-A: b\r\n\tc\r\n",
                             "Transfer-Encoding: chunked\n",
                             "X: a\rTransfer-Encoding: chunked\r\n"}) {
    expect_refused(head + fields + "\r\n" + smuggled);
  }
  EXPECT_EQ(server_.memory.store.topic_count(), 0U);
}

TEST_F(HttpSessionTest, ChunkedIsRefusedInHttp10) {
  expect_refused(
      "POST /v1/topics/t/events HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\n1\r\n0\r\n\r\n");
}

TEST_F(HttpSessionTest, ThereMustBeOneHost) {
  expect_refused("GET /healthz HTTP/1.1\r\n\r\n");
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n");
  expect_refused("GET /healthz HTTP/1.0\r\nHost: localhost\r\nHost: evil\r\n\r\n");
}

// It says so before the body comes, and before it is known who asks.
TEST_F(HttpSessionTest, BodiesAreTakenAsTheyAreOrNotAtAll) {
  const std::string head =
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n";
  for (const auto* coding : {"gzip", "x-gzip", "deflate", "br", "zstd", "gzip, identity",
                             "identity\r\nContent-Encoding: gzip"}) {
    const auto answer = ask(port(), head + "Content-Encoding: " + coding + "\r\n\r\n");
    EXPECT_EQ(answer.status, 415) << coding;
    EXPECT_NE(answer.head.find("\r\nAccept-Encoding: identity\r\n"), std::string::npos);
  }
  EXPECT_EQ(ask(port(), head + "Content-Encoding: identity\r\n\r\n1").status, 200);
}

TEST_F(HttpSessionTest, NamesGivenTwiceInSettingsAreRefused) {
  const auto put = [&](std::string_view body) {
    return ask(port(),
               http_request("PUT /v1/topics/twice", body, "Content-Type: application/json\r\n"));
  };
  for (const auto* body : {R"({"durability":"synced","durability":"buffered"})",
                           R"({"retention":{"max_events":1,"max_events":2}})",
                           R"({"retention":{},"retention":{"max_events":2}})",
                           R"({"durability":"synced","dur\u0061bility":"buffered"})"}) {
    const auto answer = put(body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.error(), "malformed_message") << body;
  }
  EXPECT_LT(put(R"({"retention":{"max_events":2},"durability":"synced"})").status, 300);
}

TEST_F(HttpSessionTest, WhatIsNoHttpIsRefusedAtOnce) {
  expect_refused("\x16\x03\x01\x02\x01\x01");
  expect_refused(std::string("GET /healthz HTTP/1.1\r\nHost: local\0host\r\n\r\n", 43));
  expect_refused("GET /healthz HTTP/1.1\nHost: localhost\n\n");
  expect_refused("GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect_refused("GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n");
  expect_refused("GET /healthz\r\nHost: localhost\r\n\r\n");
  expect_refused("HELLO\r\n\r\n");
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n");
  expect_refused("GET /healthz HTTP/1.1\r\nHost: localhost\r\n: nameless\r\n\r\n");
}

TEST_F(HttpSessionTest, MalformedChunksAreRefused) {
  const std::string head =
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  expect_refused(head + "x\r\n");
  expect_refused(head + "-1\r\n1\r\n0\r\n\r\n");
  expect_refused(head + "1\r\n1X\r\n0\r\n\r\n");
}

// ---- limits ----

TEST_F(HttpSessionTest, AHeadIsTakenUpToItsLimitAndNotABytePast) {
  const std::string start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
  const std::size_t room = 2048 - start.size() - 2;
  EXPECT_EQ(ask(port(), start + std::string(room, 'a') + "\r\n\r\n").status, 200);
  expect_refused(start + std::string(room + 1, 'a') + "\r\n\r\n", 431);
  expect_refused(start + std::string(1 << 20, 'a'), 431);
}

TEST_F(HttpSessionTest, ABodyIsTakenUpToItsLimitAndNotABytePast) {
  const auto post = [&](std::size_t bytes) {
    return http_request("POST /v1/topics/t/events", std::string(bytes, '1'));
  };
  EXPECT_EQ(ask(port(), post(4096)).status, 400) << "read, but a number too large for JSON";
  expect_refused(post(4097), 413);
  expect_refused(
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Length: 1000000000\r\n\r\n",
      413);
}

TEST_F(HttpSessionTest, AChunkedBodyIsBoundedWithItsExtensionsAndTrailers) {
  const std::string head =
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string chunks;
  for (int i = 0; i < 5; ++i) chunks += "400\r\n" + std::string(1024, '1') + "\r\n";
  expect_refused(head + chunks + "0\r\n\r\n", 413);
  expect_refused(head + "1;" + std::string(100'000, 'x'), 413);
  std::string extensions;
  for (int i = 0; i < 3000; ++i) extensions += "1;name=" + std::string(50, 'v') + "\r\n1\r\n";
  expect_refused(head + extensions + "0\r\n\r\n", 413);
  expect_refused(head + "1\r\n1\r\n0\r\nTrailer: " + std::string(100'000, 'x'), 413);
}

TEST_F(HttpSessionTest, AChunkedBodyWithinTheLimitIsTaken) {
  const auto answer =
      ask(port(),
          "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n"
          "Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\n[1\r\n3\r\n,2]\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(server_.memory.topic(name_of("t"))->bounds().head, Offset{1});
}

// With assertions on, Beast's parser ends the process when an empty body comes in such pieces.
TEST(RequestFaults, AShortLastChunkIsWaitedFor) {
  for (const auto* pending : {"0\r\n", "0\r\n\r", "0\r\nX"}) {
    EXPECT_TRUE(is_short_last_chunk(pending)) << pending;
  }
  for (const auto* pending : {"", "0", "0\r", "00\r\n", "1\r\n", "x\r\n", "0\r\n\r\n"}) {
    EXPECT_FALSE(is_short_last_chunk(pending)) << pending;
  }
}

TEST_F(HttpSessionTest, ChunkedBodiesMayComeByteByByte) {
  for (const std::string body : {"0\r\n\r\n", "2\r\n[1\r\n2\r\n,2\r\n1\r\n]\r\n0\r\n\r\n"}) {
    RawClient client(port());
    client.send(
        "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    for (const char byte : body) client.send({&byte, 1});
    EXPECT_EQ(read_answer(client).status, body.starts_with('0') ? 400 : 200);
  }
}

TEST_F(HttpSessionTest, TooManyEventsAreRefused) {
  EXPECT_EQ(
      post_json("/v1/topics/t/events", R"({"events":[{"data":1},{"data":2},{"data":3}]})").status,
      200);
  const auto answer = post_json("/v1/topics/t/events",
                                R"({"events":[{"data":1},{"data":2},{"data":3},{"data":4}]})");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.error(), "too_many_events");
}

// ---- connections ----

TEST_F(HttpSessionTest, RequestsSentAheadAreAnsweredInOrder) {
  RawClient client(port());
  std::string all;
  for (int i = 1; i <= 20; ++i) {
    all += http_request("POST /v1/topics/t/events", std::to_string(i));
    all += http_request("GET /nowhere");
    all += "\r\n";  // passed over before a request
  }
  client.send(all);
  for (int i = 1; i <= 20; ++i) {
    const auto published = read_answer(client);
    EXPECT_EQ(published.status, 200);
    EXPECT_EQ(number(published.json(), "first"), i);
    EXPECT_EQ(read_answer(client).status, 404);
  }
}

TEST_F(HttpSessionTest, BytesMayComeOneByOne) {
  RawClient client(port());
  for (const char c : http_request("POST /v1/topics/t/events", "[1]")) {
    client.send(std::string(1, c));
  }
  EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(HttpSessionTest, ConnectionCloseAndHttp10AreClosedBehindTheAnswer) {
  RawClient client(port());
  client.send(http_request("GET /healthz", {}, "Connection: close\r\n"));
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(client.read_all(), "");
  RawClient old(port());
  old.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(read_answer(old).status, 200);
  EXPECT_EQ(old.read_all(), "");
}

TEST_F(HttpSessionTest, AClientThatWaitsIsToldToContinueOrNotTo) {
  RawClient client(port());
  const std::string head = "POST /v1/topics/t/events HTTP/1.1\r\nHost: localhost\r\n";
  client.send(head + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("7");
  EXPECT_EQ(read_answer(client).status, 200);
  client.send(head + "Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n");
  EXPECT_EQ(read_answer(client).status, 413);
}

TEST_F(HttpSessionTest, HeadHasTheHeadOfGetAndNoBody) {
  RawClient client(port());
  client.send(http_request("HEAD /healthz") + http_request("GET /healthz"));
  EXPECT_EQ(read_answer(client, false).status, 200);
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("status").as_string(), "ok");
}

// ---- origins ----

TEST_F(HttpSessionTest, ForeignPagesCannotPublish) {
  for (const auto* origin : {"http://evil.example", "null", "http://localhost:1"}) {
    for (const auto* line :
         {"POST /v1/topics/t/events", "PUT /v1/topics/t", "DELETE /v1/topics/t"}) {
      const auto answer =
          ask(port(), http_request(line, "1", "Origin: " + std::string(origin) + "\r\n"));
      EXPECT_EQ(answer.status, 403) << origin;
      EXPECT_EQ(answer.error(), "forbidden_origin");
      EXPECT_THAT(answer.head, Not(HasSubstr("Access-Control-Allow-Origin")));
    }
  }
  expect_refused(http_request("POST /v1/topics/t/events", "1",
                              "Origin: https://app.example\r\nOrigin: http://evil.example\r\n"));
  EXPECT_EQ(server_.memory.store.topic_count(), 0U);
}

TEST_F(HttpSessionTest, PagesOfTheSameAndOfListedOriginsCan) {
  const auto same =
      ask(port(), http_request("POST /v1/topics/t/events", "1", "Origin: http://localhost\r\n"));
  EXPECT_EQ(same.status, 200);
  EXPECT_THAT(same.head, Not(HasSubstr("Access-Control-Allow-Origin")));
  const auto listed =
      ask(port(), http_request("POST /v1/topics/t/events", "1", "Origin: https://app.example\r\n"));
  EXPECT_EQ(listed.status, 200);
  EXPECT_THAT(listed.head, HasSubstr("Access-Control-Allow-Origin: https://app.example\r\n"));
  EXPECT_THAT(listed.head, HasSubstr("Vary: Origin"));
  EXPECT_THAT(listed.head, Not(HasSubstr("Allow-Credentials")));
}

TEST_F(HttpSessionTest, PreflightsAllowListedOriginsOnly) {
  const auto preflight = [&](std::string_view origin) {
    return ask(port(), http_request("OPTIONS /v1/topics/t", {},
                                    "Access-Control-Request-Method: PUT\r\nOrigin: " +
                                        std::string(origin) + "\r\n"));
  };
  const auto listed = preflight("https://app.example");
  EXPECT_EQ(listed.status, 204);
  EXPECT_THAT(listed.head, HasSubstr("Access-Control-Allow-Origin: https://app.example\r\n"));
  EXPECT_THAT(listed.head, HasSubstr("Access-Control-Allow-Methods: GET, HEAD, PUT, POST, DELETE"));
  // Without an Allow-Origin the browser refuses whatever else is said.
  const auto other = preflight("http://evil.example");
  EXPECT_EQ(other.status, 204);
  EXPECT_THAT(other.head, Not(HasSubstr("Access-Control-Allow-Origin")));
}

TEST_F(HttpSessionTest, OnLoopbackForeignHostsAreRefused) {
  for (const auto* path : {"/healthz", "/v1/topics", "/v1/ws"}) {
    expect_refused("GET " + std::string(path) + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403);
  }
}

// ---- routes ----

TEST_F(HttpSessionTest, PublishesJsonEventsWithTheirFields) {
  const auto answer = post_json(
      "/v1/topics/a/b/events",
      R"( {"events":[{"data":{"x":1.0},"key":"k","headers":{"h":"v"}},{"data":2}],"expected_last":0})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json().at("topic").as_string(), "a/b");
  EXPECT_EQ(number(answer.json(), "first"), 1);
  EXPECT_EQ(number(answer.json(), "last"), 2);
  const auto mismatch = post_json("/v1/topics/a/b/events", R"({"data":1,"expected_last":1})");
  EXPECT_EQ(mismatch.status, 412);
  EXPECT_EQ(number(mismatch.json(), "head"), 2);
}

TEST_F(HttpSessionTest, ARepeatedPublishOfAProducerIsADuplicate) {
  const auto* body = R"({"data":1,"producer":{"id":"p","epoch":0,"sequence":0}})";
  EXPECT_FALSE(post_json("/v1/topics/t/events", body).json().as_object().contains("duplicate"));
  const auto again = post_json("/v1/topics/t/events", body);
  EXPECT_EQ(again.status, 200);
  EXPECT_TRUE(again.json().at("duplicate").as_bool());
  EXPECT_EQ(number(again.json(), "first"), 1);
}

TEST_F(HttpSessionTest, TheBodyCannotNameAnotherTopicOrMessage) {
  for (const auto* body :
       {R"({"topic":"other","data":1})", R"({"type":"subscribe","data":1})", "{}", "[]", "", "{",
        R"({"data":1}})", R"({"data":1,"nonsense":2})", "1", "{\"data\":\"\xff\"}"}) {
    const auto answer = post_json("/v1/topics/t/events", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.error(), "malformed_message") << body;
  }
  EXPECT_EQ(server_.memory.store.topic_count(), 0U);
}

TEST_F(HttpSessionTest, AnyOtherContentTypeMakesTheBodyOneEvent) {
  const auto post = [&](std::string_view type) {
    return ask(port(), http_request("POST /v1/topics/notes/events", "{\"not\": json\n",
                                    "Content-Type: " + std::string(type) + "\r\n"));
  };
  EXPECT_EQ(post("text/plain; charset=utf-8").status, 200);
  EXPECT_EQ(server_.memory.topic(name_of("notes"))->payload(), Payload::text);
  EXPECT_EQ(post("application/x-www-form-urlencoded").status, 200) << "curl's default says nothing";
  EXPECT_EQ(post("image/png").error(), "content_type_mismatch");
  EXPECT_EQ(post("nonsense").error(), "invalid_content_type");
}

TEST_F(HttpSessionTest, BadTopicNamesAreRefused) {
  EXPECT_EQ(get("/v1/topics/a//b").error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/a/../b").error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/a%2f..%2fb").error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/%00").error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/" + std::string(256, 'a')).error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/_tidemark/x").error(), "reserved_topic");
  EXPECT_EQ(post_json("/v1/topics/_tidemark/x/events", R"({"data":1})").error(), "reserved_topic");
  EXPECT_EQ(get("/v1/topics/unknown").error(), "unknown_topic");
}

TEST_F(HttpSessionTest, TopicsAreCreatedChangedTrimmedAndDeleted) {
  const auto put = [&](std::string_view body) {
    return ask(port(), http_request("PUT /v1/topics/t", body));
  };
  const auto created = put(R"({"content_type":"text/plain","durability":"buffered"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.json().at("durability").as_string(), "buffered");
  const auto changed = put(R"({"retention":{"max_events":10,"max_age_ms":5000}})");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.json().at("durability").as_string(), "buffered");
  EXPECT_EQ(number(changed.json().at("retention"), "max_events"), 10);
  for (const auto* body : {"[]", "{", R"({"durability":"maybe"})", R"({"retention":{"max":1}})",
                           R"({"retention":{"max_events":-1}})", R"({"unknown":1})",
                           R"({"retention":{"max_events":1.5}})"}) {
    EXPECT_EQ(put(body).error(), "malformed_message") << body;
  }
  EXPECT_EQ(put(R"({"content_type":"application/json"})").error(), "content_type_mismatch");
  EXPECT_EQ(put(R"({"content_type":"nonsense"})").error(), "invalid_content_type");

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(port(), http_request("POST /v1/topics/t/events", "line")).status, 200);
  }
  EXPECT_EQ(number(post_json("/v1/topics/t/trim", R"({"keep":3})").json(), "earliest"), 3);
  EXPECT_EQ(post_json("/v1/topics/t/trim", "{}").error(), "malformed_message");
  EXPECT_EQ(number(get("/v1/topics/t").json(), "head"), 3);
  EXPECT_EQ(ask(port(), http_request("DELETE /v1/topics/t")).status, 204);
  EXPECT_EQ(get("/v1/topics/t").status, 404);
  EXPECT_EQ(ask(port(), http_request("DELETE /v1/topics/t")).status, 404);
}

TEST_F(HttpSessionTest, TopicsAreListedPageByPage) {
  for (const auto* name : {"c", "a", "b"}) {
    ask(port(), http_request("POST /v1/topics/" + std::string(name) + "/events", "1"));
  }
  const auto first = get("/v1/topics?limit=2").json();
  ASSERT_EQ(first.at("topics").as_array().size(), 2U);
  EXPECT_EQ(first.at("topics").as_array()[0].at("name").as_string(), "a");
  EXPECT_EQ(first.at("next").as_string(), "b");
  const auto second = get("/v1/topics?limit=2&after=b").json();
  ASSERT_EQ(second.at("topics").as_array().size(), 1U);
  EXPECT_EQ(second.at("topics").as_array()[0].at("name").as_string(), "c");
  EXPECT_FALSE(second.as_object().contains("next"));
  for (const auto* query : {"limit=0", "limit=1001", "limit=x", "limit=", "page=2"}) {
    EXPECT_EQ(get("/v1/topics?" + std::string(query)).status, 400) << query;
  }
}

TEST_F(HttpSessionTest, UnknownPathsAndMethodsAreSaidToBe) {
  EXPECT_EQ(get("/v1").error(), "not_found");
  EXPECT_EQ(get("/v1/topicsx").error(), "not_found");
  const auto allowed = [&](std::string_view line) {
    const auto answer = ask(port(), http_request(line));
    EXPECT_EQ(answer.status, 405) << line;
    EXPECT_EQ(answer.error(), "method_not_allowed");
    const auto from = answer.head.find("Allow: ") + 7;
    return answer.head.substr(from, answer.head.find("\r\n", from) - from);
  };
  EXPECT_EQ(allowed("PATCH /v1/topics/t"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allowed("PATCH /v1/topics/t/events"), "GET, HEAD, PUT, DELETE, POST");
  EXPECT_EQ(allowed("POST /v1/topics/t"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allowed("POST /v1/topics"), "GET, HEAD");
  EXPECT_EQ(allowed("POST /healthz"), "GET, HEAD");
  EXPECT_EQ(get("/v1/ws").status, 426);
}

TEST_F(HttpSessionTest, AFailedWriteIsToldAndSeenInHealth) {
  server_.memory.log.fail_next_write(Errc::disk_full);
  server_.memory.log.fail_recovery(Errc::disk_full);
  const auto answer = post_json("/v1/topics/t/events", R"({"data":1})");
  EXPECT_EQ(answer.status, 507);
  EXPECT_EQ(answer.error(), "disk_full");
  EXPECT_EQ(get("/healthz").status, 503);
}

// ---- what the parser would let pass, as functions ----

TEST(FaultOfHead, AcceptsWhatIsRight) {
  EXPECT_EQ(fault_of_head("GET / HTTP/1.1\r\nHost: a\r\nX-Y_z: \t b \r\n"), std::nullopt);
  EXPECT_EQ(fault_of_head("GET /%C3%A4 HTTP/1.1\r\nX: \xc3\xa4\r\n"), std::nullopt);
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 0; i <= head.size(); ++i) {
    EXPECT_EQ(fault_of_head(head.substr(0, i)), std::nullopt) << "as far as it has come: " << i;
  }
}

}  // namespace
}  // namespace tidemark::broker
