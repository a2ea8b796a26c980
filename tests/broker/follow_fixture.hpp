// A server whose topics have keys, states and cursors, and what clients of it are told.
// tests/: what the tests of states, filters, patterns and named cursors over WebSocket stand on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {

class FollowFixture : public testing::Test {
 protected:
  explicit FollowFixture(ServerOptions options = {}, HubOptions hub = {})
      : server_(std::move(options), {}, std::move(hub)) {}

  [[nodiscard]] WsClient connect(std::string_view headers = {}, int receive_buffer = 0) const {
    return WsClient(server_.port(), headers, receive_buffer);
  }
  /// Event N carries N.
  OffsetRange publish(std::string_view topic, std::uint64_t count) {
    return server_.memory.requester.publish(name_of(topic), count);
  }
  /// One event for each key, in this order; they carry numbers from 1 on.
  OffsetRange publish_keys(std::string_view topic, const std::vector<std::string>& keys) {
    auto request = std::make_unique<storage::PublishRequest>(name_of(topic));
    request->events = numbers(1, keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) request->events[i].key = keys[i];
    const auto done = server_.memory.requester.run(std::move(request));
    EXPECT_FALSE(done->error);
    return done->offsets;
  }
  void keep_latest(std::string_view topic) {
    auto request = std::make_unique<storage::ConfigureRequest>(name_of(topic));
    request->keep_latest = true;
    EXPECT_FALSE(server_.memory.requester.run(std::move(request))->error);
  }
  void store_state(std::string_view topic, std::uint64_t offset, std::string data) {
    auto request = std::make_unique<storage::StoreStateRequest>(name_of(topic));
    request->state = storage::StoredState{.position = {Epoch{}, Offset{offset}},
                                          .stored = {},
                                          .content_type = "application/json",
                                          .data = std::move(data)};
    EXPECT_FALSE(server_.memory.requester.run(std::move(request))->error);
  }
  void trim(std::string_view topic, std::uint64_t keep) {
    server_.memory.requester.trim(name_of(topic), Offset{keep});
  }
  void erase(std::string_view topic) { server_.memory.requester.erase(name_of(topic)); }
  [[nodiscard]] std::uint64_t epoch(std::string_view topic) {
    return server_.memory.topic(name_of(topic))->bounds().epoch.value;
  }

  static std::string text(const boost::json::value& message, std::string_view field) {
    const auto* const found =
        message.as_object().if_contains(boost::json::string_view(field.data(), field.size()));
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
  }
  /// The offsets of the events up to the next message of another type, which must be `end`.
  static std::vector<std::int64_t> offsets_until(WsClient& client, std::string_view end) {
    std::vector<std::int64_t> offsets;
    while (true) {
      const auto message = client.message();
      if (WsClient::type_of(message) == end) return offsets;
      if (WsClient::type_of(message) != "event") {
        ADD_FAILURE() << "unexpected: " << boost::json::serialize(message);
        return offsets;
      }
      offsets.push_back(number(message, "offset"));
    }
  }
  /// Nothing but the answer to this comes.
  static void expect_quiet(WsClient& client) {
    EXPECT_EQ(WsClient::type_of(client.ask(R"({"type":"ping","id":99})")), "pong");
  }

  TestServer server_;
};

}  // namespace tidemark::broker
