// A server whose topics have states: stored, kept by key, or made by a callback.
// tests/: what the tests of states over HTTP stand on.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "broker/topic_defaults.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {

/// `made/**` have what `source` makes of the position.
inline HubOptions with_callback(TopicStateSource source) {
  HubOptions options;
  options.states.rules.push_back({.pattern = "made/**", .hook = {}, .callback = std::move(source)});
  return options;
}

class HttpStateTest : public StreamTest {
 protected:
  using StreamTest::StreamTest;

  HttpAnswer ask_api(std::string_view line, std::string_view headers = {},
                     std::string_view body = {}) const {
    RawClient client(port());
    client.send(http_request(line, body, headers));
    return read_answer(client, !line.starts_with("HEAD"));
  }
  HttpAnswer store_state(std::string_view topic, std::string_view offset, std::string_view data,
                         std::string_view type = "application/json") const {
    return ask_api("PUT /v1/state/" + std::string(topic),
                   "Tidemark-Offset: " + std::string(offset) +
                       "\r\nContent-Type: " + std::string(type) + "\r\n",
                   data);
  }
  HttpAnswer get_state(std::string_view topic, std::string_view headers = {}) const {
    return ask_api("GET /v1/state/" + std::string(topic), headers);
  }
  /// A topic that keeps the newest event of each key.
  void make_keyed(std::string_view topic, std::string_view type = "application/json") const {
    const auto answer =
        ask_api("PUT /v1/topics/" + std::string(topic), {},
                R"({"keep_latest":true,"content_type":")" + std::string(type) + "\"}");
    EXPECT_EQ(answer.status, 201) << answer.body;
  }
  void publish_keyed(std::string_view topic, std::string_view key, std::string_view data) const {
    const auto answer = ask_api(
        "POST /v1/topics/" + std::string(topic) + "/events", "Content-Type: application/json\r\n",
        R"({"key":")" + std::string(key) + R"(","data":)" + std::string(data) + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  void trim(std::string_view topic, std::uint64_t keep) {
    server_.memory.requester.trim(name_of(topic), Offset{keep});
  }
};

}  // namespace tidemark::broker
