// A store read around its damage: only what is in damaged blocks is left out, and it is told of.
// tests/: the unit rocks_scan, on files with flipped bits.
#include <set>
#include <string>
#include <vector>

#include "storage/key_codec.hpp"
#include "storage/rocks_scan.hpp"
#include "tests/storage/store_fixture.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using Wal = StoreScan::Wal;

class StoreScanTest : public StoreFixture {
 protected:
  void SetUp() override { options_.compress = false; }

  void scan(const fs::path& where, Family family, std::string_view begin = {},
            std::string_view end = {}, Wal wal = Wal::strict) {
    keys_.clear();
    damages_.clear();
    auto opened = StoreScan::open(where, wal);
    ASSERT_TRUE(opened) << opened.error().text;
    (*opened)->each(
        family, begin, end,
        [&](std::string_view key, std::string_view) {
          keys_.emplace_back(key);
          return true;
        },
        [&](const ScanDamage& damage) { damages_.push_back(damage); });
    EXPECT_TRUE(std::is_sorted(keys_.begin(), keys_.end()));
  }
  Errc failure_to_scan(const fs::path& where, Wal wal) {
    auto opened = StoreScan::open(where, wal);
    if (opened) return Errc{};
    text_ = opened.error().text;
    return opened.error().code;
  }
  static fs::path largest_table(const fs::path& where) {
    const auto tables = files(where, ".sst");
    return *std::max_element(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
      return fs::file_size(a) < fs::file_size(b);
    });
  }
  /// A closed store with a topic of batches 1 to `batches` of one event of 1000 bytes each: about
  /// 15 in a block.
  TopicMeta write_batches(std::uint64_t batches) {
    open();
    const auto meta = create("t");
    for (std::uint64_t i = 1; i <= batches; ++i)
      EXPECT_TRUE(append(meta, i, std::string(1000, 'd'), Durability::buffered));
    close();
    return meta;
  }
  /// Keys of `all` that the last scan has not fed; each must lie in a damage it told of.
  std::set<std::string> missing(const std::vector<std::string>& all) {
    std::set<std::string> out(all.begin(), all.end());
    for (const auto& key : keys_) EXPECT_EQ(out.erase(key), 1U) << "fed twice, or never there";
    for (const auto& key : out) {
      const bool told =
          std::any_of(damages_.begin(), damages_.end(), [&](const ScanDamage& damage) {
            return damage.after < key && (damage.before.empty() || key < damage.before);
          });
      EXPECT_TRUE(told) << "left out in silence";
    }
    return out;
  }

  std::vector<std::string> keys_;
  std::vector<ScanDamage> damages_;
};

TEST_F(StoreScanTest, FeedsEverythingOfASoundStoreInOrder) {
  for (const bool leave_wal : {false, true}) {
    fs::remove_all(home());
    test::write_sample_log(home(), {.leave_wal = leave_wal});
    const auto before = test::whole_tree(home());
    const std::vector<std::pair<Family, std::size_t>> expected{{Family::events, 20 + 4 + 1 + 1 + 1},
                                                               {Family::topics, 6},
                                                               {Family::producers, 2},
                                                               {Family::keys, 3},
                                                               {Family::states, 1},
                                                               {Family::cursors, 2}};
    for (const auto& [family, count] : expected) {
      scan(home(), family);
      EXPECT_EQ(keys_.size(), count) << name_of(family);
      EXPECT_TRUE(damages_.empty()) << name_of(family);
    }
    scan(home(), Family::store);
    EXPECT_NE(std::find(keys_.begin(), keys_.end(), "format"), keys_.end());
    EXPECT_EQ(test::whole_tree(home()), before);
  }
}

