// What is held stays: against retention, for a while, and not against people.
// tests/: the units holds, topic, committer and janitor.
#include "storage/holds.hpp"

#include <thread>

#include "tests/storage/lifecycle_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr steady_clock::time_point kNow{seconds(1'000)};

TEST(Holds, TheFirstEventAfterAnyOfThemIsKept) {
  Holds holds(3, seconds(60));
  EXPECT_EQ(holds.first(kNow), std::nullopt);
  holds.add(Offset{7}, kNow);
  const auto first = holds.add(Offset{4}, kNow);
  EXPECT_EQ(holds.first(kNow), Offset{5});
  holds.release(first);
  EXPECT_EQ(holds.first(kNow), Offset{8});
}

TEST(Holds, AHoldIsOverAfterItsTime) {
  Holds holds(3, seconds(60));
  holds.add(Offset{4}, kNow);
  holds.add(Offset{7}, kNow + seconds(1));
  EXPECT_EQ(holds.first(kNow + milliseconds(59'999)), Offset{5});
  EXPECT_EQ(holds.first(kNow + seconds(60)), Offset{8});
  EXPECT_EQ(holds.first(kNow + seconds(61)), std::nullopt);
}

TEST(Holds, MoreThanThereMayBeKeepNothing) {
  Holds holds(2, seconds(60));
  holds.add(Offset{7}, kNow);
  holds.add(Offset{8}, kNow);
  EXPECT_EQ(holds.add(Offset{1}, kNow), 0U);
  EXPECT_EQ(holds.first(kNow), Offset{8});
  EXPECT_NE(holds.add(Offset{1}, kNow + seconds(60)), 0U) << "those that are over make room";
}

class HoldsTest : public LifecycleFixture {
 protected:
  void publish_ten(std::string_view name) {
    ASSERT_FALSE(publish(name, {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
  }
  void retain(std::string_view name, std::uint64_t events) {
    auto request = std::make_unique<ConfigureRequest>(topic_name(name));
    request->retention = RetentionPolicy{.max_events = events, .max_bytes = 0, .max_age = {}};
    ASSERT_FALSE(run(std::move(request))->error);
  }
  std::uint64_t trimmed_by(std::string_view name, std::uint64_t keep, GapCause cause) {
    return run(std::make_unique<TrimRequest>(topic_name(name), Offset{keep}, cause))
        ->bounds.earliest.value;
  }
};

TEST_F(HoldsTest, RetentionGoesNoFurtherThanWhatIsHeld) {
  publish_ten("t");
  Hold hold = Topic::hold(topic("t"), Offset{4}, steady_clock::now());
  EXPECT_EQ(trimmed_by("t", 8, GapCause::count), 5U);
  EXPECT_EQ(trimmed_by("t", 8, GapCause::bytes), 5U);
  EXPECT_EQ(trimmed_by("t", 8, GapCause::age), 5U);
  hold.release();
  EXPECT_EQ(trimmed_by("t", 8, GapCause::count), 8U);
}

TEST_F(HoldsTest, PeopleDoNotWait) {
  publish_ten("t");
  const Hold hold = Topic::hold(topic("t"), Offset{4}, steady_clock::now());
  EXPECT_EQ(trimmed_by("t", 8, GapCause::trimmed), 8U);
}

TEST_F(HoldsTest, AHoldIsMovedAndEndsOnce) {
  publish_ten("t");
  const auto held = topic("t");
  const auto now = steady_clock::now();
  Hold first = Topic::hold(held, Offset{4}, now);
  Hold second = std::move(first);
  first.release();  // NOLINT(bugprone-use-after-move): it holds nothing any more
  EXPECT_EQ(held->held(now), Offset{5});
  second = Topic::hold(held, Offset{6}, now);
  EXPECT_EQ(held->held(now), Offset{7}) << "what it held before is let go";
  second.release();
  second.release();
  EXPECT_EQ(held->held(now), std::nullopt);
}

TEST_F(HoldsTest, AHoldIsOverByItself) {
  publish_ten("t");
  const auto held = topic("t");
  const auto now = steady_clock::now();
  const Hold hold = Topic::hold(held, Offset{4}, now);
  EXPECT_EQ(held->held(now + Topic::kHoldsFor - milliseconds(1)), Offset{5});
  EXPECT_EQ(held->held(now + Topic::kHoldsFor), std::nullopt);
}

TEST_F(HoldsTest, OneThatIsOverDoesNotEndAnother) {
  publish_ten("t");
  const auto held = topic("t");
  const auto now = steady_clock::now();
  Hold over = Topic::hold(held, Offset{4}, now - Topic::kHoldsFor);
  const Hold later = Topic::hold(held, Offset{6}, now);
  over.release();
  EXPECT_EQ(held->held(now), Offset{7});
}

TEST_F(HoldsTest, ATopicHasSoManyHolds) {
  publish_ten("t");
  const auto held = topic("t");
  const auto now = steady_clock::now();
  std::vector<Hold> holds;
  for (std::size_t i = 0; i < Topic::kMaxHolds; ++i)
    holds.push_back(Topic::hold(held, Offset{8}, now));
  Hold further = Topic::hold(held, Offset{1}, now);
  EXPECT_EQ(held->held(now), Offset{9});
  further.release();
  EXPECT_EQ(held->held(now), Offset{9});
}

TEST_F(HoldsTest, TheJanitorLeavesWhatIsHeld) {
  options_.janitor.open_interval = milliseconds(2);
  reopen();
  for (const char* name : {"held", "other"}) publish_ten(name);
  const auto held = topic("held");
  const auto other = topic("other");
  Hold hold = Topic::hold(held, Offset{4}, steady_clock::now());
  for (const char* name : {"held", "other"}) retain(name, 2);
  while (held->bounds().earliest.value < 5) std::this_thread::yield();
  // It goes round a few times more.
  for (std::uint64_t last = 11; last < 14; ++last) {
    ASSERT_FALSE(publish("other", {"1"}));
    while (other->bounds().earliest.value < last - 1) std::this_thread::yield();
  }
  EXPECT_EQ(held->bounds().earliest.value, 5U);
  hold.release();
  while (held->bounds().earliest.value < 9) std::this_thread::yield();
}

}  // namespace
}  // namespace tidemark::storage
