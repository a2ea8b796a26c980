// What the log costs by itself: appending groups, reading in sequence, resuming.
// bench/: 128-byte events in 20 interleaved topics on RocksDB, in a temporary directory.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "storage/rocks_store.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kPayload = 128;
constexpr std::size_t kTopics = 20;

class BenchStore {
 public:
  BenchStore() {
    std::string name = (std::filesystem::temp_directory_path() / "tidemark-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    directory_ = name;
    open();
    CommitGroup group;
    for (std::size_t i = 0; i < kTopics; ++i) {
      topics_.push_back({.meta = {}, .next = 1, .bytes = 0});
      auto& meta = topics_.back().meta;
      meta.id = log_->next_topic_id();
      meta.name = "topic" + std::to_string(i);
      meta.lineage = {{log_->next_epoch(), {1}}};
      group.topics.push_back(meta);
    }
    check(log_->commit(group, Durability::synced));
    std::mt19937_64 random(1);
    for (char& c : event_.data) c = static_cast<char>('a' + random() % 26);
  }
  ~BenchStore() {
    log_.reset();
    std::filesystem::remove_all(directory_);
  }
  BenchStore(const BenchStore&) = delete;
  BenchStore& operator=(const BenchStore&) = delete;

  // A group of events of one topic, the next one in turn.
  void append(std::size_t events, Durability durability) {
    auto& topic = topics_[turn_++ % kTopics];
    CommitGroup group;
    BatchBuilder builder;
    while (events > 0) {
      for (; events > 0 && builder.fits(event_); --events) builder.add(event_);
      const std::uint32_t count = builder.count();
      auto value = builder.finish(topic.meta.id, {.epoch = topic.meta.lineage[0].epoch,
                                                  .first = {topic.next},
                                                  .count = count,
                                                  .time = {1'700'000'000'000},
                                                  .bytes_before = topic.bytes});
      topic.bytes += value.size();
      group.batches.push_back(
          {.topic = topic.meta.id, .first = {topic.next}, .value = std::move(value)});
      topic.next += count;
    }
    check(log_->commit(group, durability));
  }

  void reopen() {
    log_.reset();
    open();
  }

  // Until RocksDB has finished rewriting what was appended: files of one size for two seconds.
  void settle() const {
    for (int same = 0; same < 20;) {
      const auto before = table_bytes();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      same = table_bytes() == before ? same + 1 : 0;
    }
  }

  // Events read from `from` on, at most `events`.
  std::uint64_t read(std::size_t topic, std::uint64_t from, std::uint64_t events, bool sequential) {
    std::uint64_t seen = 0;
    check(log_->read(
        topics_[topic].meta.id, {from},
        [&](const BatchView& batch) {
          for (std::uint32_t i = 0; i < batch.count() && seen < events; ++i) {
            if (batch.header().first.value + i < from) continue;
            benchmark::DoNotOptimize(batch.event(i).data.data());
            ++seen;
          }
          return seen < events;
        },
        sequential));
    return seen;
  }

  [[nodiscard]] std::uint64_t head(std::size_t topic) const { return topics_[topic].next - 1; }

  [[nodiscard]] double bytes_per_event() const {
    std::uint64_t events = 0;
    for (const auto& topic : topics_) events += topic.next - 1;
    return static_cast<double>(table_bytes()) / static_cast<double>(events);
  }

 private:
  struct Topic {
    TopicMeta meta;
    std::uint64_t next = 1;
    std::uint64_t bytes = 0;
  };

  [[nodiscard]] std::uintmax_t table_bytes() const {
    std::uintmax_t bytes = 0;
    std::error_code gone;  // RocksDB removes files meanwhile
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "db")) {
      if (entry.path().extension() != ".sst") continue;
      const auto size = entry.file_size(gone);
      if (!gone) bytes += size;
    }
    return bytes;
  }

  void open() {
    StoreOptions options;
    options.compress = false;  // the payload is random letters; lz4 would flatter it
    auto opened = open_rocks_log(directory_, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    log_ = std::move(*opened);
  }
  static void check(const Result<void>& result) {
    if (!result) throw std::runtime_error(result.error().message());
  }

  std::filesystem::path directory_;
  std::unique_ptr<Log> log_;
  std::vector<Topic> topics_;
  std::size_t turn_ = 0;
  NewEvent event_ = [] {
    NewEvent event;
    event.data.resize(kPayload);
    return event;
  }();
};

void append(benchmark::State& state, Durability durability) {
  BenchStore store;
  const auto events = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) store.append(events, durability);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
void append_synced(benchmark::State& state) { append(state, Durability::synced); }
void append_buffered(benchmark::State& state) { append(state, Durability::buffered); }
BENCHMARK(append_synced)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime();
BENCHMARK(append_buffered)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime();

// Two million events in groups of 64, flushed to tables; made once.
BenchStore& filled() {
  static const auto store = [] {
    auto made = std::make_unique<BenchStore>();
    for (int i = 0; i < 2'000'000 / 64; ++i) made->append(64, Durability::buffered);
    made->reopen();
    made->settle();
    return made;
  }();
  return *store;
}

void read_sequential(benchmark::State& state) {
  auto& store = filled();
  std::uint64_t events = 0;
  std::size_t topic = 0;
  for (auto _ : state) {
    events += store.read(topic, 1, ~std::uint64_t{0}, true);
    topic = (topic + 1) % kTopics;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
  state.counters["disk_bytes_per_event"] = store.bytes_per_event();
}
BENCHMARK(read_sequential)->Unit(benchmark::kMillisecond);

void resume_and_read_100(benchmark::State& state) {
  auto& store = filled();
  std::mt19937_64 random(2);
  for (auto _ : state) {
    const std::size_t topic = random() % kTopics;
    store.read(topic, 1 + random() % (store.head(topic) - 100), 100, false);
  }
}
BENCHMARK(resume_and_read_100);

void batch_build_64(benchmark::State& state) {
  NewEvent event;
  event.data.assign(kPayload, 'x');
  BatchBuilder builder;
  for (auto _ : state) {
    for (int i = 0; i < 64; ++i) builder.add(event);
    benchmark::DoNotOptimize(builder.finish(
        {1}, {.epoch = {1}, .first = {1}, .count = 0, .time = {1}, .bytes_before = 0}));
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(batch_build_64);

void batch_parse_64(benchmark::State& state) {
  NewEvent event;
  event.data.assign(kPayload, 'x');
  BatchBuilder builder;
  for (int i = 0; i < 64; ++i) {
    event.data.resize(kPayload - static_cast<std::size_t>(i % 2));  // so that there is an index
    builder.add(event);
  }
  const auto value =
      builder.finish({1}, {.epoch = {1}, .first = {1}, .count = 0, .time = {1}, .bytes_before = 0});
  for (auto _ : state) benchmark::DoNotOptimize(BatchView::parse({1}, {1}, value));
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(batch_parse_64);

}  // namespace
}  // namespace tidemark::storage
