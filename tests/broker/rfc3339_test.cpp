// Dates that are dates, and those that only look like some.
// tests/: broker/rfc3339.
#include "broker/shapes/rfc3339.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

std::optional<std::int64_t> ms(std::string_view text) {
  const auto time = parse_rfc3339(text);
  if (!time) return std::nullopt;
  return time->ms;
}

TEST(Rfc3339, ReadsDatesWithZAndWithOffsets) {
  EXPECT_EQ(ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("2024-10-09T00:00:00Z"), 1'728'432'000'000);
  EXPECT_EQ(ms("2024-10-09t00:00:00z"), 1'728'432'000'000);
  EXPECT_EQ(ms("2024-10-09T05:30:00+05:30"), 1'728'432'000'000);
  EXPECT_EQ(ms("2024-10-08T16:00:00-08:00"), 1'728'432'000'000);
  EXPECT_EQ(ms("2024-10-09T00:00:00+00:00"), 1'728'432'000'000);
  EXPECT_EQ(ms("2024-10-09T00:00:00-00:00"), 1'728'432'000'000);
  EXPECT_EQ(ms("9999-12-31T23:59:59.999Z"), 253'402'300'799'999);
  EXPECT_EQ(ms("9999-12-31T23:59:59-00:01"), std::nullopt) << "that is the year 10000";
}

TEST(Rfc3339, RoundsFractionsDownToMilliseconds) {
  EXPECT_EQ(ms("1970-01-01T00:00:01.5Z"), 1'500);
  EXPECT_EQ(ms("1970-01-01T00:00:01.05Z"), 1'050);
  EXPECT_EQ(ms("1970-01-01T00:00:01.0009Z"), 1'000);
  EXPECT_EQ(ms("1970-01-01T00:00:01.999999999999999999999999Z"), 1'999);
}

TEST(Rfc3339, KnowsTheDaysOfMonths) {
  EXPECT_TRUE(ms("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(ms("2000-02-29T00:00:00Z"));
  for (const auto* text : {"2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z",
                           "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z",
                           "2024-01-32T00:00:00Z"}) {
    EXPECT_EQ(ms(text), std::nullopt) << text;
  }
}

TEST(Rfc3339, TakesLeapSecondsWhereThereCanBeSome) {
  EXPECT_EQ(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
  EXPECT_EQ(ms("2015-06-30T23:59:60Z"), ms("2015-07-01T00:00:00Z"));
  EXPECT_EQ(ms("1990-12-31T15:59:60-08:00"), ms("1991-01-01T00:00:00Z"));
  for (const auto* text :
       {"2016-12-31T23:58:60Z", "2016-12-31T22:59:60Z", "2016-12-30T23:59:60Z",
        "2016-03-31T23:59:60Z", "2016-12-31T23:59:60-08:00", "2016-12-31T23:59:61Z"}) {
    EXPECT_EQ(ms(text), std::nullopt) << text;
  }
}

TEST(Rfc3339, WhatIsLongPastIsTheBeginning) {
  EXPECT_EQ(ms("0000-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("1969-12-31T23:59:59.999Z"), 0);
  EXPECT_EQ(ms("1970-01-01T00:00:00+23:59"), 0);
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const auto* text : {"",
                           "not-a-timestamp",
                           "2024-10-09",
                           "2024-10-09T00:00:00",
                           "2024-10-09 00:00:00Z",
                           "2024-10-09T00:00Z",
                           "2024-10-09T00:00:00.Z",
                           "2024-10-09T00:00:00,5Z",
                           "2024-10-09T24:00:00Z",
                           "2024-10-09T00:60:00Z",
                           "2024-10-09T00:00:00ZZ",
                           "2024-10-09T00:00:00Z ",
                           " 2024-10-09T00:00:00Z",
                           "2024-10-09T00:00:00+0000",
                           "2024-10-09T00:00:00+24:00",
                           "2024-10-09T00:00:00+00:60",
                           "2024-10-09T00:00:00+00",
                           "24-10-09T00:00:00Z",
                           "12024-10-09T00:00:00Z",
                           "+2024-10-09T00:00:00Z",
                           "2024-1-9T00:00:00Z",
                           "2024-10-09T+1:00:00Z",
                           "20241009T000000Z",
                           "1728432000000"}) {
    EXPECT_EQ(ms(text), std::nullopt) << text;
  }
}

TEST(Rfc3339, WritesWhatItReads) {
  for (const auto* text : {"1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.123Z",
                           "9999-12-31T23:59:59.999Z", "2026-03-01T00:00:00.001Z"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(to_rfc3339(*time), text);
  }
  EXPECT_EQ(to_rfc3339({-1}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339({std::numeric_limits<std::int64_t>::max()}), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace tidemark::broker
