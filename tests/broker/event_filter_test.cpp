// Which events pass a filter, and which filters are none.
// tests/: broker/event_filter.
#include "broker/event_filter.hpp"

#include <gtest/gtest.h>

#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

/// An event with this key and these headers.
struct Made {
  Made(std::string k, const std::vector<Header>& headers = {}) : key(std::move(k)) {
    for (const auto& header : headers) pack_header(packed, {header.name, header.value});
  }
  [[nodiscard]] EventView view() const {
    return {.offset = {1}, .time = {}, .key = key, .headers = HeadersView(packed), .data = "1"};
  }
  std::string key;
  std::string packed;
};

bool passes(const Filter& filter, const Made& event) {
  EXPECT_TRUE(check_filter(filter));
  return EventFilter(filter).passes(event.view());
}

TEST(EventFilter, AnEmptyOneLetsAllPass) {
  EXPECT_TRUE(EventFilter().passes_all());
  EXPECT_TRUE(EventFilter(Filter{}).passes_all());
  EXPECT_TRUE(passes({}, {""}));
  EXPECT_FALSE(EventFilter(Filter{.keys = {"a"}, .headers = {}}).passes_all());
}

TEST(EventFilter, AKeyIsOneOfThoseNamed) {
  const Filter filter{.keys = {"order-7", "a", "user-*"}, .headers = {}};
  EXPECT_TRUE(passes(filter, {"order-7"}));
  EXPECT_TRUE(passes(filter, {"a"}));
  EXPECT_TRUE(passes(filter, {"user-"}));
  EXPECT_TRUE(passes(filter, {"user-ada"}));
  EXPECT_FALSE(passes(filter, {"order-77"}));
  EXPECT_FALSE(passes(filter, {"user"}));
  EXPECT_FALSE(passes(filter, {"A"}));
  EXPECT_FALSE(passes(filter, {""}));
}

TEST(EventFilter, AStarAloneIsEveryKeyButNone) {
  EXPECT_TRUE(passes({.keys = {"*"}, .headers = {}}, {"a"}));
  EXPECT_FALSE(passes({.keys = {"*"}, .headers = {}}, {""}));
}

TEST(EventFilter, EveryHeaderHasOneOfItsValues) {
  const Filter filter{.keys = {}, .headers = {{"region", {"eu", "us"}}, {"kind", {"x"}}}};
  EXPECT_TRUE(passes(filter, {"", {{"kind", "x"}, {"region", "us"}, {"more", "1"}}}));
  EXPECT_FALSE(passes(filter, {"", {{"kind", "x"}}}));
  EXPECT_FALSE(passes(filter, {"", {{"kind", "y"}, {"region", "us"}}}));
  EXPECT_FALSE(passes(filter, {"", {{"kind", "x"}, {"region", "us "}}}));
  EXPECT_FALSE(passes(filter, {""}));
}

TEST(EventFilter, KeyAndHeadersBothCount) {
  const Filter filter{.keys = {"a"}, .headers = {{"kind", {"x"}}}};
  EXPECT_TRUE(passes(filter, {"a", {{"kind", "x"}}}));
  EXPECT_FALSE(passes(filter, {"b", {{"kind", "x"}}}));
  EXPECT_FALSE(passes(filter, {"a", {{"kind", "y"}}}));
}

TEST(EventFilter, WhatIsOutOfBoundsIsRefused) {
  const auto refused = [](const Filter& filter) {
    const auto checked = check_filter(filter);
    return !checked && checked.errc() == Errc::invalid_filter;
  };
  EXPECT_TRUE(refused({.keys = {""}, .headers = {}}));
  EXPECT_TRUE(refused({.keys = {"\xff"}, .headers = {}}));
  EXPECT_TRUE(refused({.keys = {std::string(limits::key_bytes + 1, 'a')}, .headers = {}}));
  EXPECT_TRUE(refused({.keys = {"a", "b", "a"}, .headers = {}}));
  EXPECT_TRUE(refused({.keys = {}, .headers = {{"", {"x"}}}}));
  EXPECT_TRUE(refused({.keys = {}, .headers = {{"kind", {}}}}));
  EXPECT_TRUE(refused({.keys = {}, .headers = {{"kind", {"x", "x"}}}}));
  EXPECT_TRUE(refused({.keys = {}, .headers = {{"kind", {"x"}}, {"kind", {"y"}}}}));
  EXPECT_TRUE(refused({.keys = {}, .headers = {{"kind", {std::string(5000, 'x')}}}}));
  Filter many;
  for (std::size_t i = 0; i <= limits::filter_keys; ++i) many.keys.push_back(std::to_string(i));
  EXPECT_TRUE(refused(many));
  many.keys.pop_back();
  EXPECT_TRUE(check_filter(many));
}

/// Events 1 to 9 of a topic; those whose number is in `passing` have the key "a".
class FirstRun : public testing::Test {
 protected:
  void publish(const std::vector<std::uint64_t>& passing) {
    auto request = std::make_unique<storage::PublishRequest>(name);
    request->events = numbers(1, 9);
    for (auto& event : request->events) event.key = "b";
    for (const auto at : passing) request->events[at - 1].key = "a";
    ASSERT_FALSE(memory.requester.run(std::move(request))->error);
  }
  OffsetRange run(Offset from, std::size_t max_events = 100) {
    const auto slice =
        memory.store.read(*memory.topic(name), {Epoch{}, Offset{from.value - 1}}).slice;
    return filter.first_run(*slice.segment, slice.offsets, max_events);
  }

  const TopicName name = name_of("t");
  MemoryStore memory;
  const EventFilter filter{Filter{.keys = {"a"}, .headers = {}}};
};

TEST_F(FirstRun, GoesAsFarAsEventsPass) {
  publish({3, 4, 5, 7, 9});
  EXPECT_EQ(run({1}), (OffsetRange{{3}, {6}}));
  EXPECT_EQ(run({4}), (OffsetRange{{4}, {6}}));
  EXPECT_EQ(run({6}), (OffsetRange{{7}, {8}}));
  EXPECT_EQ(run({8}), (OffsetRange{{9}, {10}}));
}

TEST_F(FirstRun, IsEmptyAtTheEndIfNonePasses) {
  publish({1});
  EXPECT_EQ(run({2}), (OffsetRange{{10}, {10}}));
}

TEST_F(FirstRun, LooksAtNoMoreThanItMay) {
  publish({4, 5, 6, 7});
  EXPECT_EQ(run({1}, 3), (OffsetRange{{4}, {4}}));
  EXPECT_EQ(run({1}, 5), (OffsetRange{{4}, {6}}));
  EXPECT_EQ(run({1}, 1), (OffsetRange{{2}, {2}}));
}

}  // namespace
}  // namespace tidemark::broker
