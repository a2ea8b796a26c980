// One table of routes: what it finds, and that the OpenAPI description says the same.
// tests/: broker/routes, broker/openapi.
#include "broker/routes.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/openapi.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {
namespace {

namespace json = boost::json;
using boost::beast::http::verb;

const json::object& document() {
  static const json::value parsed = json::parse(std::string(openapi_document()));
  return parsed.as_object();
}

std::string method_name(verb method) {
  const auto name = boost::beast::http::to_string(method);
  std::string lower(name.data(), name.size());
  for (char& c : lower) c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

using Operation = std::pair<std::string, std::string>;  ///< path and method

/// What the description describes. Beside the operations a path has `parameters`, maybe.
std::set<Operation> described() {
  std::set<Operation> out;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      if (key != "parameters") out.emplace(path, key);
    }
  }
  return out;
}

std::set<Operation> routed() {
  std::set<Operation> out;
  for (const auto& route : routes()) {
    EXPECT_TRUE(out.emplace(route.path, method_name(route.method)).second)
        << route.path << " is there twice";
  }
  return out;
}

// ---- the table ----

TEST(Routes, FindPathsByThemselves) {
  EXPECT_EQ(find_route(verb::get, "/healthz").route->endpoint, Endpoint::health);
  EXPECT_EQ(find_route(verb::get, "/v1/openapi.json").route->endpoint, Endpoint::openapi);
  EXPECT_EQ(find_route(verb::get, "/v1/topics").route->endpoint, Endpoint::list_topics);
  EXPECT_EQ(find_route(verb::get, "/v1/ws").route->endpoint, Endpoint::web_socket);
  EXPECT_EQ(find_route(verb::get, "/v1/cursors").route->endpoint, Endpoint::list_cursors);
  EXPECT_EQ(find_route(verb::get, "/v1/stats").route->endpoint, Endpoint::stats);
  EXPECT_EQ(find_route(verb::get, "/v1/backups").route->endpoint, Endpoint::list_backups);
  EXPECT_EQ(find_route(verb::post, "/v1/backups").route->endpoint, Endpoint::make_backup);
  EXPECT_EQ(find_route(verb::delete_, "/v1/backups").route->endpoint, Endpoint::delete_backup);
}

TEST(Routes, TakeATopicsNameWithItsSlashes) {
  using Found = std::pair<Endpoint, std::string>;
  const auto found = [](verb method, std::string_view path) {
    const auto routed = find_route(method, path);
    if (routed.route == nullptr) throw std::runtime_error(std::string(path));
    return Found(routed.route->endpoint, routed.topic);
  };
  EXPECT_EQ(found(verb::get, "/v1/topics/a/b"), Found(Endpoint::show_topic, "a/b"));
  EXPECT_EQ(found(verb::get, "/v1/topics/a/events"), Found(Endpoint::show_topic, "a/events"));
  EXPECT_EQ(found(verb::put, "/v1/topics/events"), Found(Endpoint::configure_topic, "events"));
  EXPECT_EQ(found(verb::post, "/v1/topics/a/b/events"), Found(Endpoint::publish, "a/b"));
  EXPECT_EQ(found(verb::post, "/v1/topics/events/events"), Found(Endpoint::publish, "events"));
  EXPECT_EQ(found(verb::post, "/v1/topics/a/trim"), Found(Endpoint::trim_topic, "a"));
  EXPECT_EQ(found(verb::delete_, "/v1/stream/a/b"), Found(Endpoint::stream, "a/b"));
  EXPECT_EQ(found(verb::get, "/v1/state/a/b"), Found(Endpoint::show_state, "a/b"));
  EXPECT_EQ(found(verb::put, "/v1/cursors/a/b"), Found(Endpoint::move_cursor, "a/b"));
  EXPECT_EQ(found(verb::get, "/v1/unread/a"), Found(Endpoint::count_unread, "a"));
  EXPECT_EQ(found(verb::get, "/v1/producers/a/b"), Found(Endpoint::list_producers, "a/b"));
  EXPECT_EQ(found(verb::get, "/v1/offsets/a/b"), Found(Endpoint::find_offset, "a/b"));
  EXPECT_EQ(found(verb::get, "/v1/topics/"), Found(Endpoint::show_topic, ""));
  EXPECT_EQ(found(verb::post, "/v1/topics//events"), Found(Endpoint::publish, ""));
}

TEST(Routes, PagesAreBelowTheirFolders) {
  const auto page = [](std::string_view path) {
    const auto routed = find_route(verb::get, path);
    if (routed.route == nullptr) throw std::runtime_error(std::string(path));
    EXPECT_EQ(routed.route->endpoint, Endpoint::page) << path;
    EXPECT_EQ(routed.route->needs, Needs::nothing) << path;
    return std::string(routed.topic);
  };
  for (const auto* path : {"/", "/console", "/console/", "/demo", "/demo/"}) {
    EXPECT_EQ(page(path), "");
  }
  EXPECT_EQ(page("/console/console.css"), "console.css");
  EXPECT_EQ(page("/demo/parts/board.js"), "parts/board.js");
  EXPECT_EQ(page("/client/tidemark-client.js"), "tidemark-client.js");
  EXPECT_EQ(find_route(verb::post, "/console/").allow, "GET, HEAD");
}

TEST(Routes, HeadIsWhereGetIs) {
  for (const auto& route : routes()) {
    const auto head = find_route(verb::head, route.path);
    const bool has_get = find_route(verb::get, route.path).route != nullptr;
    EXPECT_EQ(head.route != nullptr, has_get) << route.path;
    if (head.route == nullptr) continue;
    EXPECT_EQ(head.route, find_route(verb::get, route.path).route);
    EXPECT_THAT(head.allow, testing::HasSubstr("GET, HEAD"));
  }
}

