// What every Log must do, whatever engine stands below.
// tests/: one suite, run against each implementation.
#include "tests/storage/log_contract.hpp"

#include <set>

namespace tidemark::storage {
namespace {

/// What only engines that outlive the process must do.
class PersistentLogContract : public LogContract {};

TEST_P(LogContract, UnknownTopicLoadsAsNothing) {
  const auto loaded = log_->load(name("nobody"));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->has_value());
}

TEST_P(LogContract, CommittedTopicLoadsWithItsMetadata) {
  auto meta = new_topic("a/b");
  meta.settings = {
      .durability = Durability::buffered,
      .retention = {.max_events = 1, .max_bytes = 2, .max_age = std::chrono::milliseconds(3)},
      .content_type = "text/plain"};
  meta.lineage.push_back({log_->next_epoch(), {9}});
  meta.earliest = {4};
  meta.trim_cause = 2;
  meta.incident = 7;
  CommitGroup group;
  group.topics = {meta};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  const auto loaded = log_->load(name("a/b"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->meta, meta);
}

TEST_P(LogContract, EmptyTopicHasHeadZero) {
  topic_with("t", 0);
  const auto loaded = log_->load(name("t"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->tail, Tail{});
}

TEST_P(LogContract, TailIsTheEndOfTheLastBatch) {
  auto meta = new_topic("t");
  CommitGroup group;
  group.topics = {meta};
  add_batch(group, meta, 1, 5, 0, 2000);
  add_batch(group, meta, 6, 2, group.batches[0].value.size(), 3000);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  const auto loaded = log_->load(name("t"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->tail,
            (Tail{.head = {7},
                  .last_time = {3000},
                  .bytes = group.batches[0].value.size() + group.batches[1].value.size()}));
}

TEST_P(LogContract, TailOfOneTopicIsNotAnothers) {
  const auto first = topic_with("first", 2);
  const auto second = topic_with("second", 0);
  topic_with("third", 3);
  EXPECT_EQ((*log_->load(name("first")))->tail.head, Offset{6});
  EXPECT_EQ((*log_->load(name("second")))->tail.head, Offset{0});
  EXPECT_TRUE(read(second.id, 1).empty());
  EXPECT_EQ(read(first.id, 1), numbers(1, 6));
}

TEST_P(LogContract, HeadIsNeverBelowWhatTheMetadataKnows) {
  auto trimmed = new_topic("trimmed");
  trimmed.earliest = {8};
  auto restarted = new_topic("restarted");
  restarted.lineage.push_back({log_->next_epoch(), {21}});
  CommitGroup group;
  group.topics = {trimmed, restarted};
  add_batch(group, trimmed, 1, 3);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ((*log_->load(name("trimmed")))->tail.head, Offset{7});
  EXPECT_EQ((*log_->load(name("restarted")))->tail.head, Offset{20});
}

TEST_P(LogContract, EventsComeInOrder) {
  const auto meta = topic_with("t", 400);
  EXPECT_EQ(read(meta.id, 1), numbers(1, 1200));
}

TEST_P(LogContract, ReadingBeginsWithTheBatchThatHoldsTheOffset) {
  const auto meta = topic_with("t", 4);
  for (std::uint64_t from = 1; from <= 12; ++from) {
    EXPECT_EQ(read(meta.id, from), numbers(from, 12));
    Offset first;
    ASSERT_TRUE(log_->read(meta.id, {from}, [&](const BatchView& batch) {
      first = batch.header().first;
      return false;
    }));
    EXPECT_EQ(first.value, (from - 1) / 3 * 3 + 1);
  }
  EXPECT_TRUE(read(meta.id, 13).empty());
  EXPECT_EQ(read(meta.id, 0), numbers(1, 12));
}

TEST_P(LogContract, ReadingStopsWhenTheSinkSaysSo) {
  const auto meta = topic_with("t", 4);
  EXPECT_EQ(read(meta.id, 2, 2), numbers(2, 6));
}

TEST_P(LogContract, SequentialReadingIsTheSame) {
  const auto meta = topic_with("t", 100);
  std::uint64_t next = 1;
  ASSERT_TRUE(log_->read(
      meta.id, {1},
      [&](const BatchView& batch) {
        EXPECT_EQ(batch.header().first.value, next);
        next = batch.end().value;
        return true;
      },
      true));
  EXPECT_EQ(next, 301U);
}

TEST_P(LogContract, ReadingAnUnknownTopicFindsNothing) {
  topic_with("t", 1);
  EXPECT_TRUE(read({999}, 1).empty());
  EXPECT_FALSE(log_->header_at({999}, {1})->has_value());
}

TEST_P(LogContract, HeaderIsThatOfTheBatchOrTheNext) {
  const auto meta = topic_with("t", 3);
  EXPECT_EQ((*log_->header_at(meta.id, {1}))->first, Offset{1});
  EXPECT_EQ((*log_->header_at(meta.id, {5}))->first, Offset{4});
  EXPECT_EQ((*log_->header_at(meta.id, {9}))->first, Offset{7});
  EXPECT_FALSE(log_->header_at(meta.id, {10})->has_value());
  ASSERT_TRUE(log_->reclaim(meta.id, {4}));
  EXPECT_EQ((*log_->header_at(meta.id, {1}))->first, Offset{4});
}

TEST_P(LogContract, BufferedCommitsCanBeReadAtOnceAndSyncedLater) {
  auto meta = new_topic("t");
  CommitGroup group;
  group.topics = {meta};
  add_batch(group, meta, 1, 3);
  ASSERT_TRUE(log_->commit(group, Durability::buffered));
  EXPECT_EQ(read(meta.id, 1), numbers(1, 3));
  EXPECT_TRUE(log_->sync());
  EXPECT_TRUE(log_->sync());
}

TEST_P(LogContract, EmptyGroupChangesNothing) {
  EXPECT_TRUE(log_->commit({}, Durability::synced));
  EXPECT_TRUE(log_->commit({}, Durability::buffered));
  EXPECT_EQ(log_->topic_count(), 0U);
}

TEST_P(LogContract, GroupHoldsManyTopicsAtOnce) {
  CommitGroup group;
  std::vector<TopicMeta> metas;
  for (int i = 0; i < 10; ++i) {
    metas.push_back(new_topic("t" + std::to_string(i)));
    group.topics.push_back(metas.back());
    add_batch(group, metas.back(), 1, 4);
    group.producers.push_back({.topic = metas.back().id, .id = "p", .state = {}});
  }
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->topic_count(), 10U);
  for (const auto& meta : metas) {
    EXPECT_EQ(read(meta.id, 1), numbers(1, 4));
    EXPECT_TRUE(log_->producer(meta.id, "p")->has_value());
  }
}

TEST_P(LogContract, ReclaimKeepsTheBatchThatHoldsTheWatermark) {
  const auto meta = topic_with("t", 4);
  const auto other = topic_with("u", 4);
  ASSERT_TRUE(log_->reclaim(meta.id, {8}));
  EXPECT_EQ(read(meta.id, 7), numbers(7, 12));
  EXPECT_EQ(read(other.id, 1), numbers(1, 12));
  ASSERT_TRUE(log_->reclaim(meta.id, {8}));
  ASSERT_TRUE(log_->reclaim(meta.id, {3}));
  EXPECT_EQ(read(meta.id, 7), numbers(7, 12));
}

TEST_P(LogContract, ReclaimNeverTakesTheLastBatch) {
  const auto meta = topic_with("t", 4);
  ASSERT_TRUE(log_->reclaim(meta.id, {13}));
  ASSERT_TRUE(log_->reclaim(meta.id, {kMaxInteger}));
  EXPECT_EQ(read(meta.id, 10), numbers(10, 12));
  EXPECT_EQ((*log_->load(name("t")))->tail.head, Offset{12});
}

TEST_P(LogContract, ReclaimOfAnEmptyTopicLeavesWhatComesLater) {
  const auto meta = topic_with("t", 0);
  ASSERT_TRUE(log_->reclaim(meta.id, {1}));
  CommitGroup group;
  add_batch(group, meta, 1, 3);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(meta.id, 1), numbers(1, 3));
}

TEST_P(LogContract, ErasedTopicIsGoneWithAllThatIsItsOwn) {
  const auto meta = topic_with("t", 4);
  const auto other = topic_with("u", 4);
  CommitGroup group;
  group.producers = {{.topic = meta.id, .id = "p", .state = {}},
                     {.topic = other.id, .id = "p", .state = {}}};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  ASSERT_TRUE(log_->erase(meta));
  EXPECT_FALSE(log_->load(name("t"))->has_value());
  EXPECT_FALSE(log_->producer(meta.id, "p")->has_value());
  EXPECT_TRUE(read(meta.id, 1).empty());
  EXPECT_EQ(log_->topic_count(), 1U);
  EXPECT_EQ(names(""), std::vector<std::string>{"u"});
  EXPECT_TRUE(log_->producer(other.id, "p")->has_value());
  EXPECT_EQ(read(other.id, 1), numbers(1, 12));
  EXPECT_TRUE(log_->reclaim(meta.id, {kMaxInteger}));
  EXPECT_EQ(read(other.id, 1), numbers(1, 12));
}

TEST_P(LogContract, TopicOfAnErasedNameBeginsAnew) {
  const auto old = topic_with("t", 4);
  ASSERT_TRUE(log_->erase(old));
  const auto fresh = topic_with("t", 1);
  EXPECT_GT(fresh.id, old.id);
  EXPECT_GT(fresh.lineage[0].epoch, old.lineage[0].epoch);
  EXPECT_EQ((*log_->load(name("t")))->tail.head, Offset{3});
  EXPECT_EQ(log_->topic_count(), 1U);
}

TEST_P(LogContract, ProducersAreRemembered) {
  const auto meta = topic_with("t", 1);
  const ProducerState state{.epoch = 3,
                            .last_sequence = 9,
                            .runs = {{.sequence = 1, .requests = 2, .first = {3}, .events = 4}},
                            .last_used = {5}};
  CommitGroup group;
  group.producers = {{.topic = meta.id, .id = "phone", .state = state}};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->producer(meta.id, "phone")->value(), state);
  EXPECT_FALSE(log_->producer(meta.id, "phon")->has_value());
  EXPECT_FALSE(log_->producer({meta.id.value + 1}, "phone")->has_value());
  group.producers[0].state.last_sequence = 10;
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->producer(meta.id, "phone")->value().last_sequence, 10U);
}

