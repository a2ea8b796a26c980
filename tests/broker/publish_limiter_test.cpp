// Who may publish how fast, to what; and that it takes no memory to speak of.
// tests/: broker/limits/publish_limiter.
#include "broker/limits/publish_limiter.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const PublishLimiter::Time kStart{std::chrono::hours(1)};

milliseconds publish(PublishLimiter& limiter, const PublishRates& rates, std::string_view identity,
                     std::string_view topic, std::size_t events = 1, std::size_t bytes = 10,
                     PublishLimiter::Time now = kStart) {
  return limiter.admit(
      rates, {.identity = identity, .topic = topic, .events = events, .bytes = bytes}, now);
}

TEST(PublishLimiterTest, EachIdentityHasItsOwnRate) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 1, .burst = seconds(2)};
  EXPECT_EQ(publish(limiter, rates, "ada", "a", 2), milliseconds(0));
  EXPECT_EQ(publish(limiter, rates, "ada", "b"), seconds(1)) << "whatever the topic";
  EXPECT_EQ(publish(limiter, rates, "bob", "a", 2), milliseconds(0));
  EXPECT_EQ(publish(limiter, rates, "ada", "b", 1, 10, kStart + seconds(1)), milliseconds(0));
  EXPECT_EQ(limiter.refused(RateLimit::events_per_identity), 1U);
}

TEST(PublishLimiterTest, EachTopicHasItsOwnRateForAllWhoPublishToIt) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_topic = 10, .burst = seconds(1)};
  EXPECT_EQ(publish(limiter, rates, "ada", "t", 5), milliseconds(0));
  EXPECT_EQ(publish(limiter, rates, "bob", "t", 5), milliseconds(0));
  EXPECT_EQ(publish(limiter, rates, "eve", "t"), milliseconds(100));
  EXPECT_EQ(publish(limiter, rates, "eve", "u"), milliseconds(0));
  EXPECT_EQ(limiter.refused(RateLimit::events_per_topic), 1U);
}

TEST(PublishLimiterTest, BytesAreCountedBesideEvents) {
  PublishLimiter limiter;
  const PublishRates identity{.bytes_per_identity = 1'000, .burst = seconds(1)};
  EXPECT_EQ(publish(limiter, identity, "ada", "t", 1, 1'000), milliseconds(0));
  EXPECT_EQ(publish(limiter, identity, "ada", "t", 1, 500), milliseconds(500));
  EXPECT_EQ(limiter.refused(RateLimit::bytes_per_identity), 1U);
  const PublishRates topic{.bytes_per_topic = 100, .burst = seconds(1)};
  EXPECT_EQ(publish(limiter, topic, "ada", "t", 1, 100), milliseconds(0));
  EXPECT_EQ(publish(limiter, topic, "bob", "t", 1, 10), milliseconds(100));
  EXPECT_EQ(limiter.refused(RateLimit::bytes_per_topic), 1U);
}

TEST(PublishLimiterTest, WhatIsRefusedByOneLimitIsNotCountedByTheOthers) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 1, .events_per_topic = 100, .burst = seconds(1)};
  EXPECT_EQ(publish(limiter, rates, "ada", "t"), milliseconds(0));
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_GT(publish(limiter, rates, "ada", "t"), milliseconds(0));
  }
  // Of the topic's 100 one is gone.
  for (int i = 0; i < 99; ++i) {
    EXPECT_EQ(publish(limiter, rates, "id" + std::to_string(i), "t"), milliseconds(0)) << i;
  }
  EXPECT_GT(publish(limiter, rates, "last", "t"), milliseconds(0));
}

TEST(PublishLimiterTest, TheLongestWaitIsTold) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 10, .events_per_topic = 1, .burst = seconds(1)};
  EXPECT_EQ(publish(limiter, rates, "ada", "t", 10), milliseconds(0)) << "owes the topic nine";
  EXPECT_EQ(publish(limiter, rates, "ada", "t"), seconds(10));
  EXPECT_EQ(limiter.refused(RateLimit::events_per_topic), 1U);
  EXPECT_EQ(limiter.refused(RateLimit::events_per_identity), 0U);
}

TEST(PublishLimiterTest, WithoutRatesNothingIsKept) {
  PublishLimiter limiter;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(publish(limiter, {}, std::to_string(i), "t", 1'000'000), milliseconds(0));
  }
  EXPECT_EQ(limiter.buckets(), 0U);
}

TEST(PublishLimiterTest, WhoHasWaitedLongEnoughIsForgotten) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 1, .burst = seconds(1)};
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(publish(limiter, rates, std::to_string(i), "t"), milliseconds(0));
  }
  EXPECT_EQ(limiter.buckets(), 1'000U);
  const auto later = kStart + seconds(2);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(publish(limiter, rates, "later" + std::to_string(i), "t", 1, 1, later),
              milliseconds(0));
  }
  EXPECT_LT(limiter.buckets(), 1'100U);
}

TEST(PublishLimiterTest, AnyNumberOfIdentitiesTakesBoundedMemory) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 1, .burst = seconds(1)};
  // All in the same moment, so that nobody is idle yet.
  for (std::size_t i = 0; i < 2 * PublishLimiter::kMostBuckets; ++i) {
    EXPECT_EQ(publish(limiter, rates, std::to_string(i), "t"), milliseconds(0));
  }
  EXPECT_LE(limiter.buckets(), PublishLimiter::kMostBuckets);
  EXPECT_GT(limiter.buckets(), PublishLimiter::kMostBuckets / 2);
}

TEST(PublishLimiterTest, WhoComesOftenIsRememberedWhileOthersPassThrough) {
  PublishLimiter limiter;
  const PublishRates rates{.events_per_identity = 0.001, .burst = seconds(1'000)};
  EXPECT_EQ(publish(limiter, rates, "often", "t"), milliseconds(0));
  for (std::size_t i = 0; i < 2 * PublishLimiter::kMostBuckets; ++i) {
    static_cast<void>(publish(limiter, rates, std::to_string(i), "t"));
    if (i % 1'000 != 0) continue;
    ASSERT_GT(publish(limiter, rates, "often", "t"), milliseconds(0)) << i;
  }
}

TEST(PublishLimiterTest, ManyThreadsTogetherGetTheBurstAndNoMore) {
  PublishLimiter limiter;
  const PublishRates rates{
      .events_per_identity = 1'000, .events_per_topic = 1'000, .burst = seconds(1)};
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        if (publish(limiter, rates, "ada", "t").count() == 0) ++admitted;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(admitted, 1'000);
}

}  // namespace
}  // namespace tidemark::broker
