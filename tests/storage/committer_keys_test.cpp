// Topics that keep the newest event of each key: what is kept, how many, and how it is read.
// tests/: over a store on disk; failures over a Log in memory that can be told to fail.
#include <gmock/gmock.h>

#include "tests/storage/lifecycle_fixture.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Keyed = std::pair<std::string, std::string>;  // key and data

std::unique_ptr<PublishRequest> keyed(std::string_view topic, const std::vector<Keyed>& events) {
  auto request = std::make_unique<PublishRequest>(topic_name(topic));
  for (const auto& [key, data] : events) {
    request->events.push_back(text_event(data));
    request->events.back().key = key;
  }
  return request;
}

std::unique_ptr<ConfigureRequest> keeping(std::string_view topic, bool keep_latest) {
  auto request = std::make_unique<ConfigureRequest>(topic_name(topic));
  request->keep_latest = keep_latest;
  return request;
}

std::unique_ptr<ReadKeysRequest> reading(std::string_view topic) {
  return std::make_unique<ReadKeysRequest>(topic_name(topic));
}

/// What a reader has left, as "key=data@offset".
std::vector<std::string> rest_of(KeyReader& reader) {
  std::vector<std::string> out;
  const auto more = reader.read([&](const EventView& entry) {
    out.push_back(std::string(entry.key) + "=" + std::string(entry.data) + "@" +
                  std::to_string(entry.offset.value));
    return true;
  });
  EXPECT_TRUE(more);
  return out;
}

class CommitterKeysTest : public LifecycleFixture {
 protected:
  CommitterKeysTest() {
    options_.committer.max_keys = 3;
    options_.committer.max_key_readers = 2;
  }
  void SetUp() override {
    LifecycleFixture::SetUp();
    ASSERT_FALSE(run(keeping("t", true))->error);
  }

  std::optional<Errc> put(const std::vector<Keyed>& events) {
    return run(keyed("t", events))->error;
  }
  std::vector<std::string> keys(std::string_view text = "t") {
    const auto done = run(reading(text));
    EXPECT_FALSE(done->error) << info(*done->error).name;
    if (!done->reader) return {"none"};
    EXPECT_EQ(done->reader->position(), topic(text)->end().tail);
    return rest_of(*done->reader);
  }
  std::optional<Errc> refusal(std::string_view text) { return run(reading(text))->error; }
};

// ---- what is kept ----

TEST_F(CommitterKeysTest, TheNewestOfEachKeyIsKept) {
  ASSERT_FALSE(put({{"b", "1"}, {"a", "2"}, {"b", "3"}, {"", "4"}}));
  EXPECT_THAT(keys(), ElementsAre("a=2@2", "b=3@3"));
  ASSERT_FALSE(put({{"a", "5"}}));
  ASSERT_FALSE(put({{"", "6"}}));
  now_and_after_reopening([&] {
    EXPECT_THAT(keys(), ElementsAre("a=5@5", "b=3@3"));
    EXPECT_EQ(topic("t")->meta().keys, 2U);
    EXPECT_EQ(read("t").size(), 6U) << "the log has them all";
  });
}

TEST_F(CommitterKeysTest, ATombstoneRemovesItsKey) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}}));
  ASSERT_FALSE(put({{"a", " null "}}));
  ASSERT_FALSE(put({{"never", "null"}, {"brief", "1"}, {"brief", "null"}}));
  EXPECT_THAT(keys(), ElementsAre("b=2@2"));
  ASSERT_FALSE(put({{"b", "null"}, {"b", "3"}}));
  now_and_after_reopening([&] {
    EXPECT_THAT(keys(), ElementsAre("b=3@8"));
    EXPECT_EQ(topic("t")->meta().keys, 1U);
  });
}

TEST_F(CommitterKeysTest, WhereDataIsNoJsonAnEmptyOneIsTheTombstone) {
  auto configure = keeping("bytes", true);
  configure->content_type = "application/octet-stream";
  ASSERT_FALSE(run(std::move(configure))->error);
  ASSERT_FALSE(run(keyed("bytes", {{"a", "null"}, {"b", "x"}}))->error);
  ASSERT_FALSE(run(keyed("bytes", {{"b", ""}}))->error);
  EXPECT_THAT(keys("bytes"), ElementsAre("a=null@1"));
}

