// What every Log must do for keys, states and cursors.
// tests/: a part of the log's contract, run against each implementation.
#include <gmock/gmock.h>

#include "tests/storage/log_contract.hpp"

namespace tidemark::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class KeysContract : public LogContract {
 protected:
  static LatestUpdate latest(const TopicMeta& meta, std::string key, std::uint64_t offset,
                             const std::string& data) {
    NewEvent event;
    event.key = key;
    event.data = data;
    event.headers = {{.name = "h", .value = "v"}};
    LatestUpdate update{.topic = meta.id,
                        .key = std::move(key),
                        .offset = {offset},
                        .time = {static_cast<std::int64_t>(1000 + offset)},
                        .record = {}};
    append_record(update.record, event);
    return update;
  }
  static LatestUpdate gone(const TopicMeta& meta, std::string key) {
    return {.topic = meta.id, .key = std::move(key), .offset = {9}, .time = {}, .record = {}};
  }
  static StoredState state_of(std::uint64_t offset, std::string data) {
    return {.position = {.epoch = {5}, .offset = {offset}},
            .stored = {77},
            .content_type = "text/plain",
            .data = std::move(data)};
  }
  static StoredCursor cursor_at(std::uint64_t offset) {
    return {.position = {.epoch = {5}, .offset = {offset}}, .created = {1}, .acknowledged = {2}};
  }

  void put(std::vector<LatestUpdate> updates) {
    CommitGroup group;
    group.latest = std::move(updates);
    ASSERT_TRUE(log_->commit(group, Durability::synced));
  }
  void put(const TopicMeta& meta, std::optional<StoredState> state) {
    CommitGroup group;
    group.states.push_back({.topic = meta.id, .state = std::move(state)});
    ASSERT_TRUE(log_->commit(group, Durability::synced));
  }
  void put(const TopicMeta& meta, const std::string& name, std::optional<StoredCursor> cursor) {
    CommitGroup group;
    group.cursors.push_back({.topic = meta.id, .name = name, .cursor = cursor});
    ASSERT_TRUE(log_->commit(group, Durability::buffered));
  }

  std::unique_ptr<KeyReader> reader(const TopicMeta& meta, std::uint64_t head = 100) {
    auto opened = log_->read_keys(meta.id, {.epoch = {5}, .offset = {head}});
    EXPECT_TRUE(opened);
    return opened ? std::move(*opened) : nullptr;
  }
  using Entries = std::vector<std::pair<std::string, std::string>>;  // key and data
  static Entries entries(KeyReader& reader) {
    Entries out;
    const auto more = reader.read([&](const EventView& entry) {
      out.emplace_back(entry.key, entry.data);
      return true;
    });
    EXPECT_TRUE(more);
    EXPECT_FALSE(more && *more);
    return out;
  }
  Entries keys(const TopicMeta& meta) { return entries(*reader(meta)); }

  std::vector<std::string> cursor_names(const TopicMeta& meta, std::string_view after = {},
                                        std::size_t limit = 1'000'000) {
    std::vector<std::string> out;
    EXPECT_TRUE(log_->cursors(meta.id, after, [&](std::string_view name, const StoredCursor&) {
      out.emplace_back(name);
      return out.size() < limit;
    }));
    return out;
  }
};

// ---- keys ----

TEST_P(KeysContract, KeysAreReadInTheirOrderWithTheirEvents) {
  const auto meta = topic_with("t", 0);
  put({latest(meta, "b", 2, "two"), latest(meta, "a", 1, "one"), latest(meta, "\xc3\xa9", 3, "")});
  const auto reader = this->reader(meta, 3);
  EXPECT_EQ(reader->position(), (Position{.epoch = {5}, .offset = {3}}));
  std::vector<std::pair<Offset, Timestamp>> when;
  std::vector<std::string> what;
  const auto more = reader->read([&](const EventView& entry) {
    when.emplace_back(entry.offset, entry.time);
    what.push_back(std::string(entry.key) + "=" + std::string(entry.data));
    for (const HeaderView header : entry.headers)
      what.back() += " " + std::string(header.name) + ":" + std::string(header.value);
    return true;
  });
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  EXPECT_THAT(what, ElementsAre("a=one h:v", "b=two h:v", "\xc3\xa9= h:v"));
  EXPECT_THAT(when, ElementsAre(Pair(Offset{1}, Timestamp{1001}), Pair(Offset{2}, Timestamp{1002}),
                                Pair(Offset{3}, Timestamp{1003})));
}

TEST_P(KeysContract, TheNewestReplacesAndNothingRemoves) {
  const auto meta = topic_with("t", 0);
  put({latest(meta, "a", 1, "old"), latest(meta, "b", 2, "stays")});
  put({latest(meta, "a", 3, "new")});
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "new"), Pair("b", "stays")));
  EXPECT_EQ(*log_->latest(meta.id, "a"), Offset{3});
  put({gone(meta, "a"), gone(meta, "never")});
  EXPECT_THAT(keys(meta), ElementsAre(Pair("b", "stays")));
  EXPECT_EQ(*log_->latest(meta.id, "a"), std::nullopt);
}

