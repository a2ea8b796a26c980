// A store on a log in memory, and requests that wait for their outcome.
// tests/: what the broker's unit tests stand on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::broker {

/// Far more than anything here takes: only a test that hangs meets it.
inline constexpr std::chrono::seconds kPatience{60};

inline TopicName name_of(std::string_view text) { return TopicName::parse(text).value(); }

/// Events with the payloads `first`, `first` + 1, … as JSON numbers.
inline std::vector<NewEvent> numbers(std::uint64_t first, std::uint64_t count) {
  std::vector<NewEvent> events(count);
  for (std::uint64_t i = 0; i < count; ++i) events[i].data = std::to_string(first + i);
  return events;
}

/// Does requests one at a time, and returns when all observers have been told.
class Requester final : private storage::CommitObserver {
 public:
  explicit Requester(storage::EventStore& store) : store_(store) { store_.add_observer(*this); }
  ~Requester() override { store_.remove_observer(*this); }

  template <class R>
  std::unique_ptr<R> run(std::unique_ptr<R> request) {
    // Added again each time, so that it is the last of the observers to be told.
    store_.remove_observer(*this);
    store_.add_observer(*this);
    request->observer = this;
    done_ = {};
    auto future = done_.get_future();
    std::unique_ptr<storage::Request> base = std::move(request);
    EXPECT_TRUE(store_.submit(base).has_value());
    if (future.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("stuck");
    return std::unique_ptr<R>(static_cast<R*>(future.get().release()));
  }

  /// Appends numbers that go on where the topic ends: event N carries N.
  OffsetRange publish(const TopicName& topic, std::uint64_t count) {
    auto request = std::make_unique<storage::PublishRequest>(topic);
    const auto open = store_.find_open(topic);
    request->events = numbers(open ? open->bounds().head.value + 1 : 1, count);
    request = run(std::move(request));
    EXPECT_FALSE(request->error) << info(*request->error).name;
    return request->offsets;
  }
  void trim(const TopicName& topic, Offset keep) {
    const auto done = run(std::make_unique<storage::TrimRequest>(topic, keep, GapCause::trimmed));
    EXPECT_FALSE(done->error);
  }
  void erase(const TopicName& topic) {
    EXPECT_FALSE(run(std::make_unique<storage::EraseRequest>(topic))->error);
  }

 private:
  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>> /*advanced*/) override {
    for (auto& request : done) done_.set_value(std::move(request));
  }

  storage::EventStore& store_;
  std::promise<std::unique_ptr<storage::Request>> done_;
};

/// Store and log of one test.
struct MemoryStore {
  explicit MemoryStore(storage::EventStoreOptions options = {})
      : MemoryStore(std::make_unique<storage::MemoryLog>(), std::move(options)) {}
  MemoryStore(std::unique_ptr<storage::MemoryLog> memory, storage::EventStoreOptions options)
      : log(*memory), store(std::move(memory), std::move(options)), requester(store) {}

  std::shared_ptr<storage::Topic> topic(const TopicName& name) {
    return store.open_topic(name).value();
  }
  /// What is appended to any topic from now on belongs to a new epoch.
  void begin_epoch() { log.add_incident(false); }

  storage::MemoryLog& log;
  storage::EventStore store;
  Requester requester;
};

}  // namespace tidemark::broker
