// Random operations on an EventStore against the simplest model of it.
// tests/: seeded; a failure prints its seed, TIDEMARK_SEED repeats it.
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "storage/event_store.hpp"
#include "tests/support/storage_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {
namespace {

using State = ReadAnswer::State;
using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

struct ModelTopic {
  std::vector<EpochStart> lineage;
  std::uint64_t earliest = 1;
  std::vector<std::string> events;  ///< of offsets 1, 2, …; a fork's inherited ones too
  std::map<std::string, std::uint64_t> next_sequence;
  std::string source;  ///< a fork's
  int forks = 0;
  bool gone = false;
  [[nodiscard]] std::uint64_t head() const { return events.size(); }
  [[nodiscard]] Epoch epoch() const { return lineage.back().epoch; }
  [[nodiscard]] bool knows(Position at) const {
    for (std::size_t i = 0; i < lineage.size(); ++i) {
      if (lineage[i].epoch != at.epoch) continue;
      return i + 1 == lineage.size() || at.offset < lineage[i + 1].first;
    }
    return false;
  }
};

/// A reader who remembers where it is, over restarts, trims and deletions.
struct ModelReader {
  std::string topic;
  Position at;
};

class EventStoreModel : public ::testing::Test {
 protected:
  EventStoreModel() {
    const char* given = std::getenv("TIDEMARK_SEED");
    seed_ = given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
    random_.seed(seed_);
    std::cout << "seed " << seed_ << '\n';
    open();
  }

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool gone(const std::string& name) {
    const auto found = model_.find(name);
    return found != model_.end() && found->second.gone;
  }
  std::string some_topic() { return "t" + std::to_string(pick(6)); }

  void open() {
    EventStoreOptions options;
    options.ring_topic_bytes = std::size_t{1} << (8 + pick(10));
    options.segment_cache_bytes = std::size_t{1} << (10 + pick(10));
    options.max_open_topics = 2 + pick(8);
    store_ = EventStore::open(dir_.path(), options).value();
    waiting_ = std::make_unique<Waiting>(*store_);
  }
  void reopen() {
    waiting_.reset();
    store_.reset();
    open();
  }

