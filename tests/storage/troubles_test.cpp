// What can be wrong with a store, and how it is told: signs to troubles, damage, the clock.
// tests/: storage/troubles, storage/damage, storage/store_clock; no store but in the last.
#include "storage/troubles.hpp"

#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::topic_name;

std::vector<Problem> now_of(const StoreSigns& signs) {
  std::vector<Problem> out;
  for (const auto& trouble : troubles_of(signs))
    if (trouble.now) out.push_back(trouble.problem);
  return out;
}

const Trouble& of(const Troubles& troubles, Problem problem) {
  return troubles.at(static_cast<std::size_t>(problem));
}

TEST(Problems, EachHasItsPlaceAndAName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kProblems; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(problems().at(i).problem), i);
    EXPECT_EQ(static_cast<std::size_t>(troubles_of({}).at(i).problem), i);
    names.insert(problems().at(i).name);
  }
  EXPECT_EQ(names.size(), kProblems);
}

TEST(Troubles, OfAHealthyStoreThereAreNone) { EXPECT_THAT(now_of({}), IsEmpty()); }

TEST(Troubles, AFailedWriteIsRecoveringUnlessTheDiskIsFull) {
  StoreSigns signs;
  signs.writing = {.failing = true, .failure = Errc::storage_failed, .failures = 3, .full = 1};
  signs.log.last_error = "IO error: While fdatasync: 000007.log: Input/output error";
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::recovering));
  const auto troubles = troubles_of(signs);
  EXPECT_EQ(of(troubles, Problem::recovering).times, 2U);
  EXPECT_THAT(of(troubles, Problem::recovering).detail, HasSubstr("000007.log"));
  signs.writing.failure = Errc::disk_full;
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::disk_full));
}

TEST(Troubles, AFullDiskIsToldWithTheGuardsOwnWords) {
  StoreSigns signs;
  signs.space = {.why = "1.0 MiB are free on the disk",
                 .disk = std::nullopt,
                 .held = 0,
                 .limits = {},
                 .refusing = true,
                 .times = 2};
  signs.writing.full = 1;
  const auto troubles = troubles_of(signs);
  EXPECT_TRUE(of(troubles, Problem::disk_full).now);
  EXPECT_EQ(of(troubles, Problem::disk_full).times, 3U) << "the guard's, and when it was too late";
  EXPECT_EQ(of(troubles, Problem::disk_full).detail, "1.0 MiB are free on the disk");
}

TEST(Troubles, AnErrorInTheBackgroundIsToldUntilAWriteMeetsIt) {
  StoreSigns signs;
  signs.log = {.readable = true,
               .errors = 1,
               .failed = true,
               .last_error = "Corruption: 000012.sst",
               .start = StartKind::clean};
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::engine_error));
  signs.writing.failing = true;
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::recovering));
  signs.log.readable = false;
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::recovering, Problem::unreadable));
}

TEST(Troubles, WhatAStartHasFoundIsToldUntilTheNext) {
  StoreSigns signs;
  signs.log.start = StartKind::accepted_loss;
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::data_lost));
  signs.log.start = StartKind::backup;
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::backup_restored));
  signs.log.start = StartKind::unclean;
  EXPECT_THAT(now_of(signs), IsEmpty()) << "what it may have lost was never promised";
}

TEST(Troubles, AJumpIsToldForAWhileAndUntilTheTimeHasCaughtUp) {
  StoreSigns signs;
  signs.clock = {.behind = {}, .forward = 0, .back = 1, .last = -hours(1), .since = minutes(9)};
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::clock_jumped));
  EXPECT_EQ(of(troubles_of(signs), Problem::clock_jumped).detail, "the clock went 3600 s back");
  signs.clock.since = kJumpTold;
  EXPECT_THAT(now_of(signs), IsEmpty());
  signs.clock.behind = minutes(5);
  EXPECT_THAT(now_of(signs), ElementsAre(Problem::clock_jumped));
  EXPECT_THAT(of(troubles_of(signs), Problem::clock_jumped).detail, HasSubstr("300 s behind"));
}

// ---- damage ----

OffsetRange range(std::uint64_t first, std::uint64_t end) { return {Offset{first}, Offset{end}}; }

TEST(DamageTest, KnowsRangesUntilTheyAreTrimmed) {
  Damage damage;
  damage.note(topic_name("t"), TopicId{7}, {range(5, 8), range(20, 21)});
  damage.note(topic_name("t"), TopicId{7}, {range(5, 8), range(20, 21)});
  EXPECT_EQ(damage.figures().times, 1U) << "met again, it is nothing new";
  EXPECT_EQ(damage.figures().events, 4U);
  EXPECT_THAT(damage.of(topic_name("u")), IsEmpty());
  damage.forget(TopicId{7}, Offset{6});
  EXPECT_THAT(damage.of(topic_name("t")), ElementsAre(range(6, 8), range(20, 21)));
  damage.forget(TopicId{8}, Offset{kMaxInteger});
  damage.forget(TopicId{7}, Offset{20});
  EXPECT_THAT(damage.of(topic_name("t")), ElementsAre(range(20, 21)));
  damage.forget(TopicId{7}, Offset{kMaxInteger});
  EXPECT_EQ(damage.figures().topics, 0U);
}

