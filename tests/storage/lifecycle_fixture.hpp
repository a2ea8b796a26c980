// A store in a directory, with a clock in the test's hand: create, fork, erase, read, reopen.
// tests/: shared by the tests of how topics begin and end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "tests/support/storage_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {

using tidemark::testing::publish_of;
using tidemark::testing::text_event;
using tidemark::testing::topic_name;
using tidemark::testing::Waiting;

inline std::unique_ptr<CreateRequest> create_of(std::string_view topic,
                                                std::optional<std::string> content_type = {},
                                                const std::vector<std::string>& data = {}) {
  auto request = std::make_unique<CreateRequest>(topic_name(topic));
  request->content_type = std::move(content_type);
  for (const auto& each : data) request->events.push_back(text_event(each));
  return request;
}

inline std::unique_ptr<CreateRequest> fork_of(std::string_view topic, std::string_view source,
                                              std::optional<Position> after = {},
                                              std::uint64_t sub_offset = 0) {
  auto request = std::make_unique<CreateRequest>(topic_name(topic));
  request->fork = CreateRequest::Fork{topic_name(source), after, sub_offset};
  return request;
}

/// Remembers what was dropped, and lets a test wait until a topic is no more.
class Watching : public CommitObserver {
 public:
  using Dropped = std::pair<TopicId, Offset>;

  void committed(std::vector<std::unique_ptr<Request>>,
                 std::span<const std::shared_ptr<Topic>>) override {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  void dropped(TopicId topic, Offset keep) override {
    const std::lock_guard lock(mutex_);
    dropped_.emplace_back(topic, keep);
  }
  std::vector<Dropped> take_dropped() {
    const std::lock_guard lock(mutex_);
    return std::exchange(dropped_, {});
  }
  template <class Condition>
  void wait_for(const Condition& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Dropped> dropped_;
};

class LifecycleFixture : public ::testing::Test {
 protected:
  LifecycleFixture() {
    options_.clock.wall = [this] { return Timestamp{wall_ms_}; };
    options_.clock.steady = [this] {
      return std::chrono::steady_clock::time_point(std::chrono::milliseconds(steady_ms_));
    };
    // The janitor looks only where a test wants it to.
    options_.janitor.open_interval = options_.janitor.all_interval = std::chrono::hours(1);
  }
  void SetUp() override { open(); }
  void TearDown() override { close(); }

  void open() {
    store_ = EventStore::open(dir_.path(), options_).value();
    waiting_ = std::make_unique<Waiting>(*store_);
    store_->add_observer(watching_);
  }
  void close() {
    if (!store_) return;
    store_->remove_observer(watching_);
    waiting_.reset();
    store_.reset();
  }
  void reopen() {
    close();
    open();
  }

  void pass(std::chrono::milliseconds time) {
    steady_ms_ += time.count();
    wall_ms_ += time.count();
  }
  void jump(std::chrono::milliseconds by) { wall_ms_ += by.count(); }

  template <class R>
  std::unique_ptr<R> run(std::unique_ptr<R> request) {
    return waiting_->run(std::move(request));
  }
  std::optional<Errc> publish(std::string_view topic, const std::vector<std::string>& data) {
    return run(publish_of(topic, data))->error;
  }
  std::optional<Errc> erase(std::string_view topic) {
    return run(std::make_unique<EraseRequest>(topic_name(topic)))->error;
  }
  std::optional<Errc> trim(std::string_view topic, std::uint64_t keep) {
    return run(std::make_unique<TrimRequest>(topic_name(topic), Offset{keep}, GapCause::trimmed))
        ->error;
  }

  Result<std::shared_ptr<Topic>> opened(std::string_view topic) {
    return store_->open_topic(topic_name(topic));
  }
  std::shared_ptr<Topic> topic(std::string_view text) { return opened(text).value(); }
  /// Why it can't be opened; nullopt: it can.
  std::optional<Errc> refused(std::string_view topic) {
    const auto result = opened(topic);
    return result ? std::nullopt : std::optional(result.errc());
  }
  std::uint64_t forks(std::string_view text) { return topic(text)->meta().forks; }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    for (const auto& each : store_->list("", 1'000).value()) names.push_back(each.meta.name);
    return names;
  }

  /// Every event after `at`, as a reader would get it, until there is no more.
  std::vector<std::string> read(std::string_view text, Position at = {}) {
    const auto topic = this->topic(text);
    std::vector<std::string> data;
    for (;;) {
      const ReadAnswer answer = store_->read(*topic, at);
      if (answer.state == ReadAnswer::State::cold) {
        EXPECT_TRUE(store_->load(*topic, at.offset));
      } else if (answer.state == ReadAnswer::State::events) {
        for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next()) {
          data.emplace_back(answer.slice.segment->event(o).data);
          at = {answer.slice.segment->epoch(), o};
        }
      } else {
        EXPECT_EQ(answer.state, ReadAnswer::State::caught_up);
        return data;
      }
    }
  }

  /// Runs the checks on the store as it is, and then as it is found again on disk.
  template <class Checks>
  void now_and_after_reopening(const Checks& checks) {
    {
      SCOPED_TRACE("before reopening");
      checks();
    }
    reopen();
    SCOPED_TRACE("after reopening");
    checks();
  }

  std::atomic<std::int64_t> wall_ms_{1'700'000'000'000};
  std::atomic<std::int64_t> steady_ms_{0};
  EventStoreOptions options_;
  TempDir dir_;
  Watching watching_;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<Waiting> waiting_;
};

/// With a source to fork.
class ForkTest : public LifecycleFixture {
 protected:
  void SetUp() override {
    LifecycleFixture::SetUp();
    ASSERT_FALSE(run(create_of("source", "application/json", {"1", "2", "3"}))->error);
  }
};

}  // namespace tidemark::storage
