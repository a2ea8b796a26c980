// The promise of the house: whatever is killed and whenever, every reader ends with every event.
// tests/e2e/: one publisher, fifty subscribers that come and go, a broker killed again and again.
#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "protocol/client/client.hpp"
#include "tests/e2e/daemon.hpp"

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using client::Client;
using client::ClientOptions;

constexpr std::size_t kEvents = 4'000;
constexpr int kKills = 6;
constexpr std::size_t kPerGroup = 10;
constexpr auto kLimit = std::chrono::seconds(90);
constexpr const char* kTopic = "e2e/kill";

// How the subscribers of a group behave.
struct Habit {
  const char* name;
  WireForm form;
  std::size_t most_at_once;  ///< events taken before leaving, at most
  bool polite;               ///< says goodbye, or drops the connection
  std::size_t queue;         ///< events the client library may hold
};
constexpr Habit kHabits[] = {
    {"binary, drops the connection", WireForm::binary, 400, false, 4096},
    {"JSON, drops the connection", WireForm::json, 400, false, 4096},
    {"binary, closes properly", WireForm::binary, 400, true, 4096},
    {"JSON, never leaves by itself", WireForm::json, kEvents, true, 4096},
    {"binary, leaves after a few, small queue", WireForm::binary, 60, false, 8},
};

std::string payload_of(std::size_t n) { return "{\"n\":" + std::to_string(n) + "}"; }

// What one subscriber has seen, in the order it came.
struct Journal {
  std::vector<std::pair<std::uint64_t, std::string>> events;
  std::size_t departures = 0;
  std::size_t gaps = 0;
  std::size_t new_epochs = 0;
  std::string ended;
};

struct Scene {
  asio::io_context io;
  std::string url;
  std::atomic<std::size_t> acknowledged{0};
  std::atomic<std::size_t> duplicates{0};
  std::atomic<std::size_t> reconnects{0};
  std::atomic<int> running{0};
  std::vector<std::uint64_t> offsets;  ///< by number of the event: where the broker put it
  std::string publisher_failure;
};

ClientOptions options_for(Scene& scene, WireForm form, std::uint64_t seed) {
  ClientOptions options;
  options.url = scene.url;
  options.form = form;
  options.seed = seed;
  options.backoff_min = std::chrono::milliseconds(5);
  options.backoff_max = std::chrono::milliseconds(100);
  options.on_status = [&scene](const client::Status& status) {
    if (std::holds_alternative<client::Connected>(status)) ++scene.reconnects;
  };
  return options;
}

awaitable<void> publish_one(Scene& scene, Client& publisher, std::size_t n) {
  std::vector<NewEvent> events;
  events.push_back({.data = payload_of(n), .key = {}, .headers = {}});
  client::PublishOptions options;
  options.timeout = std::chrono::milliseconds(0);
  auto receipt = co_await publisher.publish(kTopic, std::move(events), options);
  if (!receipt) {
    scene.publisher_failure = receipt.error().text;
  } else {
    scene.offsets[n - 1] = receipt->offsets.first.value;
    if (receipt->duplicate) ++scene.duplicates;
  }
  ++scene.acknowledged;
}

