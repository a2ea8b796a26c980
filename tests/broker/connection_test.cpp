// That every connection of a group is looked at in its turn.
// tests/: broker/connection, on a shard's thread.
#include "broker/connection.hpp"

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

class Looked : public Connection {
 public:
  explicit Looked(ConnectionGroup& group) : Connection(group, ConnectionSlot()) {}
  void sweep(SteadyTime /*now*/) override { ++looks; }
  void drain() override {}
  void abort() override {}

  std::atomic<int> looks{0};
};

/// Seven others come whenever it is looked at: with the step of the look itself, a round.
class Door : public Looked {
 public:
  using Looked::Looked;
  void sweep(SteadyTime now) override {
    Looked::sweep(now);
    for (int i = 0; i < 7; ++i) {
      group().add(*guests_.emplace_back(std::make_unique<Looked>(group())));
    }
  }

 private:
  std::vector<std::unique_ptr<Looked>> guests_;
};

void on_thread(Shard& shard, const std::function<void()>& work) {
  std::promise<void> done;
  boost::asio::post(shard.io(), [&] {
    work();
    done.set_value();
  });
  done.get_future().get();
}

TEST(ConnectionGroupTest, WhoComesKeepsNobodyFromBeingLookedAt) {
  MemoryStore memory;
  Hub hub(memory.store, {});
  ServerOptions options;
  options.limits.handshake_timeout = std::chrono::milliseconds(8);
  auto network = std::make_shared<Network>(hub, NetworkRules::make(options), options);
  auto& group = *network->groups.front();
  auto door = std::make_unique<Door>(group);
  std::array<std::unique_ptr<Looked>, 8> others;
  on_thread(hub.shard(0), [&] {
    group.add(*door);
    for (auto& other : others) group.add(*(other = std::make_unique<Looked>(group)));
    group.start(network);
  });
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (const auto& other : others) {
    while (other->looks < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_GE(other->looks, 2);
  }
  on_thread(hub.shard(0), [&] {
    group.stop();
    door.reset();
    for (auto& other : others) other.reset();
  });
  on_thread(hub.shard(0), [] {});  // the timer has let go of the network
}

}  // namespace
}  // namespace tidemark::broker