TEST_P(LogContract, ProducersAreVisitedInOrderAndGoOnAfterAnId) {
  const auto before = topic_with("before", 1);
  const auto meta = topic_with("t", 1);
  const auto after = topic_with("after", 1);
  CommitGroup group;
  group.producers = {{.topic = before.id, .id = "zebra", .state = {}},
                     {.topic = after.id, .id = "aardvark", .state = {}}};
  // More than a page of them.
  for (std::uint64_t i = 0; i < 700; ++i)
    group.producers.push_back(
        {.topic = meta.id,
         .id = "p" + std::to_string(1000 + i),
         .state = {.epoch = i, .last_sequence = 0, .runs = {}, .last_used = {}}});
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  std::uint64_t next = 0;
  ASSERT_TRUE(log_->producers(meta.id, {}, [&](std::string_view id, const ProducerState& state) {
    EXPECT_EQ(id, "p" + std::to_string(1000 + next));
    EXPECT_EQ(state.epoch, next++);
    return true;
  }));
  EXPECT_EQ(next, 700U);
  std::vector<std::string> some;
  ASSERT_TRUE(log_->producers(meta.id, "p1500", [&](std::string_view id, const ProducerState&) {
    some.emplace_back(id);
    return some.size() < 2;
  }));
  EXPECT_EQ(some, (std::vector<std::string>{"p1501", "p1502"}));
}

