// Tokens sort like positions and are read back strictly.
// tests/protocol/
#include "protocol/position_token.hpp"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(PositionToken, SaysEpochAndOffset) {
  EXPECT_EQ(to_token({.epoch = {7}, .offset = {42}}), "0000000000000007_0000000000000042");
  EXPECT_EQ(to_token({.epoch = {kMaxInteger}, .offset = {kMaxInteger}}),
            "9007199254740991_9007199254740991");
}

TEST(PositionToken, IsReadBack) {
  for (const std::uint64_t epoch : {1ULL, 10ULL, 456418551821573ULL, 9007199254740991ULL}) {
    for (const std::uint64_t offset : {0ULL, 1ULL, 99ULL, 9007199254740991ULL}) {
      const Position position{.epoch = {epoch}, .offset = {offset}};
      ASSERT_EQ(parse_token(to_token(position)).value(), position);
    }
  }
  EXPECT_EQ(parse_token("0000000000000000_0000000000000000").value(), Position{});
}

TEST(PositionToken, SortsLikeThePosition) {
  EXPECT_LT(to_token({.epoch = {1}, .offset = {9}}), to_token({.epoch = {1}, .offset = {10}}));
  EXPECT_LT(to_token({.epoch = {9}, .offset = {99}}), to_token({.epoch = {10}, .offset = {100}}));
}

TEST(PositionToken, TakesNothingElse) {
  for (const char* const token :
       {"", "1", "-1", "now", "1_2", "0000000000000001_000000000000002",
        "0000000000000001_00000000000000002", "0000000000000001-0000000000000002",
        "000000000000000a_0000000000000002", "+000000000000001_0000000000000002",
        " 000000000000001_0000000000000002", "0000000000000001_0000000000000002 ",
        // Beyond 2^53 - 1, and an offset of no history.
        "9999999999999999_9999999999999999", "0000000000000001_9007199254740992",
        "0000000000000000_0000000000000001"}) {
    EXPECT_FALSE(parse_token(token)) << token;
  }
}

}  // namespace
}  // namespace tidemark
