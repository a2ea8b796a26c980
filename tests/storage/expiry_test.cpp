// Topics that expire: by disuse, at a time; who renews them, who sweeps them, what a restart knows.
// tests/: the units lifecycle, store_clock, committer and janitor, with clocks in the test's hand.
#include "tests/storage/lifecycle_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Data = std::vector<std::string>;

constexpr const char* kText = "text/plain";

class ExpiryTest : public LifecycleFixture {
 protected:
  void create(std::string_view name, seconds ttl) {
    auto request = create_of(name, kText, {"a"});
    request->ttl = ttl;
    ASSERT_FALSE(run(std::move(request))->error);
  }
  void create_until(std::string_view name, Timestamp expires_at) {
    auto request = create_of(name, kText, {"a"});
    request->expires_at = expires_at;
    ASSERT_FALSE(run(std::move(request))->error);
  }
  [[nodiscard]] Timestamp in(milliseconds time) const { return {wall_ms_ + time.count()}; }
  /// From now on, until the next change of mind, the janitor looks all the time.
  void sweep() {
    options_.janitor.open_interval = options_.janitor.all_interval = milliseconds(2);
    reopen();
  }
};

TEST_F(ExpiryTest, AnUnusedTopicExpires) {
  create("t", seconds(10));
  pass(milliseconds(9'999));
  const auto reader = topic("t");
  EXPECT_FALSE(store_->expired(*reader));
  pass(milliseconds(1));
  EXPECT_TRUE(store_->expired(*reader));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
  EXPECT_EQ(store_->find_open(topic_name("t")), nullptr);
  EXPECT_EQ(store_->read(*reader, {}).state, ReadAnswer::State::deleted);
  EXPECT_THAT(listed(), IsEmpty());
}

TEST_F(ExpiryTest, NothingFindsItButTheCommitterRemovesIt) {
  create("t", seconds(10));
  const auto reader = topic("t");
  pass(seconds(10));
  EXPECT_EQ(store_->topic_count(), 1U);
  auto existing = publish_of("t", {"b"});
  existing->must_exist = true;
  EXPECT_EQ(run(std::move(existing))->error, Errc::unknown_topic);
  EXPECT_TRUE(reader->deleted());
  EXPECT_EQ(store_->topic_count(), 0U);
}

TEST_F(ExpiryTest, EveryOtherRequestRemovesItToo) {
  for (const char* name : {"erased", "trimmed"}) create(name, seconds(10));
  pass(seconds(10));
  EXPECT_EQ(erase("erased"), Errc::unknown_topic);
  EXPECT_EQ(trim("trimmed", 2), Errc::unknown_topic);
  EXPECT_EQ(store_->topic_count(), 0U);
}

TEST_F(ExpiryTest, UsesRenewIt) {
  create("t", seconds(10));
  pass(seconds(9));
  EXPECT_FALSE(publish("t", {"b"}));
  pass(seconds(9));
  EXPECT_TRUE(store_->touch(*topic("t")));
  pass(seconds(9));
  auto closing = publish_of("t", {});
  closing->close = true;
  EXPECT_FALSE(run(std::move(closing))->error);
  pass(seconds(9));
  EXPECT_EQ(refused("t"), std::nullopt);
  pass(seconds(1));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

TEST_F(ExpiryTest, WaitingForItKeepsItAndLeavingBeginsItsTime) {
  create("t", seconds(10));
  const auto reader = topic("t");
  store_->begin_wait(*reader);
  pass(seconds(100));
  EXPECT_FALSE(store_->expired(*reader));
  store_->end_wait(*reader);
  pass(seconds(9));
  EXPECT_FALSE(store_->expired(*reader));
  pass(seconds(1));
  EXPECT_TRUE(store_->expired(*reader));
}

TEST_F(ExpiryTest, WaitingForItDoesNotMoveItsFixedTime) {
  create_until("t", in(seconds(10)));
  const auto reader = topic("t");
  store_->begin_wait(*reader);
  pass(seconds(10));
  EXPECT_TRUE(store_->expired(*reader));
}

TEST_F(ExpiryTest, LookingAtItOrBeingRefusedDoesNot) {
  create("t", seconds(10));
  pass(seconds(9));
  static_cast<void>(topic("t")->end());
  static_cast<void>(store_->read(*topic("t"), {}));
  EXPECT_EQ(run(publish_of("t", {"b"}, "application/json"))->error, Errc::content_type_mismatch);
  EXPECT_FALSE(run(std::make_unique<ConfigureRequest>(topic_name("t")))->error);
  pass(seconds(1));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

TEST_F(ExpiryTest, AFixedTimeIsNotMoved) {
  create_until("t", in(seconds(10)));
  pass(seconds(9));
  EXPECT_FALSE(publish("t", {"b"}));
  EXPECT_TRUE(store_->touch(*topic("t")));
  reopen();
  EXPECT_EQ(read("t"), (Data{"a", "b"}));
  pass(seconds(1));
  now_and_after_reopening([&] { EXPECT_EQ(refused("t"), Errc::unknown_topic); });
}

TEST_F(ExpiryTest, WhatHasExpiredIsNotRevived) {
  create("t", seconds(10));
  const auto reader = topic("t");
  pass(seconds(10));
  EXPECT_FALSE(store_->touch(*reader));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

TEST_F(ExpiryTest, ItsNameIsGivenAnew) {
  create("published", seconds(10));
  create("created", seconds(10));
  create("configured", seconds(10));
  const auto reader = topic("published");
  const Position before = reader->end().tail;
  pass(seconds(10));
  EXPECT_FALSE(run(publish_of("published", {"1"}))->error) << "as JSON, by default";
  const auto created = run(create_of("created", "application/json", {"1"}));
  EXPECT_TRUE(created->created);
  EXPECT_TRUE(run(std::make_unique<ConfigureRequest>(topic_name("configured")))->created);
  EXPECT_TRUE(reader->deleted());
  now_and_after_reopening([&] {
    EXPECT_EQ(read("published"), Data{"1"});
    EXPECT_EQ(read("created"), Data{"1"});
    EXPECT_EQ(store_->read(*topic("published"), before).state, ReadAnswer::State::gap);
    EXPECT_EQ(store_->topic_count(), 3U);
    EXPECT_EQ(topic("created")->meta().settings.ttl, std::nullopt);
  });
}

TEST_F(ExpiryTest, ARefusedPublishDoesNotKeepIt) {
  create("t", seconds(10));
  pass(seconds(10));
  EXPECT_EQ(publish("t", {"not json"}), Errc::invalid_payload);
  EXPECT_EQ(store_->topic_count(), 0U);
}

TEST_F(ExpiryTest, WithForksItIsGone) {
  create("source", seconds(10));
  auto request = fork_of("fork", "source");
  request->ttl = seconds(1'000);
  ASSERT_FALSE(run(std::move(request))->error);
  pass(seconds(10));
  EXPECT_EQ(refused("source"), Errc::topic_deleted) << "before anybody has written so";
  EXPECT_EQ(run(create_of("source", kText))->error, Errc::topic_exists);
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("source"), Errc::topic_deleted);
    EXPECT_EQ(publish("source", {"b"}), Errc::topic_deleted);
    EXPECT_EQ(run(fork_of("other", "source"))->error, Errc::source_deleted);
    EXPECT_EQ(read("fork"), Data{"a"});
    EXPECT_THAT(listed(), ElementsAre("fork"));
  });
  EXPECT_FALSE(erase("fork"));
  EXPECT_EQ(store_->topic_count(), 0U);
}

TEST_F(ExpiryTest, AForkThatExpiresReleasesItsSource) {
  ASSERT_FALSE(run(create_of("source", kText, {"a"}))->error);
  auto request = fork_of("fork", "source");
  request->ttl = seconds(10);
  ASSERT_FALSE(run(std::move(request))->error);
  EXPECT_FALSE(erase("source"));
  pass(seconds(10));
  EXPECT_TRUE(run(create_of("fork", kText, {"b"}))->created);
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("source"), Errc::unknown_topic);
    EXPECT_EQ(read("fork"), Data{"b"});
    EXPECT_EQ(store_->topic_count(), 1U);
  });
}