TEST_P(LogContract, ListIsInOrderOfNameAndGoesOnAfterAName) {
  CommitGroup group;
  for (const char* text : {"b", "a", "c/d", "c"}) group.topics.push_back(new_topic(text));
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(names(""), (std::vector<std::string>{"a", "b", "c", "c/d"}));
  EXPECT_EQ(names("b"), (std::vector<std::string>{"c", "c/d"}));
  EXPECT_EQ(names("bb"), (std::vector<std::string>{"c", "c/d"}));
  EXPECT_EQ(names("", 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(names("c/d").empty());
}

TEST_P(LogContract, ListOfManyTopicsMissesNone) {
  CommitGroup group;
  std::set<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    group.topics.push_back(new_topic("t" + std::to_string(i)));
    expected.insert(group.topics.back().name);
  }
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(names(""), std::vector<std::string>(expected.begin(), expected.end()));
  EXPECT_EQ(log_->topic_count(), 1000U);
}

TEST_P(LogContract, VisitorOfAListMayUseTheLog) {
  topic_with("a", 1);
  topic_with("b", 2);
  std::uint64_t events = 0;
  ASSERT_TRUE(log_->list("", [&](const TopicMeta& meta) {
    events += (*log_->load(name(meta.name)))->tail.head.value;
    return true;
  }));
  EXPECT_EQ(events, 9U);
}

TEST_P(LogContract, ChangedMetadataIsNotAnotherTopic) {
  auto meta = topic_with("t", 2);
  meta.earliest = {4};
  CommitGroup group;
  group.topics = {meta};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->topic_count(), 1U);
  EXPECT_EQ((*log_->load(name("t")))->meta.earliest, Offset{4});
}

