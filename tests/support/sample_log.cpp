// The sample data directory: see the header, which says what is in it.
// tests/: written through Log::commit, so that epochs, times and offsets are what was asked for.
#include "tests/support/sample_log.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "protocol/messages.hpp"
#include "storage/log.hpp"
#include "storage/record_batch.hpp"

namespace tidemark::test {
namespace {

namespace fs = std::filesystem;
using namespace storage;

constexpr std::uint64_t kBatchEvents = 50;
constexpr std::uint64_t kGroupBatches = 100;
constexpr std::uint64_t kForkAt = 60;

void must(const Result<void>& done, const char* what) {
  if (!done)
    throw std::runtime_error(std::string(what) + ": " + std::string(info(done.errc()).text));
}

std::unique_ptr<Log> open_log(const fs::path& directory) {
  StoreOptions options;
  options.clock = [] { return SampleLog::kStart; };
  auto log = open_rocks_log(directory, options);
  if (!log) throw std::runtime_error(log.error().text);
  return std::move(*log);
}

NewEvent event_of(std::string data, std::string key = {}) {
  NewEvent event;
  event.data = std::move(data);
  event.key = std::move(key);
  return event;
}

NewEvent order(std::uint64_t number) {
  auto event =
      event_of("{\"order\":" + std::to_string(number) + "}", "k" + std::to_string(number % 20));
  if (number % 10 == 0) event.headers = {{.name = "kind", .value = "big"}};
  return event;
}

// A topic being written: what is committed of it goes on where it ended.
class TopicWriter {
 public:
  TopicWriter(Log& log, std::string name, const std::string& content_type) : log_(&log) {
    meta_.id = log_->next_topic_id();
    meta_.name = std::move(name);
    meta_.settings.content_type = content_type;
    meta_.created = SampleLog::kStart;
    meta_.used = SampleLog::kStart;
    meta_.lineage = {{.epoch = SampleLog::kFirstEpoch, .first = Offset{1}}};
    time_ = SampleLog::kStart;
    group_.topics = {meta_};
  }

  [[nodiscard]] TopicMeta& meta() { return meta_; }
  [[nodiscard]] CommitGroup& group() { return group_; }
  /// Metadata as it is now is committed with the group.
  void changed() { group_.topics = {meta_}; }

  void append(const std::vector<NewEvent>& events) {
    BatchBuilder builder;
    for (const auto& event : events) builder.add(event);
    const Offset first{next_};
    auto value = builder.finish(meta_.id, {.epoch = meta_.lineage.back().epoch,
                                           .first = first,
                                           .count = 0,
                                           .time = time_,
                                           .bytes_before = bytes_});
    bytes_ += value.size();
    next_ += events.size();
    time_.ms += 1000;
    group_.batches.push_back({.topic = meta_.id, .first = first, .value = std::move(value)});
  }
  void begin_epoch(Epoch epoch) {
    meta_.lineage.push_back({.epoch = epoch, .first = Offset{next_}});
    changed();
  }
  /// The same directory, opened anew.
  void go_on_in(Log& log) { log_ = &log; }
  /// Of a fork: its log goes on where the one it has inherited ends.
  void go_on(const Tail& inherited, Offset next) {
    bytes_ = inherited.bytes;
    next_ = next.value;
    time_ = {inherited.last_time.ms + 1000};
  }
  void commit() {
    must(log_->commit(group_, Durability::buffered), meta_.name.c_str());
    group_ = {};
  }

