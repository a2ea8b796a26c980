// Row 3: the Nth sync or write fails, once or from then on, under publishers and readers.
// tests/proof/: nothing acknowledged is lost, nothing doubled, and nobody is told what isn't so.
#include <array>
#include <atomic>
#include <condition_variable>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "figures.hpp"
#include "store_under_faults.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::proof {
namespace {

using storage::PublishRequest;
using testing::publish_of;
using testing::topic_name;

constexpr std::size_t kPublishers = 2;
constexpr std::uint64_t kEach = 220;  // each commit of two publishers takes one of them at least

struct Totals {
  std::uint64_t runs = 0, fired = 0, failing = 0, acknowledged = 0, lost = 0, doubled = 0,
                unknown = 0, there_all_the_same = 0, acknowledged_while_failing = 0,
                reads_failed = 0, openings = 0, openings_refused = 0;
};

std::string payload(std::size_t publisher, std::uint64_t sequence) {
  return '"' + std::to_string(publisher) + '-' + std::to_string(sequence) +
         std::string(300 + sequence % 50, 'x') + '"';
}

/// Publishers that send what is unknown again, and stop where they stand if the disk stays bad.
class FailingDisk {
 public:
  FailingDisk(Fault fault, std::uint64_t seed, Totals& totals)
      : fault_(fault), seed_(seed), totals_(totals), store_(shape()) {}

  void run() {
    ++totals_.runs;
    ASSERT_TRUE(store_.open()) << store_.refusal().text;
    store_.disk().arm(fault_);
    std::vector<std::thread> publishers;
    for (std::size_t i = 0; i < kPublishers; ++i)
      publishers.emplace_back([this, i] { publish(i); });
    if (fault_.persistent) outlast();
    for (auto& each : publishers) each.join();
    totals_.fired += store_.disk().fired() ? 1 : 0;
    ASSERT_TRUE(store_.disk().fired()) << "the fault never came";
    ASSERT_FALSE(stuck_) << "publishing never went on";
    check("after all was published");
    if (seed_ % 3 == 0) {
      store_.close();
    } else {
      store_.crash({.torn_tails = seed_ % 3 == 1, .keep_names = seed_ % 5 == 1, .seed = seed_});
    }
    ASSERT_TRUE(store_.open()) << store_.refusal().text;
    check("after opening again");
    totals_.acknowledged += kPublishers * kEach;
  }

 private:
  static StoreShape shape() { return {.recover_interval = std::chrono::milliseconds(1)}; }

  void publish(std::size_t publisher) {
    for (std::uint64_t sequence = 0; sequence < kEach && !stuck_; ++sequence) {
      bool retried = false;
      while (!stuck_) {
        auto request = publish_of("t", {payload(publisher, sequence)});
        request->producer = ProducerStamp{"p" + std::to_string(publisher), 0, sequence};
        const auto done = store_.run(std::move(request));
        if (!done->error) {
          acknowledged_[publisher].push_back(done->offsets.first.value);
          ++count_;
          if (retried && done->duplicate) ++there_all_the_same_;
          break;
        }
        EXPECT_TRUE(done->error == Errc::storage_failed || done->error == Errc::disk_full)
            << info(*done->error).name;
        if (!retried) ++unknown_;
        retried = true;
        if (fault_.persistent) {
          park();
        } else if (!store_.await_recovery()) {
          stuck_ = true;
        }
      }
    }
    const std::lock_guard lock(mutex_);
    ++finished_;
    changed_.notify_all();
  }

