// A sign of life that stops when the broker hangs, whichever part of it does.
// tests/tools/: daemon/heartbeat, on a store in memory.
#include "tools/daemon/heartbeat.hpp"

#include <condition_variable>
#include <mutex>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"

namespace tidemark::tools {
namespace {

using testing::Contains;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

/// Far more than anything here takes: only a test that hangs meets it.
constexpr auto kHang = 20s;
constexpr auto kPeriod = 10ms;

/// Holds up whoever comes through, until it is opened.
class Gate {
 public:
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    held_ += 1;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    held_ -= 1;
  }
  /// Returns when somebody is held up.
  void wait_for_visitor() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kHang, [this] { return !open_ && held_ > 0; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int held_ = 0;
};

/// A disk that hangs when it is told to.
class HangingLog : public storage::MemoryLog {
 public:
  explicit HangingLog(Gate& gate) : gate_(gate) {}
  Result<std::optional<storage::LoadedTopic>> load(const TopicName& name) override {
    gate_.pass();
    return MemoryLog::load(name);
  }

 private:
  Gate& gate_;
};

class Heartbeats : public testing::Test {
 protected:
  Heartbeats() : store_(std::make_unique<HangingLog>(disk_), {}), hub_(store_, {.io_threads = 2}) {}
  ~Heartbeats() override {
    disk_.open();
    io_.open();
  }

  Heartbeat::Options options() {
    return {.period = kPeriod,
            .beat =
                [this] {
                  const std::lock_guard lock(mutex_);
                  ++beats_;
                  changed_.notify_all();
                },
            .stalled =
                [this](const std::vector<std::string>& silent) {
                  const std::lock_guard lock(mutex_);
                  stalls_.push_back(silent);
                  changed_.notify_all();
                }};
  }
  template <class Condition>
  void wait_for(Condition condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kHang, condition));
  }
  void wait_for_beats(int more) {
    int wanted = 0;
    {
      const std::lock_guard lock(mutex_);
      wanted = beats_ + more;
    }
    wait_for([&] { return beats_ >= wanted; });
  }
  /// Pre: the part is held up. Waits until it has been told of, and sees that no beat comes then.
  void expect_stall(const std::string& who) {
    // A machine with much to do is slow at times; what was told of before does not count.
    std::unique_lock lock(mutex_);
    stalls_.clear();
    lock.unlock();
    wait_for([&] { return !stalls_.empty(); });
    lock.lock();
    EXPECT_THAT(stalls_.back(), Contains(who));
    const auto before = beats_;
    EXPECT_FALSE(changed_.wait_for(lock, 10 * kPeriod, [&] { return beats_ != before; }));
  }

  Gate disk_;
  Gate io_;
  storage::EventStore store_;
  broker::Hub hub_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int beats_ = 0;
  std::vector<std::vector<std::string>> stalls_;
};

TEST_F(Heartbeats, BeatsWhileEveryPartAnswers) {
  Heartbeat heartbeat(hub_, options());
  wait_for_beats(5);
  heartbeat.stop();
  EXPECT_EQ(store_.topic_count(), 0U) << "asking leaves nothing behind";
}

TEST_F(Heartbeats, StopsBeatingWhileAnIoThreadHangs) {
  Heartbeat heartbeat(hub_, options());
  wait_for_beats(1);
  io_.close();
  boost::asio::post(hub_.shard(1).io(), [&] { io_.pass(); });
  io_.wait_for_visitor();
  expect_stall("io 1");
  io_.open();
  wait_for_beats(2);
}

TEST_F(Heartbeats, StopsBeatingWhileTheCommitterHangs) {
  Heartbeat heartbeat(hub_, options());
  wait_for_beats(1);
  disk_.close();
  disk_.wait_for_visitor();
  expect_stall("committer");
  disk_.open();
  wait_for_beats(2);
}

TEST_F(Heartbeats, EndsAlthoughSomethingHangs) {
  auto heartbeat = std::make_unique<Heartbeat>(hub_, options());
  wait_for_beats(1);
  io_.close();
  boost::asio::post(hub_.shard(0).io(), [&] { io_.pass(); });
  io_.wait_for_visitor();
  expect_stall("io 0");
  heartbeat->stop();
  heartbeat.reset();
  io_.open();  // the answer comes to nobody
}

}  // namespace
}  // namespace tidemark::tools
