// When publishing is refused for want of room, and when it goes on.
// tests/: storage/disk_guard, with a disk the test fills, and with a real one where it may mount
// it.
#include "storage/disk_guard.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/mount.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
const DiskGuard::Time kStart{std::chrono::hours(1)};

/// A disk that is as the test says, and notes how often it is asked.
struct FakeDisk {
  std::atomic<std::uint64_t> free{1'000 * kMiB};
  std::atomic<int> looks{0};
  DiskSource source() {
    return [this]() -> std::optional<DiskSpace> {
      ++looks;
      return DiskSpace{.free = free, .total = 1'000 * kMiB};
    };
  }
};

TEST(DiskGuardTest, RefusesBelowTheReserveAndSaysHowMuchThereIs) {
  FakeDisk disk;
  DiskGuard guard(disk.source(), {}, {.reserve = 100 * kMiB});
  EXPECT_EQ(guard.refusal(kStart), std::nullopt);
  disk.free = 100 * kMiB - 1;
  const auto why = guard.refusal(kStart + milliseconds(1'000));
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("100.0 MiB are kept free"));
  EXPECT_THAT(*why, HasSubstr("goes on when there are 110.0 MiB"));
}

TEST(DiskGuardTest, GoesOnByItselfWithATenthToSpare) {
  FakeDisk disk;
  disk.free = 99 * kMiB;
  DiskGuard guard(disk.source(), {}, {.reserve = 100 * kMiB});
  auto now = kStart;
  const auto refuses_at = [&](std::uint64_t mib) {
    disk.free = mib * kMiB;
    now += DiskGuard::kLookInterval;
    return guard.refusal(now).has_value();
  };
  EXPECT_TRUE(refuses_at(99));
  EXPECT_TRUE(refuses_at(105)) << "more than the reserve, but not by a tenth";
  EXPECT_FALSE(refuses_at(110));
  EXPECT_FALSE(refuses_at(105)) << "and stays so until the reserve is touched";
  EXPECT_TRUE(refuses_at(99));
}

TEST(DiskGuardTest, AsksTheDiskTwiceASecondOrAfterSoManyBytes) {
  FakeDisk disk;
  DiskGuard guard(disk.source(), {}, {.reserve = 100 * kMiB});
  for (int ms = 0; ms < 3'000; ++ms) static_cast<void>(guard.refusal(kStart + milliseconds(ms)));
  EXPECT_EQ(disk.looks, 6);
  guard.wrote(DiskGuard::kLookBytes);
  static_cast<void>(guard.refusal(kStart + milliseconds(2'999)));
  EXPECT_EQ(disk.looks, 7) << "a fast writer does not outrun the guard";
  static_cast<void>(guard.refusal(kStart + milliseconds(2'999)));
  EXPECT_EQ(disk.looks, 7);
}

TEST(DiskGuardTest, OfASmallReserveAQuarterIsWrittenBetweenTwoLooks) {
  FakeDisk disk;
  DiskGuard guard(disk.source(), {}, {.reserve = 8 * kMiB});
  static_cast<void>(guard.refusal(kStart));
  guard.wrote(2 * kMiB - 1);
  static_cast<void>(guard.refusal(kStart));
  EXPECT_EQ(disk.looks, 1);
  guard.wrote(1);
  static_cast<void>(guard.refusal(kStart));
  EXPECT_EQ(disk.looks, 2);
}

TEST(DiskGuardTest, SaysHowOftenItHasBegunToRefuse) {
  FakeDisk disk;
  DiskGuard guard(disk.source(), {}, {.reserve = 100 * kMiB});
  auto now = kStart;
  for (const std::uint64_t mib : {99, 98, 200, 99}) {
    disk.free = mib * kMiB;
    now += DiskGuard::kLookInterval;
    static_cast<void>(guard.refusal(now));
  }
  const auto state = guard.state(now);
  EXPECT_EQ(state.times, 2U);
  ASSERT_TRUE(state.why);
  EXPECT_THAT(*state.why, HasSubstr("are kept free"));
}

TEST(DiskGuardTest, TheLogMayHoldSoMuchAndNoMore) {
  std::uint64_t held = 9 * kMiB;
  DiskGuard guard({}, [&] { return held; }, {.reserve = 100 * kMiB, .most_held = 10 * kMiB});
  auto now = kStart;
  const auto refusal_at = [&](std::uint64_t mib) {
    held = mib * kMiB;
    now += DiskGuard::kLookInterval;
    return guard.refusal(now);
  };
  EXPECT_FALSE(refusal_at(9));
  const auto why = refusal_at(10);
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("holds 10.0 MiB of the 10.0 MiB"));
  EXPECT_TRUE(refusal_at(9)) << "a tenth to spare";
  EXPECT_FALSE(refusal_at(8));
}

TEST(DiskGuardTest, WithoutLimitsOrKnowledgeNothingIsRefused) {
  FakeDisk disk;
  disk.free = 0;
  EXPECT_EQ(DiskGuard(disk.source(), {}, {.reserve = 0}).refusal(kStart), std::nullopt);
  EXPECT_EQ(DiskGuard({}, {}, {.reserve = kMiB}).refusal(kStart), std::nullopt);
  const auto unknown = [] { return std::optional<DiskSpace>(); };
  EXPECT_EQ(DiskGuard(unknown, {}, {.reserve = kMiB}).refusal(kStart), std::nullopt);
}

TEST(DiskGuardTest, OtherLimitsHoldAtOnce) {
  FakeDisk disk;
  disk.free = 50 * kMiB;
  DiskGuard guard(disk.source(), {}, {.reserve = 100 * kMiB});
  EXPECT_TRUE(guard.refusal(kStart));
  guard.set_limits({.reserve = 49 * kMiB});
  EXPECT_FALSE(guard.refusal(kStart));
  guard.set_limits({.reserve = 51 * kMiB});
  EXPECT_TRUE(guard.refusal(kStart));
  EXPECT_TRUE(guard.state(kStart).refusing);
}

TEST(DiskGuardTest, TheDiskOfADirectoryIsKnownAndOfNoneIsNot) {
  const TempDir directory;
  const auto space = disk_of(directory.path())();
  ASSERT_TRUE(space);
  EXPECT_GT(space->total, 0U);
  EXPECT_LE(space->free, space->total);
  EXPECT_FALSE(disk_of(directory.path() / "not there")());
}

// ---- in the store ----

class FullStoreTest : public ::testing::Test {
 protected:
  static EventStoreOptions options(FakeDisk& disk) {
    EventStoreOptions options;
    options.committer.disk = disk.source();
    options.committer.limits.space.reserve = 100 * kMiB;
    return options;
  }
  void fill() {
    disk_.free = kMiB;
    look();
  }
  /// As if a second had passed.
  void look() { store_.apply({.space = {.reserve = 100 * kMiB}}); }
  std::optional<Errc> publish(std::string_view topic, const std::string& data) {
    auto done = waiting_.run(publish_of(topic, {data}));
    text_ = done->error_text;
    return done->error;
  }

  FakeDisk disk_;
  EventStore store_{std::make_unique<MemoryLog>(), options(disk_)};
  Waiting waiting_{store_};
  std::string text_;
};

TEST_F(FullStoreTest, PublishingIsRefusedClearlyAndReadingGoesOn) {
  EXPECT_EQ(publish("t", "1"), std::nullopt);
  fill();
  EXPECT_EQ(publish("t", "2"), Errc::disk_full);
  EXPECT_THAT(text_, HasSubstr("1.0 MiB are free on the disk, and 100.0 MiB are kept free"));
  const auto topic = store_.open_topic(topic_name("t")).value();
  const auto answer = store_.read(*topic, {});
  ASSERT_EQ(answer.state, ReadAnswer::State::events);
  EXPECT_EQ(answer.slice.segment->event({1}).data, "1");
  EXPECT_EQ(store_.counters().refused_for_space.get(), 1U);
  EXPECT_FALSE(store_.stats().failing) << "it is no failure";
  disk_.free = 200 * kMiB;
  look();
  EXPECT_EQ(publish("t", "2"), std::nullopt);
  EXPECT_EQ(topic->bounds().head, Offset{2}) << "nothing of what was refused is there";
}

TEST_F(FullStoreTest, NoTopicsAreCreated) {
  fill();
  EXPECT_EQ(publish("new", "1"), Errc::disk_full);
  const auto created = waiting_.run(std::make_unique<CreateRequest>(topic_name("stream")));
  EXPECT_EQ(created->error, Errc::disk_full);
  const auto configured = waiting_.run(std::make_unique<ConfigureRequest>(topic_name("named")));
  EXPECT_EQ(configured->error, Errc::disk_full);
  EXPECT_EQ(store_.topic_count(), 0U);
}

TEST_F(FullStoreTest, WhatMakesRoomIsNotRefused) {
  EXPECT_EQ(publish("t", "1"), std::nullopt);
  EXPECT_EQ(publish("t", "2"), std::nullopt);
  fill();
  auto trim = std::make_unique<TrimRequest>(topic_name("t"), Offset{2}, GapCause::trimmed);
  EXPECT_EQ(waiting_.run(std::move(trim))->error, std::nullopt);
  auto configure = std::make_unique<ConfigureRequest>(topic_name("t"));
  configure->retention = RetentionPolicy{.max_events = 1};
  EXPECT_EQ(waiting_.run(std::move(configure))->error, std::nullopt);
  EXPECT_EQ(waiting_.run(std::make_unique<EraseRequest>(topic_name("t")))->error, std::nullopt);
}

TEST_F(FullStoreTest, ADuplicateIsAnsweredAsBefore) {
  const auto stamped = [] {
    auto request = publish_of("t", {"1"});
    request->producer = ProducerStamp{.id = "p", .epoch = 1, .sequence = 0};
    return request;
  };
  EXPECT_EQ(waiting_.run(stamped())->error, std::nullopt);
  fill();
  const auto again = waiting_.run(stamped());
  EXPECT_EQ(again->error, std::nullopt);
  EXPECT_TRUE(again->duplicate);
}

// ---- on a real disk ----

/// A small disk of its own, where the machine allows it.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) {
    mounted_ = ::mount("tmpfs", home_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(home_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::filesystem::path path() const { return home_.path(); }

 private:
  TempDir home_;
  bool mounted_ = false;
};

TEST(DiskGuardTest, ARealDiskKeepsItsReserveAndPublishingGoesOnByItself) {
  const SmallDisk disk("128m");
  if (!disk.mounted()) GTEST_SKIP() << "needs to mount a tmpfs: " << std::strerror(errno);
  EventStoreOptions options;
  options.store.memtable_bytes = std::size_t{1} << 20;
  options.committer.limits.space.reserve = 64 * kMiB;
  auto store = EventStore::open(disk.path() / "data", options);
  ASSERT_TRUE(store) << store.error().text;
  Waiting waiting(**store);
  ASSERT_EQ(waiting.run(publish_of("t", {R"("before")"}))->error, std::nullopt);

  const auto ballast = disk.path() / "ballast";
  std::ofstream(ballast) << std::string(80 * kMiB, 'x');
  const auto publish_until = [&](std::optional<Errc> wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::unique_ptr<PublishRequest> done;
    do {
      done = waiting.run(publish_of("t", {R"("more")"}));
      std::this_thread::yield();
    } while (done->error != wanted && std::chrono::steady_clock::now() < end);
    EXPECT_EQ(done->error, wanted) << done->error_text;
    return done->error_text;
  };
  EXPECT_THAT(publish_until(Errc::disk_full), HasSubstr("64.0 MiB are kept free"));
  EXPECT_FALSE((*store)->stats().failing);
  const auto topic = (*store)->open_topic(topic_name("t")).value();
  EXPECT_EQ((*store)->read(*topic, {}).slice.segment->event({1}).data, R"("before")");
  std::filesystem::remove(ballast);
  publish_until(std::nullopt);
}

}  // namespace
}  // namespace tidemark::storage
