// Percent escapes and queries, as clients write them and as attackers do.
// tests/: broker/url_text.
#include "broker/url_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

TEST(PercentDecoded, ReplacesEscapesOnce) {
  EXPECT_EQ(percent_decoded("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decoded("%252F"), "%2F") << "a second layer stays";
  EXPECT_EQ(percent_decoded("a+b"), "a+b") << "a plus is a plus";
  EXPECT_EQ(percent_decoded("%00%ff"), std::string("\0\xff", 2));
  EXPECT_EQ(percent_decoded(""), "");
}

TEST(PercentDecoded, RefusesBrokenEscapes) {
  for (const auto* text : {"%", "a%", "%4", "%4g", "%g4", "%%41", "%-1", "%u0041", "% 41"}) {
    EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
  }
}

TEST(TargetOfARequest, IsCutAtTheFirstQuestionMark) {
  EXPECT_EQ(cut_target("/a?b=c?d").path, "/a");
  EXPECT_EQ(cut_target("/a?b=c?d").query, "b=c?d");
  EXPECT_EQ(cut_target("/a").query, "");
  EXPECT_EQ(cut_target("/a?").path, "/a");
}

TEST(ParametersOfAQuery, KeepTheirOrderAndAreDecoded) {
  const auto all = parameters("b=1&%61=2%263&b=&c&&=x&d=e=f");
  const std::pair<std::string, std::string> expected[] = {{"b", "1"}, {"a", "2&3"}, {"b", ""},
                                                          {"c", ""},  {"", "x"},    {"d", "e=f"}};
  ASSERT_EQ(all.size(), std::size(expected));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(std::pair(all[i].name, all[i].value), expected[i]);
  }
  EXPECT_TRUE(parameters("").empty());
}

TEST(ParametersOfAQuery, WithABrokenEscapeStayAsTheyCame) {
  const auto all = parameters("off%set=1&offset=%zz");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "off%set");
  EXPECT_EQ(all[1].value, "%zz");
}

}  // namespace
}  // namespace tidemark::broker
