// The JSON API as a client sees it: descriptions, pages, problems.
// tests/: broker/api_routes, over real sockets.
#include "broker/api_routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/openapi.hpp"
#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ApiRoutes : public testing::Test {
 protected:
  [[nodiscard]] HttpAnswer get(std::string_view path) const {
    return ask(server_.server.port(), http_request("GET " + std::string(path)));
  }
  [[nodiscard]] HttpAnswer send(std::string_view line, std::string_view body) const {
    return ask(server_.server.port(),
               http_request(line, body, "Content-Type: application/json\r\n"));
  }
  void publish(std::string_view topic, std::uint64_t count) {
    server_.memory.requester.publish(name_of(topic), count);
  }
  /// Names of a page.
  [[nodiscard]] std::vector<std::string> names(std::string_view query) const {
    std::vector<std::string> out;
    const auto body = get("/v1/topics" + std::string(query)).json();
    for (const auto& topic : body.at("topics").as_array()) {
      out.emplace_back(topic.at("name").as_string());
    }
    return out;
  }

  TestServer server_;
};

TEST_F(ApiRoutes, ATopicIsDescribedAsItIs) {
  EXPECT_EQ(send("PUT /v1/topics/a/b", "{}").status, 201);
  const auto empty = get("/v1/topics/a/b").json();
  EXPECT_EQ(number(empty, "bytes"), 0);
  EXPECT_EQ(number(empty, "head"), 0);
  EXPECT_FALSE(empty.at("closed").as_bool());
  EXPECT_THAT(std::string(empty.at("created").as_string()), testing::EndsWith("Z"));
  EXPECT_FALSE(empty.as_object().contains("expires_at"));
  EXPECT_FALSE(empty.as_object().contains("fork"));
  publish("a/b", 10);
  const auto full = get("/v1/topics/a/b").json();
  EXPECT_GT(number(full, "bytes"), 0);
  EXPECT_EQ(number(full, "head"), 10);
}

TEST_F(ApiRoutes, BytesAreThoseThatAreRetained) {
  for (int i = 0; i < 4; ++i) publish("t", 100);
  const auto before = number(get("/v1/topics/t").json(), "bytes");
  EXPECT_EQ(send("POST /v1/topics/t/trim", R"({"keep":201})").status, 200);
  const auto after = number(get("/v1/topics/t").json(), "bytes");
  EXPECT_LT(after, before);
  EXPECT_GT(after, before / 3);
  EXPECT_EQ(send("POST /v1/topics/t/trim", R"({"keep":401})").status, 200);
  EXPECT_EQ(number(get("/v1/topics/t").json(), "bytes"), 0);
}

TEST_F(ApiRoutes, SubscribersAreCountedOnEveryShard) {
  publish("t", 1);
  EXPECT_EQ(number(get("/v1/topics/t").json(), "subscribers"), 0);
  {
    WsClient one(server_.server.port());
    WsClient two(server_.server.port());
    for (auto* client : {&one, &two}) {
      client->send(R"({"type":"subscribe","id":1,"topic":"t"})");
      client->expect("subscribed");
    }
    EXPECT_EQ(number(get("/v1/topics/t").json(), "subscribers"), 2);
    EXPECT_EQ(number(get("/v1/topics").json().at("topics").at(0), "subscribers"), 2);
    one.send(R"({"type":"unsubscribe","id":2,"topic":"t"})");
    while (WsClient::type_of(one.message()) != "unsubscribed") {
    }
    EXPECT_EQ(number(get("/v1/topics/t").json(), "subscribers"), 1);
  }
  // Their sessions end without a sign, hence the polling.
  server_.wait_for(
      [&](const ServerStats&) { return number(get("/v1/topics/t").json(), "subscribers") == 0; });
}

