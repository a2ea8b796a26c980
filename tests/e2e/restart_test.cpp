// Restarts in order, under load, again and again: to clients of every kind they are a reconnect.
// tests/e2e/: publishers and followers over WebSocket and HTTP while the real daemon is stopped by
// SIGTERM and started.
#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "protocol/client/client.hpp"
#include "tests/e2e/daemon.hpp"
#include "tests/e2e/http_peers.hpp"

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using client::Client;
using std::chrono::steady_clock;

constexpr const char* kTopic = "e2e/restart";
constexpr int kRestarts = 3;
constexpr std::uint64_t kBetween = 300;  // acknowledged publishes before each stop
constexpr std::size_t kPublishers = 4;
constexpr std::size_t kFollowers = 4;  // of each kind
constexpr int kSpreadMs = 5'000;       // the broker's default
// Draining is bounded by 8 s, and then the log is closed.
constexpr int kStopLimitSeconds = 10;
constexpr auto kPatience = std::chrono::seconds(60);

struct Scene {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
  HttpScene http;
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::size_t> connected{0};
  std::atomic<std::size_t> goodbyes{0};
  std::mutex mutex;
  std::vector<std::int64_t> told_ms;  ///< with the goodbyes
  std::string failures;

  ~Scene() {
    io.stop();
    thread.join();
  }
  void failed(const std::string& what) {
    const std::lock_guard lock(mutex);
    failures += what + '\n';
  }
};

client::ClientOptions options_for(Scene& scene, const std::string& url, WireForm form) {
  client::ClientOptions options;
  options.url = url;
  options.form = form;
  options.backoff_max = std::chrono::milliseconds(200);  // while it is not there at all
  options.on_status = [&scene](const client::Status& status) {
    if (std::holds_alternative<client::Connected>(status)) ++scene.connected;
    const auto* lost = std::get_if<client::Disconnected>(&status);
    if (lost == nullptr || !lost->goodbye) return;
    ++scene.goodbyes;
    const std::lock_guard lock(scene.mutex);
    scene.told_ms.push_back(lost->retry_in.count());
  };
  return options;
}

awaitable<std::uint64_t> publish_until_enough(Scene& scene, Client& publisher, std::string name) {
  std::uint64_t n = 0;
  while (!scene.http.enough.load()) {
    std::vector<NewEvent> events;
    events.push_back({.data = R"({"by":")" + name + R"(","n":)" + std::to_string(n) + '}',
                      .key = {},
                      .headers = {}});
    client::PublishOptions options;
    options.timeout = std::chrono::milliseconds(0);  // as long as it takes
    const auto receipt = co_await publisher.publish(kTopic, std::move(events), options);
    if (!receipt) {
      scene.failed("publisher " + name + ": " + receipt.error().text);
      co_return n;
    }
    ++n;
    ++scene.acknowledged;
  }
  co_return n;
}

awaitable<void> follow(Scene& scene, Client& follower, Seen& seen) {
  client::SubscribeOptions options;
  options.start = StartEarliest{};
  options.on_gap = OnGap::fail;
  auto subscription = follower.subscribe(kTopic, options);
  while (true) {
    auto next = co_await subscription.next();
    if (!next && scene.http.over) co_return;
    if (!next) {
      seen.wrong("the subscription ended: " + next.error().text);
      co_return;
    }
    if (const auto* event = std::get_if<Event>(&*next)) {
      seen.add(boost::json::serialize(boost::json::parse(event->data)));
    } else if (!std::holds_alternative<CaughtUp>(*next)) {
      seen.wrong("something that was neither event nor caught up");
    }
  }
}

template <class T>
T await(std::future<T> future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    throw std::runtime_error("nothing came within the test's patience");
  }
  return future.get();
}