TEST_F(CommitterKeysTest, KeysOfTrimmedEventsAreStillRead) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  ASSERT_FALSE(trim("t", 4));
  now_and_after_reopening([&] { EXPECT_THAT(keys(), ElementsAre("a=3@3", "b=2@2")); });
}

TEST_F(CommitterKeysTest, ATopicThatIsErasedAndCreatedAnewHasNoOldKeys) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}}));
  ASSERT_FALSE(erase("t"));
  EXPECT_EQ(refusal("t"), Errc::unknown_topic);
  ASSERT_FALSE(run(keeping("t", true))->error);
  EXPECT_THAT(keys(), IsEmpty());
  ASSERT_FALSE(put({{"c", "1"}}));
  EXPECT_THAT(keys(), ElementsAre("c=1@1"));
}

TEST_F(CommitterKeysTest, ARetryOfAProducerDoesNotBringAnOldValueBack) {
  auto first = keyed("t", {{"a", "1"}});
  first->producer = ProducerStamp{"p", 0, 0};
  ASSERT_FALSE(run(std::move(first))->error);
  ASSERT_FALSE(put({{"a", "2"}}));
  auto again = keyed("t", {{"a", "1"}});
  again->producer = ProducerStamp{"p", 0, 0};
  ASSERT_TRUE(run(std::move(again))->duplicate);
  EXPECT_THAT(keys(), ElementsAre("a=2@2"));
}

// ---- how many ----

TEST_F(CommitterKeysTest, APublishThatWouldBringTooManyKeysIsRefusedWhole) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(put({{"a", "3"}, {"c", "4"}, {"d", "5"}}), Errc::too_many_keys);
  EXPECT_EQ(topic("t")->end().tail.offset, Offset{2});
  ASSERT_FALSE(put({{"c", "3"}}));
  now_and_after_reopening([&] {
    EXPECT_EQ(put({{"d", "4"}}), Errc::too_many_keys);
    EXPECT_THAT(keys(), ElementsAre("a=1@1", "b=2@2", "c=3@3"));
  });
}

TEST_F(CommitterKeysTest, WhatAddsNoKeyIsTakenThoughThereAreAsManyAsMayBe) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_FALSE(put({{"a", "4"}}));
  EXPECT_FALSE(put({{"", "5"}}));
  EXPECT_FALSE(put({{"d", "6"}, {"d", "null"}})) << "there is none more at its end";
  EXPECT_FALSE(put({{"d", "8"}, {"b", "null"}})) << "one comes, one goes";
  EXPECT_FALSE(put({{"a", "null"}}));
  EXPECT_FALSE(put({{"e", "11"}}));
  EXPECT_THAT(keys(), ElementsAre("c=3@3", "d=8@8", "e=11@11"));
}

TEST_F(CommitterKeysTest, ALimitThatWasLoweredRefusesOnlyWhatAddsKeys) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  options_.committer.max_keys = 1;
  reopen();
  EXPECT_EQ(put({{"d", "4"}}), Errc::too_many_keys);
  EXPECT_FALSE(put({{"a", "4"}}));
  EXPECT_FALSE(put({{"b", "null"}, {"c", "null"}}));
  EXPECT_EQ(put({{"d", "7"}}), Errc::too_many_keys);
  EXPECT_THAT(keys(), ElementsAre("a=4@4"));
}