TEST_P(LogContract, IdsAndEpochsOnlyGrow) {
  TopicId id{0};
  Epoch epoch{0};
  for (int i = 0; i < 5000; ++i) {
    const auto next_id = log_->next_topic_id();
    const auto next_epoch = log_->next_epoch();
    ASSERT_GT(next_id, id);
    ASSERT_GT(next_epoch, epoch);
    ASSERT_LE(next_epoch.value, kMaxInteger);
    id = next_id;
    epoch = next_epoch;
  }
}

TEST_P(LogContract, NewLogHasHadNoIncident) {
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
  EXPECT_EQ(log_->incidents_after(3).number, 3U);
}

TEST_P(PersistentLogContract, EverythingIsThereAfterReopening) {
  const auto meta = topic_with("t", 5);
  const auto gone = topic_with("gone", 5);
  CommitGroup group;
  group.producers = {{.topic = meta.id,
                      .id = "p",
                      .state = {.epoch = 1, .last_sequence = 0, .runs = {}, .last_used = {}}}};
  ASSERT_TRUE(log_->commit(group, Durability::buffered));
  ASSERT_TRUE(log_->erase(gone));
  const auto before = log_->load(name("t"));
  reopen();
  const auto after = log_->load(name("t"));
  ASSERT_TRUE(before && after && *before && *after);
  EXPECT_EQ((*before)->meta, (*after)->meta);
  EXPECT_EQ((*before)->tail, (*after)->tail);
  EXPECT_EQ(read(meta.id, 1), numbers(1, 15));
  EXPECT_EQ(log_->producer(meta.id, "p")->value().epoch, 1U);
  EXPECT_FALSE(log_->load(name("gone"))->has_value());
  EXPECT_TRUE(read(gone.id, 1).empty());
  EXPECT_EQ(log_->topic_count(), 1U);
  EXPECT_EQ(log_->incidents_after(0).number, 0U);
}

TEST_P(PersistentLogContract, IdsAndEpochsAreNotGivenAgainAfterReopening) {
  TopicId id{0};
  Epoch epoch{0};
  for (int round = 0; round < 4; ++round) {
    const auto meta = topic_with("t" + std::to_string(round), 0);
    EXPECT_GT(meta.id, id);
    EXPECT_GT(meta.lineage[0].epoch, epoch);
    id = log_->next_topic_id();  // given, though no topic comes of it
    epoch = meta.lineage[0].epoch;
    reopen();
  }
}

TEST_P(LogContract, RecoveringAHealthyLogChangesNothing) {
  const auto meta = topic_with("t", 3);
  ASSERT_TRUE(log_->recover());
  EXPECT_EQ(read(meta.id, 1), numbers(1, 9));
  EXPECT_EQ(log_->topic_count(), 1U);
  CommitGroup group;
  add_batch(group, meta, 10, 3);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(meta.id, 9), numbers(9, 12));
}

INSTANTIATE_TEST_SUITE_P(Engines, LogContract, testing::Values(memory_engine(), rocks_engine()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Engines, PersistentLogContract, testing::Values(rocks_engine()), name_of);

}  // namespace
}  // namespace tidemark::storage