TEST(Routes, OtherMethodsAreToldWhichThereAre) {
  const auto allow = [](verb method, std::string_view path) {
    const auto routed = find_route(method, path);
    EXPECT_EQ(routed.route, nullptr) << path;
    return routed.allow;
  };
  EXPECT_EQ(allow(verb::patch, "/v1/topics/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allow(verb::post, "/v1/topics/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allow(verb::patch, "/v1/topics/a/trim"), "GET, HEAD, PUT, DELETE, POST");
  EXPECT_EQ(allow(verb::patch, "/v1/stream/a"), "GET, HEAD, PUT, POST, DELETE");
  EXPECT_EQ(allow(verb::post, "/v1/state/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allow(verb::post, "/v1/cursors/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allow(verb::put, "/v1/unread/a"), "GET, HEAD");
  EXPECT_EQ(allow(verb::delete_, "/v1/topics"), "GET, HEAD");
  EXPECT_EQ(allow(verb::put, "/v1/backups"), "GET, HEAD, POST, DELETE");
  EXPECT_EQ(allow(verb::unknown, "/healthz"), "GET, HEAD");
}

TEST(Routes, OtherPathsAreNotThere) {
  for (const auto* path :
       {"", "/client", "/consoles", "/Console/", "//console/", "/v1", "/v1/topicsx", "/healthz/",
        "/v1/stream", "/V1/topics", "/v1/ws/", "//v1/topics", "/v1/openapi.jsonx"}) {
    EXPECT_EQ(find_route(verb::get, path).allow, "") << path;
  }
}

// ---- the description ----

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  auto all = described();
  const auto table = routed();
  // Only where it differs from GET is HEAD described on its own.
  std::erase_if(all, [&](const Operation& operation) {
    return operation.second == "head" && table.contains({operation.first, "get"});
  });
  EXPECT_EQ(all, table);
}

TEST(OpenApi, EveryOperationSaysWhatItDoesAndAnswers) {
  std::set<std::string> ids;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      if (key == "parameters") continue;
      SCOPED_TRACE(std::string(key) + " " + std::string(path));
      EXPECT_TRUE(ids.emplace(operation.at("operationId").as_string()).second);
      EXPECT_FALSE(operation.at("summary").as_string().empty());
      EXPECT_FALSE(operation.at("responses").as_object().empty());
    }
  }
}

/// What an operation's x-tidemark-right says of a route that needs this.
std::string right_text(Needs needs) {
  switch (needs) {
    case Needs::nothing:
    case Needs::web_socket:
      return "none";
    case Needs::anything:
      return "any";
    case Needs::publish:
      return "publish";
    case Needs::subscribe:
      return "subscribe";
    case Needs::manage:
      return "manage";
    case Needs::see:
      return "subscribe or manage";
    case Needs::operate:
      return "manage on **";
  }
  return "?";
}

TEST(OpenApi, EveryOperationSaysWhichRightItNeedsAndHowItRefuses) {
  for (const auto& route : routes()) {
    SCOPED_TRACE(method_name(route.method) + " " + std::string(route.path));
    const auto& path =
        document().at("paths").at(json::string_view(route.path.data(), route.path.size()));
    const auto& operation = path.at(method_name(route.method)).as_object();
    const bool open = operation.contains("security");
    EXPECT_EQ(open, route.needs == Needs::nothing);
    if (open) {
      EXPECT_TRUE(operation.at("security").as_array().empty());
      continue;
    }
    EXPECT_EQ(operation.at("x-tidemark-right").as_string(), right_text(route.needs));
    const auto& responses = operation.at("responses").as_object();
    EXPECT_TRUE(responses.contains("401"));
    EXPECT_TRUE(responses.contains("403"));
  }
}

TEST(OpenApi, PathsWithATopicOrAPageSayWhatThatIs) {
  for (const auto& [path, item] : document().at("paths").as_object()) {
    const auto at = path.find('{');
    if (at == json::string_view::npos) continue;
    const auto name = path.substr(at + 1, path.find('}') - at - 1);
    const auto& parameters = item.at("parameters").as_array();
    EXPECT_EQ(parameters.at(0).at("$ref").as_string(),
              "#/components/parameters/" + std::string(name))
        << path;
  }
  const auto& topic = document().at("components").at("parameters").at("topic").at("schema");
  EXPECT_EQ(topic.at("maxLength").as_int64(), static_cast<std::int64_t>(limits::topic_name_bytes));
}

/// All that is below `value` that is referred to.
void collect_references(const json::value& value, std::set<std::string>& out) {
  if (const auto* array = value.if_array()) {
    for (const auto& each : *array) collect_references(each, out);
  }
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [key, member] : *object) {
    if (key == "$ref") out.emplace(member.as_string());
    collect_references(member, out);
  }
}

TEST(OpenApi, WhatIsReferredToIsThereAndTheOtherWayRound) {
  std::set<std::string> referred;
  collect_references(document(), referred);
  // Ways to say who one is are referred to by name.
  for (const auto& choice : document().at("security").as_array()) {
    for (const auto& [scheme, scopes] : choice.as_object()) {
      referred.insert("#/components/securitySchemes/" + std::string(scheme));
    }
  }
  std::set<std::string> there;
  for (const auto& [kind, parts] : document().at("components").as_object()) {
    for (const auto& [name, part] : parts.as_object()) {
      there.insert("#/components/" + std::string(kind) + "/" + std::string(name));
    }
  }
  EXPECT_EQ(referred, there);
}

}  // namespace
}  // namespace tidemark::broker