TEST_P(KeysContract, AReadGoesOnWhereTheLastOneStopped) {
  const auto meta = topic_with("t", 0);
  const std::string with_nul("b\0", 2);
  put({latest(meta, "a", 1, "1"), latest(meta, "b", 2, "2"), latest(meta, with_nul, 3, "3"),
       latest(meta, "c", 4, "4")});
  const auto reader = this->reader(meta);
  std::vector<std::string> seen;
  const KeyReader::Visit one = [&](const EventView& entry) {
    seen.emplace_back(entry.data);
    return false;
  };
  for (int i = 0; i < 4; ++i) {
    const auto more = reader->read(one);
    ASSERT_TRUE(more && *more);
  }
  EXPECT_THAT(seen, ElementsAre("1", "2", "3", "4"));
  for (int i = 0; i < 2; ++i) {
    const auto more = reader->read(one);
    ASSERT_TRUE(more);
    EXPECT_FALSE(*more) << "there is nothing behind the last";
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST_P(KeysContract, AReaderSeesOneMoment) {
  const auto meta = topic_with("t", 0);
  put({latest(meta, "a", 1, "1"), latest(meta, "b", 2, "2"), latest(meta, "c", 3, "3")});
  const auto reader = this->reader(meta, 3);
  ASSERT_TRUE(reader->read([](const EventView&) { return false; }));
  put({latest(meta, "b", 4, "later"), gone(meta, "c"), latest(meta, "d", 5, "new")});
  EXPECT_THAT(entries(*reader), ElementsAre(Pair("b", "2"), Pair("c", "3")));
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1"), Pair("b", "later"), Pair("d", "new")));
}

TEST_P(KeysContract, AReaderSeesItsMomentThoughTheTopicIsErased) {
  const auto meta = topic_with("t", 0);
  put({latest(meta, "a", 1, "1")});
  const auto reader = this->reader(meta);
  ASSERT_TRUE(log_->erase(meta));
  EXPECT_THAT(entries(*reader), ElementsAre(Pair("a", "1")));
}

TEST_P(KeysContract, KeysOfOtherTopicsAreNotRead) {
  const auto before = topic_with("before", 0);
  const auto meta = topic_with("t", 0);
  const auto after = topic_with("after", 0);
  put({latest(before, "a", 1, "not"), latest(after, "a", 1, "this")});
  EXPECT_THAT(keys(meta), IsEmpty());
  EXPECT_EQ(*log_->latest(meta.id, "a"), std::nullopt);
}

TEST_P(KeysContract, ForgottenKeysGoBeforeThoseOfTheSameGroupCome) {
  const auto meta = topic_with("t", 0);
  const auto other = topic_with("other", 0);
  put({latest(meta, "a", 1, "1"), latest(meta, "b", 2, "2"), latest(other, "a", 1, "other")});
  CommitGroup group;
  group.forgotten_keys = {meta.id};
  group.latest = {latest(meta, "b", 3, "3")};
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  EXPECT_THAT(keys(meta), ElementsAre(Pair("b", "3")));
  EXPECT_THAT(keys(other), ElementsAre(Pair("a", "other")));
}

TEST_P(KeysContract, ReadersEndWhenTheLogRecovers) {
  const auto meta = topic_with("t", 0);
  put({latest(meta, "a", 1, "1"), latest(meta, "b", 2, "2")});
  const auto begun = reader(meta);
  const auto fresh = reader(meta);
  ASSERT_TRUE(begun->read([](const EventView&) { return false; }));
  ASSERT_TRUE(log_->recover());
  const KeyReader::Visit never = [](const EventView&) {
    ADD_FAILURE() << "nothing may be read";
    return true;
  };
  EXPECT_EQ(begun->read(never).errc(), Errc::storage_failed);
  EXPECT_EQ(fresh->read(never).errc(), Errc::storage_failed);
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

// ---- states ----

TEST_P(KeysContract, AStateIsWhatWasStoredLast) {
  const auto meta = topic_with("t", 0);
  EXPECT_EQ(*log_->state(meta.id), std::nullopt);
  EXPECT_EQ(*log_->state_position(meta.id), std::nullopt);
  put(meta, state_of(3, "first"));
  put(meta, state_of(4, std::string(3'000'000, 'x')));
  const auto state = log_->state(meta.id);
  ASSERT_TRUE(state && *state);
  EXPECT_TRUE(**state == state_of(4, std::string(3'000'000, 'x')));
  EXPECT_EQ(*log_->state_position(meta.id), (Position{.epoch = {5}, .offset = {4}}));
  put(meta, std::nullopt);
  EXPECT_EQ(*log_->state(meta.id), std::nullopt);
}

// ---- cursors ----

TEST_P(KeysContract, ACursorIsWhereItWasPutLast) {
  const auto meta = topic_with("t", 0);
  EXPECT_EQ(*log_->cursor(meta.id, "c"), std::nullopt);
  put(meta, "c", cursor_at(1));
  put(meta, "c", cursor_at(2));
  EXPECT_EQ(*log_->cursor(meta.id, "c"), cursor_at(2));
  put(meta, "c", std::nullopt);
  EXPECT_EQ(*log_->cursor(meta.id, "c"), std::nullopt);
}

TEST_P(KeysContract, CursorsAreListedByNameAfterAnother) {
  const auto other = topic_with("other", 0);
  const auto meta = topic_with("t", 0);
  put(other, "a", cursor_at(1));
  for (const char* const name : {"c", "a", "b", "bb"}) put(meta, name, cursor_at(1));
  EXPECT_THAT(cursor_names(meta), ElementsAre("a", "b", "bb", "c"));
  EXPECT_THAT(cursor_names(meta, "b"), ElementsAre("bb", "c"));
  EXPECT_THAT(cursor_names(meta, "ba"), ElementsAre("bb", "c"));
  EXPECT_THAT(cursor_names(meta, "", 2), ElementsAre("a", "b"));
  EXPECT_THAT(cursor_names(meta, "c"), IsEmpty());
}

TEST_P(KeysContract, ThousandsOfCursorsAreListedEachOnce) {
  const auto meta = topic_with("t", 0);
  CommitGroup group;
  for (int i = 10'000; i < 12'500; ++i)
    group.cursors.push_back({.topic = meta.id, .name = std::to_string(i), .cursor = cursor_at(1)});
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  const auto names = cursor_names(meta);
  ASSERT_EQ(names.size(), 2500U);
  for (int i = 0; i < 2500; ++i)
    ASSERT_EQ(names[static_cast<std::size_t>(i)], std::to_string(10'000 + i));
}

TEST_P(KeysContract, TopicsWithCursorsAreListedByIdWithTheirNames) {
  using Row = std::tuple<TopicId, std::string, std::uint64_t>;
  const auto list = [&](std::size_t limit) {
    std::vector<Row> rows;
    EXPECT_TRUE(
        log_->topics_with_cursors([&](TopicId topic, std::string_view name, std::uint64_t cursors) {
          rows.emplace_back(topic, name, cursors);
          return rows.size() < limit;
        }));
    return rows;
  };
  const auto z = topic_with("z", 0);
  topic_with("m", 0);
  const auto a = topic_with("a", 0);
  EXPECT_THAT(list(10), IsEmpty());
  put(a, "1", cursor_at(1));
  put(z, "1", cursor_at(1));
  put(z, "2", cursor_at(1));
  EXPECT_THAT(list(10), ElementsAre(Row{z.id, "z", 2}, Row{a.id, "a", 1}));
  EXPECT_THAT(list(1), ElementsAre(Row{z.id, "z", 2}));
}

// ---- all of them ----

TEST_P(KeysContract, AnErasedTopicTakesThemWithIt) {
  const auto meta = topic_with("t", 0);
  const auto next = topic_with("next", 0);
  for (const auto& each : {meta, next}) {
    put({latest(each, "a", 1, "1")});
    put(each, state_of(1, "state"));
    put(each, "c", cursor_at(1));
  }
  ASSERT_TRUE(log_->erase(meta));
  EXPECT_THAT(keys(meta), IsEmpty());
  EXPECT_EQ(*log_->state(meta.id), std::nullopt);
  EXPECT_THAT(cursor_names(meta), IsEmpty());
  EXPECT_THAT(keys(next), ElementsAre(Pair("a", "1")));
  EXPECT_TRUE(*log_->state(next.id));
  EXPECT_THAT(cursor_names(next), ElementsAre("c"));
}

class PersistentKeysContract : public KeysContract {};

TEST_P(PersistentKeysContract, TheyAreThereAfterReopening) {
  auto meta = new_topic("t");
  meta.settings.keep_latest = true;
  meta.keys = 1;
  CommitGroup group;
  group.topics = {meta};
  group.latest = {latest(meta, "a", 1, "1")};
  group.states.push_back({.topic = meta.id, .state = state_of(1, "state")});
  group.cursors.push_back({.topic = meta.id, .name = "c", .cursor = cursor_at(1)});
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  reopen();
  const auto loaded = log_->load(name("t"));
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->meta, meta);
  EXPECT_THAT(keys(meta), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(*log_->state(meta.id), state_of(1, "state"));
  EXPECT_EQ(*log_->cursor(meta.id, "c"), cursor_at(1));
}

INSTANTIATE_TEST_SUITE_P(Engines, KeysContract, testing::Values(memory_engine(), rocks_engine()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Engines, PersistentKeysContract, testing::Values(rocks_engine()), name_of);

}  // namespace
}  // namespace tidemark::storage
