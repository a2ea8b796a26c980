// Producers of a topic over HTTP: who is remembered, a page at a time; and what a topic says of
// them. tests/: broker/producer_routes and the detail of api_routes, over real sockets.
#include "broker/producer_routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;

void publish_as(MemoryStore& memory, std::string_view topic, const ProducerStamp& producer) {
  auto request = std::make_unique<storage::PublishRequest>(name_of(topic));
  request->events = numbers(1, 2);
  request->producer = producer;
  EXPECT_FALSE(memory.requester.run(std::move(request))->error);
}

std::vector<std::string> ids(const boost::json::value& page) {
  std::vector<std::string> out;
  for (const auto& producer : page.at("producers").as_array()) {
    out.emplace_back(producer.at("producer").as_string());
  }
  return out;
}

class ProducerRoutes : public testing::Test {
 protected:
  [[nodiscard]] HttpAnswer get(std::string_view path) const {
    return ask(server_.server.port(), http_request("GET " + std::string(path)));
  }
  TestServer server_;
};

TEST_F(ProducerRoutes, AreListedById) {
  server_.memory.requester.publish(name_of("t"), 3);
  EXPECT_THAT(ids(get("/v1/producers/t").json()), ElementsAre()) << "nobody has said who it is";
  for (const auto* id : {"b", "a", "ä /"}) publish_as(server_.memory, "t", {id, 1, 0});
  publish_as(server_.memory, "other", {"c", 1, 0});
  publish_as(server_.memory, "t", {"a", 1, 1});
  const auto page = get("/v1/producers/t").json();
  EXPECT_THAT(ids(page), ElementsAre("a", "b", "ä /"));
  EXPECT_FALSE(page.as_object().contains("next"));
  const auto& a = page.at("producers").at(0);
  EXPECT_EQ(number(a, "epoch"), 1);
  EXPECT_EQ(number(a, "sequence"), 1);
  EXPECT_EQ(number(a, "last_offset"), 11);
}

TEST_F(ProducerRoutes, PagesFollowOneAnother) {
  for (const auto* id : {"a", "b", "c", "d"}) publish_as(server_.memory, "t", {id, 1, 0});
  const auto first = get("/v1/producers/t?limit=3").json();
  EXPECT_THAT(ids(first), ElementsAre("a", "b", "c"));
  EXPECT_EQ(first.at("next").as_string(), "c");
  const auto second = get("/v1/producers/t?limit=3&after=c").json();
  EXPECT_THAT(ids(second), ElementsAre("d"));
  EXPECT_FALSE(second.as_object().contains("next"));
  EXPECT_FALSE(get("/v1/producers/t?limit=4").json().as_object().contains("next"))
      << "there is nothing behind them";
}

TEST_F(ProducerRoutes, WhatCannotBeAskedIsRefused) {
  server_.memory.requester.publish(name_of("t"), 1);
  EXPECT_EQ(get("/v1/producers/none").error(), "unknown_topic");
  EXPECT_EQ(get("/v1/producers/a//b").error(), "invalid_topic");
  for (const auto* query : {"limit=0", "limit=1001", "limit=x", "what=1", "after=a&after=b"}) {
    EXPECT_EQ(get("/v1/producers/t?" + std::string(query)).error(), "malformed_message") << query;
  }
}

// ---- a topic in detail ----

TEST_F(ProducerRoutes, ATopicThatIsAskedForIsToldInDetail) {
  auto& memory = server_.memory;
  publish_as(memory, "t", {"a", 1, 0});
  publish_as(memory, "t", {"b", 1, 0});
  EXPECT_TRUE(memory.store.cursors().acknowledge(*memory.topic(name_of("t")), "c", {{}, {1}}));
  memory.requester.trim(name_of("t"), Offset{2});
  const auto topic = get("/v1/topics/t").json();
  EXPECT_EQ(number(topic, "producers"), 2);
  EXPECT_EQ(number(topic, "cursors"), 1);
  EXPECT_EQ(number(topic.at("dropped"), "events"), 1);
  EXPECT_EQ(topic.at("dropped").at("cause").as_string(), "trimmed");
  EXPECT_EQ(topic.at("lineage").as_array().size(), 1U);
  EXPECT_EQ(number(topic.at("lineage").at(0), "first"), 1);
  EXPECT_GT(number(topic, "memory_bytes"), 0);
  EXPECT_LE(topic.at("oldest").as_string(), topic.at("newest").as_string());
  const auto listed = get("/v1/topics").json();
  EXPECT_FALSE(listed.at("topics").at(0).as_object().contains("lineage"))
      << "a list says only what costs little";
}

TEST_F(ProducerRoutes, ATopicWithoutEventsHasNoTimes) {
  server_.memory.requester.publish(name_of("t"), 3);
  server_.memory.requester.trim(name_of("t"), Offset{4});
  const auto topic = get("/v1/topics/t").json();
  EXPECT_FALSE(topic.as_object().contains("oldest"));
  EXPECT_FALSE(topic.as_object().contains("newest"));
  EXPECT_EQ(number(topic.at("dropped"), "events"), 3);
}

class ProducerAccess : public testing::Test {
 protected:
  ProducerAccess() { publish_as(server_.memory, "rooms/a", {"p", 1, 0}); }
  [[nodiscard]] HttpAnswer get(std::string_view path, std::string_view grants) const {
    return ask(server_.server.port(), http_request("GET " + std::string(path), {},
                                                   TestAccess::bearer(access_.token(grants))));
  }
  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(ProducerAccess, IsForWhoManagesTheTopic) {
  constexpr std::string_view kManages = R"({"manage":["rooms/*"]})";
  constexpr std::string_view kReads = R"({"subscribe":["rooms/*"],"publish":["rooms/*"]})";
  EXPECT_EQ(get("/v1/producers/rooms/a", kManages).status, 200);
  EXPECT_EQ(get("/v1/producers/rooms/a", kReads).error(), "forbidden");
  EXPECT_EQ(number(get("/v1/topics/rooms/a", kManages).json(), "producers"), 1);
  const auto seen = get("/v1/topics/rooms/a", kReads).json();
  EXPECT_TRUE(seen.as_object().contains("lineage"));
  EXPECT_FALSE(seen.as_object().contains("producers"));
  EXPECT_FALSE(seen.as_object().contains("cursors"));
}

TEST_F(ProducerAccess, FiguresOfTheStoreAreForWhoManagesAllOfIt) {
  EXPECT_EQ(get("/v1/stats", R"({"manage":["rooms/**"]})").error(), "forbidden");
  const auto stats = get("/v1/stats", R"({"manage":["**"]})");
  EXPECT_EQ(stats.status, 200);
  const auto body = stats.json();
  EXPECT_EQ(number(body, "topics"), 1);
  EXPECT_EQ(number(body.at("commits"), "events"), 2);
  EXPECT_EQ(number(body.at("commits").at("synced"), "count"), 1);
  EXPECT_EQ(number(body.at("memory"), "open_topics"), 1);
  EXPECT_GT(number(body.at("memory"), "ring_bytes"), 0);
  EXPECT_TRUE(body.at("levels").as_array().empty()) << "a log in memory has none";
}

}  // namespace
}  // namespace tidemark::broker
