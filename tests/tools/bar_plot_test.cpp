// Bars, buckets and quantiles.
// tests/tools/: see tools/inspect/bar_plot.hpp.
#include "tools/inspect/bar_plot.hpp"

#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

TEST(BarPlot, BarsAreDrawnInEighths) {
  EXPECT_EQ(bar(0, 8, 4), "");
  EXPECT_EQ(bar(8, 8, 4), "████");
  EXPECT_EQ(bar(4, 8, 4), "██");
  EXPECT_EQ(bar(1, 8, 4), "▌");
  EXPECT_EQ(bar(3, 32, 4), "▍");
  EXPECT_EQ(bar(7, 32, 4), "▉");
}

TEST(BarPlot, WhatIsMoreThanNothingIsSeenAndNothingIsTooLong) {
  EXPECT_EQ(bar(1, 1e12, 4), "▏");
  EXPECT_EQ(bar(20, 8, 4), "████");
  EXPECT_EQ(bar(1, 0, 4), "");
  EXPECT_EQ(bar(-1, 8, 4), "");
  EXPECT_EQ(bar(1, 8, 0), "");
}

TEST(BarPlot, EmptyBucketsAreFilledIn) {
  const std::vector<Bucket> gaps{{64, 1}, {512, 2}, {std::nullopt, 3}};
  const std::vector<Bucket> whole{{64, 1}, {128, 0}, {256, 0}, {512, 2}, {std::nullopt, 3}};
  EXPECT_EQ(with_empty(gaps), whole);
  EXPECT_TRUE(with_empty({}).empty());
  EXPECT_LE(with_empty({{1e-300, 1}, {1e300, 1}}).size(), 130U) << "of a wrong answer";
}

TEST(BarPlot, QuantilesLieWithinTheirBucket) {
  const std::vector<Bucket> buckets{{100, 50}, {200, 40}, {400, 10}};
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.5)->value, 100);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.25)->value, 75);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.9)->value, 200);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.95)->value, 300);
  EXPECT_DOUBLE_EQ(quantile(buckets, 1)->value, 400);
  EXPECT_FALSE(quantile(buckets, 1)->beyond);
}

TEST(BarPlot, QuantilesAboveAllBoundsAreSaidToBe) {
  const std::vector<Bucket> buckets{{100, 1}, {std::nullopt, 9}};
  EXPECT_TRUE(quantile(buckets, 0.5)->beyond);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.5)->value, 100);
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_FALSE(quantile({{100, 0}}, 0.5));
}

}  // namespace
}  // namespace tidemark::tools