TEST_F(ExpiryTest, ForkAndSourceThatExpireTogetherGoTogether) {
  create("source", seconds(10));
  ASSERT_FALSE(run(fork_of("fork", "source"))->error);
  pass(seconds(10));
  EXPECT_EQ(run(fork_of("other", "fork"))->error, Errc::unknown_topic);
  now_and_after_reopening([&] { EXPECT_EQ(store_->topic_count(), 0U); });
}

TEST_F(ExpiryTest, AJumpOfTheClockExpiresNothingAtOnce) {
  create("idle", seconds(3'600));
  create_until("fixed", in(hours(1)));
  jump(hours(24 * 365));
  EXPECT_EQ(refused("idle"), std::nullopt);
  EXPECT_EQ(refused("fixed"), std::nullopt);
  pass(seconds(1'799));
  EXPECT_EQ(refused("idle"), std::nullopt) << "it is followed at most as fast again";
  pass(seconds(1));
  EXPECT_EQ(refused("idle"), Errc::unknown_topic);
  EXPECT_EQ(refused("fixed"), Errc::unknown_topic);
}

TEST_F(ExpiryTest, AClockSetBackExpiresNothingEarly) {
  create("t", seconds(10));
  jump(-hours(1));
  EXPECT_TRUE(store_->touch(*topic("t")));
  pass(seconds(9));
  EXPECT_EQ(refused("t"), std::nullopt);
  pass(seconds(1));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

// ---- the janitor ----

TEST_F(ExpiryTest, WaitingReadersAreWokenAndTheTopicIsRemoved) {
  sweep();
  create("t", seconds(10));
  const auto reader = topic("t");
  pass(seconds(10));
  watching_.wait_for([&] { return reader->deleted(); });
  EXPECT_EQ(store_->topic_count(), 0U);
}

TEST_F(ExpiryTest, TopicsNobodyHasOpenedAreSweptToo) {
  create("t", seconds(10));
  create("source", seconds(10));
  auto request = fork_of("fork", "source");
  request->expires_at = in(hours(100));
  ASSERT_FALSE(run(std::move(request))->error);
  close();
  pass(hours(1));
  sweep();
  watching_.wait_for([&] { return store_->topic_count() == 2; });
  EXPECT_EQ(refused("source"), Errc::topic_deleted);
  EXPECT_EQ(read("fork"), Data{"a"});
}

TEST_F(ExpiryTest, UsesAreStoredNowAndThen) {
  sweep();
  create("t", seconds(80));  // slack: 10 s
  for (int i = 0; i < 20; ++i) {
    pass(seconds(20));
    const auto reader = topic("t");
    ASSERT_TRUE(store_->touch(*reader));
    watching_.wait_for([&] { return !reader->use_unsaved(); });
  }
  reopen();
  pass(seconds(79));
  EXPECT_EQ(read("t"), Data{"a"});
  pass(seconds(1) + 2 * use_slack(seconds(80)));
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

// ---- restarts ----

TEST_F(ExpiryTest, WhatExpiredIsNotThereAfterARestartAndWhatIsFreshIs) {
  create("old", seconds(10));
  pass(seconds(9));
  create("fresh", seconds(10));
  pass(2 * use_slack(seconds(10)) + seconds(1));
  reopen();
  EXPECT_EQ(refused("old"), Errc::unknown_topic);
  EXPECT_EQ(read("fresh"), Data{"a"});
  EXPECT_THAT(listed(), ElementsAre("fresh"));
}

TEST_F(ExpiryTest, AUseThatWasNotStoredIsNotHeldAgainstIt) {
  create("t", seconds(80));
  pass(seconds(9));
  ASSERT_TRUE(store_->touch(*topic("t")));
  ASSERT_FALSE(topic("t")->use_unsaved()) << "not worth a write";
  pass(seconds(79));
  reopen();
  EXPECT_EQ(read("t"), Data{"a"});
}

TEST_F(ExpiryTest, RestartsDoNotKeepItAlive) {
  create("t", seconds(80));
  for (int i = 0; i < 9; ++i) {
    pass(seconds(10));
    reopen();
    EXPECT_EQ(refused("t"), std::nullopt);
  }
  pass(seconds(10));
  reopen();
  EXPECT_EQ(refused("t"), Errc::unknown_topic);
}

TEST_F(ExpiryTest, AppendsStoreTheUseWithWhatTheyWrite) {
  create("t", seconds(80));
  for (int i = 0; i < 10; ++i) {
    pass(seconds(20));
    ASSERT_FALSE(publish("t", {"b"}));
    reopen();
  }
  EXPECT_EQ(read("t").size(), 11U);
}

// ---- arithmetic ----

TEST(Lifetime, EndsWithTheTtlAfterTheLastUse) {
  const Lifetime lifetime{.ttl = seconds(2), .expires_at = {}};
  EXPECT_FALSE(lifetime.over({1'000}, {2'999}));
  EXPECT_TRUE(lifetime.over({1'000}, {3'000}));
  EXPECT_FALSE(lifetime.over({1'000}, {0})) << "the clock was set back";
}

TEST(Lifetime, OfNoTimeIsOverAtOnceAndOfTheLongestNever) {
  EXPECT_TRUE((Lifetime{.ttl = seconds(0), .expires_at = {}}.over({5}, {5})));
  EXPECT_FALSE((Lifetime{.ttl = seconds::max(), .expires_at = {}}.over({0}, {1'000'000'000'000})));
}

TEST(Lifetime, WithoutLimitsIsNeverOver) {
  EXPECT_FALSE(Lifetime{}.limited());
  EXPECT_FALSE(Lifetime{}.over({0}, {1'000'000'000'000'000}));
}

TEST(UseSlack, IsAnEighthWithinBounds) {
  EXPECT_EQ(use_slack(seconds(0)), seconds(1));
  EXPECT_EQ(use_slack(seconds(8)), seconds(1));
  EXPECT_EQ(use_slack(seconds(80)), seconds(10));
  EXPECT_EQ(use_slack(hours(8)), hours(1));
  EXPECT_EQ(use_slack(seconds::max()), hours(1));
}

TEST(SteadyWallClock, DoesNotStandStillForThoseWhoAskOften) {
  using std::chrono::microseconds;
  SteadyWallClock clock;
  std::chrono::steady_clock::time_point steady{};
  static_cast<void>(clock.now(Timestamp{1'000}, steady));
  Timestamp last;
  for (int i = 1; i <= 10'000; ++i) {
    steady += microseconds(300);
    last = clock.now(Timestamp{1'000 + i * 300 / 1'000}, steady);
  }
  EXPECT_EQ(last, Timestamp{4'000});
}

}  // namespace
}  // namespace tidemark::storage