TEST_F(CommitterKeysTest, ATopicCreatedByWhatItIsSentKeepsWhatItsDefaultsSay) {
  options_.committer.defaults = [](const TopicName& name) {
    TopicSettings settings;
    settings.keep_latest = name.str().starts_with("kept");
    return settings;
  };
  reopen();
  EXPECT_EQ(run(keyed("kept", {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}))->error,
            Errc::too_many_keys);
  EXPECT_EQ(refused("kept"), Errc::unknown_topic) << "what is refused leaves no topic behind";
  ASSERT_FALSE(run(keyed("kept", {{"a", "1"}, {"b", "2"}, {"a", "3"}}))->error);
  EXPECT_THAT(keys("kept"), ElementsAre("a=3@3", "b=2@2"));

  auto create = create_of("kept/created", "application/json");
  create->events = keyed("kept/created", {{"a", "1"}, {"b", "null"}, {"c", "3"}})->events;
  ASSERT_FALSE(run(std::move(create))->error);
  EXPECT_THAT(keys("kept/created"), ElementsAre("a=1@1", "c=3@3"));
  create = create_of("kept/full", "application/json");
  create->events = keyed("kept/full", {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}})->events;
  EXPECT_EQ(run(std::move(create))->error, Errc::too_many_keys);
  EXPECT_EQ(refused("kept/full"), Errc::unknown_topic);

  ASSERT_FALSE(run(keyed("other", {{"a", "1"}}))->error);
  EXPECT_EQ(refusal("other"), Errc::no_state);
  ASSERT_FALSE(run(keeping("kept/not", false))->error);
  ASSERT_FALSE(run(keyed("kept/not", {{"a", "1"}}))->error);
  EXPECT_EQ(refusal("kept/not"), Errc::no_state);
}

// ---- settings ----

TEST_F(CommitterKeysTest, OnlyATopicThatNeverHadAnEventCanBegin) {
  ASSERT_FALSE(publish("old", {"1"}));
  auto wish = keeping("old", true);
  wish->retention = RetentionPolicy{.max_events = 5};
  EXPECT_EQ(run(std::move(wish))->error, Errc::needs_empty_topic);
  EXPECT_EQ(topic("old")->meta().settings.retention, RetentionPolicy{}) << "all of it is refused";
  ASSERT_FALSE(trim("old", 2));
  EXPECT_EQ(run(keeping("old", true))->error, Errc::needs_empty_topic);
  EXPECT_FALSE(run(keeping("old", false))->error);

  ASSERT_FALSE(run(create_of("empty", "application/json"))->error);
  ASSERT_FALSE(run(keeping("empty", true))->error);
  ASSERT_FALSE(run(keyed("empty", {{"a", "1"}}))->error);
  EXPECT_FALSE(run(keeping("empty", true))->error) << "it does already";
  EXPECT_THAT(keys("empty"), ElementsAre("a=1@1"));
}

TEST_F(CommitterKeysTest, AForkNeverKeepsThem) {
  options_.committer.defaults = [](const TopicName&) {
    TopicSettings settings;
    settings.keep_latest = true;
    return settings;
  };
  reopen();
  ASSERT_FALSE(put({{"a", "1"}}));
  ASSERT_FALSE(run(fork_of("fork", "t"))->error);
  ASSERT_FALSE(run(fork_of("beginning", "t", Position{}))->error);
  for (const char* const name : {"fork", "beginning"}) {
    EXPECT_FALSE(topic(name)->meta().settings.keep_latest) << name;
    EXPECT_EQ(run(keeping(name, true))->error, Errc::needs_empty_topic) << name;
    ASSERT_FALSE(run(keyed(name, {{"b", "2"}}))->error);
    EXPECT_EQ(refusal(name), Errc::no_state) << name;
  }
  EXPECT_THAT(keys(), ElementsAre("a=1@1"));
}

TEST_F(CommitterKeysTest, WhatIsKeptNoMoreIsForgotten) {
  ASSERT_FALSE(put({{"a", "1"}}));
  ASSERT_FALSE(run(keeping("t", false))->error);
  now_and_after_reopening([&] {
    EXPECT_EQ(refusal("t"), Errc::no_state);
    EXPECT_EQ(topic("t")->meta().keys, 0U);
    EXPECT_EQ(run(keeping("t", true))->error, Errc::needs_empty_topic);
  });
  EXPECT_FALSE(put({{"a", "2"}, {"b", "2"}, {"c", "2"}, {"d", "2"}})) << "and not counted either";
}

TEST_F(CommitterKeysTest, ADeletedTopicThatIsKeptForItsForksKeepsNoKeys) {
  ASSERT_FALSE(put({{"a", "1"}}));
  const auto held = topic("t");
  ASSERT_FALSE(run(fork_of("fork", "t"))->error);
  ASSERT_FALSE(erase("t"));
  EXPECT_EQ(refusal("t"), Errc::topic_deleted);
  EXPECT_EQ(held->meta().keys, 0U);
  EXPECT_THAT(read("fork"), ElementsAre("1"));
}

