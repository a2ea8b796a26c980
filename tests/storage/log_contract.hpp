// The suite every Log must pass: its fixture, and the engines it runs against.
// tests/: shared by the contract's parts.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log.hpp"
#include "storage/rocks_store.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {

struct Engine {
  const char* name;
  std::function<std::unique_ptr<Log>(const std::filesystem::path&)> open;
};

inline std::unique_ptr<Log> open_rocks(const std::filesystem::path& directory) {
  auto log = open_rocks_log(directory, {});
  if (!log) ADD_FAILURE() << log.error().text;
  return log ? std::move(*log) : nullptr;
}

inline TopicName name(const std::string& text) { return *TopicName::parse(text); }

class LogContract : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    log_ = GetParam().open(directory_.path());
    ASSERT_TRUE(log_);
  }

  void reopen() {
    log_.reset();
    log_ = GetParam().open(directory_.path());
    ASSERT_TRUE(log_);
  }

  TopicMeta new_topic(const std::string& text) {
    TopicMeta meta;
    meta.id = log_->next_topic_id();
    meta.name = text;
    meta.created = {1000};
    meta.lineage = {{log_->next_epoch(), {1}}};
    return meta;
  }

  // A batch of `count` events "<offset>", and its place in the group.
  static void add_batch(CommitGroup& group, const TopicMeta& meta, std::uint64_t first,
                        std::uint64_t count, std::uint64_t bytes_before = 0,
                        std::int64_t time = 2000) {
    BatchBuilder builder;
    for (std::uint64_t i = 0; i < count; ++i) {
      NewEvent event;
      event.data = std::to_string(first + i);
      builder.add(event);
    }
    group.batches.push_back({.topic = meta.id,
                             .first = {first},
                             .value = builder.finish(meta.id, {.epoch = meta.lineage.back().epoch,
                                                               .first = {first},
                                                               .count = 0,
                                                               .time = {time},
                                                               .bytes_before = bytes_before})});
  }

  // A topic with batches 1…3, 4…6, … of three events.
  TopicMeta topic_with(const std::string& text, std::uint64_t batches) {
    auto meta = new_topic(text);
    CommitGroup group;
    group.topics = {meta};
    for (std::uint64_t i = 0; i < batches; ++i) add_batch(group, meta, 1 + 3 * i, 3);
    EXPECT_TRUE(log_->commit(group, Durability::synced));
    return meta;
  }

  std::vector<std::string> read(TopicId topic, std::uint64_t from, std::size_t batches = 1000) {
    std::vector<std::string> data;
    const auto result = log_->read(topic, {from}, [&](const BatchView& batch) {
      for (std::uint32_t i = 0; i < batch.count(); ++i) {
        if (batch.header().first.value + i < from) continue;
        data.emplace_back(batch.event(i).data);
      }
      return --batches > 0;
    });
    EXPECT_TRUE(result);
    return data;
  }

  static std::vector<std::string> numbers(std::uint64_t first, std::uint64_t last) {
    std::vector<std::string> all;
    for (auto i = first; i <= last; ++i) all.push_back(std::to_string(i));
    return all;
  }

  std::vector<std::string> names(std::string_view after, std::size_t limit = 100'000) {
    std::vector<std::string> all;
    EXPECT_TRUE(log_->list(after, [&](const TopicMeta& meta) {
      all.push_back(meta.name);
      return all.size() < limit;
    }));
    return all;
  }

  TempDir directory_;
  std::unique_ptr<Log> log_;
};

inline Engine memory_engine() {
  return {"Memory", [](const std::filesystem::path&) -> std::unique_ptr<Log> {
            return std::make_unique<MemoryLog>();
          }};
}

inline Engine rocks_engine() { return {"Rocks", open_rocks}; }

inline std::string name_of(const testing::TestParamInfo<Engine>& engine) {
  return engine.param.name;
}

}  // namespace tidemark::storage
