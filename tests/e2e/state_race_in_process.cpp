// The race within the process: a hub whose newcomers get their state from a callback, and which is
// closed and opened again. tests/e2e/: see state_race.hpp.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>

#include "broker/hub.hpp"
#include "tests/e2e/daemon.hpp"
#include "tests/e2e/state_race.hpp"

namespace tidemark::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{20};

// The broker as a library. Locks: gate_ before mutex_.
class Broker {
 public:
  Broker(std::filesystem::path directory, bool tight)
      : directory_(std::move(directory)), tight_(tight) {
    open();
  }

  void restart() {
    const std::scoped_lock gate(gate_);  // else those who use it would never all be away at once
    const std::unique_lock lock(mutex_);
    hub_.reset();
    store_.reset();
    open();
    ++generation_;
  }

  /// While it is held, hub() stays.
  [[nodiscard]] std::shared_lock<std::shared_mutex> use() {
    const std::scoped_lock gate(gate_);
    return std::shared_lock(mutex_);
  }
  [[nodiscard]] broker::Hub& hub() { return *hub_; }
  /// Grows with every restart: subscriptions of an earlier one hear nothing any more.
  [[nodiscard]] int generation() const { return generation_.load(); }

 private:
  void open() {
    storage::EventStoreOptions options;
    if (tight_) {
      options.committer.defaults = [](const TopicName&) {
        storage::TopicSettings out;
        out.retention.max_events = kTightEvents;
        return out;
      };
    }
    auto opened = storage::EventStore::open(directory_, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    store_ = std::move(*opened);
    hub_ = std::make_unique<broker::Hub>(*store_, broker::HubOptions{.reader_threads = 4});
  }

  const std::filesystem::path directory_;
  const bool tight_;
  std::mutex gate_;
  std::shared_mutex mutex_;
  std::unique_ptr<storage::EventStore> store_;
  std::unique_ptr<broker::Hub> hub_;
  std::atomic<int> generation_{0};
};

struct Scene {
  explicit Scene(bool tight) : broker(directory.path() / "data", tight) {}

  TemporaryDirectory directory;
  ModelDatabase database{directory.path() / "app.db"};
  Broker broker;
  const TopicName topic = TopicName::parse(kRaceTopic).value();
  std::atomic<std::size_t> acknowledged{0};
  std::atomic<int> writing{kWriters};
  std::atomic<std::size_t> running{0};
  std::atomic<std::uint64_t> asked{0};
  std::atomic<std::size_t> departures{0};
  std::atomic<std::size_t> refusals{0};
  std::atomic<bool> over{false};  ///< the time is up
  std::mutex mutex;
  std::string failure;

  void fail(std::string what) {
    const std::scoped_lock lock(mutex);
    if (failure.empty()) failure = std::move(what);
  }
};

// ---- the application ----

bool change(Scene& scene, const Change& what) {
  const auto lock = scene.broker.use();
  scene.database.set(what.key, what.value);
  std::vector<NewEvent> events;
  events.push_back({.data = what.data(), .key = what.key, .headers = {}});
  const auto outcome = scene.broker.hub().publish(scene.topic, std::move(events)).get();
  if (outcome.error) {
    scene.fail("publishing: " + outcome.text);
    return false;
  }
  ++scene.acknowledged;
  return true;
}

void write_all(Scene& scene, int writer, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  bool good = true;
  for (std::size_t n = 1; good && !scene.over && n <= kChanges; ++n) {
    good = change(scene, some_change(writer, n, random));
  }
  if (--scene.writing == 0 && good) change(scene, {.key = kEndKey, .value = "1"});
  --scene.running;
}

// ---- the clients ----

// What one client hears; the subscription's thread writes, the client's waits and reads.
class Listener {
 public:
  explicit Listener(Replica& replica) : replica_(replica) {}

  broker::SubscriptionHandler handler() {
    return {
        .on_state =
            [this](std::string_view bundle, Position at) {
              hear([&] {
                epoch_ = at.epoch;
                replica_.bundle(bundle, at.offset);
              });
            },
        .on_event =
            [this](const EventView& event, Epoch epoch) {
              hear([&] {
                epoch_ = epoch;
                replica_.event(event.offset, event.key, event.data);
              });
            },
        .on_gap = [this](const Gap&) { hear([&] { replica_.gap(); }); },
        .on_caught_up = [this](Offset) { hear([&] { replica_.caught_up(); }); },
        .on_end = [this](Errc) { hear([&] { ended_ = true; }); },
    };
  }