// ---- readers ----

TEST_F(CommitterKeysTest, AReaderSeesOneMomentWhilePublishesGoOn) {
  ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  const auto done = run(reading("t"));
  ASSERT_TRUE(done->reader);
  EXPECT_EQ(done->reader->position().offset, Offset{3});
  ASSERT_TRUE(done->reader->read([](const EventView&) { return false; }));
  for (int i = 4; i <= 50; ++i) ASSERT_FALSE(put({{"b", std::to_string(i)}}));
  ASSERT_FALSE(put({{"c", "null"}, {"d", "52"}}));
  EXPECT_THAT(rest_of(*done->reader), ElementsAre("b=2@2", "c=3@3"));
  EXPECT_THAT(keys(), ElementsAre("a=1@1", "b=50@50", "d=52@52"));
}

TEST_F(CommitterKeysTest, AReaderSeesItsMomentThoughTheTopicIsDeleted) {
  ASSERT_FALSE(put({{"a", "1"}}));
  const auto done = run(reading("t"));
  ASSERT_TRUE(done->reader);
  ASSERT_FALSE(erase("t"));
  EXPECT_THAT(rest_of(*done->reader), ElementsAre("a=1@1"));
}

/// Takes back requests that were submitted together.
class Catching : public CommitObserver {
 public:
  void committed(std::vector<std::unique_ptr<Request>> done,
                 std::span<const std::shared_ptr<Topic>>) override {
    const std::lock_guard lock(mutex_);
    for (auto& request : done) done_.push_back(std::move(request));
    changed_.notify_all();
  }
  std::vector<std::unique_ptr<Request>> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.size() >= count; });
    return std::exchange(done_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Request>> done_;
};

TEST_F(CommitterKeysTest, AReaderHasAllOfItsGroupAndItsPositionIsTheTail) {
  ASSERT_FALSE(put({{"a", "0"}}));
  Catching catching;
  store_->add_observer(catching);
  std::vector<std::unique_ptr<Request>> requests;
  requests.push_back(keyed("t", {{"a", "1"}}));
  requests.push_back(reading("t"));
  requests.push_back(keyed("t", {{"b", "2"}}));
  requests.push_back(reading("t"));
  for (auto& request : requests) request->observer = &catching;
  ASSERT_TRUE(store_->submit(requests));
  const auto done = catching.take(4);
  store_->remove_observer(catching);
  for (const auto& request : done) {
    ASSERT_FALSE(request->error);
    if (request->kind != Request::Kind::read_keys) continue;
    auto& reader = *static_cast<ReadKeysRequest&>(*request).reader;
    EXPECT_EQ(reader.position(), topic("t")->end().tail);
    EXPECT_THAT(rest_of(reader), ElementsAre("a=1@2", "b=2@3"));
  }
}

TEST_F(CommitterKeysTest, ReadersAreLimitedUntilTheyAreLetGo) {
  auto first = run(reading("t"));
  const auto second = run(reading("t"));
  ASSERT_TRUE(first->reader && second->reader);
  const auto third = run(reading("t"));
  EXPECT_EQ(third->error, Errc::overloaded);
  EXPECT_EQ(third->reader, nullptr);
  first->reader.reset();
  EXPECT_TRUE(run(reading("t"))->reader);
}

TEST_F(CommitterKeysTest, WhatIsNotThereIsNotRead) {
  EXPECT_EQ(refusal("nobody"), Errc::unknown_topic);
  ASSERT_FALSE(publish("plain", {"1"}));
  EXPECT_EQ(refusal("plain"), Errc::no_state);
  EXPECT_THAT(keys(), IsEmpty());
}

// ---- failures ----

/// A log in which the value of one key can't be read.
class DamagedKeyLog : public MemoryLog {
 public:
  Result<std::optional<Offset>> latest(TopicId topic, std::string_view key) override {
    if (key == damaged) return Errc::corrupt_record;
    if (key == unreadable) return Errc::storage_failed;
    return MemoryLog::latest(topic, key);
  }
  std::string damaged, unreadable;  ///< set while nothing is published
};