  void publish() {
    const std::string name = some_topic();
    std::vector<std::string> data;
    const std::uint64_t count = pick(20) == 0 ? 300 + pick(300) : 1 + pick(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t size = pick(200) == 0 ? pick(50'000) : pick(100);
      data.push_back("\"" + std::to_string(random_()) + std::string(size, 'x') + "\"");
    }
    auto request = publish_of(name, data);
    if (gone(name)) {
      ASSERT_EQ(waiting_->run(std::move(request))->error, Errc::topic_deleted);
      return;
    }
    ModelTopic& topic = model_[name];
    const std::uint64_t expected = topic.head() + 1;
    bool duplicate = false;
    if (pick(2) == 0) {
      const std::string id = "p" + std::to_string(pick(3));
      std::uint64_t& next = topic.next_sequence[id];
      duplicate = next > 0 && pick(3) == 0;
      request->producer = ProducerStamp{id, 0, duplicate ? pick(next) : next};
      if (!duplicate) ++next;
    }
    const auto done = waiting_->run(std::move(request));
    ASSERT_FALSE(done->error) << info(*done->error).name;
    ASSERT_EQ(done->duplicate, duplicate);
    if (duplicate) return;
    ASSERT_EQ(done->offsets.first.value, expected);
    ASSERT_EQ(done->offsets.count(), count);
    if (topic.lineage.empty()) topic.lineage = {{done->epoch, Offset{1}}};
    ASSERT_EQ(done->epoch, topic.epoch());
    topic.events.insert(topic.events.end(), data.begin(), data.end());
  }

  void trim() {
    const std::string name = some_topic();
    if (!model_.contains(name) || gone(name)) return;
    ModelTopic& topic = model_[name];
    const std::uint64_t keep = 1 + pick(topic.head() + 2);
    const auto done = waiting_->run(
        std::make_unique<TrimRequest>(topic_name(name), Offset{keep}, GapCause::trimmed));
    ASSERT_FALSE(done->error);
    topic.earliest = std::max(topic.earliest, std::min(keep, topic.head() + 1));
    ASSERT_EQ(done->bounds.earliest.value, topic.earliest);
  }

  void erase() {
    const std::string name = some_topic();
    const auto done = waiting_->run(std::make_unique<EraseRequest>(topic_name(name)));
    ASSERT_EQ(done->error.has_value(), !model_.contains(name) || gone(name));
    if (done->error) return;
    model_[name].gone = true;
    // Up the chain, as far as nobody needs what is gone.
    for (std::string last = name; gone(last) && model_[last].forks == 0;) {
      const std::string source = model_[last].source;
      model_.erase(last);
      if (source.empty()) break;
      --model_[source].forks;
      last = source;
    }
  }

  void fork() {
    const std::string name = some_topic();
    const std::string source = some_topic();
    const std::uint64_t offset = model_.contains(source) ? pick(model_[source].head() + 1) : 0;
    auto request = std::make_unique<CreateRequest>(topic_name(name));
    request->fork = CreateRequest::Fork{topic_name(source), Position{Epoch{0}, Offset{offset}}, 0};
    const auto done = waiting_->run(std::move(request));
    if (model_.contains(name)) {
      ASSERT_FALSE(done->created);
      ASSERT_TRUE(!gone(name) || done->error == Errc::topic_exists);
      return;
    }
    if (!model_.contains(source) || gone(source)) {
      ASSERT_EQ(done->error, gone(source) ? Errc::source_deleted : Errc::unknown_topic);
      return;
    }
    ASSERT_FALSE(done->error) << info(*done->error).name;
    ASSERT_EQ(done->tail.offset.value, offset);
    ModelTopic& from = model_[source];
    ModelTopic& made = model_[name];
    ++from.forks;
    made.source = source;
    made.earliest = std::min(from.earliest, offset + 1);
    made.events.assign(from.events.begin(),
                       from.events.begin() + static_cast<std::ptrdiff_t>(offset));
    for (const EpochStart& start : from.lineage)
      if (start.first.value <= offset) made.lineage.push_back(start);
    const Epoch own = store_->open_topic(topic_name(name)).value()->bounds().epoch;
    made.lineage.push_back({own, Offset{offset + 1}});
  }

  void start_reader() {
    const std::string name = some_topic();
    if (!model_.contains(name)) return;
    const ModelTopic& topic = model_[name];
    readers_.push_back({name, {topic.epoch(), Offset{pick(topic.head() + 1)}}});
    if (readers_.size() > 20) readers_.pop_front();
  }

  void read_with(ModelReader& reader) {
    auto opened = store_->open_topic(topic_name(reader.topic));
    if (!model_.contains(reader.topic) || gone(reader.topic)) {
      ASSERT_EQ(opened.errc(), gone(reader.topic) ? Errc::topic_deleted : Errc::unknown_topic);
      return;
    }
    const ModelTopic& model = model_[reader.topic];
    Topic& topic = **opened;
    for (int steps = 0; steps < 10'000; ++steps) {
      const ReadAnswer answer = store_->read(topic, reader.at);
      const bool same_history = model.knows(reader.at);
      const std::uint64_t next = reader.at.offset.value + 1;
      switch (answer.state) {
        case State::cold:
          ASSERT_TRUE(store_->load(topic, reader.at.offset));
          break;
        case State::caught_up:
          ASSERT_TRUE(same_history);
          ASSERT_EQ(reader.at.offset.value, model.head());
          return;
        case State::gap:
          ASSERT_TRUE(!same_history || next < model.earliest);
          ASSERT_EQ(answer.gap.earliest.value, model.earliest);
          reader.at = {model.epoch(), Offset{model.earliest - 1}};
          break;
        case State::deleted:
          FAIL() << "a topic that is there reads as deleted";
        case State::events:
          ASSERT_TRUE(same_history);
          ASSERT_GE(next, model.earliest);
          ASSERT_EQ(answer.slice.offsets.first.value, next);
          for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next()) {
            ASSERT_EQ(answer.slice.segment->event(o).data, model.events[o.value - 1]);
            reader.at = {answer.slice.segment->epoch(), o};
            ASSERT_TRUE(model.knows(reader.at));
          }
          break;
      }
    }
    FAIL() << "a reader never caught up";
  }

  void step() {
    const std::uint64_t dice = pick(100);
    if (dice < 50) return publish();
    if (dice < 60) return start_reader();
    if (dice < 66) return trim();
    if (dice < 69) return erase();
    if (dice < 71) return reopen();
    if (dice < 76) return fork();
    if (!readers_.empty()) read_with(readers_[pick(readers_.size())]);
  }

  unsigned seed_ = 0;
  std::mt19937_64 random_;
  TempDir dir_;
  std::map<std::string, ModelTopic> model_;
  std::deque<ModelReader> readers_;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<Waiting> waiting_;
};

TEST_F(EventStoreModel, AgreesOverRandomOperations) {
  for (int i = 0; i < 1'500; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", step " + std::to_string(i));
    step();
    if (HasFatalFailure()) return;
  }
  for (ModelReader& reader : readers_) {
    read_with(reader);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tidemark::storage
