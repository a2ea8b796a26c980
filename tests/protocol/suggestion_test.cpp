// "Did you mean …?"
// tests/protocol/: see protocol/suggestion.hpp.
#include "protocol/suggestion.hpp"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

const std::vector<std::string> kNames{"pub", "tail", "topics", "bench"};

TEST(Suggestion, FindsTheClosest) {
  EXPECT_EQ(closest("tial", kNames), "tail");
  EXPECT_EQ(closest("topic", kNames), "topics");
  EXPECT_EQ(closest("TAIL", kNames), "tail");
  EXPECT_EQ(closest("pubb", kNames), "pub");
  EXPECT_EQ(closest("bnech", kNames), "bench");
}

TEST(Suggestion, SuggestsNothingFarFetched) {
  EXPECT_EQ(closest("xyz", kNames), std::nullopt);
  EXPECT_EQ(closest("publish", kNames), std::nullopt);
  EXPECT_EQ(closest("", {}), std::nullopt);
  EXPECT_EQ(did_you_mean("xyz", kNames), "");
}

}  // namespace
}  // namespace tidemark