  void park() {
    std::unique_lock lock(mutex_);
    if (healed_) return;
    ++parked_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return healed_; });
  }

  /// Waits until nobody gets on, sees what holds then, and heals the disk.
  void outlast() {
    {
      std::unique_lock lock(mutex_);
      const bool all = changed_.wait_for(lock, std::chrono::seconds(20),
                                         [&] { return parked_ + finished_ == kPublishers; });
      EXPECT_TRUE(all) << "publishers neither fail nor get on";
    }
    EXPECT_TRUE(store_.failing()) << "health says nothing";
    totals_.failing += store_.failing() ? 1 : 0;
    const std::uint64_t before = count_;
    // Long enough for a few vain recoveries, which must leave reading as it is.
    for (int i = 0; i < 5; ++i) {
      const auto refused = store_.run(publish_of("t", {"\"never\""}));
      if (!refused->error) ++totals_.acknowledged_while_failing;
      read_on();
    }
    EXPECT_EQ(count_, before);
    if (seed_ % 2 == 0) {  // the power goes while the disk is bad
      store_.crash({.torn_tails = seed_ % 4 == 0, .keep_names = false, .seed = seed_});
      EXPECT_TRUE(store_.open()) << store_.refusal().text;
    } else {
      store_.disk().disarm();
      EXPECT_TRUE(store_.await_recovery()) << "it does not recover";
    }
    const std::lock_guard lock(mutex_);
    healed_ = true;
    changed_.notify_all();
  }

  void read_on() {
    const auto seen = store_.see(topic_name("t"));
    if (!seen && seen.errc() == Errc::unknown_topic && count_ == 0) return;
    const bool whole = seen && seen->head == count_;
    if (!whole) ++totals_.reads_failed;
    EXPECT_TRUE(seen) << info(seen.errc()).name;
    if (seen) {
      EXPECT_EQ(seen->head, count_) << "visible is what was acknowledged";
    }
  }

  void check(const std::string& when) {
    const auto seen = store_.see(topic_name("t"));
    ASSERT_TRUE(seen) << when << ": " << info(seen.errc()).name;
    EXPECT_EQ(seen->earliest, 1U);
    std::map<std::string, std::uint64_t> times;
    for (const auto& event : seen->events) ++times[event];
    for (std::size_t p = 0; p < kPublishers; ++p) {
      ASSERT_EQ(acknowledged_[p].size(), kEach);
      for (std::uint64_t s = 0; s < kEach; ++s) {
        const std::uint64_t at = acknowledged_[p][s];
        const bool there = at <= seen->events.size() && seen->events[at - 1] == payload(p, s);
        if (!there) ++totals_.lost;
        EXPECT_TRUE(there) << when << ": event " << s << " of publisher " << p;
        if (times[payload(p, s)] > 1) ++totals_.doubled;
      }
    }
    EXPECT_EQ(seen->events.size(), kPublishers * kEach) << when << ": doubled or never sent";
    totals_.unknown += unknown_.exchange(0);
    totals_.there_all_the_same += there_all_the_same_.exchange(0);
  }

  const Fault fault_;
  const std::uint64_t seed_;
  Totals& totals_;
  StoreUnderFaults store_;
  std::array<std::vector<std::uint64_t>, kPublishers> acknowledged_;  ///< offsets by sequence
  std::atomic<std::uint64_t> count_{0}, unknown_{0}, there_all_the_same_{0};
  std::atomic<bool> stuck_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t parked_ = 0, finished_ = 0;
  bool healed_ = false;
};

/// The Nth call fails while a store that is new, was closed or lost its power is opened; then it
/// has to open.
void open_on(Fault fault, std::uint64_t seed, Totals& totals) {
  StoreUnderFaults store;
  const std::uint64_t before = seed % 4 == 3 ? 0 : 20;
  if (before > 0) {
    ASSERT_TRUE(store.open()) << store.refusal().text;
    for (std::uint64_t i = 0; i < before; ++i)
      ASSERT_FALSE(store.run(publish_of("t", {payload(0, i)}))->error);
    if (seed % 2 == 0) {
      store.close();
    } else {
      store.crash({.torn_tails = false, .keep_names = false, .seed = seed});
    }
  }
  store.disk().arm(fault);
  ++totals.openings;
  if (store.open()) {
    store.close();
  } else {
    ++totals.openings_refused;
    EXPECT_TRUE(store.refusal().code == Errc::storage_failed ||
                store.refusal().code == Errc::disk_full)
        << store.refusal().text;
  }
  store.disk().disarm();
  if (seed % 3 == 0) store.crash({.torn_tails = false, .keep_names = false, .seed = seed});
  ASSERT_TRUE(store.open()) << store.refusal().text;
  ASSERT_FALSE(store.run(publish_of("t", {payload(0, before)}))->error);
  const auto seen = store.see(topic_name("t"));
  ASSERT_TRUE(seen) << info(seen.errc()).name;
  if (seen->head < before + 1) totals.lost += before + 1 - seen->head;
  EXPECT_EQ(seen->head, before + 1);
}

