// What readers and publishers pay in the storage room: ring, cold segments, group commit.
// bench/: part of micro_bench; a temporary directory below the current one, so on a real disk.
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <stdlib.h>
#include <string>

#include <benchmark/benchmark.h>

#include "storage/event_store.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kRunBytes = std::size_t{64} << 10;  // what a session sends at once
constexpr std::uint64_t kColdEvents = 200'000;
constexpr std::uint64_t kRingEvents = 10'000;  // of 128 bytes: well within a ring of 4 MiB

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto pattern = (std::filesystem::current_path() / "micro-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Counts what the committer hands back.
class Answers final : public CommitObserver {
 public:
  void committed(std::vector<std::unique_ptr<Request>> done,
                 std::span<const std::shared_ptr<Topic>>) override {
    const std::scoped_lock lock(mutex_);
    for (const auto& request : done) failed_ = failed_ || request->error.has_value();
    count_ += done.size();
    changed_.notify_one();
  }
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
    if (failed_) throw std::runtime_error("a publish was refused");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
  bool failed_ = false;
};

// A store with one topic, and what publishes to it.
class Fixture {
 public:
  explicit Fixture(EventStoreOptions options = {}) : name_(TopicName::parse("bench/read").value()) {
    auto opened = EventStore::open(directory_.path() / "data", std::move(options));
    if (!opened) throw std::runtime_error(opened.error().text);
    store_ = std::move(*opened);
    store_->add_observer(answers_);
    // Random, so that compression gains nothing and the figures are of the bytes themselves.
    std::mt19937_64 random(1);
    while (data_.size() < 126) data_.push_back(static_cast<char>('a' + random() % 26));
    data_ = '"' + data_ + '"';
  }
  ~Fixture() {
    store_->stop();
    store_->remove_observer(answers_);
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void submit(std::uint64_t events) {
    auto request = std::make_unique<PublishRequest>(name_);
    request->observer = &answers_;
    request->events.resize(events);
    for (auto& event : request->events) event.data = data_;
    std::unique_ptr<Request> base = std::move(request);
    if (!store_->submit(base)) throw std::runtime_error("the queue is full");
    ++submitted_;
  }
  void configure(Durability durability) {
    auto request = std::make_unique<ConfigureRequest>(name_);
    request->observer = &answers_;
    request->durability = durability;
    std::unique_ptr<Request> base = std::move(request);
    if (!store_->submit(base)) throw std::runtime_error("the queue is full");
    ++submitted_;
    settle();
  }
  void settle() { answers_.wait_for(submitted_); }

  void fill(std::uint64_t events) {
    constexpr std::uint64_t at_once = 500;
    for (std::uint64_t done = 0; done < events; done += at_once) {
      submit(std::min(at_once, events - done));
      settle();
    }
  }

  EventStore& store() { return *store_; }
  std::shared_ptr<Topic> topic() { return store_->open_topic(name_).value(); }

 private:
  TemporaryDirectory directory_;
  TopicName name_;
  Answers answers_;
  std::unique_ptr<EventStore> store_;
  std::string data_;
  std::uint64_t submitted_ = 0;
};

// A cursor's step in the ring: look up, take a run of ready frames. range(0): bytes a run.
void read_ring(benchmark::State& state, FrameForm form) {
  Fixture fixture;
  fixture.fill(kRingEvents);
  const auto topic = fixture.topic();
  const auto most = static_cast<std::size_t>(state.range(0));
  Position position;
  std::uint64_t events = 0;
  for (auto _ : state) {
    auto answer = fixture.store().read(*topic, position);
    if (answer.state != ReadAnswer::State::events) {
      position = {};
      continue;
    }
    const auto run = answer.slice.segment->frames(form, answer.slice.offsets.first, most);
    benchmark::DoNotOptimize(run.data);
    events += run.offsets.count();
    position = {{}, Offset{run.offsets.end.value - 1}};
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}

// The whole topic from RocksDB through segments to frames; caches too small to keep any of it.
void read_cold(benchmark::State& state, FrameForm form) {
  EventStoreOptions options;
  options.ring_topic_bytes = std::size_t{64} << 10;
  options.segment_cache_bytes = std::size_t{8} << 20;
  options.store.block_cache_bytes = std::size_t{1} << 20;
  Fixture fixture(options);
  fixture.fill(kColdEvents);
  const auto topic = fixture.topic();
  std::uint64_t events = 0;
  for (auto _ : state) {
    Position position;
    while (true) {
      auto answer = fixture.store().read(*topic, position);
      if (answer.state == ReadAnswer::State::cold) {
        if (!fixture.store().load(*topic, position.offset)) state.SkipWithError("load failed");
        continue;
      }
      if (answer.state != ReadAnswer::State::events) break;
      const auto run = answer.slice.segment->frames(form, answer.slice.offsets.first, kRunBytes);
      benchmark::DoNotOptimize(run.data);
      events += run.offsets.count();
      position = {{}, Offset{run.offsets.end.value - 1}};
    }
    if (position.offset.value != kColdEvents) state.SkipWithError("not everything was read");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}

// Publishes of one event each, range(0) of them queued at once, until the last is durable.
void commit_group(benchmark::State& state, Durability durability) {
  Fixture fixture;
  fixture.configure(durability);
  std::uint64_t events = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) fixture.submit(1);
    fixture.settle();
    events += static_cast<std::uint64_t>(state.range(0));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}

BENCHMARK_CAPTURE(read_ring, json, FrameForm::json)->Arg(1)->Arg(16 << 10)->Arg(64 << 10);
BENCHMARK_CAPTURE(read_ring, binary, FrameForm::binary)->Arg(64 << 10);
BENCHMARK_CAPTURE(read_cold, json, FrameForm::json)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(read_cold, binary, FrameForm::binary)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(commit_group, synced, Durability::synced)
    ->Arg(1)
    ->Arg(8)
    ->Arg(64)
    ->Arg(1000)
    ->UseRealTime();
BENCHMARK_CAPTURE(commit_group, buffered, Durability::buffered)->Arg(64)->Arg(1000)->UseRealTime();

}  // namespace
}  // namespace tidemark::storage
