// Beginning with a state, over real sockets that break.
// tests/client/: see protocol/client/client.hpp.
#include <gtest/gtest.h>

#include "tests/client/told.hpp"

namespace tidemark::client {
namespace {

using test::entries;
using test::FakeBroker;
using test::Harness;
using test::quick;
using test::told;
using test::told_of_events;

void fill(FakeBroker& broker, int count) {
  broker.create("t");
  for (int i = 1; i <= count; ++i) broker.append("t", std::to_string(i));
}

class ClientState : public testing::TestWithParam<WireForm> {
 protected:
  ClientOptions options(const FakeBroker& broker) {
    ClientOptions out = quick(broker.url());
    out.form = GetParam();
    return out;
  }
};

TEST_P(ClientState, EntriesComeFirstAndThenWhatFollowsThem) {
  FakeBroker broker(GetParam());
  fill(broker, 5);
  broker.set_state("t", {entries("t", {{7}, {4}}, {"a"}, true, false),
                         entries("t", {{7}, {4}}, {"b", "c"}, false, true)});
  Harness harness;
  Client client(harness.executor(), options(broker));
  auto subscription = client.subscribe("t", {.state = true});
  EXPECT_EQ(told(harness, subscription), "state first: a=va");
  EXPECT_EQ(subscription.position(), Position{});
  EXPECT_EQ(told(harness, subscription), "state last 4: b=vb c=vc");
  EXPECT_EQ(subscription.position(), (Position{{7}, {4}}));
  EXPECT_EQ(told(harness, subscription), "5");
  EXPECT_EQ(told(harness, subscription), "caught up 5");
}

TEST_P(ClientState, ABundleComesAsItIs) {
  FakeBroker broker(GetParam());
  fill(broker, 2);
  State bundle{.topic = "t", .position = {{7}, {2}}};
  bundle.content_type = "application/json";
  bundle.bundle = R"({"total":2})";
  broker.set_state("t", {bundle});
  Harness harness;
  Client client(harness.executor(), options(broker));
  auto subscription = client.subscribe("t", {.state = true});
  EXPECT_EQ(told(harness, subscription), R"(state first last 2: {"total":2})");
  EXPECT_EQ(told(harness, subscription), "caught up 2");
}

TEST_P(ClientState, OneThatIsCutShortBeginsAgain) {
  FakeBroker broker(GetParam());
  broker.drop_after_part = [](std::uint64_t nth) { return nth == 0; };
  fill(broker, 5);
  broker.set_state("t", {entries("t", {{7}, {4}}, {"a"}, true, false),
                         entries("t", {{7}, {4}}, {"b"}, false, true)});
  Harness harness;
  Client client(harness.executor(), options(broker));
  auto subscription = client.subscribe("t", {.state = true});
  // Whether the first part reached the client before its connection was lost is the network's
  // affair; the whole state comes after it in any case.
  auto first = told(harness, subscription);
  EXPECT_EQ(first, "state first: a=va");
  auto second = told(harness, subscription);
  if (second == "state first: a=va") second = told(harness, subscription);
  EXPECT_EQ(second, "state last 4: b=vb");
  EXPECT_EQ(told(harness, subscription), "5");
  const auto asked = broker.subscribes();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[0].state);
  EXPECT_TRUE(asked[1].state);
}

INSTANTIATE_TEST_SUITE_P(Forms, ClientState, testing::Values(WireForm::json, WireForm::binary),
                         [](const auto& form) {
                           return form.param == WireForm::json ? "Json" : "Binary";
                         });

TEST(ClientStates, AfterTheStateALostConnectionIsResumedWithoutIt) {
  FakeBroker broker;
  fill(broker, 4);
  broker.set_state("t", {entries("t", {{7}, {4}}, {"a"})});
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.state = true});
  EXPECT_EQ(told(harness, subscription), "state first last 4: a=va");
  EXPECT_EQ(told(harness, subscription), "caught up 4");
  broker.drop_all();
  broker.append("t", "5");
  EXPECT_EQ(told_of_events(harness, subscription), "5");
  const auto asked = broker.subscribes().back();
  EXPECT_FALSE(asked.state);
  EXPECT_EQ(asked.start, Start(StartAfter{{{7}, {4}}}));
  EXPECT_EQ(asked.on_gap, OnGap::state);
}

TEST(ClientStates, AGapIsToldAndFilledByTheState) {
  FakeBroker broker;
  fill(broker, 10);
  broker.trim("t", 8);
  broker.set_state("t", {entries("t", {{7}, {9}}, {"a"})});
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription =
      client.subscribe("t", {.start = StartAfter{{{7}, {2}}}, .on_gap = OnGap::state});
  EXPECT_EQ(told(harness, subscription), "gap 3-8");
  EXPECT_EQ(subscription.position(), (Position{{7}, {2}}));
  EXPECT_EQ(told(harness, subscription), "state first last 9: a=va");
  EXPECT_EQ(told(harness, subscription), "10");
  EXPECT_EQ(subscription.position(), (Position{{7}, {10}}));
}

TEST(ClientStates, FilterCursorAndBacklogAreAskedForAsGiven) {
  FakeBroker broker;
  fill(broker, 1);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  SubscribeOptions options{.start = StartEarliest{}};
  options.state_if_behind = StateIfBehind{.events = 50, .bytes = 1000};
  options.filter.keys = {"order-*"};
  options.filter.headers.push_back({.name = "region", .values = {"eu", "us"}});
  options.cursor = "device-7";
  auto subscription = client.subscribe("t", options);
  ASSERT_TRUE(harness.get(subscription.next()).has_value());
  const auto asked = broker.subscribes().back();
  EXPECT_EQ(asked.state_if_behind, options.state_if_behind);
  EXPECT_EQ(asked.filter, options.filter);
  EXPECT_EQ(asked.cursor, "device-7");
}

TEST(ClientStates, WhatWasFilteredOutIsNotAskedForAgain) {
  FakeBroker broker;
  broker.create("t");
  broker.append("t", "1", "a");
  for (int i = 2; i <= 6; ++i) broker.append("t", std::to_string(i), "b");
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription =
      client.subscribe("t", {.start = StartEarliest{}, .filter = {.keys = {"a"}, .headers = {}}});
  EXPECT_EQ(told(harness, subscription), "1");
  EXPECT_EQ(told(harness, subscription), "caught up 6");
  EXPECT_EQ(subscription.position(), (Position{{7}, {6}}));
  broker.drop_all();
  broker.append("t", "7", "a");
  EXPECT_EQ(told_of_events(harness, subscription), "7");
  EXPECT_EQ(broker.subscribes().back().start, Start(StartAfter{{{7}, {6}}}));
}

TEST(ClientStates, ACursorWithoutAValidNameEndsIt) {
  FakeBroker broker;
  fill(broker, 1);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.cursor = std::string("a\nb")});
  EXPECT_EQ(told(harness, subscription), "invalid_cursor");
  EXPECT_TRUE(broker.subscribes().empty());
}

}  // namespace
}  // namespace tidemark::client
