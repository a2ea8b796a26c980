// A sample log, hands to damage it with, and what verifying it finds.
// tests/: shared by the tests of storage/verify.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/key_codec.hpp"
#include "storage/record_batch.hpp"
#include "storage/rocks_database.hpp"
#include "storage/verify.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::storage {

/// What verify_store has said.
struct Verified {
  VerifyReport report;
  std::vector<Finding> findings;
};

inline std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  return out << (finding.weight == Finding::Weight::damage ? "damage" : "note") << " of '"
             << finding.topic << "' " << finding.offsets.first.value << ".."
             << finding.offsets.end.value << ": " << finding.what << " [" << finding.where << "] "
             << finding.around;
}

class VerifyFixture : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path home() const { return dir_.path() / "data"; }
  [[nodiscard]] std::filesystem::path database() const { return home() / "db"; }

  void make(const test::SampleLog& sample = {}) { test::write_sample_log(home(), sample); }

  [[nodiscard]] Verified verify(const std::string& topic = {}) const {
    Verified out;
    VerifyOptions options;
    options.topic = topic;
    options.finding = [&](const Finding& finding) { out.findings.push_back(finding); };
    const auto report = verify_store(home(), options);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().text);
    if (report) out.report = *report;
    return out;
  }

  /// The closed store's database, to be changed behind the back of the log.
  [[nodiscard]] std::unique_ptr<RocksDatabase> raw() const {
    std::unique_ptr<RocksDatabase> out;
    const auto status = RocksDatabase::open(database_path(home()), StoreOptions{},
                                            RocksDatabase::Recovery::strict, out);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return out;
  }
  using Family = rocksdb::ColumnFamilyHandle*;
  static std::string get(RocksDatabase& database, Family family, const std::string& key) {
    std::string value;
    const auto status = database.db().Get({}, family, key, &value);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return value;
  }
  static void put(RocksDatabase& database, Family family, const std::string& key,
                  const std::string& value) {
    EXPECT_TRUE(database.db().Put({}, family, key, value).ok());
  }
  static void erase(RocksDatabase& database, Family family, const std::string& key) {
    EXPECT_TRUE(database.db().Delete({}, family, key).ok());
  }
  /// Flips a bit in the middle of a value.
  static void flip(RocksDatabase& database, Family family, const std::string& key) {
    auto value = get(database, family, key);
    ASSERT_FALSE(value.empty());
    auto& byte = value[value.size() / 2];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 4U);
    put(database, family, key, value);
  }

  static TopicMeta meta(RocksDatabase& database, const std::string& name) {
    const auto decoded = decode_value<TopicMeta>(get(database, database.topics(), name));
    EXPECT_TRUE(decoded);
    return decoded ? *decoded : TopicMeta{};
  }
  static void change(RocksDatabase& database, const std::string& name,
                     const std::function<void(TopicMeta&)>& edit) {
    auto changed = meta(database, name);
    edit(changed);
    put(database, database.topics(), name, encode_value(changed));
  }
  /// Writes a batch anew, with another header; sizes and events stay.
  static void reseal(RocksDatabase& database, TopicId topic, Offset first,
                     const std::function<void(BatchHeader&)>& edit) {
    const std::string value = get(database, database.events(), event_key(topic, first));
    const auto batch = BatchView::parse(topic, first, value);
    ASSERT_TRUE(batch);
    BatchBuilder builder;
    for (std::uint32_t i = 0; i < batch->count(); ++i) {
      const EventView event = batch->event(i);
      NewEvent copy;
      copy.key = std::string(event.key);
      copy.data = std::string(event.data);
      for (const HeaderView header : event.headers)
        copy.headers.push_back({std::string(header.name), std::string(header.value)});
      builder.add(copy);
    }
    BatchHeader header = batch->header();
    edit(header);
    put(database, database.events(), event_key(topic, first), builder.finish(topic, header));
  }

  TempDir dir_;
};

}  // namespace tidemark::storage
