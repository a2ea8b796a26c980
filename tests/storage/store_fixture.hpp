// A store in a directory of its own: commits by the handful, images of a killed broker, damage.
// tests/: shared by the tests of the log on disk and of the head marker.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/rocks_store.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {

class StoreFixture : public testing::Test {
 protected:
  using Opened = boost::system::result<std::unique_ptr<Log>, OpenError>;

  [[nodiscard]] std::filesystem::path home() const { return directory_.path() / "data"; }

  void open(const std::filesystem::path& where) {
    log_.reset();
    auto opened = open_rocks_log(where, options_);
    ASSERT_TRUE(opened) << opened.error().text;
    log_ = std::move(*opened);
  }
  void open() { open(home()); }
  void close() { log_.reset(); }

  [[nodiscard]] Errc failure(const std::filesystem::path& where) {
    auto opened = open_rocks_log(where, options_);
    if (opened) return Errc{};
    text_ = opened.error().text;
    return opened.error().code;
  }

  /// The files as kill -9 would leave them: what the operating system has been given.
  std::filesystem::path image(const std::string& name) {
    const auto copy = directory_.path() / name;
    std::filesystem::remove_all(copy);
    std::filesystem::copy(home(), copy, std::filesystem::copy_options::recursive);
    return copy;
  }

  /// An image in its own place again, and in the same files, so that it is no copy.
  void put_back(const std::filesystem::path& image) {
    close();
    std::filesystem::remove_all(home() / "db");
    std::filesystem::copy(image / "db", home() / "db", std::filesystem::copy_options::recursive);
    std::ofstream(home() / "HEAD", std::ios::binary | std::ios::trunc)
        << std::ifstream(image / "HEAD", std::ios::binary).rdbuf();
  }

  static std::vector<std::filesystem::path> files(const std::filesystem::path& where,
                                                  const std::string& extension) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(where / "db"))
      if (entry.path().extension() == extension) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  static std::filesystem::path wal(const std::filesystem::path& where) {
    return files(where, ".log").back();
  }
  static std::uintmax_t table_bytes(const std::filesystem::path& where) {
    std::uintmax_t bytes = 0;
    for (const auto& file : files(where, ".sst")) bytes += std::filesystem::file_size(file);
    return bytes;
  }
  static void flip_bit(const std::filesystem::path& file, std::uintmax_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 0x10);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
    ASSERT_TRUE(stream.good());
  }

  TopicMeta create(const std::string& name) {
    TopicMeta meta;
    meta.id = log_->next_topic_id();
    meta.name = name;
    meta.lineage = {{log_->next_epoch(), {1}}};
    CommitGroup group;
    group.topics = {meta};
    EXPECT_TRUE(log_->commit(group, Durability::synced));
    return meta;
  }

  static EncodedBatch batch(const TopicMeta& meta, std::uint64_t first,
                            const std::vector<std::string>& data) {
    BatchBuilder builder;
    for (const auto& text : data) {
      NewEvent event;
      event.data = text;
      builder.add(event);
    }
    const BatchHeader header{.epoch = meta.lineage.back().epoch,
                             .first = {first},
                             .count = 0,
                             .time = {1},
                             .bytes_before = 0};
    return {.topic = meta.id, .first = {first}, .value = builder.finish(meta.id, header)};
  }

  Result<void> append(const TopicMeta& meta, std::uint64_t first, const std::string& data,
                      Durability durability = Durability::synced) {
    CommitGroup group;
    group.batches.push_back(batch(meta, first, {data}));
    return log_->commit(group, durability);
  }

  /// Events of the topic, until the end or an error.
  std::vector<std::string> read(TopicId topic, std::uint64_t from = 1) {
    std::vector<std::string> data;
    const auto result = log_->read(topic, {from}, [&](const BatchView& view) {
      for (std::uint32_t i = 0; i < view.count(); ++i) data.emplace_back(view.event(i).data);
      return true;
    });
    read_error_ = result ? Errc{} : result.errc();
    return data;
  }

  TempDir directory_;
  StoreOptions options_;
  std::unique_ptr<Log> log_;
  std::string text_;   ///< what failure() was told
  Errc read_error_{};  ///< of the last read()
};

}  // namespace tidemark::storage
