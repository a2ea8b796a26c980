// Patterns of topic names, and the settings they stand for.
// tests/: broker/topic_defaults.
#include "broker/topic_defaults.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using storage::Durability;
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

TEST(TopicRule, SetsWhatItNamesAndKeepsTheRest) {
  TopicSettings base;
  base.retention.max_events = 9;
  const auto parsed = parse_topic_rule(
      "logs/**=durability:buffered,max_age:7d,max_bytes:1GiB,content_type:text/plain", base);
  const auto* rule = std::get_if<TopicRule>(&parsed);
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->pattern, "logs/**");
  EXPECT_EQ(rule->settings.durability, Durability::buffered);
  EXPECT_EQ(rule->settings.retention.max_age, std::chrono::hours(7 * 24));
  EXPECT_EQ(rule->settings.retention.max_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(rule->settings.retention.max_events, 9U);
  EXPECT_EQ(rule->settings.content_type, "text/plain");
}

TEST(TopicRule, MistakesAreNamed) {
  for (const auto* text :
       {"logs", "=durability:synced", "a=durability:sometimes", "a=max_age:7", "a=max_bytes:1XB",
        "a=retention:7d", "a=max_events:-1", "a=content_type:nonsense", "a=max_events:1 "}) {
    EXPECT_TRUE(std::holds_alternative<SettingsFault>(parse_topic_rule(text, {}))) << text;
  }
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
