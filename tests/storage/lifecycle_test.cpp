// How topics begin and end: created whole, deleted, kept for their forks.
// tests/: the units lifecycle and committer, on a store on disk and what is found there again.
#include "tests/storage/lifecycle_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Data = std::vector<std::string>;

constexpr const char* kJson = "application/json";
constexpr const char* kText = "text/plain";

Position at(std::uint64_t offset) { return {.epoch = {0}, .offset = {offset}}; }

// ---- creating ----

class CreateTest : public LifecycleFixture {};

TEST_F(CreateTest, ATopicHasWhatItWasCreatedWith) {
  auto request = create_of("t", "text/plain; charset=utf-8", {"a", "b"});
  request->ttl = seconds(60);
  request->close = true;
  const auto done = run(std::move(request));
  ASSERT_FALSE(done->error);
  EXPECT_TRUE(done->created);
  EXPECT_TRUE(done->closed);
  EXPECT_EQ(done->tail.offset, Offset{2});
  EXPECT_EQ(done->settings.ttl, seconds(60));
  now_and_after_reopening([&] {
    const auto meta = topic("t")->meta();
    EXPECT_EQ(meta.settings, done->settings);
    EXPECT_EQ(meta.settings.content_type, "text/plain; charset=utf-8");
    EXPECT_TRUE(topic("t")->end().closed);
    EXPECT_EQ(topic("t")->end().tail, done->tail);
    EXPECT_EQ(read("t"), (Data{"a", "b"}));
  });
}

TEST_F(CreateTest, WithoutAWordATopicIsOfBytesAndEmpty) {
  const auto done = run(create_of("t"));
  ASSERT_FALSE(done->error);
  EXPECT_EQ(done->settings.content_type, "application/octet-stream");
  EXPECT_EQ(done->tail.offset, Offset{0});
  EXPECT_NE(done->tail.epoch, Epoch{0});
  now_and_after_reopening([&] { EXPECT_EQ(topic("t")->end().tail, done->tail); });
}

TEST_F(CreateTest, DurabilityAndRetentionAreTheDefaultsOfTheName) {
  options_.committer.defaults = [](const TopicName&) {
    TopicSettings settings;
    settings.durability = Durability::buffered;
    settings.retention.max_events = 7;
    return settings;
  };
  reopen();
  const auto done = run(create_of("t", kText));
  EXPECT_EQ(done->settings.durability, Durability::buffered);
  EXPECT_EQ(done->settings.retention.max_events, 7U);
}

TEST_F(CreateTest, TheSameAgainChangesNothing) {
  ASSERT_FALSE(run(create_of("t", kJson, {"1"}))->error);
  now_and_after_reopening([&] {
    const auto again = run(create_of("t", "Application/JSON; q=1", {"not json"}));
    EXPECT_FALSE(again->error);
    EXPECT_FALSE(again->created);
    EXPECT_EQ(again->tail.offset, Offset{1});
    EXPECT_EQ(again->settings.content_type, kJson);
    EXPECT_EQ(read("t"), Data{"1"});
  });
}

TEST_F(CreateTest, AnythingElseOfThatNameIsRefused) {
  auto first = create_of("t", kText);
  first->ttl = seconds(60);
  ASSERT_FALSE(run(std::move(first))->error);
  ASSERT_FALSE(run(create_of("source", kText))->error);
  const auto other = [&](const auto& change) {
    auto request = create_of("t", kText);
    request->ttl = seconds(60);
    change(*request);
    return run(std::move(request))->error;
  };
  EXPECT_EQ(other([](CreateRequest&) {}), std::nullopt);
  const auto differs = std::optional(Errc::topic_differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.content_type = kJson; }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.content_type.reset(); }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.ttl = seconds(61); }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.ttl.reset(); }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.expires_at = Timestamp{4'000'000'000'000}; }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.close = true; }), differs);
  EXPECT_EQ(other([](CreateRequest& r) { r.fork = {topic_name("source"), {}, 0}; }), differs);
}

TEST_F(CreateTest, WhatIsRefusedLeavesNothing) {
  EXPECT_EQ(run(create_of("t", kJson, {"1", "not json"}))->error, Errc::invalid_payload);
  EXPECT_EQ(run(create_of("t", "rubbish"))->error, Errc::invalid_content_type);
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("t"), Errc::unknown_topic);
    EXPECT_EQ(store_->topic_count(), 0U);
  });
}

TEST_F(CreateTest, TopicsAreLimitedWithinOneGroupToo) {
  options_.committer.limits.topics = 2;
  reopen();
  std::vector<std::unique_ptr<Request>> requests;
  for (const char* name : {"a", "b", "c"}) requests.push_back(create_of(name, kText));
  ASSERT_TRUE(store_->submit(requests));
  EXPECT_EQ(run(create_of("d", kText))->error, Errc::too_many_topics);
  EXPECT_THAT(listed(), ElementsAre("a", "b"));
}

