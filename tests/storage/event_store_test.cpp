// EventStore: positions, gaps, cold reads, damage, retention, restarts.
// tests/: unit, over RocksDB directories and a Log in memory.
#include "storage/event_store.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_log.hpp"
#include "tests/support/storage_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

using State = ReadAnswer::State;
using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

/// Everything after a position, as a reader would get it.
std::vector<std::string> read_all(EventStore& store, Topic& topic, Position at) {
  std::vector<std::string> out;
  for (;;) {
    ReadAnswer answer = store.read(topic, at);
    if (answer.state == State::cold) {
      EXPECT_TRUE(store.load(topic, at.offset));
    } else if (answer.state == State::events) {
      for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next()) {
        EXPECT_EQ(o, at.offset.next());
        out.emplace_back(answer.slice.segment->event(o).data);
        at = {answer.slice.segment->epoch(), o};
      }
    } else {
      return out;
    }
  }
}

std::vector<std::string> numbers(int first, int last) {
  std::vector<std::string> out;
  for (int i = first; i <= last; ++i) out.push_back(std::to_string(i));
  return out;
}

class EventStoreTest : public ::testing::Test {
 protected:
  void open(EventStoreOptions options = {}) {
    store_ = EventStore::open(dir_.path(), std::move(options)).value();
    waiting_ = std::make_unique<Waiting>(*store_);
  }
  void close() {
    waiting_.reset();
    store_.reset();
  }
  void publish(const std::vector<std::string>& data) {
    ASSERT_FALSE(waiting_->run(publish_of("t", data))->error);
  }
  std::shared_ptr<Topic> topic() { return store_->open_topic(topic_name("t")).value(); }
  Position start(const Start& from) { return store_->resolve(*topic(), from).value(); }
  State state_after(Position position) { return store_->read(*topic(), position).state; }
  Gap gap_after(Position position) {
    const ReadAnswer answer = store_->read(*topic(), position);
    EXPECT_EQ(answer.state, State::gap);
    return answer.gap;
  }

  TempDir dir_;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<Waiting> waiting_;
};

TEST_F(EventStoreTest, ResumesFromAnyOffsetAcrossARestart) {
  open();
  publish(numbers(1, 700));
  const Epoch epoch = topic()->bounds().epoch;
  close();
  open();
  for (const int after : {0, 1, 42, 255, 256, 257, 699}) {
    EXPECT_EQ(read_all(*store_, *topic(), {epoch, Offset{static_cast<std::uint64_t>(after)}}),
              numbers(after + 1, 700));
  }
  EXPECT_EQ(state_after({epoch, Offset{700}}), State::caught_up);
  publish(numbers(701, 702));
  EXPECT_EQ(read_all(*store_, *topic(), {epoch, Offset{690}}), numbers(691, 702));
}

TEST_F(EventStoreTest, EveryKindOfStartNamesAPosition) {
  EventStoreOptions options;
  std::atomic<std::int64_t> clock{1000};
  options.clock.wall = [&] { return Timestamp{clock}; };
  open(options);
  publish(numbers(1, 3));
  clock = 2000;
  publish(numbers(4, 6));
  clock = 1500;  // set back: times of a topic never decrease
  publish(numbers(7, 9));
  const auto at = [&](const Start& from) { return start(from).offset.value; };
  EXPECT_EQ(at(StartEarliest{}), 0U);
  EXPECT_EQ(at(StartNow{}), 9U);
  EXPECT_EQ(at(StartLast{2}), 7U);
  EXPECT_EQ(at(StartLast{100}), 0U);
  EXPECT_EQ(at(StartLast{0}), 9U);
  EXPECT_EQ(at(StartTime{Timestamp{0}}), 0U);
  EXPECT_EQ(at(StartTime{Timestamp{1001}}), 3U);
  EXPECT_EQ(at(StartTime{Timestamp{2000}}), 3U);
  EXPECT_EQ(at(StartTime{Timestamp{2001}}), 9U);
  EXPECT_EQ(at(StartAfter{{Epoch{0}, Offset{5}}}), 5U);
  EXPECT_EQ(start(StartAfter{{Epoch{0}, Offset{5}}}).epoch, topic()->bounds().epoch);
}

