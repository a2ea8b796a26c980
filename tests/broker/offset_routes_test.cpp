// Where in a topic a moment is.
// tests/: broker/offset_routes, over real sockets and a clock in the test's hands.
#include "broker/offset_routes.hpp"

#include <atomic>

#include <gtest/gtest.h>

#include "protocol/position_token.hpp"
#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {
namespace {

class OffsetRoutes : public testing::Test {
 protected:
  OffsetRoutes() {
    // Three events a second: 1 to 3 at 1 s, 4 to 6 at 2 s, 7 to 9 at 3 s.
    for (std::int64_t second = 1; second <= 3; ++second) {
      *now_ms_ = kStart + second * 1'000;
      server_.memory.requester.publish(name_of("t"), 3);
    }
  }
  [[nodiscard]] HttpAnswer find(const std::string& query) const {
    return ask(server_.server.port(), http_request("GET /v1/offsets/t?" + query));
  }
  [[nodiscard]] std::int64_t offset_at(std::int64_t ms) const {
    return number(find("time=" + std::to_string(ms)).json(), "offset");
  }
  [[nodiscard]] storage::EventStoreOptions clocked() const {
    storage::EventStoreOptions options;
    options.clock.wall = [now = now_ms_] { return Timestamp{now->load()}; };
    return options;
  }

  static constexpr std::int64_t kStart = 1'790'000'000'000;
  std::shared_ptr<std::atomic<std::int64_t>> now_ms_ =
      std::make_shared<std::atomic<std::int64_t>>(kStart);
  TestServer server_{{}, clocked()};
};

TEST_F(OffsetRoutes, IsTheFirstEventNotBeforeIt) {
  EXPECT_EQ(offset_at(0), 1);
  EXPECT_EQ(offset_at(kStart + 1'000), 1);
  EXPECT_EQ(offset_at(kStart + 1'001), 4);
  EXPECT_EQ(offset_at(kStart + 2'000), 4);
  EXPECT_EQ(offset_at(kStart + 3'000), 7);
}

TEST_F(OffsetRoutes, BehindTheLastEventIsTheNext) {
  EXPECT_EQ(offset_at(kStart + 3'001), 10);
  server_.memory.requester.trim(name_of("t"), Offset{10});
  EXPECT_EQ(offset_at(0), 10);
}

TEST_F(OffsetRoutes, WhatIsTrimmedIsNotFound) {
  server_.memory.requester.trim(name_of("t"), Offset{5});
  EXPECT_EQ(offset_at(kStart), 5);
}

TEST_F(OffsetRoutes, TheTokenIsThePlaceJustBeforeIt) {
  const auto found = find("time=" + std::to_string(kStart + 2'000)).json();
  EXPECT_EQ(found.at("topic").as_string(), "t");
  const auto position = parse_token(std::string(found.at("token").as_string()));
  ASSERT_TRUE(position);
  EXPECT_EQ(position->offset, Offset{3});
  const auto topic = server_.memory.topic(name_of("t"));
  EXPECT_EQ(position->epoch, topic->bounds().epoch);
}

TEST_F(OffsetRoutes, WhatIsNoTimeIsRefused) {
  for (const auto* query : {"", "time=", "time=x", "time=-1", "time=1.5", "time=9007199254740992",
                            "time=1&time=2", "when=1"}) {
    EXPECT_EQ(find(query).error(), "malformed_message") << query;
  }
  EXPECT_EQ(ask(server_.server.port(), http_request("GET /v1/offsets/none?time=1")).error(),
            "unknown_topic");
}

}  // namespace
}  // namespace tidemark::broker
