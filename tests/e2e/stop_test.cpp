// A graceful stop under load: what was acknowledged is there, clients were told, exit code 0.
// tests/e2e/: SIGTERM to the real daemon.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "protocol/client/client.hpp"
#include "tests/e2e/daemon.hpp"

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using client::Client;

constexpr const char* kTopic = "e2e/stop";
constexpr std::size_t kEnough = 500;  // answers before the stop
constexpr auto kPatience = std::chrono::seconds(30);

struct Scene {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> highest{0};
  std::atomic<int> goodbyes{0};
  std::atomic<bool> stopping{false};

  ~Scene() {
    io.stop();
    thread.join();
  }
};

client::ClientOptions options_for(Scene& scene, const std::string& url) {
  client::ClientOptions options;
  options.url = url;
  options.on_status = [&scene](const client::Status& status) {
    const auto* lost = std::get_if<client::Disconnected>(&status);
    if (lost != nullptr && lost->goodbye) ++scene.goodbyes;
  };
  return options;
}

awaitable<void> publish_until_stopped(Scene& scene, Client& publisher) {
  while (!scene.stopping.load()) {
    std::vector<NewEvent> events;
    events.push_back({.data = "{\"some\":\"event\"}", .key = {}, .headers = {}});
    client::PublishOptions options;
    options.timeout = std::chrono::milliseconds(2'000);
    auto receipt = co_await publisher.publish(kTopic, std::move(events), options);
    if (!receipt) co_return;  // the stop: unknown, so not counted
    ++scene.acknowledged;
    auto highest = scene.highest.load();
    const auto offset = receipt->offsets.first.value;
    while (highest < offset && !scene.highest.compare_exchange_weak(highest, offset)) {
    }
  }
}

awaitable<std::uint64_t> count_events(Client& reader) {
  client::SubscribeOptions options;
  options.start = StartEarliest{};
  options.on_gap = OnGap::fail;
  auto subscription = reader.subscribe(kTopic, options);
  std::uint64_t expected = 1;
  while (true) {
    auto next = co_await subscription.next();
    if (!next || std::holds_alternative<CaughtUp>(*next)) break;
    if (const auto* event = std::get_if<Event>(&*next)) {
      EXPECT_EQ(event->offset.value, expected);
      ++expected;
    }
  }
  co_return expected - 1;
}

template <class T>
T await(std::future<T> future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    throw std::runtime_error("nothing came within the test's patience");
  }
  return future.get();
}

TEST(Stop, UnderLoadLosesNothingAndTellsClients) {
  TemporaryDirectory directory;
  Daemon daemon(directory.path() / "data");
  daemon.start();
  Scene scene;
  constexpr int clients = 4;
  std::vector<std::unique_ptr<Client>> publishers;
  std::vector<std::future<void>> ends;
  for (int i = 0; i < clients; ++i) {
    publishers.push_back(
        std::make_unique<Client>(scene.io.get_executor(), options_for(scene, daemon.url())));
    for (int k = 0; k < 8; ++k) {
      ends.push_back(asio::co_spawn(scene.io, publish_until_stopped(scene, *publishers.back()),
                                    asio::use_future));
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (scene.acknowledged.load() < kEnough && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_GE(scene.acknowledged.load(), kEnough);

  daemon.terminate();
  const auto ended = daemon.wait(10);
  scene.stopping = true;
  for (auto& end : ends) await(std::move(end));
  for (auto& one : publishers) {
    await(asio::co_spawn(scene.io, one->close(), asio::use_future));
  }
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_EQ(scene.goodbyes.load(), clients);

  daemon.start();
  Client reader(scene.io.get_executor(), options_for(scene, daemon.url()));
  const auto count = await(asio::co_spawn(scene.io, count_events(reader), asio::use_future));
  EXPECT_GE(count, scene.highest.load());
  EXPECT_GE(count, scene.acknowledged.load());
  await(asio::co_spawn(scene.io, reader.close(), asio::use_future));
}

TEST(Stop, IdleIsQuickAndClean) {
  TemporaryDirectory directory;
  Daemon daemon(directory.path() / "data");
  daemon.start();
  daemon.terminate();
  const auto ended = daemon.wait(5);
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
}

}  // namespace
}  // namespace tidemark::test
