// A thread for clients, and a way to wait for their coroutines from a test.
// tests/client/: used by the tests over real sockets.
#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "protocol/client/client.hpp"
#include "tests/client/fake_broker.hpp"

namespace tidemark::test {

/// Longer than anything here takes, shorter than a test's limit.
inline constexpr std::chrono::seconds kPatience{20};

class Harness {
 public:
  Harness() : guard_(io_.get_executor()), thread_([this] { io_.run(); }) {}
  ~Harness() {
    io_.stop();
    thread_.join();
  }

  template <class T>
  std::future<T> start(boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(io_, std::move(work), boost::asio::use_future);
  }
  template <class T>
  static T await(std::future<T> future) {
    if (future.wait_for(kPatience) != std::future_status::ready) {
      throw std::runtime_error("nothing came within the test's patience");
    }
    return future.get();
  }
  template <class T>
  T get(boost::asio::awaitable<T> work) {
    return await(start(std::move(work)));
  }

  [[nodiscard]] boost::asio::any_io_executor executor() { return io_.get_executor(); }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

/// Quick to come back, and the same every time.
inline client::ClientOptions quick(const std::string& url) {
  client::ClientOptions out;
  out.url = url;
  out.backoff_min = std::chrono::milliseconds(1);
  out.backoff_max = std::chrono::milliseconds(20);
  out.seed = 42;
  return out;
}

inline std::vector<NewEvent> one(std::string data) {
  std::vector<NewEvent> out(1);
  out.front().data = std::move(data);
  return out;
}

/// Statuses as they are reported, for tests that wait for one.
class StatusLog {
 public:
  void operator()(const client::Status& status) {
    const std::scoped_lock lock(mutex_);
    seen_.push_back(status);
    changed_.notify_all();
  }
  /// Waits until `count` of one kind have been reported; returns the last.
  template <class T>
  T wait_for(std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    std::vector<T> found;
    const auto enough = [&] {
      found.clear();
      for (const auto& status : seen_) {
        if (const auto* it = std::get_if<T>(&status)) found.push_back(*it);
      }
      return found.size() >= count;
    };
    if (!changed_.wait_for(lock, kPatience, enough)) throw std::runtime_error("no such status");
    return found[count - 1];
  }
  std::vector<client::Status> all() {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<client::Status> seen_;
};

}  // namespace tidemark::test