TEST_F(CreateTest, TwoInOneGroupAreOneTopic) {
  std::vector<std::unique_ptr<Request>> requests;
  requests.push_back(create_of("t", kText, {"a"}));
  requests.push_back(create_of("t", kText, {"b"}));
  ASSERT_TRUE(store_->submit(requests));
  EXPECT_FALSE(publish("t", {"c"}));
  EXPECT_EQ(read("t"), (Data{"a", "c"}));
}

// ---- deleting ----

class DeletionTest : public ForkTest {};

TEST_F(DeletionTest, ATopicWithForksIsGoneButTheyReadOn) {
  ASSERT_FALSE(run(fork_of("fork", "source"))->error);
  const auto reader = topic("source");
  EXPECT_FALSE(erase("source"));
  EXPECT_TRUE(reader->deleted());
  EXPECT_EQ(store_->read(*reader, at(0)).state, ReadAnswer::State::deleted);
  EXPECT_FALSE(publish("fork", {"4"}));
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("source"), Errc::topic_deleted);
    EXPECT_EQ(store_->find_open(topic_name("source")), nullptr);
    EXPECT_EQ(publish("source", {"4"}), Errc::topic_deleted);
    EXPECT_EQ(erase("source"), Errc::topic_deleted);
    EXPECT_EQ(trim("source", 2), Errc::topic_deleted);
    EXPECT_EQ(run(create_of("source", kJson))->error, Errc::topic_exists);
    EXPECT_EQ(run(fork_of("other", "source"))->error, Errc::source_deleted);
    EXPECT_EQ(run(std::make_unique<ConfigureRequest>(topic_name("source")))->error,
              Errc::topic_deleted);
    auto existing = publish_of("source", {"4"});
    existing->must_exist = true;
    EXPECT_EQ(run(std::move(existing))->error, Errc::topic_deleted);
    EXPECT_FALSE(run(fork_of("fork", "source"))->error) << "the fork there is, is there";
    EXPECT_THAT(listed(), ElementsAre("fork"));
    EXPECT_EQ(read("fork"), (Data{"1", "2", "3", "4"}));
  });
}

TEST_F(DeletionTest, ItDisappearsWithTheLastOfThem) {
  ASSERT_FALSE(run(fork_of("one", "source"))->error);
  ASSERT_FALSE(run(fork_of("two", "source"))->error);
  const TopicId id = topic("source")->id();
  EXPECT_FALSE(erase("source"));
  EXPECT_FALSE(erase("one"));
  EXPECT_EQ(refused("source"), Errc::topic_deleted);
  watching_.take_dropped();
  const TopicId two = topic("two")->id();
  EXPECT_FALSE(erase("two"));
  EXPECT_THAT(watching_.take_dropped(), ElementsAre(Pair(two, kWholeTopic), Pair(id, kWholeTopic)));
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("source"), Errc::unknown_topic);
    EXPECT_EQ(store_->topic_count(), 0U);
  });
  EXPECT_TRUE(run(create_of("source", kText))->created);
}

TEST_F(DeletionTest, ASourceThatWasNotDeletedStays) {
  ASSERT_FALSE(run(fork_of("fork", "source"))->error);
  EXPECT_FALSE(erase("fork"));
  now_and_after_reopening([&] {
    EXPECT_EQ(forks("source"), 0U);
    EXPECT_EQ(read("source"), (Data{"1", "2", "3"}));
  });
  EXPECT_FALSE(erase("source"));
  EXPECT_EQ(refused("source"), Errc::unknown_topic);
}

TEST_F(DeletionTest, AChainGoesUpToTheFirstThatIsStillUsed) {
  ASSERT_FALSE(run(fork_of("b", "source"))->error);
  ASSERT_FALSE(run(fork_of("c", "b"))->error);
  ASSERT_FALSE(run(fork_of("d", "c"))->error);
  EXPECT_FALSE(erase("c"));
  EXPECT_FALSE(erase("b"));
  reopen();
  EXPECT_EQ(read("d"), (Data{"1", "2", "3"}));
  EXPECT_EQ(forks("source"), 1U);
  EXPECT_FALSE(erase("d"));
  now_and_after_reopening([&] {
    EXPECT_THAT(listed(), ElementsAre("source"));
    EXPECT_EQ(store_->topic_count(), 1U);
    EXPECT_EQ(forks("source"), 0U);
  });
}

