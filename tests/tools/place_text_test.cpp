// Offsets and times as people type them.
// tests/tools/: see tools/inspect/source.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/inspect/source.hpp"

namespace tidemark::tools {
namespace {

constexpr Timestamp kNow{1'764'000'000'000};

TEST(PlaceTextTest, ShortNumbersAreOffsetsAndLongOnesMilliseconds) {
  EXPECT_EQ(parse_place("1187", kNow)->offset, Offset{1187});
  EXPECT_EQ(parse_place("0", kNow)->offset, Offset{0});
  EXPECT_EQ(parse_place("999999999999", kNow)->offset, Offset{999'999'999'999});
  EXPECT_EQ(parse_place("1764000000000", kNow)->time, Timestamp{1'764'000'000'000});
}

TEST(PlaceTextTest, TimesAreThoseOfTail) {
  EXPECT_EQ(parse_place("10m", kNow)->time, Timestamp{kNow.ms - 600'000});
  EXPECT_EQ(parse_place("2025-11-24T16:00:00Z", kNow)->time, kNow);
}

TEST(PlaceTextTest, AnythingElseIsNone) {
  for (const auto* const text : {"", "-1", "yesterday", "12x", "99999999999999999999999999"}) {
    EXPECT_FALSE(parse_place(text, kNow)) << text;
    EXPECT_THAT(check_place(text), testing::StartsWith("neither an offset nor a time")) << text;
  }
  EXPECT_EQ(check_place("7"), "");
}

}  // namespace
}  // namespace tidemark::tools