TEST_F(EventStoreTest, APositionAheadOfTheHeadIsAGapAndNeverUpToDate) {
  open();
  publish(numbers(1, 5));
  const Epoch epoch = topic()->bounds().epoch;
  const Gap gap = gap_after({epoch, Offset{9}});
  EXPECT_EQ(gap.cause, GapCause::ahead);
  EXPECT_EQ(gap.lost, (OffsetRange{Offset{6}, Offset{10}}));
  EXPECT_EQ(gap.head, Offset{5});
  EXPECT_EQ(gap_after({Epoch{0}, Offset{6}}).cause, GapCause::ahead);
}

TEST_F(EventStoreTest, APositionOfAnUnknownEpochIsAGap) {
  open();
  publish(numbers(1, 5));
  const Gap gap = gap_after({Epoch{12345}, Offset{3}});
  EXPECT_EQ(gap.cause, GapCause::epoch);
  EXPECT_EQ(gap.lost, (OffsetRange{Offset{1}, Offset{4}}));
}

TEST_F(EventStoreTest, ColdReadsAreSharedAndAcrossSegments) {
  EventStoreOptions options;
  options.ring_topic_bytes = 1000;
  open(options);
  const std::string payload = "\"" + std::string(1000, 'x') + "\"";
  for (int i = 0; i < 60; ++i) publish(std::vector<std::string>(50, payload));
  const auto opened = topic();
  ASSERT_EQ(state_after({}), State::cold);
  ASSERT_TRUE(store_->load(*opened, Offset{0}));
  const ReadAnswer one = store_->read(*opened, {});
  const ReadAnswer two = store_->read(*opened, {});
  ASSERT_EQ(one.state, State::events);
  EXPECT_EQ(one.slice.segment, two.slice.segment);
  EXPECT_EQ(read_all(*store_, *opened, {}).size(), 3000U);
}

TEST_F(EventStoreTest, ManyReadersLoadingAtOnceSeeTheSameEvents) {
  EventStoreOptions options;
  options.ring_topic_bytes = 1000;
  options.segment_cache_bytes = 100'000;
  open(options);
  for (int i = 0; i < 20; ++i) publish(numbers(i * 100 + 1, i * 100 + 100));
  const auto opened = topic();
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 8; ++r) {
    readers.emplace_back([&, r] {
      const auto after = static_cast<std::uint64_t>(r * 37);
      if (read_all(*store_, *opened, {Epoch{0}, Offset{after}}) != numbers(r * 37 + 1, 2000)) {
        ++wrong;
      }
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(EventStoreTest, RetentionByCountTrimsAndTellsWhy) {
  EventStoreOptions options;
  options.janitor.open_interval = std::chrono::milliseconds(1);
  options.committer.defaults = [](const TopicName&) {
    TopicSettings settings;
    settings.retention.max_events = 10;
    return settings;
  };
  open(options);
  for (int i = 1; i <= 100; ++i) publish({std::to_string(i)});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (topic()->bounds().earliest < Offset{91} && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  const Bounds bounds = topic()->bounds();
  EXPECT_EQ(bounds.earliest, Offset{91});
  const Gap gap = gap_after({bounds.epoch, Offset{5}});
  EXPECT_EQ(gap.cause, GapCause::count);
  EXPECT_EQ(gap.lost, (OffsetRange{Offset{6}, Offset{91}}));
  EXPECT_EQ(read_all(*store_, *topic(), {bounds.epoch, Offset{90}}), numbers(91, 100));
  close();
  open(options);
  EXPECT_EQ(topic()->bounds().earliest, Offset{91}) << "the watermark is durable";
}

TEST_F(EventStoreTest, ADeletedTopicIsGoneAfterARestart) {
  open();
  publish(numbers(1, 5));
  ASSERT_FALSE(waiting_->run(std::make_unique<EraseRequest>(topic_name("t")))->error);
  close();
  open();
  EXPECT_EQ(store_->open_topic(topic_name("t")).errc(), Errc::unknown_topic);
  publish({"9"});
  EXPECT_EQ(read_all(*store_, *topic(), {}), std::vector<std::string>{"9"});
}

TEST_F(EventStoreTest, ProducersAreRememberedAcrossARestart) {
  open();
  auto first = publish_of("t", {"1"});
  first->producer = ProducerStamp{"phone", 2, 0};
  ASSERT_FALSE(waiting_->run(std::move(first))->error);
  close();
  open();
  auto again = publish_of("t", {"1"});
  again->producer = ProducerStamp{"phone", 2, 0};
  const auto answered = waiting_->run(std::move(again));
  EXPECT_TRUE(answered->duplicate);
  EXPECT_EQ(answered->offsets, (OffsetRange{Offset{1}, Offset{2}}));
}

TEST_F(EventStoreTest, ListsTopicsInPagesWithTheirBounds) {
  open();
  for (const char* name : {"a", "b/c", "d"}) {
    ASSERT_FALSE(waiting_->run(publish_of(name, {"1", "2"}))->error);
  }
  const auto first = store_->list("", 2).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].meta.name, "a");
  EXPECT_EQ(first[1].meta.name, "b/c");
  EXPECT_EQ(first[1].tail.head, Offset{2});
  const auto rest = store_->list("b/c", 2).value();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].meta.name, "d");
}

