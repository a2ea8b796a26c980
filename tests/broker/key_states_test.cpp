// States of keys: small ones are shared, large ones read page by page by each newcomer.
// tests/: broker/state/open_keys and its use by States.
#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "broker/state/open_keys.hpp"
#include "tests/broker/state_fixture.hpp"

namespace tidemark::broker {
namespace {

class KeyStatesTest : public StateTest {
 protected:
  KeyStatesTest() {
    auto request = std::make_unique<storage::ConfigureRequest>(name);
    request->keep_latest = true;
    EXPECT_FALSE(memory.requester.run(std::move(request))->error);
    begin({});
  }

  void put(const std::string& key, const std::string& data) { put_all({{key, data}}); }
  void put_all(const std::map<std::string, std::string>& values) {
    auto request = std::make_unique<storage::PublishRequest>(name);
    for (const auto& [key, data] : values) request->events.push_back({.data = data, .key = key});
    EXPECT_FALSE(memory.requester.run(std::move(request))->error);
  }
  /// Some megabytes of keys, so that no state of them is shared.
  std::map<std::string, std::string> put_many(int batches = 6) {
    std::map<std::string, std::string> all;
    for (int batch = 0; batch < batches; ++batch) {
      std::map<std::string, std::string> values;
      for (int i = 0; i < 500; ++i) {
        const auto number = std::to_string(10'000 + batch * 500 + i);
        values.emplace("key-" + number, "\"" + number + std::string(1'000, 'x') + "\"");
      }
      put_all(values);
      all.merge(values);
    }
    return all;
  }
  static std::map<std::string, std::string> values_of(const GotState& got) {
    std::map<std::string, std::string> out;
    for (const auto& entry : got.entries()) {
      EXPECT_TRUE(out.emplace(entry.key, entry.data).second) << entry.key << " twice";
    }
    return out;
  }
  static void expect_whole(const GotState& got) {
    ASSERT_FALSE(got.error) << info(*got.error).name;
    ASSERT_FALSE(got.parts.empty());
    for (const auto& part : got.parts) {
      const auto& message = part->message();
      EXPECT_EQ(message.first, part == got.parts.front());
      EXPECT_EQ(message.last, part == got.parts.back());
      EXPECT_EQ(message.position, got.position);
      EXPECT_FALSE(message.bundle);
    }
  }
};

TEST_F(KeyStatesTest, TheNewestOfEachKeyIsTheState) {
  put("b", "1");
  put("a", "2");
  put("b", "3");
  put("c", "4");
  put("c", "null");
  const auto got = ask();
  expect_whole(got);
  EXPECT_EQ(got.position.offset, Offset{5});
  EXPECT_EQ(values_of(got), (std::map<std::string, std::string>{{"a", "2"}, {"b", "3"}}));
  const auto entries = got.entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].key, "a");
  EXPECT_EQ(entries[0].offset, Offset{2});
  EXPECT_EQ(entries[1].offset, Offset{3});
}

TEST_F(KeyStatesTest, WithoutKeysItIsOneEmptyPart) {
  const auto got = ask();
  expect_whole(got);
  EXPECT_EQ(got.parts.size(), 1U);
  EXPECT_TRUE(got.entries().empty());
}

TEST_F(KeyStatesTest, ItIsSharedUntilSomethingComes) {
  put("a", "1");
  const auto first = ask();
  EXPECT_EQ(ask().parts.front(), first.parts.front());
  time.advance(std::chrono::hours(1));
  EXPECT_EQ(ask().parts.front(), first.parts.front());
  EXPECT_EQ(states->figures().made, 1U);
  put("a", "2");
  const auto second = ask();
  EXPECT_EQ(values_of(second).at("a"), "2");
  EXPECT_EQ(second.position.offset, Offset{2});
  EXPECT_EQ(states->figures().made, 2U);
}

TEST_F(KeyStatesTest, ALargeOneComesInPagesToEachWhoAsks) {
  const auto all = put_many();
  std::vector<std::future<GotState>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(start(name));
  for (auto& each : waiting) {
    const auto got = result_of(each);
    expect_whole(got);
    EXPECT_GT(got.parts.size(), 10U);
    EXPECT_EQ(got.position.offset, Offset{3'000});
    EXPECT_EQ(values_of(got), all);
  }
  EXPECT_EQ(states->figures().bytes, 0U) << "none of it is kept";
  EXPECT_EQ(states->figures().running, 0U);
}

TEST_F(KeyStatesTest, WhatComesMeanwhileIsNotInIt) {
  const auto all = put_many();
  const auto slow = std::make_shared<Newcomer>();
  slow->keeps_reading = true;
  slow->stop_after = 1;
  auto future = slow->ask(*states, hub.shard(0), memory.topic(name));
  const auto begun = result_of(future);
  ASSERT_FALSE(begun.error);
  EXPECT_EQ(begun.position.offset, Offset{3'000});
  put("key-19999", "\"late\"");
  put("zzz", "\"late\"");
  auto seen = begun.entries().size();
  for (bool last = false; !last;) {
    const auto part = slow->next().get();
    ASSERT_TRUE(part);
    for (const auto& entry : (*part)->message().entries) {
      EXPECT_LE(entry.offset, begun.position.offset) << entry.key;
      ++seen;
    }
    last = (*part)->message().last;
  }
  EXPECT_EQ(seen, all.size());
  slow->leave();
}

TEST_F(KeyStatesTest, AReaderIsNotKeptForWhoTakesTooLong) {
  put_many();
  const auto slow = std::make_shared<Newcomer>();
  slow->keeps_reading = true;
  slow->stop_after = 1;
  auto future = slow->ask(*states, hub.shard(0), memory.topic(name));
  ASSERT_FALSE(result_of(future).error);
  time.advance(kKeysStayOpen);
  // What is in memory is still given.
  std::optional<Errc> ended;
  std::size_t parts = 1;
  while (!ended) {
    const auto part = slow->next().get();
    if (part) {
      ++parts;
      ASSERT_FALSE((*part)->message().last) << "it had time for all";
    } else {
      ended = part.errc();
    }
  }
  EXPECT_EQ(ended, Errc::state_failed);
  EXPECT_LE(parts, kSmallKeysBytes / kKeyPageBytes + 1);
  slow->leave();
}

TEST_F(KeyStatesTest, MoreNewcomersThanReadersWaitForTheirTurn) {
  put_many(3);
  // Each stops in the middle and holds its reader.
  std::vector<std::shared_ptr<Newcomer>> slow;
  std::vector<std::future<GotState>> begun;
  constexpr unsigned kMany = 140;
  for (unsigned i = 0; i < kMany; ++i) {
    auto& newcomer = slow.emplace_back(std::make_shared<Newcomer>());
    newcomer->keeps_reading = true;
    newcomer->stop_after = 1;
    begun.push_back(newcomer->ask(*states, hub.shard(0), memory.topic(name)));
  }
  const auto is_ready = [](const std::future<GotState>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  wait_until([&] { return std::ranges::count_if(begun, is_ready) == 128; });
  EXPECT_EQ(states->figures().waiting, kMany - 128U);
  std::size_t left = 0;
  wait_until([&] {
    for (std::size_t i = 0; i < begun.size(); ++i) {
      if (!begun[i].valid() || !is_ready(begun[i])) continue;
      EXPECT_FALSE(begun[i].get().error);
      slow[i]->leave();
      ++left;
    }
    return left == kMany;
  });
}

TEST_F(KeyStatesTest, WhenTheTopicKeepsNoneAnyMoreThereIsNone) {
  put("a", "1");
  EXPECT_FALSE(ask().error);
  auto request = std::make_unique<storage::ConfigureRequest>(name);
  request->keep_latest = false;
  EXPECT_FALSE(memory.requester.run(std::move(request))->error);
  EXPECT_EQ(ask().error, Errc::no_state);
}

}  // namespace
}  // namespace tidemark::broker
