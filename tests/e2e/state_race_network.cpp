// The race against the real daemon, killed under load, with the C++ client.
// tests/e2e/: see state_race.hpp.
#include <atomic>
#include <fstream>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "protocol/client/client.hpp"
#include "protocol/position_token.hpp"
#include "tests/e2e/daemon.hpp"
#include "tests/e2e/state_race.hpp"
#include "tools/bench_hook.hpp"

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using client::Client;
using std::chrono::milliseconds;

struct Scene {
  explicit Scene(const RaceOptions& o) : options(o) {}

  const RaceOptions options;
  TemporaryDirectory directory;
  ModelDatabase database{directory.path() / "app.db"};
  asio::io_context io;
  std::string url;
  std::uint16_t port = 0;
  std::atomic<std::size_t> acknowledged{0};
  std::atomic<std::uint64_t> epoch{0};
  std::atomic<std::uint64_t> last_offset{0};  ///< everything up to there is in the database
  std::atomic<int> writing{kWriters};
  std::atomic<std::size_t> running{0};
  std::atomic<std::uint64_t> asked{0};
  std::vector<Replica> replicas{kReaders};
  std::size_t departures = 0;
  std::size_t refusals = 0;

  /// The first that is told stays. Threads: any.
  void fail(std::string what) {
    const std::scoped_lock lock(mutex);
    if (failure.empty()) failure = std::move(what);
  }
  std::mutex mutex;
  std::string failure;
};

client::ClientOptions options_for(const Scene& scene, std::mt19937_64& random) {
  client::ClientOptions out;
  out.url = scene.url;
  out.form = random() % 2 == 0 ? WireForm::json : WireForm::binary;
  out.seed = random();
  out.backoff_min = milliseconds(5);
  out.backoff_max = milliseconds(100);
  return out;
}