TEST_F(EventStoreTest, ListsTopicsByPrefix) {
  open();
  for (const auto* name : {"a", "ab", "ab/c", "ab/d", "abc", "b"}) {
    ASSERT_FALSE(waiting_->run(publish_of(name, {"1"}))->error);
  }
  const auto names = [&](std::string_view after, std::size_t limit, std::string_view prefix) {
    std::vector<std::string> out;
    for (const auto& topic : store_->list(after, limit, prefix).value()) {
      out.push_back(topic.meta.name);
    }
    return out;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("", 10, "ab/"), (Names{"ab/c", "ab/d"}));
  EXPECT_EQ(names("", 10, "ab"), (Names{"ab", "ab/c", "ab/d", "abc"}));
  EXPECT_EQ(names("", 2, "ab"), (Names{"ab", "ab/c"}));
  EXPECT_EQ(names("ab/c", 10, "ab"), (Names{"ab/d", "abc"}));
  EXPECT_EQ(names("b", 10, "ab"), Names{});
  EXPECT_EQ(names("", 10, "b"), Names{"b"});
  EXPECT_EQ(names("", 10, "c"), Names{});
  EXPECT_EQ(names("", 10, std::string_view("\0", 1)), Names{});
  EXPECT_EQ(names("", 10, "\xff"), Names{});
}

