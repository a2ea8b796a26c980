// A topic as JSON, whatever kind of topic it is.
// tests/: broker/shapes/topic_shape, broker/topics_json.
#include "broker/topics_json.hpp"

#include <fstream>
#include <set>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "broker/openapi.hpp"
#include "broker/shapes/rfc3339.hpp"
#include "broker/shapes/topic_shape.hpp"
#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

namespace json = boost::json;
using storage::Durability;

TopicView sample() {
  TopicView view;
  auto& [meta, tail] = view.topic;
  meta.name = "a/b";
  meta.created = {1'728'432'000'123};
  meta.lineage = {{{1}, {1}}, {{7}, {40}}};
  meta.earliest = {12};
  tail.head = {42};
  view.bytes = 4'096;
  view.subscribers = 3;
  return view;
}

TEST(TopicAsJson, HasAllThatEveryTopicHas) {
  EXPECT_EQ(json::serialize(describe(sample())),
            R"({"name":"a/b","epoch":7,"head":42,"earliest":12,)"
            R"("content_type":"application/json","durability":"synced",)"
            R"("retention":{"max_events":0,"max_bytes":0,"max_age_ms":0},)"
            R"("keep_latest":false,"closed":false,)"
            R"("forks":0,"subscribers":3,"created":"2024-10-09T00:00:00.123Z","bytes":4096})");
}

TEST(TopicAsJson, SaysMoreWhereThereIsMore) {
  auto view = sample();
  auto& meta = view.topic.meta;
  meta.settings.durability = Durability::buffered;
  meta.settings.ttl = std::chrono::seconds(60);
  meta.settings.expires_at = Timestamp{1'728'432'000'000};
  meta.closed = true;
  meta.forks = 2;
  meta.origin =
      storage::Origin{.source = "origin", .id = {1}, .inherited = {20}, .requested = {18}};
  const auto body = describe(view);
  EXPECT_EQ(body.at("durability").as_string(), "buffered");
  EXPECT_TRUE(body.at("closed").as_bool());
  EXPECT_EQ(json::serialize(body.at("forks")), "2");
  EXPECT_EQ(json::serialize(body.at("ttl_seconds")), "60");
  EXPECT_EQ(body.at("expires_at").as_string(), "2024-10-09T00:00:00.000Z");
  EXPECT_EQ(json::serialize(body.at("fork")), R"({"source":"origin","offset":20})");
}

TEST(TopicAsJson, SaysNothingOfSubscribersWithoutABroker) {
  auto view = sample();
  view.subscribers.reset();
  EXPECT_FALSE(describe(view).contains("subscribers"));
}

TopicDetail sample_detail() {
  TopicDetail detail;
  detail.oldest = Timestamp{1'728'432'000'000};
  detail.newest = Timestamp{1'728'432'060'000};
  detail.memory_bytes = 1'024;
  detail.producers = 2;
  detail.cursors = 5;
  detail.damaged = {{.first = Offset{45}, .end = Offset{47}}};
  return detail;
}

TEST(TopicAsJson, IsToldInDetail) {
  auto view = sample();
  view.topic.meta.trim_cause = static_cast<std::uint8_t>(GapCause::age);
  view.topic.meta.settings.keep_latest = true;
  view.topic.meta.keys = 9;
  view.detail = sample_detail();
  const auto body = describe(view);
  EXPECT_EQ(json::serialize(body.at("lineage")),
            R"([{"epoch":1,"first":1},{"epoch":7,"first":40}])");
  EXPECT_EQ(json::serialize(body.at("dropped")), R"({"events":11,"cause":"age"})");
  EXPECT_EQ(json::serialize(body.at("keys")), "9");
  EXPECT_EQ(json::serialize(body.at("producers")), "2");
  EXPECT_EQ(json::serialize(body.at("cursors")), "5");
  EXPECT_EQ(body.at("oldest").as_string(), "2024-10-09T00:00:00.000Z");
  EXPECT_EQ(body.at("newest").as_string(), "2024-10-09T00:01:00.000Z");
  EXPECT_EQ(json::serialize(body.at("memory_bytes")), "1024");
  EXPECT_EQ(json::serialize(body.at("damaged")), R"([{"first":45,"last":46}])");
}

TEST(TopicAsJson, OfWhichNothingWasDroppedNamesNoCause) {
  auto view = sample();
  view.topic.meta.earliest = {1};
  view.detail.emplace();
  const auto body = describe(view);
  EXPECT_EQ(json::serialize(body.at("dropped")), R"({"events":0})");
  for (const auto* absent :
       {"keys", "producers", "cursors", "oldest", "newest", "memory_bytes", "damaged"}) {
    EXPECT_FALSE(body.contains(absent)) << absent;
  }
}