awaitable<void> rest(Scene& scene, milliseconds time) {
  asio::steady_timer timer(scene.io, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// ---- the application ----

// The database first, then the topic: so whatever is in the log is in the database.
awaitable<bool> change(Scene& scene, Client& publisher, Change what) {
  scene.database.set(what.key, what.value);
  std::vector<NewEvent> events;
  events.push_back({.data = what.data(), .key = what.key, .headers = {}});
  client::PublishOptions options;
  options.timeout = milliseconds(0);
  auto receipt = co_await publisher.publish(kRaceTopic, std::move(events), options);
  if (!receipt) {
    scene.fail("publishing: " + receipt.error().text);
    co_return false;
  }
  const auto last = receipt->offsets.end.value - 1;
  scene.epoch = receipt->epoch.value;
  // All writers run on one thread.
  if (!receipt->offsets.empty() && last > scene.last_offset) scene.last_offset = last;
  ++scene.acknowledged;
  co_return true;
}

awaitable<void> write_all(Scene& scene, int writer, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Client publisher(scene.io.get_executor(), options_for(scene, random));
  bool good = true;
  for (std::size_t n = 1; good && n <= kChanges; ++n) {
    auto changed = change(scene, publisher, some_change(writer, n, random));
    good = co_await std::move(changed);
  }
  // The last of them says so, when all else has been acknowledged.
  if (--scene.writing == 0 && good) {
    auto changed = change(scene, publisher, Change{.key = kEndKey, .value = "1"});
    good = co_await std::move(changed);
  }
  co_await publisher.close();
  --scene.running;
}

// ---- the clients ----

// Nothing of the client's making: the state could not be had now, or retention was faster.
bool worth_another_try(Errc code) {
  return code == Errc::no_state || code == Errc::state_failed || code == Errc::timed_out ||
         code == Errc::position_trimmed || code == Errc::overloaded;
}

void take_in(Replica& replica, const client::Delivery& delivery) {
  if (const auto* event = std::get_if<Event>(&delivery)) {
    replica.event(event->offset, event->key, event->data);
  } else if (const auto* state = std::get_if<State>(&delivery)) {
    replica.state(*state);
  } else if (std::holds_alternative<Gap>(delivery)) {
    replica.gap();
  } else if (std::holds_alternative<CaughtUp>(delivery)) {
    replica.caught_up();
  }
}

// Takes up to `most` deliveries; false if the subscription is over for no good reason.
awaitable<bool> stay(Scene& scene, Replica& replica, client::Subscription& subscription,
                     std::size_t most) {
  for (std::size_t taken = 0; taken < most && !replica.complete(); ++taken) {
    auto next = co_await subscription.next();
    if (!next) {
      if (!worth_another_try(next.error().code)) {
        scene.fail("following: " + next.error().text);
        co_return false;
      }
      ++scene.refusals;
      replica.forget();
      auto resting = rest(scene, milliseconds(10));
      co_await std::move(resting);
      co_return true;
    }
    take_in(replica, *next);
  }
  co_return true;
}

awaitable<void> come_and_go(Scene& scene, Replica& replica, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::optional<Position> had;
  bool good = true;
  while (good && !replica.complete()) {
    Client reader(scene.io.get_executor(), options_for(scene, random));
    client::SubscribeOptions options;
    options.on_gap = OnGap::state;
    options.wait_for_topic = true;
    options.queued_events = 1 + random() % 64;
    if (had && replica.whole() && random() % 2 == 0) {
      options.start = StartAfter{*had};
    } else {
      options.state = true;
      replica.forget();
    }
    {
      auto subscription = reader.subscribe(kRaceTopic, options);
      if (random() % 5 == 0) {  // now and then somebody is gone before the state is there
        auto resting = rest(scene, milliseconds(random() % 60));
        co_await std::move(resting);
      } else {
        auto staying = stay(scene, replica, subscription, 1 + random() % 90);
        good = co_await std::move(staying);
      }
      had.reset();
      if (subscription.position().epoch != Epoch{} && replica.whole()) {
        had = subscription.position();
      }
    }
    ++scene.departures;
    if (random() % 2 == 0) co_await reader.close();
  }
  --scene.running;
}

// ---- over HTTP ----

struct Answer {
  unsigned status = 0;  ///< 0: there is none, the broker being away
  std::string body;
};

Answer ask(const Scene& scene, http::verb method, const std::string& target, std::string body,
           const std::string& offset = {}) {
  boost::system::error_code error;
  asio::io_context io;
  boost::beast::tcp_stream stream(io);
  stream.connect({asio::ip::address_v4::loopback(), scene.port}, error);
  if (error) return {};
  http::request<http::string_body> request(method, target, 11);
  request.set(http::field::host, "127.0.0.1");
  request.set(http::field::content_type, "application/json");
  if (!offset.empty()) request.set("Tidemark-Offset", offset);
  request.body() = std::move(body);
  request.prepare_payload();
  http::write(stream, request, error);
  if (error) return {};
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(stream, buffer, response, error);
  if (error) return {};
  return {response.result_int(), response.body()};
}

void create_topic(Scene& scene) {
  std::string settings = R"({"content_type":"application/json")";
  if (scene.options.source == Source::keys) settings += R"(,"keep_latest":true)";
  if (scene.options.tight) {
    settings += R"(,"retention":{"max_events":)" + std::to_string(kTightEvents) + "}";
  }
  const auto target = std::string("/v1/topics/") + kRaceTopic;
  const auto answer = ask(scene, http::verb::put, target, settings + "}");
  if (answer.status != 201) throw std::runtime_error("no topic: " + answer.body);
}

// Stores what the database holds, slowly, until `over`: as of an event that was acknowledged before
// it was read, so that it holds at least that much.
void keep_snapshots(Scene& scene, const std::atomic<bool>& over) {
  while (!over) {
    const Position as_of{{scene.epoch}, {scene.last_offset}};
    const auto items = scene.database.read_slowly(kSlow);
    if (as_of.epoch == Epoch{}) continue;
    ++scene.asked;
    const auto answer = ask(scene, http::verb::put, std::string("/v1/state/") + kRaceTopic,
                            as_json(items), to_token(as_of));
    // Outdated or overtaken by retention is no fault: the next one will do.
    const bool fine =
        answer.status < 400 || answer.status == 409 || answer.status == 410 || answer.status >= 500;
    if (!fine) scene.fail("storing a state: " + answer.body);
  }
}

// Forgets the whole log: whatever source is at work then has been overtaken.
void trim(Scene& scene) {
  const auto keep = std::to_string(scene.last_offset + 1);
  const auto target = std::string("/v1/topics/") + kRaceTopic + "/trim";
  static_cast<void>(ask(scene, http::verb::post, target, R"({"keep":)" + keep + "}"));
}

// ---- all together ----

bool wait_for(const std::function<bool()>& condition,
              std::chrono::steady_clock::time_point deadline) {
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

std::vector<std::string> configured(Scene& scene, const tools::bench::HookServer& hook) {
  if (scene.options.source != Source::hook) return {};
  const auto file = scene.directory.path() / "tidemark.toml";
  std::ofstream(file) << "[[state]]\npattern = \"e2e/*\"\nhook = \"http://127.0.0.1:" << hook.port()
                      << "/state?topic={topic}\"\nallow-private = true\n";
  return {"--config", file.string()};
}

// Kills at random moments, by count and so under load; what is tight is trimmed in between.
void disturb(Scene& scene, Daemon& daemon, std::mt19937_64& random,
             std::chrono::steady_clock::time_point deadline) {
  constexpr std::size_t all = kWriters * kChanges;
  constexpr std::size_t stretch = all / (kRestarts + 1);
  for (std::size_t i = 0; i < kRestarts; ++i) {
    const std::size_t due = stretch * i + 1 + random() % stretch;
    for (std::size_t at = stretch * i + 1; scene.options.tight && at < due; at += 40) {
      wait_for([&] { return scene.acknowledged.load() >= at; }, deadline);
      trim(scene);
    }
    wait_for([&] { return scene.acknowledged.load() >= due; }, deadline);
    daemon.kill();
    daemon.start();
  }
}

RaceOutcome outcome_of(Scene& scene, std::uint64_t hook_requests) {
  RaceOutcome out;
  out.database = scene.database.read();
  out.replicas = scene.replicas;
  out.departures = scene.departures;
  out.refusals = scene.refusals;
  out.asked = scene.asked + hook_requests;
  out.unfinished = scene.running.load();
  out.failure = scene.failure;
  return out;
}

}  // namespace

RaceOutcome race_over_network(const RaceOptions& options) {
  std::mt19937_64 random(options.seed);
  Scene scene(options);
  const tools::bench::HookServer hook(
      {.delay = kSlow, .bundle = [&scene](const std::string& /*target*/) {
         return as_json(scene.database.read());
       }});
  Daemon daemon(scene.directory.path() / "data", configured(scene, hook));
  daemon.start();
  scene.url = daemon.url();
  scene.port = daemon.port();
  create_topic(scene);

  scene.running = kWriters + kReaders;
  for (int i = 0; i < kWriters; ++i) {
    asio::co_spawn(scene.io, write_all(scene, i, random()), asio::detached);
  }
  for (auto& replica : scene.replicas) {
    asio::co_spawn(scene.io, come_and_go(scene, replica, random()), asio::detached);
  }
  const auto deadline = std::chrono::steady_clock::now() + kRaceLimit;
  std::atomic<bool> over{false};
  std::thread keeper([&] {
    if (options.source == Source::snapshot) keep_snapshots(scene, over);
  });
  std::thread runner([&] { scene.io.run(); });
  disturb(scene, daemon, random, deadline);
  wait_for([&] { return scene.running.load() == 0; }, deadline);
  const auto unfinished = scene.running.load();
  over = true;
  keeper.join();
  scene.io.stop();
  runner.join();
  auto out = outcome_of(scene, hook.requests());
  out.unfinished = unfinished;
  return out;
}

}  // namespace tidemark::test