TEST(DamageTest, ATopicThatCannotBeOpenedIsNotedUntilItCan) {
  Damage damage;
  damage.note_unreadable(topic_name("t"));
  damage.note_unreadable(topic_name("t"));
  ASSERT_EQ(damage.topics().size(), 1U);
  EXPECT_THAT(damage.topics().front().events, IsEmpty());
  EXPECT_EQ(damage.figures().times, 1U);
  damage.note_readable(topic_name("t"));
  EXPECT_EQ(damage.figures().topics, 0U);
}

TEST(DamageTest, IsBounded) {
  Damage damage;
  for (std::size_t i = 0; i < 2 * Damage::kMostTopics; ++i)
    damage.note(topic_name("t" + std::to_string(i)), TopicId{i + 1}, {range(1, 2)});
  EXPECT_EQ(damage.topics().size(), Damage::kMostTopics);
  EXPECT_EQ(damage.figures().times, 2 * Damage::kMostTopics) << "but all are counted";
}

// ---- the clock ----

struct Clock {
  std::int64_t wall = 1'000'000'000;
  std::chrono::steady_clock::time_point steady{hours(1)};
  StoreClock clock{
      {.wall = [this] { return Timestamp{wall}; }, .steady = [this] { return steady; }}};
  void pass(milliseconds time) {
    wall += time.count();
    steady += time;
  }
};

constexpr milliseconds kTenYears = hours(24 * 3650);

TEST(StoreClockTest, TellsJumpsOfAMinuteAndNoSmallerOnes) {
  Clock at;
  at.pass(hours(5));
  EXPECT_EQ(at.clock.state().since, std::nullopt);
  at.wall += milliseconds(seconds(59)).count();
  EXPECT_EQ(at.clock.state().forward, 0U) << "NTP does that";
  at.pass(hours(1));
  at.wall -= milliseconds(hours(1)).count();
  const auto back = at.clock.state();
  EXPECT_EQ(back.back, 1U);
  EXPECT_EQ(back.last, -hours(1));
  EXPECT_EQ(back.since, milliseconds(0));
  at.pass(minutes(3));
  EXPECT_EQ(at.clock.state().since, minutes(3));
  EXPECT_EQ(at.clock.state().back, 1U) << "told once";
}

TEST(StoreClockTest, SaysHowFarTheBelievedTimeIsBehind) {
  Clock at;
  static_cast<void>(at.clock.now());
  at.wall += kTenYears.count();
  EXPECT_EQ(at.clock.state().behind, kTenYears);
  at.pass(minutes(1));
  EXPECT_EQ(at.clock.state().behind, kTenYears - minutes(1)) << "it gains as fast again";
}

TEST(StoreClockTest, AClockThatWentBackForAWhileLeavesNothingBehind) {
  Clock at;
  const auto before = at.clock.now();
  at.wall -= kTenYears.count();
  EXPECT_EQ(at.clock.now(), before) << "uses noted now would else be ten years old in a minute";
  at.pass(minutes(1));
  at.wall += kTenYears.count();
  EXPECT_EQ(at.clock.now().ms, at.wall);
  EXPECT_EQ(at.clock.state().behind, milliseconds(0));
}

TEST(StoreClockTest, AClockThatStaysBackIsFollowed) {
  Clock at;
  at.wall -= kTenYears.count();
  static_cast<void>(at.clock.now());
  at.pass(SteadyWallClock::kBackBelieved);
  EXPECT_EQ(at.clock.now().ms, at.wall);
}

TEST(StoreClockTest, EventsAreStampedAtMostAnHourOffWhatIsBelieved) {
  Clock at;
  EXPECT_EQ(at.clock.stamp().ms, at.wall);
  const auto believed = at.clock.now();
  at.wall += milliseconds(minutes(30)).count();
  EXPECT_EQ(at.clock.stamp().ms, at.wall);
  at.wall += kTenYears.count();
  EXPECT_EQ(at.clock.stamp().ms, believed.ms + milliseconds(hours(1)).count());
  at.wall -= 2 * kTenYears.count();
  EXPECT_EQ(at.clock.stamp().ms, believed.ms - milliseconds(hours(1)).count());
}

// ---- in the store ----

TEST(StoreTroubles, AFailedWriteBeginsAndEnds) {
  auto owned = std::make_unique<MemoryLog>();
  MemoryLog& log = *owned;
  EventStoreOptions options;
  options.committer.recover_interval = milliseconds(1);
  EventStore store(std::move(owned), options);
  testing::Waiting waiting(store);
  log.fail_recovery(Errc::disk_full);
  log.fail_next_write(Errc::disk_full);
  const auto unknown = waiting.run(testing::publish_of("t", {"1"}));
  EXPECT_EQ(unknown->error, Errc::disk_full);
  EXPECT_THAT(unknown->error_text, HasSubstr("not known"));
  const auto refused = waiting.run(testing::publish_of("t", {"1"}));
  EXPECT_EQ(refused->error, Errc::disk_full);
  EXPECT_THAT(refused->error_text, HasSubstr("goes on once there is room"));
  EXPECT_TRUE(of(store.troubles(), Problem::disk_full).now);
  log.fail_recovery(std::nullopt);
  while (of(store.troubles(), Problem::disk_full).now) std::this_thread::yield();
  EXPECT_EQ(of(store.troubles(), Problem::disk_full).times, 1U);
}

}  // namespace
}  // namespace tidemark::storage