 private:
  Log* log_;
  TopicMeta meta_;
  CommitGroup group_;
  std::uint64_t next_ = 1;
  std::uint64_t bytes_ = 0;
  Timestamp time_;
};

void append_orders(TopicWriter& topic, std::uint64_t from, std::uint64_t end) {
  std::uint64_t batches = 0;
  for (; from < end; from += kBatchEvents) {
    std::vector<NewEvent> events;
    for (std::uint64_t n = from; n < from + kBatchEvents; ++n) events.push_back(order(n));
    topic.append(events);
    if (++batches % kGroupBatches == 0) topic.commit();
  }
  topic.commit();
}

ProducerState producer(std::uint64_t epoch, std::uint64_t requests, Offset first) {
  return {.epoch = epoch,
          .last_sequence = requests - 1,
          .runs = {{.sequence = 0, .requests = requests, .first = first, .events = 1}},
          .last_used = SampleLog::kStart};
}

/// Cursors that nobody acknowledges for months are forgotten, so these have just been.
Timestamp now_of_system() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

StoredCursor cursor(Offset offset) {
  return {.position = {.epoch = SampleLog::kFirstEpoch, .offset = offset},
          .created = SampleLog::kStart,
          .acknowledged = now_of_system()};
}

void add_beside_orders(TopicWriter& orders) {
  const TopicId id = orders.meta().id;
  CommitGroup& group = orders.group();
  group.producers = {{.topic = id, .id = "p1", .state = producer(3, 10, Offset{1})},
                     {.topic = id, .id = "p2", .state = producer(1, 5, Offset{11})}};
  group.cursors = {{.topic = id, .name = "device-1", .cursor = cursor(Offset{40})},
                   {.topic = id, .name = "device-2", .cursor = cursor(Offset{100})}};
  const Position of{.epoch = SampleLog::kFirstEpoch, .offset = Offset{30}};
  group.states = {{.topic = id,
                   .state = StoredState{.position = of,
                                        .stored = SampleLog::kStart,
                                        .content_type = "application/json",
                                        .data = "{\"sum\":30}"}}};
}

void write_prices(Log& log) {
  TopicWriter topic(log, "prices", "application/json");
  topic.meta().settings.keep_latest = true;
  const std::vector<std::string> keys{"EUR", "USD", "EUR", "GBP", "EUR", "USD", "JPY", "GBP"};
  for (std::size_t i = 0; i < keys.size(); i += 2) {
    const bool last = i + 2 == keys.size();  // a tombstone
    topic.append({event_of(std::to_string(i + 1), keys[i]),
                  event_of(last ? "null" : std::to_string(i + 2), keys[i + 1])});
  }
  for (const auto& [number, batch] : {std::pair{5, 2}, std::pair{6, 2}, std::pair{7, 3}}) {
    LatestUpdate update{.topic = topic.meta().id,
                        .key = keys[static_cast<std::size_t>(number) - 1],
                        .offset = Offset{static_cast<std::uint64_t>(number)},
                        .time = {SampleLog::kStart.ms + 1000 * batch},
                        .record = {}};
    append_record(update.record, event_of(std::to_string(number), update.key));
    topic.group().latest.push_back(std::move(update));
  }
  topic.meta().keys = 3;
  topic.changed();
  topic.commit();
  topic.meta().earliest = Offset{5};
  topic.meta().trim_cause = static_cast<std::uint8_t>(GapCause::trimmed);
  topic.changed();
  topic.commit();
}

void write_rooms(Log& log) {
  TopicWriter text(log, "rooms/1", "text/plain");
  text.append({event_of("hello"), event_of("line\nbreak"), event_of("")});
  text.commit();
  TopicWriter raw(log, "rooms/raw", "application/octet-stream");
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  raw.append({event_of(bytes)});
  raw.commit();
}

void write_fork(Log& log, TopicMeta& source) {
  TopicWriter fork(log, "orders-fork", source.settings.content_type);
  auto& meta = fork.meta();
  meta.lineage = source.lineage;
  std::erase_if(meta.lineage, [](const EpochStart& start) { return start.first.value > kForkAt; });
  meta.lineage.push_back({.epoch = SampleLog::kForkEpoch, .first = Offset{kForkAt + 1}});
  meta.origin = Origin{.source = source.name,
                       .id = source.id,
                       .inherited = Offset{kForkAt},
                       .requested = Offset{kForkAt}};
  ++source.forks;
  fork.group().topics = {source, meta};
  fork.commit();
  const auto loaded = log.load(TopicName::parse(meta.name).value());
  if (!loaded || !*loaded) throw std::runtime_error("the fork is not there");
  fork.go_on((*loaded)->tail, Offset{kForkAt + 1});
  std::vector<NewEvent> events;
  for (int i = 1; i <= 5; ++i) events.push_back(event_of("{\"fork\":" + std::to_string(i) + "}"));
  fork.append(events);
  fork.commit();
}

// Up to half of the orders, and what lies beside them.
TopicWriter begin_orders(Log& log, std::uint64_t half) {
  TopicWriter orders(log, "orders", "application/json");
  append_orders(orders, 1, half + 1);
  add_beside_orders(orders);
  orders.commit();
  return orders;
}

void write_rest(Log& log, TopicWriter& orders, const SampleLog& sample) {
  orders.begin_epoch(SampleLog::kSecondEpoch);
  append_orders(orders, sample.events / 2 + 1, sample.events + 1);
  write_prices(log);
  write_rooms(log);
  write_fork(log, orders.meta());
  TopicWriter(log, "empty", "application/json").commit();
  must(log.sync(), "sync");
}

// In two goes: what the first has written is in table files by the second. If that is to stay in
// the write-ahead log, `image` gets the directory as it is before it is closed, which would flush.
void write_all(const fs::path& directory, const SampleLog& sample, const fs::path& image) {
  auto log = open_log(directory);
  TopicWriter orders = begin_orders(*log, sample.events / 2);
  log.reset();
  log = open_log(directory);
  orders.go_on_in(*log);
  write_rest(*log, orders, sample);
  if (!image.empty()) fs::copy(directory, image, fs::copy_options::recursive);
}

}  // namespace

void write_sample_log(const fs::path& directory, const SampleLog& sample) {
  if (sample.events < 200 || sample.events % 100 != 0)
    throw std::runtime_error("a sample has 200 orders or more, in hundreds");
  fs::create_directories(directory);
  if (!fs::is_empty(directory)) throw std::runtime_error(directory.string() + " is not empty");
  if (!sample.leave_wal) return write_all(directory, sample, {});
  fs::path writing = directory;
  writing += ".writing";
  write_all(writing, sample, directory);
  fs::remove_all(writing);
}

}  // namespace tidemark::test