TEST_F(ApiRoutes, ListsByPrefix) {
  for (const auto* name : {"a", "ab", "ab/c", "ab/d", "abc", "b", "aB", "ab-"}) publish(name, 1);
  EXPECT_THAT(names("?prefix=ab/"), ElementsAre("ab/c", "ab/d"));
  EXPECT_THAT(names("?prefix=ab"), ElementsAre("ab", "ab-", "ab/c", "ab/d", "abc"));
  EXPECT_THAT(names("?prefix=a%62%2Fc"), ElementsAre("ab/c"));
  EXPECT_THAT(names("?prefix=ab&limit=2"), ElementsAre("ab", "ab-"));
  EXPECT_THAT(names("?prefix=ab&limit=2&after=ab-"), ElementsAre("ab/c", "ab/d"));
  EXPECT_THAT(names("?prefix=ab&after=a"), ElementsAre("ab", "ab-", "ab/c", "ab/d", "abc"));
  EXPECT_THAT(names("?prefix=ab&after=b"), IsEmpty());
  EXPECT_THAT(names("?prefix=zz"), IsEmpty());
  EXPECT_THAT(names("?prefix=%00"), IsEmpty());
  EXPECT_THAT(names("?prefix=%ff"), IsEmpty());
  EXPECT_EQ(names("?prefix=").size(), 8U);
}

TEST_F(ApiRoutes, PagesOfAPrefixEndWithIt) {
  for (const auto* name : {"a/1", "a/2", "a/3", "b"}) publish(name, 1);
  const auto first = get("/v1/topics?prefix=a/&limit=2").json();
  EXPECT_EQ(first.at("next").as_string(), "a/2");
  const auto last = get("/v1/topics?prefix=a/&limit=2&after=a/2").json();
  EXPECT_FALSE(last.as_object().contains("next"));
  EXPECT_EQ(get("/v1/topics?prefx=a").error(), "malformed_message");
}

TEST_F(ApiRoutes, ItsDescriptionIsServed) {
  const auto answer = get("/v1/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, openapi_document());
  RawClient client(server_.server.port());
  client.send(http_request("HEAD /v1/openapi.json"));
  const auto head = read_answer(client, false);
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head,
              HasSubstr("Content-Length: " + std::to_string(openapi_document().size()) + "\r\n"));
}

TEST_F(ApiRoutes, HeadIsWhereGetIs) {
  publish("t", 1);
  RawClient client(server_.server.port());
  for (const auto* path : {"/v1/topics", "/v1/topics/t", "/healthz"}) {
    client.send(http_request("HEAD " + std::string(path)));
    EXPECT_EQ(read_answer(client, false).status, 200) << path;
  }
  client.send(http_request("HEAD /v1/topics/unknown"));
  EXPECT_EQ(read_answer(client, false).status, 404);
}

TEST_F(ApiRoutes, ProblemsHaveTheirMembersBesideTheCode) {
  const auto fenced = [&](std::string_view producer) {
    return send("POST /v1/topics/t/events",
                R"({"data":1,"producer":)" + std::string(producer) + "}");
  };
  EXPECT_EQ(fenced(R"({"id":"p","epoch":2,"sequence":0})").status, 200);
  const auto old = fenced(R"({"id":"p","epoch":1,"sequence":0})");
  EXPECT_EQ(old.status, 403);
  EXPECT_EQ(old.error(), "producer_fenced");
  EXPECT_EQ(number(old.json(), "producer_epoch"), 2);
  const auto gap = fenced(R"({"id":"p","epoch":2,"sequence":5})");
  EXPECT_EQ(gap.status, 409);
  EXPECT_EQ(number(gap.json(), "expected_sequence"), 1);
  EXPECT_EQ(gap.json().at("type").as_string(), "about:blank");
  EXPECT_EQ(gap.json().at("title").as_string(), "Conflict");
}

TEST_F(ApiRoutes, PathsAreDecodedOnce) {
  publish("a/b", 1);
  EXPECT_EQ(get("/v1/topics/a%2Fb").status, 200);
  EXPECT_EQ(get("/v1/topics/a%252Fb").error(), "invalid_topic");
  EXPECT_EQ(get("/v1/topics/a%2").error(), "malformed_message");
  EXPECT_EQ(get("/v1/topics/a%zz").error(), "malformed_message");
}

}  // namespace
}  // namespace tidemark::broker
