// Acknowledging over real sockets that break.
// tests/client/: see protocol/client/client.hpp.
#include <gtest/gtest.h>

#include "tests/client/harness.hpp"

namespace tidemark::client {
namespace {

using test::FakeBroker;
using test::Fault;
using test::Harness;
using test::quick;

class ClientAcknowledge : public testing::Test {
 protected:
  void SetUp() override { broker.create("t"); }

  FakeBroker broker;
  Harness harness;
};

TEST_F(ClientAcknowledge, GivesTheCursorsPosition) {
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.cursor = "c"});
  const auto first = harness.get(subscription.acknowledge({{7}, {5}}));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*first, (Position{{7}, {5}}));
  const auto second = harness.get(subscription.acknowledge({{7}, {3}}));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(*second, (Position{{7}, {5}})) << "a cursor only moves forward";
  const auto seen = broker.acknowledgements();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].topic, "t");
  EXPECT_EQ(seen[0].cursor, "c");
}

TEST_F(ClientAcknowledge, IsSentAgainAfterALostConnection) {
  broker.on_acknowledge = [](const Acknowledge&, std::uint64_t nth) {
    if (nth == 0) return Fault{.kind = Fault::Kind::drop_before};
    if (nth == 1) return Fault{.kind = Fault::Kind::drop_after};
    return Fault{};
  };
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.cursor = "c"});
  const auto reply = harness.get(subscription.acknowledge({{7}, {5}}));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(*reply, (Position{{7}, {5}}));
  EXPECT_EQ(broker.acknowledgements().size(), 3U);
}

TEST_F(ClientAcknowledge, PassesOnWhatTheBrokerRefuses) {
  broker.on_acknowledge = [](const Acknowledge&, std::uint64_t) {
    return Fault{.kind = Fault::Kind::refuse, .code = Errc::position_ahead};
  };
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.cursor = "c"});
  const auto reply = harness.get(subscription.acknowledge({{7}, {5}}));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::position_ahead);
  EXPECT_EQ(broker.acknowledgements().size(), 1U);
}

TEST_F(ClientAcknowledge, NeedsACursor) {
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t");
  const auto reply = harness.get(subscription.acknowledge({{7}, {5}}));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::invalid_cursor);
  EXPECT_TRUE(broker.acknowledgements().empty());
}

TEST_F(ClientAcknowledge, IsCancelledWhenTheClientIsClosed) {
  broker.on_acknowledge = [](const Acknowledge&, std::uint64_t) {
    return Fault{.kind = Fault::Kind::ignore};
  };
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.cursor = "c"});
  auto waiting = harness.start(subscription.acknowledge({{7}, {5}}));
  while (broker.acknowledgements().empty()) std::this_thread::yield();
  harness.get(client.close());
  const auto reply = Harness::await(std::move(waiting));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace tidemark::client
