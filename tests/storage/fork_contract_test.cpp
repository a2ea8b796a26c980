// What every Log must do for forks: their logs begin in their origin's.
// tests/: a part of the log's contract, run against each implementation.
#include "tests/storage/log_contract.hpp"

namespace tidemark::storage {
namespace {

class ForkContract : public LogContract {
 protected:
  /// A fork that inherits what `source` has up to `inherited`; not committed yet.
  TopicMeta fork_of(const TopicMeta& source, std::uint64_t inherited, const std::string& text) {
    auto meta = new_topic(text);
    meta.origin = Origin{.source = source.name,
                         .id = source.id,
                         .inherited = {inherited},
                         .requested = {inherited},
                         .sub_offset = 0,
                         .depth = source.origin ? source.origin->depth + 1 : 1};
    meta.lineage.clear();
    for (const auto& start : source.lineage)
      if (start.first.value <= inherited) meta.lineage.push_back(start);
    meta.lineage.push_back({log_->next_epoch(), {inherited + 1}});
    return meta;
  }

  TopicMeta fork(const TopicMeta& source, std::uint64_t inherited, const std::string& text) {
    const auto meta = fork_of(source, inherited, text);
    CommitGroup group;
    group.topics = {meta};
    EXPECT_TRUE(log_->commit(group, Durability::synced));
    return meta;
  }

  void append(const TopicMeta& meta, std::uint64_t first, std::uint64_t count,
              std::uint64_t bytes_before = 0) {
    CommitGroup group;
    add_batch(group, meta, first, count, bytes_before);
    ASSERT_TRUE(log_->commit(group, Durability::synced));
  }

  std::uint64_t head(const std::string& text) {
    const auto loaded = log_->load(name(text));
    return loaded && *loaded ? (*loaded)->tail.head.value : 0;
  }
};

TEST_P(ForkContract, ReadsItsOriginUpToTheForkThenItsOwn) {
  const auto source = topic_with("source", 4);  // 1…12 in batches of three
  const auto fork = this->fork(source, 6, "fork");
  EXPECT_EQ(head("fork"), 6U);
  EXPECT_EQ(read(fork.id, 1), numbers(1, 6));
  append(fork, 7, 2);
  EXPECT_EQ(head("fork"), 8U);
  EXPECT_EQ(read(fork.id, 1), numbers(1, 8));
  EXPECT_EQ(read(fork.id, 5), numbers(5, 8));
  EXPECT_EQ(read(fork.id, 7), numbers(7, 8));
  EXPECT_EQ(read(source.id, 1), numbers(1, 12));
}

TEST_P(ForkContract, BatchIsCutWhereTheForkBegins) {
  const auto source = topic_with("source", 4);
  const auto fork = this->fork(source, 5, "fork");
  EXPECT_EQ(read(fork.id, 1), numbers(1, 5));
  EXPECT_EQ(read(fork.id, 5), numbers(5, 5));
  append(fork, 6, 1);
  EXPECT_EQ(read(fork.id, 4), numbers(4, 6));
  const auto header = log_->header_at(fork.id, {5});
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->first, Offset{4});
  EXPECT_EQ((*header)->count, 2U);
}

TEST_P(ForkContract, ForkBeforeTheFirstEventInheritsNothing) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 0, "fork");
  EXPECT_EQ(head("fork"), 0U);
  EXPECT_TRUE(read(fork.id, 1).empty());
  append(fork, 1, 2);
  EXPECT_EQ(read(fork.id, 1), numbers(1, 2));
}

TEST_P(ForkContract, WhatTheSourceAppendsLaterIsNotTheForks) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 6, "fork");
  append(source, 7, 3);
  EXPECT_EQ(read(fork.id, 1), numbers(1, 6));
  EXPECT_TRUE(read(fork.id, 7).empty());
  EXPECT_EQ(head("fork"), 6U);
}

TEST_P(ForkContract, ForksOfForksReadThroughAllOfThem) {
  const auto a = topic_with("a", 2);
  const auto b = fork(a, 4, "b");
  append(b, 5, 3);
  const auto c = fork(b, 6, "c");
  append(c, 7, 2);
  EXPECT_EQ(read(c.id, 1), numbers(1, 8));
  EXPECT_EQ(read(c.id, 5), numbers(5, 8));
  // Inherits only what b inherited itself.
  const auto d = fork(b, 2, "d");
  EXPECT_EQ(read(d.id, 1), numbers(1, 2));
  append(d, 3, 1);
  EXPECT_EQ(read(d.id, 1), numbers(1, 3));
}

TEST_P(ForkContract, SourceAndForkMayComeInOneGroup) {
  const auto a = topic_with("a", 2);
  const auto b = fork_of(a, 4, "b");
  const auto c = fork_of(b, 5, "c");
  CommitGroup group;
  group.topics = {c, b};
  add_batch(group, b, 5, 3);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(read(c.id, 1), numbers(1, 5));
  EXPECT_EQ(read(b.id, 1), numbers(1, 7));
}

