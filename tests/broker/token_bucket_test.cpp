// Rates with bursts, in a time that the test makes.
// tests/: broker/limits/token_bucket.
#include "broker/limits/token_bucket.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;

constexpr Rate kTen{.per_second = 10, .burst = 20};
const TokenBucket::Time kStart{std::chrono::hours(1)};

/// Waits for, and takes, `count`; returns the wait.
milliseconds spend(TokenBucket& bucket, double count, TokenBucket::Time now) {
  const auto wait = bucket.wait(kTen, count, now);
  if (wait.count() == 0) bucket.take(count);
  return wait;
}

TEST(TokenBucketTest, TheBurstComesAtOnceAndThenTheRate) {
  TokenBucket bucket(kTen, kStart);
  EXPECT_EQ(spend(bucket, 20, kStart), milliseconds(0));
  EXPECT_EQ(spend(bucket, 1, kStart), milliseconds(100));
  EXPECT_EQ(spend(bucket, 1, kStart + milliseconds(99)), milliseconds(1));
  EXPECT_EQ(spend(bucket, 1, kStart + milliseconds(100)), milliseconds(0));
  EXPECT_EQ(spend(bucket, 1, kStart + milliseconds(100)), milliseconds(100));
}

TEST(TokenBucketTest, TheWaitThatIsToldIsLongEnoughAndNoLonger) {
  for (const double count : {1.0, 3.0, 7.0, 20.0}) {
    TokenBucket bucket(kTen, kStart);
    bucket.take(20);
    const auto wait = bucket.wait(kTen, count, kStart);
    EXPECT_GT(bucket.wait(kTen, count, kStart + wait - milliseconds(1)), milliseconds(0)) << count;
    EXPECT_EQ(bucket.wait(kTen, count, kStart + wait), milliseconds(0)) << count;
  }
}

TEST(TokenBucketTest, NothingIsSavedUpBeyondTheBurst) {
  TokenBucket bucket(kTen, kStart);
  const auto later = kStart + std::chrono::hours(24);
  EXPECT_EQ(spend(bucket, 20, later), milliseconds(0));
  EXPECT_EQ(spend(bucket, 1, later), milliseconds(100));
}

TEST(TokenBucketTest, WhatIsLargerThanTheBurstGoesWhenItIsFullAndIsOwedFor) {
  TokenBucket bucket(kTen, kStart);
  EXPECT_EQ(spend(bucket, 1, kStart), milliseconds(0));
  EXPECT_EQ(spend(bucket, 100, kStart), milliseconds(100)) << "not full";
  EXPECT_EQ(spend(bucket, 100, kStart + milliseconds(100)), milliseconds(0));
  // 80 are owed, and one more takes its own tenth of a second.
  EXPECT_EQ(spend(bucket, 1, kStart + milliseconds(100)), milliseconds(8'100));
}

TEST(TokenBucketTest, InTheLongRunTheRateIsKept) {
  TokenBucket bucket(kTen, kStart);
  int admitted = 0;
  for (int ms = 0; ms < 100'000; ++ms) {
    if (spend(bucket, 1, kStart + milliseconds(ms)).count() == 0) ++admitted;
  }
  EXPECT_GE(admitted, 1'019);
  EXPECT_LE(admitted, 1'020) << "20 at once, and 10 in each of 100 seconds";
}

TEST(TokenBucketTest, AClockThatStandsStillOrGoesBackGivesNothing) {
  TokenBucket bucket(kTen, kStart);
  EXPECT_EQ(spend(bucket, 20, kStart), milliseconds(0));
  EXPECT_EQ(spend(bucket, 1, kStart - std::chrono::seconds(5)), milliseconds(100));
  EXPECT_EQ(spend(bucket, 1, kStart), milliseconds(100));
}

TEST(TokenBucketTest, WithoutARateThereIsNoWait) {
  TokenBucket bucket({}, kStart);
  EXPECT_EQ(bucket.wait({}, 1e12, kStart), milliseconds(0));
}

TEST(TokenBucketTest, NobodyWaitsForMoreThanAnHour) {
  const Rate slow{.per_second = 1e-9, .burst = 1};
  TokenBucket bucket(slow, kStart);
  bucket.take(1);
  EXPECT_EQ(bucket.wait(slow, 1, kStart), std::chrono::hours(1));
}

}  // namespace
}  // namespace tidemark::broker