TEST_F(StoreScanTest, KeepsToItsRangeAndStopsWhenItIsEnough) {
  const auto meta = write_batches(100);
  scan(home(), Family::events, event_key(meta.id, {10}), event_key(meta.id, {20}));
  ASSERT_EQ(keys_.size(), 10U);
  EXPECT_EQ(keys_.front(), event_key(meta.id, {10}));
  EXPECT_EQ(keys_.back(), event_key(meta.id, {19}));
  auto opened = StoreScan::open(home(), Wal::strict);
  ASSERT_TRUE(opened);
  int fed = 0;
  (*opened)->each(
      Family::events, {}, {}, [&](auto, auto) { return ++fed < 7; },
      [](const ScanDamage&) { ADD_FAILURE(); });
  EXPECT_EQ(fed, 7);
  EXPECT_GT((*opened)->sequence(), 100U);
  EXPECT_GT((*opened)->bytes(Family::events), 90'000U);
  EXPECT_EQ((*opened)->bytes(Family::cursors), 0U);
}

TEST_F(StoreScanTest, AFlippedBitLosesItsBlockAlone) {
  write_batches(400);
  scan(home(), Family::events);
  const auto all = keys_;
  ASSERT_EQ(all.size(), 400U);
  // The first block, the second, and some in the middle.
  for (const std::uintmax_t percent : {0, 5, 20, 50, 80}) {
    const auto copy = image("copy");
    const auto table = largest_table(copy);
    flip_bit(table, 100 + fs::file_size(table) * percent / 100);
    scan(copy, Family::events);
    ASSERT_EQ(damages_.size(), 1U) << percent;
    const auto lost = missing(all);
    EXPECT_GT(lost.size(), 0U) << percent;
    EXPECT_LT(lost.size(), 40U) << percent;
    const auto& damage = damages_.front();
    EXPECT_NE(damage.what.find(table.filename().string()), std::string::npos) << damage.what;
    EXPECT_EQ(damage.after.empty(), *lost.begin() == all.front());
    if (!damage.after.empty()) {
      EXPECT_EQ(load_be64(damage.after.substr(8)) + 1, load_be64(lost.begin()->substr(8)));
    }
    ASSERT_EQ(damage.before.size(), 16U);
    EXPECT_EQ(load_be64(damage.before.substr(8)), load_be64(lost.rbegin()->substr(8)) + 1);
  }
}

TEST_F(StoreScanTest, WhatLiesBetweenTwoDamagesIsFed) {
  write_batches(400);
  scan(home(), Family::events);
  const auto all = keys_;
  const auto table = largest_table(home());
  flip_bit(table, fs::file_size(table) / 5);
  flip_bit(table, fs::file_size(table) / 2);
  scan(home(), Family::events);
  EXPECT_EQ(damages_.size(), 2U);
  EXPECT_LT(missing(all).size(), 80U);
}

TEST_F(StoreScanTest, DamageAcrossManySmallTopicsLosesOnlyTheirs) {
  open();
  for (int i = 0; i < 200; ++i) {
    const auto meta = create("t" + std::to_string(i));
    for (std::uint64_t offset = 1; offset <= 5; ++offset)
      ASSERT_TRUE(append(meta, offset, std::string(300, 'd'), Durability::buffered));
  }
  close();
  scan(home(), Family::events);
  const auto all = keys_;
  ASSERT_EQ(all.size(), 1000U);
  const auto table = largest_table(home());
  flip_bit(table, fs::file_size(table) / 2);
  scan(home(), Family::events);
  EXPECT_EQ(damages_.size(), 1U);
  const auto lost = missing(all);
  EXPECT_GT(lost.size(), 0U);
  EXPECT_LT(lost.size(), 100U);
}

TEST_F(StoreScanTest, DamageThatAWholeRangeLiesInIsToldOnce) {
  const auto meta = write_batches(400);
  const auto table = largest_table(home());
  flip_bit(table, fs::file_size(table) / 2);
  scan(home(), Family::events);
  ASSERT_EQ(damages_.size(), 1U);
  const std::uint64_t first = load_be64(damages_.front().after.substr(8)) + 1;
  scan(home(), Family::events, event_key(meta.id, {first}), event_key(meta.id, {first + 2}));
  EXPECT_TRUE(keys_.empty());
  ASSERT_EQ(damages_.size(), 1U);
  EXPECT_TRUE(damages_.front().after.empty());
  EXPECT_TRUE(damages_.front().before.empty());
}

TEST_F(StoreScanTest, OtherFamiliesAreReadAroundDamageToo) {
  open();
  const auto meta = create("t");
  CommitGroup group;
  for (int i = 0; i < 4000; ++i)
    group.producers.push_back({.topic = meta.id,
                               .id = "producer-" + std::to_string(i),
                               .state = {.epoch = 1,
                                         .last_sequence = 2,
                                         .runs = {{.sequence = 0,
                                                   .requests = 3,
                                                   .first = {static_cast<std::uint64_t>(i) + 1},
                                                   .events = 1}},
                                         .last_used = {}}});
  ASSERT_TRUE(log_->commit(group, Durability::synced));
  close();
  scan(home(), Family::producers);
  const auto all = keys_;
  ASSERT_EQ(all.size(), 4000U);
  for (const std::uintmax_t percent : {0, 30, 60}) {
    const auto copy = image("copy");
    const auto table = largest_table(copy);
    ASSERT_GT(fs::file_size(table), 150'000U);
    flip_bit(table, 100 + fs::file_size(table) * percent / 100);
    scan(copy, Family::producers);
    EXPECT_EQ(damages_.size(), 1U) << percent;
    const auto lost = missing(all);
    EXPECT_GT(lost.size(), 0U) << percent;
    EXPECT_LT(lost.size(), 600U) << percent;
  }
}

// ---- the write-ahead log ----

class StoreScanWal : public StoreScanTest {
 protected:
  /// What a kill leaves of a hundred synced events of 2000 bytes: seven blocks of 32 KiB.
  void SetUp() override {
    StoreScanTest::SetUp();
    open();
    const auto meta = create("t");
    for (std::uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(append(meta, i, std::string(2000, 'd')));
    last_ = event_key(meta.id, {100});
    copy_ = image("copy");
    close();
  }

  std::string last_;
  fs::path copy_;
};

TEST_F(StoreScanWal, OfAKilledBrokerIsReadWhole) {
  const auto before = test::whole_tree(copy_);
  for (const Wal wal : {Wal::strict, Wal::prefix, Wal::most}) {
    scan(copy_, Family::events, {}, {}, wal);
    EXPECT_EQ(keys_.size(), 100U);
  }
  EXPECT_EQ(test::whole_tree(copy_), before);
}

TEST_F(StoreScanWal, ThatIsDamagedIsRefusedOrReadBeforeItOrAroundIt) {
  flip_bit(wal(copy_), fs::file_size(wal(copy_)) / 3);
  EXPECT_EQ(failure_to_scan(copy_, Wal::strict), Errc::corrupt_record);
  EXPECT_NE(text_.find(copy_.string()), std::string::npos) << text_;
  scan(copy_, Family::events, {}, {}, Wal::prefix);
  const auto prefix = keys_;
  EXPECT_GT(prefix.size(), 10U);
  EXPECT_LT(prefix.size(), 50U);
  scan(copy_, Family::events, {}, {}, Wal::most);
  EXPECT_GT(keys_.size(), prefix.size());
  EXPECT_LT(keys_.size(), 100U);
  EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), keys_.begin()));
  EXPECT_EQ(keys_.back(), last_);
}