TEST_F(DeletionTest, AFamilyGoesInOneGroup) {
  ASSERT_FALSE(run(fork_of("b", "source"))->error);
  ASSERT_FALSE(run(fork_of("c", "b"))->error);
  std::vector<std::unique_ptr<Request>> requests;
  for (const char* name : {"source", "b", "c", "c"})
    requests.push_back(std::make_unique<EraseRequest>(topic_name(name)));
  ASSERT_TRUE(store_->submit(requests));
  EXPECT_EQ(erase("c"), Errc::unknown_topic);
  now_and_after_reopening([&] {
    EXPECT_EQ(store_->topic_count(), 0U);
    EXPECT_THAT(listed(), IsEmpty());
  });
}

TEST_F(DeletionTest, ATopicIsDeletedAndCreatedAnewAtOnce) {
  const auto old = topic("source");
  std::vector<std::unique_ptr<Request>> requests;
  requests.push_back(publish_of("source", {"4"}));
  requests.push_back(std::make_unique<EraseRequest>(topic_name("source")));
  requests.push_back(create_of("source", kText, {"new"}));
  ASSERT_TRUE(store_->submit(requests));
  EXPECT_FALSE(publish("source", {"more"}));
  EXPECT_TRUE(old->deleted());
  now_and_after_reopening([&] {
    EXPECT_EQ(read("source"), (Data{"new", "more"}));
    EXPECT_EQ(store_->topic_count(), 1U);
  });
}

TEST_F(DeletionTest, WhatIsTrimmedOfASourceStaysForItsForks) {
  ASSERT_FALSE(run(fork_of("fork", "source"))->error);
  const TopicId source = topic("source")->id();
  const TopicId fork = topic("fork")->id();
  watching_.take_dropped();
  ASSERT_FALSE(trim("source", 3));
  EXPECT_THAT(watching_.take_dropped(), IsEmpty());
  now_and_after_reopening([&] {
    EXPECT_EQ(topic("source")->bounds().earliest, Offset{3});
    EXPECT_EQ(read("fork"), (Data{"1", "2", "3"}));
  });
  EXPECT_FALSE(erase("fork"));
  EXPECT_THAT(watching_.take_dropped(),
              ElementsAre(Pair(fork, kWholeTopic), Pair(source, Offset{3})));
}

// ---- failures ----

class FailedLifecycleTest : public ::testing::Test {
 protected:
  FailedLifecycleTest() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(0);
    store_ = std::make_unique<EventStore>(std::unique_ptr<Log>(log_), options);
    waiting_ = std::make_unique<Waiting>(*store_);
    EXPECT_FALSE(waiting_->run(create_of("source", kText, {"a"}))->error);
  }
  std::optional<Errc> erase(std::string_view topic) {
    return waiting_->run(std::make_unique<EraseRequest>(topic_name(topic)))->error;
  }

  MemoryLog* log_ = new MemoryLog;
  std::unique_ptr<EventStore> store_;
  std::unique_ptr<Waiting> waiting_;
};

TEST_F(FailedLifecycleTest, AForkThatWasNotWrittenIsNotCounted) {
  log_->fail_next_write(Errc::disk_full);
  EXPECT_EQ(waiting_->run(fork_of("fork", "source"))->error, Errc::disk_full);
  EXPECT_FALSE(waiting_->run(publish_of("source", {"b"}))->error);
  EXPECT_EQ((*store_->open_topic(topic_name("source")))->meta().forks, 0U);
  EXPECT_EQ(store_->open_topic(topic_name("fork")).errc(), Errc::unknown_topic);
}

TEST_F(FailedLifecycleTest, ARemovalThatFailedButWasWrittenIsFoundWhenTheLogRecovers) {
  const auto reader = *store_->open_topic(topic_name("source"));
  log_->fail_next_write(Errc::storage_failed, true);
  EXPECT_EQ(erase("source"), Errc::storage_failed);
  EXPECT_EQ(erase("source"), Errc::unknown_topic);
  EXPECT_TRUE(reader->deleted());
  EXPECT_TRUE(waiting_->run(create_of("source", kJson))->created);
}

TEST_F(FailedLifecycleTest, ARemovalThatFailedLeavesTheTopic) {
  ASSERT_FALSE(waiting_->run(fork_of("fork", "source"))->error);
  log_->fail_next_write(Errc::disk_full);
  EXPECT_EQ(erase("source"), Errc::disk_full);
  EXPECT_FALSE(waiting_->run(publish_of("source", {"b"}))->error);
  EXPECT_FALSE(erase("fork"));
  EXPECT_EQ((*store_->open_topic(topic_name("source")))->meta().forks, 0U);
}

}  // namespace
}  // namespace tidemark::storage
