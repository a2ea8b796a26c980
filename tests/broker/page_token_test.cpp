// Places in a listing that its reader must not be able to read.
// tests/: broker/page_token.
#include "broker/page_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/types.hpp"

namespace tidemark::broker {
namespace {

TEST(PageTokens, OpenWhatTheyHaveSealed) {
  const PageTokens tokens;
  for (const std::string& name : {std::string("a"), std::string("rooms/staff"),
                                  std::string(limits::topic_name_bytes, 'x'), std::string()}) {
    EXPECT_EQ(tokens.open(tokens.seal(name)), name);
  }
}

TEST(PageTokens, TellNothingOfTheNameAndAreNoNames) {
  const PageTokens tokens;
  const auto token = tokens.seal("rooms/staff");
  EXPECT_THAT(token, testing::Not(testing::HasSubstr("staff")));
  EXPECT_NE(token, tokens.seal("rooms/staff"));
  EXPECT_TRUE(PageTokens::is_token(token));
  EXPECT_FALSE(TopicName::parse(token));
}

TEST(PageTokens, OpenNothingElse) {
  const PageTokens tokens;
  auto other = tokens.seal("rooms/staff");
  EXPECT_FALSE(PageTokens().open(other));
  other[5] = other[5] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(tokens.open(other));
  for (const auto* text : {"", ":", ":AAAA", "rooms/staff", ":not base64!"}) {
    EXPECT_FALSE(tokens.open(text)) << text;
  }
  EXPECT_FALSE(tokens.open(":" + std::string(4'000, 'A')));
}

}  // namespace
}  // namespace tidemark::broker