TEST_F(StoreScanWal, ThatIsCutIsReadUpToThere) {
  test::cut_to(wal(copy_), fs::file_size(wal(copy_)) / 2);
  for (const Wal wal : {Wal::strict, Wal::prefix, Wal::most}) {
    scan(copy_, Family::events, {}, {}, wal);
    EXPECT_GT(keys_.size(), 30U);
    EXPECT_LT(keys_.size(), 60U);
  }
}

// ---- what can't be opened ----

TEST_F(StoreScanTest, AMissingTableOrManifestIsDamage) {
  test::write_sample_log(home());
  auto copy = image("copy");
  fs::remove(files(copy, ".sst").front());
  EXPECT_EQ(failure_to_scan(copy, Wal::most), Errc::corrupt_record);
  copy = image("copy");
  for (const auto& file : test::files_like(copy, "MANIFEST-")) fs::remove(file);
  EXPECT_EQ(failure_to_scan(copy, Wal::most), Errc::corrupt_record);
  copy = image("copy");
  fs::remove(copy / "db" / "CURRENT");
  EXPECT_EQ(failure_to_scan(copy, Wal::most), Errc::corrupt_record);
  copy = image("copy");
  for (const auto& file : test::files_like(copy, "MANIFEST-"))
    flip_bit(file, fs::file_size(file) / 2);
  EXPECT_EQ(failure_to_scan(copy, Wal::strict), Errc::corrupt_record);
}

TEST_F(StoreScanTest, AMissingHeadMarkerIsNoObstacle) {
  test::write_sample_log(home());
  fs::remove(home() / "HEAD");
  scan(home(), Family::topics);
  EXPECT_EQ(keys_.size(), 6U);
}

}  // namespace
}  // namespace tidemark::storage