class FailedKeysTest : public ::testing::Test {
 protected:
  static EventStoreOptions options() {
    EventStoreOptions options;
    options.committer.recover_interval = std::chrono::milliseconds(1);
    return options;
  }
  void SetUp() override {
    ASSERT_FALSE(waiting_.run(keeping("t", true))->error);
    ASSERT_FALSE(put({{"a", "1"}, {"b", "2"}}));
  }
  std::optional<Errc> put(const std::vector<Keyed>& events) {
    return waiting_.run(keyed("t", events))->error;
  }
  /// Until the log has recovered.
  void put_at_last(const std::vector<Keyed>& events) {
    std::optional<Errc> error;
    do error = put(events);
    while (error == Errc::storage_failed);
    ASSERT_FALSE(error);
  }
  std::vector<std::string> keys() {
    const auto done = waiting_.run(reading("t"));
    return done->reader ? rest_of(*done->reader) : std::vector<std::string>{"none"};
  }
  std::uint64_t count() { return store_.open_topic(topic_name("t")).value()->meta().keys; }

  DamagedKeyLog* log_ = new DamagedKeyLog;  // owned by the store
  EventStore store_{std::unique_ptr<Log>(log_), options()};
  Waiting waiting_{store_};
};

TEST_F(FailedKeysTest, KeysAreCountedAsTheyAreAfterAFailureWrittenOrNot) {
  log_->fail_next_write(Errc::storage_failed, /*applied=*/false);
  ASSERT_EQ(put({{"c", "3"}}), Errc::storage_failed);
  put_at_last({{"a", "3"}});
  EXPECT_EQ(count(), 2U);
  log_->fail_next_write(Errc::storage_failed, /*applied=*/true);
  ASSERT_EQ(put({{"c", "4"}}), Errc::storage_failed);
  put_at_last({{"c", "5"}});
  EXPECT_EQ(count(), 3U);
  EXPECT_THAT(keys(), ElementsAre("a=3@3", "b=2@2", "c=5@5"));
}

TEST_F(FailedKeysTest, AReaderEndsWhenTheLogRecovers) {
  const auto done = waiting_.run(reading("t"));
  ASSERT_TRUE(done->reader);
  log_->fail_next_write(Errc::storage_failed);
  ASSERT_EQ(put({{"a", "3"}}), Errc::storage_failed);
  put_at_last({{"a", "3"}});
  EXPECT_EQ(done->reader->read([](const EventView&) { return true; }).errc(), Errc::storage_failed);
  EXPECT_THAT(keys(), ElementsAre("a=3@3", "b=2@2"));
}

TEST_F(FailedKeysTest, AReaderOfAFailedGroupIsRefused) {
  Catching catching;
  store_.add_observer(catching);
  log_->fail_next_write(Errc::disk_full);
  std::vector<std::unique_ptr<Request>> requests;
  requests.push_back(keyed("t", {{"a", "3"}}));
  requests.push_back(reading("t"));
  for (auto& request : requests) request->observer = &catching;
  ASSERT_TRUE(store_.submit(requests));
  for (const auto& request : catching.take(2)) EXPECT_EQ(request->error, Errc::disk_full);
  store_.remove_observer(catching);
}

TEST_F(FailedKeysTest, AKeyWhoseValueIsDamagedIsThereAndItsNextEventHealsIt) {
  log_->damaged = "a";
  ASSERT_FALSE(put({{"a", "3"}}));
  EXPECT_EQ(count(), 2U);
  EXPECT_THAT(keys(), ElementsAre("a=3@3", "b=2@2"));
}

TEST_F(FailedKeysTest, AKeyThatCannotBeLookedUpRefusesThePublish) {
  log_->unreadable = "b";
  EXPECT_EQ(put({{"a", "3"}, {"b", "4"}}), Errc::storage_failed);
  EXPECT_FALSE(put({{"a", "3"}}));
  EXPECT_THAT(keys(), ElementsAre("a=3@3", "b=2@2"));
}

}  // namespace
}  // namespace tidemark::storage