/// Pre: what becomes true does so within the test's patience.
void wait_for(const std::string& what, const std::function<bool()>& done) {
  const auto deadline = steady_clock::now() + kPatience;
  while (!done()) {
    if (steady_clock::now() > deadline) throw std::runtime_error(what + " did not come");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// Everyone there is, from their first connection to their last.
class Company {
 public:
  Company(Scene& scene, Daemon& daemon) : scene_(scene), daemon_(daemon) {
    const auto url = daemon.url();
    for (std::size_t i = 0; i < kPublishers; ++i) add_publisher("ws" + std::to_string(i), url);
    for (std::size_t i = 0; i < kFollowers; ++i) {
      add_follower(url, i % 2 == 0 ? WireForm::json : WireForm::binary);
      add_thread(follow_events);
      add_thread(follow_polls);
    }
    for (const char* name : {"http0", "http1"}) {
      appenders_[name] =
          std::async(std::launch::async, [this, name] { return append_events(scene_.http, name); });
    }
  }

  /// After a failure: those who follow by HTTP end with the broker only.
  ~Company() {
    scene_.http.enough = scene_.http.over = true;
    daemon_.kill();
    leave();
  }
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

  /// What each publisher had acknowledged, by name.
  std::map<std::string, std::uint64_t> finish_publishing() {
    scene_.http.enough = true;
    std::map<std::string, std::uint64_t> out;
    for (auto& [name, future] : publishing_) out[name] = await(std::move(future));
    for (auto& [name, future] : appenders_) out[name] = await(std::move(future));
    return out;
  }
  void wait_until_all_have(std::size_t events) {
    const auto have = [&](const auto& seen) { return seen->count() >= events; };
    try {
      wait_for("the last event", [&] { return std::ranges::all_of(seen_, have); });
    } catch (const std::runtime_error&) {
      for (const auto& seen : seen_) {
        ADD_FAILURE() << seen->count() << " of " << events << " events; " << seen->faults();
      }
    }
  }
  /// Pre: the broker has been stopped, so that nobody waits for it.
  void leave() {
    for (auto& one : clients_) asio::co_spawn(scene_.io, one->close(), asio::use_future).wait();
    for (auto& future : std::exchange(following_, {})) future.wait();
    for (auto& thread : std::exchange(threads_, {})) thread.join();
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Seen>>& seen() const { return seen_; }
  [[nodiscard]] std::size_t web_sockets() const { return clients_.size(); }

 private:
  Client& add_client(const std::string& url, WireForm form) {
    return *clients_.emplace_back(
        std::make_unique<Client>(scene_.io.get_executor(), options_for(scene_, url, form)));
  }
  void add_publisher(const std::string& name, const std::string& url) {
    auto& publisher = add_client(url, WireForm::binary);
    publishing_[name] =
        asio::co_spawn(scene_.io, publish_until_enough(scene_, publisher, name), asio::use_future);
  }
  void add_follower(const std::string& url, WireForm form) {
    auto& follower = add_client(url, form);
    auto& seen = *seen_.emplace_back(std::make_unique<Seen>());
    following_.push_back(
        asio::co_spawn(scene_.io, follow(scene_, follower, seen), asio::use_future));
  }
  void add_thread(void (*follow)(HttpScene&, Seen&)) {
    auto& seen = *seen_.emplace_back(std::make_unique<Seen>());
    threads_.emplace_back([this, follow, &seen] { follow(scene_.http, seen); });
  }

  Scene& scene_;
  Daemon& daemon_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Seen>> seen_;
  std::map<std::string, std::future<std::uint64_t>> publishing_;
  std::map<std::string, std::future<std::uint64_t>> appenders_;
  std::vector<std::future<void>> following_;
  std::vector<std::thread> threads_;
};

/// Every publisher's events are there once, in its order, and none it was told of is missing.
void expect_published(const std::vector<std::string>& log,
                      const std::map<std::string, std::uint64_t>& acknowledged) {
  std::map<std::string, std::uint64_t> next;
  for (const auto& text : log) {
    const auto event = boost::json::parse(text);
    const std::string by(event.at("by").as_string());
    EXPECT_EQ(event.at("n").to_number<std::uint64_t>(), next[by]++) << "of " << by;
  }
  for (const auto& [name, count] : acknowledged) {
    EXPECT_GT(count, 0U) << name;
    EXPECT_GE(next[name], count) << "acknowledged events of " << name << " are lost";
  }
}

TEST(StopAndStart, UnderLoadIsNothingButAReconnect) {
  TemporaryDirectory directory;
  Daemon daemon(directory.path() / "data");
  daemon.start();
  Scene scene;
  scene.http.port = daemon.port();
  scene.http.path = kTopic;
  ASSERT_EQ(run_program({TIDEMARK_CLI, "create", kTopic, "--content-type", "application/json",
                         "--server", daemon.url()})
                .exit_code,
            0);
  Company company(scene, daemon);
  steady_clock::duration longest_stop{};
  for (int restart = 1; restart <= kRestarts; ++restart) {
    const auto everyone = company.web_sockets() * static_cast<std::size_t>(restart);
    // Each comes back by itself once its time has come.
    wait_for("the clients", [&] { return scene.connected.load() >= everyone; });
    const auto due = scene.acknowledged.load() + kBetween;
    wait_for("the load", [&] { return scene.acknowledged.load() >= due; });
    const auto stop_began = steady_clock::now();
    daemon.terminate();
    const auto ended = daemon.wait(kStopLimitSeconds);
    longest_stop = std::max<steady_clock::duration>(longest_stop, steady_clock::now() - stop_began);
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    daemon.start();
    wait_for("the goodbyes", [&] { return scene.goodbyes.load() >= everyone; });
  }
  const auto due = scene.acknowledged.load() + kBetween;
  wait_for("the load after the last restart", [&] { return scene.acknowledged.load() >= due; });
  const auto acknowledged = company.finish_publishing();

  // The log as it is now, by someone who was not there.
  const auto read = run_program({TIDEMARK_CLI, "tail", kTopic, "--from", "earliest", "--no-follow",
                                 "--format", "raw", "--server", daemon.url()});
  ASSERT_EQ(read.exit_code, 0) << read.errors;
  std::vector<std::string> log;
  for (std::size_t at = 0, end = 0; (end = read.output.find('\n', at)) != std::string::npos;
       at = end + 1) {
    log.push_back(boost::json::serialize(boost::json::parse(read.output.substr(at, end - at))));
  }
  expect_published(log, acknowledged);
  company.wait_until_all_have(log.size());
  scene.http.over = true;
  daemon.terminate();
  EXPECT_EQ(daemon.wait(kStopLimitSeconds).exit_code, 0);
  company.leave();

  EXPECT_EQ(scene.failures, "");
  for (const auto& seen : company.seen()) {
    EXPECT_EQ(seen->faults(), "");
    EXPECT_EQ(seen->events(), log);
  }
  const std::set<std::int64_t> delays(scene.told_ms.begin(), scene.told_ms.end());
  EXPECT_GT(delays.size(), 1U) << "all were told to come back at once";
  EXPECT_LE(*delays.rbegin(), kSpreadMs);
  EXPECT_GT(scene.http.told_ms.size(), 0U) << "no event stream was told when to come back";
  for (const auto told : scene.http.told_ms) EXPECT_LE(told, static_cast<std::uint64_t>(kSpreadMs));
  std::printf(
      "%zu events, %d restarts, the longest stop %lld ms, %zu goodbyes, %zu event streams told "
      "when "
      "to come back\n",
      log.size(), kRestarts,
      static_cast<long long>(
          std::chrono::duration_cast<std::chrono::milliseconds>(longest_stop).count()),
      scene.goodbyes.load(), scene.http.told_ms.size());
}

}  // namespace
}  // namespace tidemark::test