TEST_P(ForkContract, SinkMayStopInTheInheritedPart) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 6, "fork");
  append(fork, 7, 1);
  EXPECT_EQ(read(fork.id, 1, 1), numbers(1, 3));
  EXPECT_EQ(read(fork.id, 1, 2), numbers(1, 6));
  EXPECT_EQ(read(fork.id, 1, 3), numbers(1, 7));
}

TEST_P(ForkContract, HeadersAreFoundAcrossTheBoundary) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 4, "fork");
  EXPECT_EQ((*log_->header_at(fork.id, {1}))->first, Offset{1});
  EXPECT_EQ((*log_->header_at(fork.id, {4}))->first, Offset{4});
  EXPECT_FALSE(*log_->header_at(fork.id, {5}));
  append(fork, 5, 1);
  EXPECT_EQ((*log_->header_at(fork.id, {5}))->first, Offset{5});
}

TEST_P(ForkContract, ForkWithoutOwnEventsHasTheTailOfWhatItInherits) {
  const auto source = new_topic("source");
  CommitGroup group;
  group.topics = {source};
  add_batch(group, source, 1, 3, 0, 2000);
  const auto bytes = group.batches[0].value.size();
  add_batch(group, source, 4, 3, bytes, 3000);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  const auto early = this->fork(source, 2, "early");
  const auto late = this->fork(source, 6, "late");
  const auto first = log_->load(name("early"));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->tail, (Tail{.head = {2}, .last_time = {2000}, .bytes = bytes}));
  const auto second = log_->load(name("late"));
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->tail, (Tail{.head = {6}, .last_time = {3000}, .bytes = 2 * bytes}));
}

TEST_P(ForkContract, ErasedForkLeavesItsSourceWhole) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 4, "fork");
  append(fork, 5, 2);
  ASSERT_TRUE(log_->erase(fork));
  EXPECT_TRUE(read(fork.id, 1).empty());
  EXPECT_EQ(read(source.id, 1), numbers(1, 6));
  EXPECT_EQ(names(""), std::vector<std::string>{"source"});
}

TEST_P(ForkContract, NameIsGivenAnewInTheGroupThatErasesIt) {
  const auto old = topic_with("t", 2);
  const auto fresh = new_topic("t");
  CommitGroup group;
  group.erased = {old};
  group.topics = {fresh};
  add_batch(group, fresh, 1, 1);
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->topic_count(), 1U);
  EXPECT_EQ((*log_->load(name("t")))->meta, fresh);
  EXPECT_EQ(read(fresh.id, 1), numbers(1, 1));
  EXPECT_TRUE(read(old.id, 1).empty());
}

TEST_P(ForkContract, ForkAndSourceAreErasedTogether) {
  const auto source = topic_with("source", 2);
  const auto fork = this->fork(source, 4, "fork");
  CommitGroup group;
  group.erased = {fork, source};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_EQ(log_->topic_count(), 0U);
  EXPECT_TRUE(read(source.id, 1).empty());
}

INSTANTIATE_TEST_SUITE_P(Engines, ForkContract, testing::Values(memory_engine(), rocks_engine()),
                         name_of);

class PersistentForkContract : public ForkContract {};

TEST_P(PersistentForkContract, ForkReadsItsOriginAfterARestart) {
  const auto a = topic_with("a", 2);
  const auto b = fork(a, 5, "b");
  append(b, 6, 2);
  const auto c = fork(b, 7, "c");
  reopen();
  EXPECT_EQ((*log_->load(name("c")))->meta, c);
  EXPECT_EQ(head("c"), 7U);
  EXPECT_EQ(read(c.id, 1), numbers(1, 7));
}

INSTANTIATE_TEST_SUITE_P(Engines, PersistentForkContract, testing::Values(rocks_engine()), name_of);

// ---- the parts themselves ----

Origin origin_at(std::uint64_t id, std::uint64_t inherited) {
  Origin origin;
  origin.id = {id};
  origin.inherited = {inherited};
  return origin;
}

TEST(OriginParts, OfATopicThatIsNoForkIsThatTopic) {
  EXPECT_EQ(origin_parts({}, origin_at(1, 5)),
            (std::vector<OriginPart>{{.topic = {1}, .last = {5}}}));
}

TEST(OriginParts, AreCutWhereTheForkBegins) {
  const std::vector<OriginPart> above{{.topic = {1}, .last = {5}}, {.topic = {2}, .last = {9}}};
  using Parts = std::vector<OriginPart>;
  EXPECT_EQ(origin_parts(above, origin_at(3, 3)), (Parts{{.topic = {1}, .last = {3}}}));
  EXPECT_EQ(origin_parts(above, origin_at(3, 5)), (Parts{{.topic = {1}, .last = {5}}}));
  EXPECT_EQ(origin_parts(above, origin_at(3, 6)),
            (Parts{{.topic = {1}, .last = {5}}, {.topic = {2}, .last = {6}}}));
  EXPECT_EQ(origin_parts(above, origin_at(3, 12)), (Parts{{.topic = {1}, .last = {5}},
                                                          {.topic = {2}, .last = {9}},
                                                          {.topic = {3}, .last = {12}}}));
  EXPECT_TRUE(origin_parts(above, origin_at(3, 0)).empty());
}

}  // namespace
}  // namespace tidemark::storage