TEST_F(EventStoreTest, BytesOfATopicAreThoseRetained) {
  open();
  for (int i = 0; i < 4; ++i) publish({'"' + std::string(1'000, 'x') + '"', "2"});
  const auto bytes = [&] {
    return store_->stored_bytes({topic()->meta(), topic()->tail()}).value();
  };
  const auto trim = [&](std::uint64_t keep) {
    auto request = std::make_unique<TrimRequest>(topic_name("t"), Offset{keep}, GapCause::trimmed);
    ASSERT_FALSE(waiting_->run(std::move(request))->error);
  };
  const auto all = bytes();
  EXPECT_GT(all, 4'000U);
  EXPECT_EQ(all, topic()->tail().bytes);
  trim(5);
  EXPECT_EQ(bytes(), all / 2) << "two batches of four, each like the others";
  trim(6);
  EXPECT_EQ(bytes(), all / 2) << "the batch is still there";
  trim(9);
  EXPECT_EQ(bytes(), 0U);
  publish({"3"});
  EXPECT_GT(bytes(), 0U);
  EXPECT_LT(bytes(), 1'000U);
}

TEST_F(EventStoreTest, IdleTopicsAreLetGoAndComeBackWhole) {
  EventStoreOptions options;
  options.max_open_topics = 10;
  open(options);
  for (int i = 0; i < 100; ++i) {
    ASSERT_FALSE(waiting_->run(publish_of("t" + std::to_string(i), {"1"}))->error);
  }
  EXPECT_EQ(store_->find_open(topic_name("t0")), nullptr);
  ASSERT_FALSE(waiting_->run(publish_of("t0", {"2"}))->error);
  const auto back = store_->open_topic(topic_name("t0")).value();
  EXPECT_EQ(read_all(*store_, *back, {}), numbers(1, 2));
}

/// A log in which some batches can't be read.
class DamagedLog : public MemoryLog {
 public:
  std::set<std::uint64_t> damaged;  ///< first offsets of batches
  Result<void> read(TopicId topic, Offset from, const BatchSink& sink, bool sequential) override {
    bool hit = false;
    auto result = MemoryLog::read(
        topic, from,
        [&](const BatchView& batch) {
          hit = damaged.contains(batch.header().first.value);
          return !hit && sink(batch);
        },
        sequential);
    if (hit) return Errc::corrupt_record;
    return result;
  }
};

TEST(EventStoreDamage, ADamagedRangeIsAGapAndWhatLiesAroundItIsServed) {
  auto owned = std::make_unique<DamagedLog>();
  DamagedLog& log = *owned;
  EventStoreOptions options;
  options.ring_topic_bytes = 1;
  EventStore store(std::move(owned), options);
  Waiting waiting(store);
  for (int i = 0; i < 10; ++i) {  // batches 1–10, 11–20, …
    ASSERT_FALSE(waiting.run(publish_of("t", numbers(i * 10 + 1, i * 10 + 10)))->error);
  }
  log.damaged = {21, 31, 71};
  const auto topic = store.open_topic(topic_name("t")).value();
  EXPECT_EQ(read_all(store, *topic, {}), numbers(1, 20));
  const ReadAnswer first = store.read(*topic, {Epoch{0}, Offset{20}});
  ASSERT_EQ(first.state, State::gap);
  EXPECT_EQ(first.gap.cause, GapCause::corrupt);
  EXPECT_EQ(first.gap.lost, (OffsetRange{Offset{21}, Offset{41}}));
  EXPECT_EQ(read_all(store, *topic, {Epoch{0}, Offset{40}}), numbers(41, 70));
  const ReadAnswer second = store.read(*topic, {Epoch{0}, Offset{70}});
  ASSERT_EQ(second.state, State::gap);
  EXPECT_EQ(second.gap.lost, (OffsetRange{Offset{71}, Offset{81}}));
  EXPECT_EQ(read_all(store, *topic, {Epoch{0}, Offset{80}}), numbers(81, 100));
  EXPECT_THAT(store.damage().of(topic_name("t")),
              ::testing::ElementsAre(OffsetRange{Offset{21}, Offset{41}},
                                     OffsetRange{Offset{71}, Offset{81}}));
  ASSERT_FALSE(
      waiting.run(std::make_unique<TrimRequest>(topic_name("t"), Offset{60}, GapCause::trimmed))
          ->error);
  while (store.damage().figures().events > 10) std::this_thread::yield();  // the janitor's
  EXPECT_THAT(store.damage().of(topic_name("t")),
              ::testing::ElementsAre(OffsetRange{Offset{71}, Offset{81}}));
}

TEST(SteadyWallClock, AJumpForwardIsFollowedSlowlyAndABackwardOnceItHasLasted) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const std::chrono::steady_clock::time_point zero{};
  SteadyWallClock clock;
  EXPECT_EQ(clock.now(Timestamp{1'000'000}, zero).ms, 1'000'000);
  EXPECT_EQ(clock.now(Timestamp{1'001'000}, zero + seconds(1)).ms, 1'001'000);
  const std::int64_t ten_years = 315'360'000'000;
  EXPECT_EQ(clock.now(Timestamp{1'002'000 + ten_years}, zero + seconds(2)).ms, 1'003'000);
  EXPECT_EQ(clock.now(Timestamp{1'003'000}, zero + seconds(3)).ms, 1'003'000);
  EXPECT_EQ(clock.now(Timestamp{5'000}, zero + seconds(4)).ms, 1'004'000);
  EXPECT_EQ(clock.now(Timestamp{604'999}, zero + milliseconds(603'999)).ms, 1'603'999);
  EXPECT_EQ(clock.now(Timestamp{605'000}, zero + seconds(604)).ms, 605'000);
  EXPECT_EQ(clock.now(Timestamp{606'000}, zero + seconds(605)).ms, 606'000);
}

}  // namespace
}  // namespace tidemark::storage
