// Patterns of topic names, and the settings they stand for.
// tests/: broker/topic_defaults.
#include "broker/topic_defaults.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using storage::TopicSettings;

TEST(TopicPattern, StarStandsForCharactersOfOneSegment) {
  EXPECT_TRUE(matches_topic("logs/*", "logs/a"));
  EXPECT_TRUE(matches_topic("*", "a"));
  EXPECT_TRUE(matches_topic("user-*/inbox", "user-7/inbox"));
  EXPECT_TRUE(matches_topic("a*b*c", "aXbYc"));
  EXPECT_FALSE(matches_topic("logs/*", "logs"));
  EXPECT_FALSE(matches_topic("logs/*", "logs/a/b"));
  EXPECT_FALSE(matches_topic("*", "a/b"));
  EXPECT_FALSE(matches_topic("user-*", "users"));
}

TEST(TopicPattern, TwoStarsStandForAnyNumberOfSegments) {
  for (const auto* name : {"logs", "logs/a", "logs/a/b/c"}) {
    EXPECT_TRUE(matches_topic("logs/**", name)) << name;
    EXPECT_TRUE(matches_topic("**", name)) << name;
  }
  EXPECT_TRUE(matches_topic("a/**/z", "a/z"));
  EXPECT_TRUE(matches_topic("a/**/z", "a/b/z/c/z"));
  EXPECT_FALSE(matches_topic("a/**/z", "a/b"));
  EXPECT_FALSE(matches_topic("logs/**", "logsx/a"));
}

TEST(TopicPattern, ManyStarsTakeNoTime) {
  std::string pattern = "**";
  std::string name = "a";
  for (int i = 0; i < 100; ++i) pattern += "/a/**";
  for (int i = 0; i < 126; ++i) name += "/a";
  EXPECT_FALSE(matches_topic(pattern + "/b", name));
}

TEST(TopicRule, TheFirstThatFitsWins) {
  TopicSettings base;
  base.retention.max_events = 1;
  std::vector<TopicRule> rules(2);
  rules[0] = {"a/*", base};
  rules[0].settings.retention.max_events = 2;
  rules[1] = {"**", base};
  rules[1].settings.retention.max_events = 3;
  const auto defaults = topic_defaults({rules[0], rules[1]}, base);
  EXPECT_EQ(defaults(TopicName::parse("a/b").value()).retention.max_events, 2U);
  EXPECT_EQ(defaults(TopicName::parse("b").value()).retention.max_events, 3U);
  EXPECT_EQ(topic_defaults({rules[0]}, base)(TopicName::parse("b").value()).retention.max_events,
            1U);
}

TEST(LiveDefaults, AreThoseOfNow) {
  const auto keep = [](std::uint64_t events) {
    TopicSettings base;
    base.retention.max_events = events;
    return topic_defaults({}, base);
  };
  LiveDefaults live(keep(1));
  const auto follow = live.follow();
  const auto name = TopicName::parse("a").value();
  EXPECT_EQ(follow(name).retention.max_events, 1U);
  live.replace(keep(2));
  EXPECT_EQ(follow(name).retention.max_events, 2U);
}

TEST(Quantities, HaveUnitsAndLimits) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_duration("2w"), std::chrono::hours(14 * 24));
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("10kB"), 10'000U);
  EXPECT_EQ(parse_bytes("16KiB"), 16'384U);
  for (const auto* text : {"", "7", "-1s", "1.5h", "1 d", "d", "99999999999999999999d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  for (const auto* text : {"", "1kb", "1 GiB", "-1", "9000000000TiB", "0x10"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tidemark::broker