/// A disk that is full for one sync, and bad again while RocksDB would recover by itself if it were
/// let: from the nth sync on, so that it gets as far as one family or another.
void fill_once(std::uint64_t nth) {
  StoreUnderFaults store({.recover_interval = std::chrono::milliseconds(100)});
  ASSERT_TRUE(store.open()) << store.refusal().text;
  const auto publish = [&](std::uint64_t sequence) {
    auto request = publish_of("t", {payload(0, sequence)});
    request->producer = ProducerStamp{"p", 0, sequence};
    return store.run(std::move(request));
  };
  ASSERT_FALSE(publish(0)->error);
  store.disk().arm({.kind = FaultKind::sync, .nth = 1, .no_space = true});
  ASSERT_EQ(publish(1)->error, Errc::disk_full);
  store.disk().arm({.kind = FaultKind::sync, .nth = nth, .persistent = true});
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(90);
  while (!store.disk().fired() && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  store.disk().disarm();
  ASSERT_TRUE(store.await_recovery());
  const auto again = publish(1);
  ASSERT_FALSE(again->error);
  EXPECT_EQ(again->offsets.first, Offset{2});
  ASSERT_FALSE(publish(2)->error);
  const auto seen = store.see(topic_name("t"));
  ASSERT_TRUE(seen) << info(seen.errc()).name;
  EXPECT_EQ(seen->events, (std::vector<std::string>{payload(0, 0), payload(0, 1), payload(0, 2)}));
}

template <class Body>
void each_fault(std::uint64_t most, std::uint64_t step, const Body& body) {
  for (std::uint64_t n = 1; n <= most; n += step) {
    for (const auto kind : {FaultKind::sync, FaultKind::write}) {
      for (const bool persistent : {false, true}) {
        const Fault fault{.kind = kind, .nth = n, .persistent = persistent, .no_space = n % 4 == 2};
        SCOPED_TRACE((kind == FaultKind::sync ? "sync " : "write ") + std::to_string(n) +
                     (persistent ? " and all after it" : " once"));
        body(fault);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(Row03FailingDisk, NothingAcknowledgedIsLostWhicheverSyncOrWriteFails) {
  const std::uint64_t seed = first_seed();
  std::cout << "seed " << seed << '\n';
  std::mt19937_64 random(seed);
  Totals totals;
  // The fast form takes the first few and others by chance.
  const std::uint64_t most = how_many(13, 200);
  const std::uint64_t step = most >= 200 ? 1 : 3;
  each_fault(most, step, [&](Fault fault) {
    if (step > 1) fault.nth = fault.nth < 8 ? fault.nth : 1 + random() % 200;
    FailingDisk(fault, random(), totals).run();
  });
  each_fault(step > 1 ? 20 : 60, step, [&](Fault fault) { open_on(fault, random(), totals); });
  tell_figures(3,
               {{"runs", totals.runs},
                {"fired", totals.fired},
                {"told_by_health", totals.failing},
                {"acknowledged", totals.acknowledged},
                {"lost", totals.lost},
                {"doubled", totals.doubled},
                {"unknown", totals.unknown},
                {"unknown_but_there", totals.there_all_the_same},
                {"acknowledged_while_failing", totals.acknowledged_while_failing},
                {"reads_failed", totals.reads_failed},
                {"openings", totals.openings},
                {"openings_refused", totals.openings_refused}},
               seed, !HasFailure());
}

TEST(Row03FailingDisk, AGroupThatMetAFullDiskIsThereWholeOrNotAtAll) {
  for (std::uint64_t nth = 1; nth <= 12 && !HasFailure(); ++nth) {
    SCOPED_TRACE("bad again from sync " + std::to_string(nth) + " on");
    fill_once(nth);
  }
}

}  // namespace
}  // namespace tidemark::proof