std::set<std::string> members(const json::object& object) {
  std::set<std::string> out;
  for (const auto& [name, value] : object) out.emplace(name);
  return out;
}

TEST(TopicAsJson, IsWhatTheApisDescriptionSays) {
  const auto document = json::parse(std::string(openapi_document()));
  const auto& schema = document.at("components").at("schemas").at("Topic");
  auto full = sample();
  full.topic.meta.settings.ttl = std::chrono::seconds(1);
  full.topic.meta.settings.expires_at = Timestamp{1};
  full.topic.meta.origin = storage::Origin{};
  EXPECT_EQ(members(describe(full)), members(schema.at("properties").as_object()));
  std::set<std::string> required;
  for (const auto& name : schema.at("required").as_array()) required.emplace(name.as_string());
  auto least = sample();
  least.bytes.reset();
  EXPECT_EQ(members(describe(least)), required);
}

TEST(TopicAsJson, InDetailIsWhatTheApisDescriptionSays) {
  const auto document = json::parse(std::string(openapi_document()));
  const auto& more = document.at("components").at("schemas").at("TopicDetail").at("allOf").at(1);
  auto full = sample();
  full.topic.meta.settings.keep_latest = true;
  std::set<std::string> before = members(describe(full));
  full.detail = sample_detail();
  std::set<std::string> added;
  for (const auto& name : members(describe(full))) {
    if (!before.contains(name)) added.insert(name);
  }
  EXPECT_EQ(added, members(more.at("properties").as_object()));
}

TEST(TopicAsJson, IsWhatTheProtocolsDocumentShows) {
  std::ifstream file(TIDEMARK_PROTOCOL_MD);
  std::string shown;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(R"({"name":"orders")")) shown = line;
  }
  TopicView view;
  auto& [meta, tail] = view.topic;
  meta.name = "orders";
  meta.created = *parse_rfc3339("2026-03-01T12:00:00Z");
  meta.lineage = {{{1}, {1}}};
  meta.earliest = {100};
  tail.head = {180};
  view.bytes = 20'480;
  view.subscribers = 2;
  meta.settings.ttl = std::chrono::hours(1);
  meta.settings.expires_at = parse_rfc3339("2027-01-01T00:00:00Z");
  meta.origin = storage::Origin{.source = "carts", .inherited = {42}};
  EXPECT_EQ(json::serialize(describe(view)), shown);
}

TEST(TopicSettings, AreTakenFromABody) {
  storage::ConfigureRequest request(name_of("t"));
  EXPECT_EQ(read_settings("", request), "");
  EXPECT_FALSE(request.content_type || request.durability || request.retention);
  EXPECT_EQ(read_settings(R"({"content_type":"text/plain","durability":"buffered",)"
                          R"("retention":{"max_events":1,"max_bytes":2,"max_age_ms":3}})",
                          request),
            "");
  EXPECT_EQ(request.content_type, "text/plain");
  EXPECT_EQ(request.durability, Durability::buffered);
  EXPECT_EQ(request.retention, (storage::RetentionPolicy{1, 2, std::chrono::milliseconds(3)}));
  EXPECT_FALSE(request.keep_latest) << "it stays as it is";
  EXPECT_EQ(read_settings(R"({"keep_latest":true})", request), "");
  EXPECT_EQ(request.keep_latest, true);
}

TEST(TopicSettings, SayWhichFieldIsWrong) {
  const auto fault = [](std::string_view body) {
    storage::ConfigureRequest request(name_of("t"));
    return read_settings(body, request);
  };
  EXPECT_EQ(fault("[]"), "the body must be a JSON object");
  EXPECT_EQ(fault(R"({"durability":"maybe"})"),
            R"(topic settings: "durability" must be "synced" or "buffered")");
  EXPECT_EQ(fault(R"({"content_type":1})"), R"(topic settings: "content_type" must be a string)");
  EXPECT_EQ(fault(R"({"keep_latest":1})"),
            R"(topic settings: "keep_latest" must be true or false)");
  EXPECT_EQ(fault(R"({"retention":3})"), R"(topic settings: "retention" must be an object)");
  EXPECT_EQ(fault(R"({"closed":true})"), R"(topic settings: "closed" is not a field of it)");
  EXPECT_EQ(fault(R"({"retention":{"max_events":-1}})"),
            R"(retention: "max_events" must be an integer from 0 to 2^53 - 1)");
  EXPECT_EQ(fault(R"({"retention":{"max":1}})"), R"(retention: "max" is not a field of it)");
}

}  // namespace
}  // namespace tidemark::broker