  /// Of what has been heard; 0: nothing. Pre: the subscription is gone.
  [[nodiscard]] Epoch epoch() const { return epoch_; }

  /// Until so much has come, it is over, or `gone`. True if it was the subscription that ended.
  template <class Gone>
  bool stay(std::size_t most, const Gone& gone) {
    std::unique_lock lock(mutex_);
    const auto enough = [&] { return ended_ || replica_.complete() || heard_ >= most; };
    while (!enough() && !gone()) changed_.wait_for(lock, kLook);
    return ended_;
  }

 private:
  template <class Body>
  void hear(const Body& body) {
    const std::scoped_lock lock(mutex_);
    body();
    ++heard_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Replica& replica_;
  Epoch epoch_;
  std::size_t heard_ = 0;
  bool ended_ = false;
};

using Handle = std::unique_ptr<broker::Subscription>;

// Resumes at `had`, or joins with the state. With OnGap::fail whoever is overtaken joins anew.
Handle subscribe(Scene& scene, Listener& listener, const std::optional<Position>& had) {
  const auto lock = scene.broker.use();
  auto& hub = scene.broker.hub();
  const auto source = [&scene](Position) -> Result<broker::StateBundle> {
    ++scene.asked;
    return broker::StateBundle{.data = as_json(scene.database.read_slowly(kSlow)),
                               .reflects = std::nullopt};
  };
  auto joined = had ? hub.subscribe(scene.topic, StartAfter{*had}, OnGap::fail, listener.handler())
                    : hub.join(scene.topic, source, OnGap::fail, listener.handler());
  if (joined) return std::move(*joined);
  if (joined.errc() != Errc::position_trimmed) scene.fail("joining: " + joined.error().message());
  return nullptr;
}

void come_and_go(Scene& scene, Replica& replica, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::optional<Position> had;
  while (!replica.complete() && !scene.over) {
    if (!had || !replica.whole() || random() % 2 == 0) {
      had.reset();
      replica.forget();
    }
    Listener listener(replica);
    const int generation = scene.broker.generation();
    auto subscription = subscribe(scene, listener, had);
    had.reset();
    if (!subscription) {
      ++scene.refusals;
      continue;
    }
    const auto gone = [&] { return scene.over || scene.broker.generation() != generation; };
    // 0: gone before the state is there.
    const bool ended = listener.stay(random() % 90, gone);
    subscription.reset();  // nothing is called any more
    if (ended) {
      ++scene.refusals;
      replica.forget();
    } else if (listener.epoch() != Epoch{} && replica.whole()) {
      had = Position{listener.epoch(), replica.last()};
    }
    ++scene.departures;
  }
  --scene.running;
}

bool wait_for(Scene& scene, const std::function<bool()>& condition,
              std::chrono::steady_clock::time_point deadline) {
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      scene.over = true;
      return false;
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

void disturb(Scene& scene, std::mt19937_64& random,
             std::chrono::steady_clock::time_point deadline) {
  constexpr std::size_t stretch = kWriters * kChanges / (kRestarts + 1);
  for (std::size_t i = 0; i < kRestarts; ++i) {
    const std::size_t due = stretch * i + 1 + random() % stretch;
    wait_for(
        scene, [&] { return scene.acknowledged.load() >= due; }, deadline);
    scene.broker.restart();
  }
}

}  // namespace

RaceOutcome race_in_process(const RaceOptions& options) {
  std::mt19937_64 random(options.seed);
  Scene scene(options.tight);
  RaceOutcome out;
  out.replicas.resize(kReaders);
  scene.running = kWriters + kReaders;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&scene, i, seed = random()] { write_all(scene, i, seed); });
  }
  for (auto& replica : out.replicas) {
    threads.emplace_back([&, seed = random()] { come_and_go(scene, replica, seed); });
  }
  const auto deadline = std::chrono::steady_clock::now() + kRaceLimit;
  disturb(scene, random, deadline);
  wait_for(
      scene, [&] { return scene.running.load() == 0; }, deadline);
  out.unfinished = scene.running.load();
  for (auto& thread : threads) thread.join();
  out.database = scene.database.read();
  out.departures = scene.departures;
  out.refusals = scene.refusals;
  out.asked = scene.asked;
  out.failure = scene.failure;
  return out;
}

}  // namespace tidemark::test
