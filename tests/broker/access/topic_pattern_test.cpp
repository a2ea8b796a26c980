// Which names fit which patterns.
// tests/: broker/access/topic_pattern, and rights over it.
#include "broker/access/topic_pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access/rights.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;

bool fits(std::string_view pattern, std::string_view name) {
  auto parsed = TopicPattern::parse(pattern);
  EXPECT_TRUE(std::holds_alternative<TopicPattern>(parsed)) << pattern;
  return std::get<TopicPattern>(parsed).matches(name);
}

std::string fault(std::string_view pattern) {
  const auto parsed = TopicPattern::parse(pattern);
  const auto* wrong = std::get_if<PatternFault>(&parsed);
  return wrong == nullptr ? "" : wrong->text;
}

TopicPatterns list(const std::vector<std::string>& patterns) {
  return std::get<TopicPatterns>(TopicPatterns::parse(patterns));
}

TEST(TopicPattern, LiteralsFitThemselvesOnly) {
  EXPECT_TRUE(fits("orders", "orders"));
  EXPECT_TRUE(fits("rooms/a.b~c-d_e", "rooms/a.b~c-d_e"));
  for (const auto* other : {"order", "orders2", "Orders", "orders/a", "a/orders"}) {
    EXPECT_FALSE(fits("orders", other)) << other;
  }
}

TEST(TopicPattern, AStarIsExactlyOneSegment) {
  EXPECT_TRUE(fits("rooms/*", "rooms/a"));
  EXPECT_TRUE(fits("*/log", "a/log"));
  EXPECT_TRUE(fits("*", "a"));
  EXPECT_TRUE(fits("*/*", "a/b"));
  EXPECT_FALSE(fits("rooms/*", "rooms"));
  EXPECT_FALSE(fits("rooms/*", "rooms/a/b"));
  EXPECT_FALSE(fits("*", "a/b"));
  EXPECT_FALSE(fits("*/*", "a"));
}

TEST(TopicPattern, TwoStarsAreAnyNumberOfSegmentsNoneToo) {
  for (const auto* name : {"rooms", "rooms/a", "rooms/a/b/c"}) {
    EXPECT_TRUE(fits("rooms/**", name)) << name;
  }
  EXPECT_TRUE(fits("**", "anything/at/all"));
  EXPECT_TRUE(fits("*/log/**", "a/log"));
  EXPECT_FALSE(fits("rooms/**", "roomservice"));
  EXPECT_FALSE(fits("rooms/**", "a/rooms"));
  EXPECT_FALSE(fits("rooms/*/**", "rooms"));
}

TEST(TopicPattern, WhatNoNameCouldFitIsRefused) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "is empty"},           {"a//b", "empty segment"},
      {"/a", "empty segment"},    {"a/", "empty segment"},
      {"/", "empty segment"},     {"a*", "beside other characters"},
      {"**/a", "before its end"}, {"a/**/b", "before its end"},
      {"***", "beside other"},    {"a/../b", "no topic's name has"},
      {"a b", "in no topic's"},   {"a[0-9]+", "in no topic's"},
      {"ü", "in no topic's"},     {"!a", "in no topic's"},
      {"a\nb", "in no topic's"},  {std::string(256, 'a'), "longer than 255"}};
  for (const auto& [pattern, says] : wrong) EXPECT_THAT(fault(pattern), HasSubstr(says)) << pattern;
  EXPECT_THAT(fault("a\nb"), HasSubstr(R"("a\x0ab")"));
}

TEST(TopicPatterns, WhatIsDeniedIsDeniedWhereverItStands) {
  for (const auto& patterns : {list({"rooms/*", "!rooms/staff"}), list({"!rooms/staff", "rooms/*"}),
                               list({"!rooms/staff", "rooms/staff", "rooms/*"})}) {
    EXPECT_TRUE(patterns.contains("rooms/lobby"));
    EXPECT_FALSE(patterns.contains("rooms/staff"));
    EXPECT_FALSE(patterns.contains("rooms/staff/a"));
  }
  EXPECT_FALSE(list({"**", "!rooms/**"}).contains("rooms"));
}

TEST(TopicPatterns, NothingAllowedIsNothing) {
  EXPECT_TRUE(list({}).empty());
  EXPECT_TRUE(list({"!a"}).empty());
  EXPECT_FALSE(list({"!a"}).contains("b"));
}

TEST(TopicPatterns, AllIsOnlyWhatNothingIsTakenFrom) {
  EXPECT_TRUE(list({"a", "**"}).contains_all());
  EXPECT_FALSE(list({"**", "!a"}).contains_all());
  EXPECT_FALSE(list({"*"}).contains_all());
  EXPECT_FALSE(list({}).contains_all());
}

TEST(TopicPatterns, AreBoundedInNumber) {
  EXPECT_TRUE(std::holds_alternative<TopicPatterns>(
      TopicPatterns::parse(std::vector<std::string>(256, "a"))));
  EXPECT_TRUE(std::holds_alternative<PatternFault>(
      TopicPatterns::parse(std::vector<std::string>(257, "a"))));
}

TEST(Rights, AFaultNamesTheRight) {
  const auto parsed = Rights::parse({.publish = {"a"}, .subscribe = {"b//c"}, .manage = {}});
  EXPECT_EQ(std::get<PatternFault>(parsed).text, R"(subscribe: "b//c" has an empty segment)");
}

TEST(Rights, EachHoldsForItsOwnTopics) {
  const auto rights =
      std::get<Rights>(Rights::parse({.publish = {"a"}, .subscribe = {"b"}, .manage = {"c"}}));
  EXPECT_TRUE(rights.of(Right::publish).contains("a"));
  EXPECT_TRUE(rights.of(Right::subscribe).contains("b"));
  EXPECT_TRUE(rights.of(Right::manage).contains("c"));
  EXPECT_FALSE(rights.of(Right::subscribe).contains("a"));
  EXPECT_FALSE(rights.of(Right::publish).contains("c"));
}

}  // namespace
}  // namespace tidemark::broker