awaitable<void> publish_all(Scene& scene, std::uint64_t seed) {
  Client publisher(scene.io.get_executor(), options_for(scene, WireForm::json, seed));
  for (std::size_t n = 1; n <= kEvents; ++n) {
    auto room = co_await publisher.room();
    if (!room) break;
    asio::co_spawn(scene.io, publish_one(scene, publisher, n), asio::detached);
    // A few at a time, so that there is something left to be killed for.
    while (n - scene.acknowledged.load() >= 16) {
      asio::steady_timer timer(scene.io, std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
  while (scene.acknowledged.load() < kEvents) {
    asio::steady_timer timer(scene.io, std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_await publisher.close();
  --scene.running;
}

// Takes what comes until it has had `most`; false if the subscription is over.
awaitable<bool> follow(Journal& journal, client::Subscription& subscription, std::size_t most) {
  for (std::size_t taken = 0; taken < most && journal.events.size() < kEvents;) {
    auto next = co_await subscription.next();
    if (!next) {
      journal.ended = next.error().text;
      co_return false;
    }
    if (auto* event = std::get_if<Event>(&*next)) {
      journal.events.emplace_back(event->offset.value, event->data);
      ++taken;
    } else if (std::holds_alternative<Gap>(*next)) {
      ++journal.gaps;
    } else if (std::holds_alternative<EpochNotice>(*next)) {
      ++journal.new_epochs;
    }
  }
  co_return true;
}

awaitable<void> subscribe_all(Scene& scene, Journal& journal, const Habit& habit,
                              std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Start start = StartEarliest{};
  bool going = true;
  while (going && journal.events.size() < kEvents) {
    Client subscriber(scene.io.get_executor(), options_for(scene, habit.form, random()));
    client::SubscribeOptions options;
    options.start = start;
    options.on_gap = OnGap::fail;
    options.wait_for_topic = true;
    options.queued_events = habit.queue;
    {
      auto subscription = subscriber.subscribe(kTopic, options);
      const auto most = habit.most_at_once == kEvents ? kEvents : 1 + random() % habit.most_at_once;
      going = co_await follow(journal, subscription, most);
      // The position an application would have stored; of a stay too short to have one, the last.
      if (subscription.position().epoch.value != 0) start = StartAfter{subscription.position()};
    }
    if (journal.events.size() < kEvents) ++journal.departures;
    if (habit.polite) co_await subscriber.close();
  }
  --scene.running;
}

struct Verdict {
  std::size_t missing = 0, doubled = 0, reordered = 0, wrong = 0;
  [[nodiscard]] bool clean() const { return missing + doubled + reordered + wrong == 0; }
};

Verdict compare(const Journal& journal, const std::vector<std::string>& published) {
  Verdict verdict;
  std::vector<int> seen(published.size() + 1, 0);
  std::uint64_t last = 0;
  for (const auto& [offset, data] : journal.events) {
    if (offset == 0 || offset > published.size() || published[offset - 1] != data) {
      ++verdict.wrong;
      continue;
    }
    if (seen[offset]++ > 0) ++verdict.doubled;
    if (offset < last) ++verdict.reordered;
    last = offset;
  }
  for (std::size_t offset = 1; offset <= published.size(); ++offset) {
    if (seen[offset] == 0) ++verdict.missing;
  }
  return verdict;
}

TEST(KillVerdict, SeesWhatIsMissingDoubledReorderedAndWrong) {
  const std::vector<std::string> published{"a", "b", "c"};
  const auto of = [&](std::vector<std::pair<std::uint64_t, std::string>> events) {
    Journal journal;
    journal.events = std::move(events);
    return compare(journal, published);
  };
  EXPECT_TRUE(of({{1, "a"}, {2, "b"}, {3, "c"}}).clean());
  EXPECT_EQ(of({{1, "a"}, {3, "c"}}).missing, 1U);
  EXPECT_EQ(of({{1, "a"}, {2, "b"}, {2, "b"}, {3, "c"}}).doubled, 1U);
  EXPECT_EQ(of({{2, "b"}, {1, "a"}, {3, "c"}}).reordered, 1U);
  EXPECT_EQ(of({{1, "a"}, {2, "x"}, {3, "c"}}).wrong, 1U);
  EXPECT_EQ(of({{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}}).wrong, 1U);
}

void wait_for(const std::function<bool()>& done, std::chrono::steady_clock::time_point deadline) {
  while (!done() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Kill, EverySubscriberHasEveryEventOnceAndInOrder) {
  const auto seed = test_seed();
  std::mt19937_64 random(seed);
  TemporaryDirectory directory;
  Daemon daemon(directory.path() / "data");
  daemon.start();

  Scene scene;
  scene.url = daemon.url();
  scene.offsets.assign(kEvents, 0);
  std::vector<Journal> journals(std::size(kHabits) * kPerGroup);
  scene.running = static_cast<int>(journals.size()) + 1;
  asio::co_spawn(scene.io, publish_all(scene, random()), asio::detached);
  for (std::size_t i = 0; i < journals.size(); ++i) {
    asio::co_spawn(scene.io, subscribe_all(scene, journals[i], kHabits[i / kPerGroup], random()),
                   asio::detached);
  }
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  std::thread runner([&] { scene.io.run(); });

  // Each kill comes at a random moment of the publishing, by count and so under load.
  const std::size_t stretch = kEvents / (kKills + 1);
  for (int kill = 0; kill < kKills; ++kill) {
    const std::size_t due = stretch * static_cast<std::size_t>(kill) + 1 + random() % stretch;
    wait_for([&] { return scene.acknowledged.load() >= due; }, deadline);
    daemon.kill();
    daemon.start();
  }
  wait_for([&] { return scene.running.load() == 0; }, deadline);
  const int unfinished = scene.running.load();
  scene.io.stop();
  runner.join();

  EXPECT_EQ(unfinished, 0) << "someone did not finish in time";
  EXPECT_EQ(scene.publisher_failure, "");
  std::vector<std::string> published;
  std::size_t moved = 0;
  for (std::size_t n = 1; n <= kEvents; ++n) {
    published.push_back(payload_of(n));
    if (scene.offsets[n - 1] != n) ++moved;
  }
  EXPECT_EQ(moved, 0U) << "events that were acknowledged at another offset than their turn";

  std::printf(
      "%zu events published, broker killed %d times, %zu retries answered as duplicates, "
      "%zu connections made\n",
      kEvents, kKills, scene.duplicates.load(), scene.reconnects.load());
  for (std::size_t group = 0; group < std::size(kHabits); ++group) {
    std::size_t events = 0;
    std::size_t departures = 0;
    Verdict sum;
    for (std::size_t i = group * kPerGroup; i < (group + 1) * kPerGroup; ++i) {
      const auto& journal = journals[i];
      const auto verdict = compare(journal, published);
      EXPECT_TRUE(verdict.clean()) << "subscriber " << i << ": " << journal.ended;
      EXPECT_EQ(journal.gaps, 0U) << "subscriber " << i;
      EXPECT_EQ(journal.new_epochs, 0U) << "subscriber " << i;
      events += journal.events.size();
      departures += journal.departures;
      sum.missing += verdict.missing;
      sum.doubled += verdict.doubled;
      sum.reordered += verdict.reordered;
      sum.wrong += verdict.wrong;
    }
    std::printf(
        "  10 subscribers, %-40s %6zu events, %4zu departures: "
        "%zu missing, %zu doubled, %zu reordered, %zu wrong\n",
        kHabits[group].name, events, departures, sum.missing, sum.doubled, sum.reordered,
        sum.wrong);
  }
}

}  // namespace
}  // namespace tidemark::test
