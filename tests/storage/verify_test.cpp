// Verifying sound directories: nothing is found, nothing is written, everything is counted.
// tests/: the unit verify; verify_damage_test has what is not sound.
#include "storage/verify.hpp"

#include "storage/rocks_store.hpp"
#include "storage/verify_run.hpp"
#include "tests/storage/verify_fixture.hpp"

namespace tidemark::storage {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifyStoreTest : public VerifyFixture {
 protected:
  [[nodiscard]] OpenError failure(const std::filesystem::path& where,
                                  const std::string& topic = {}) const {
    VerifyOptions options;
    options.topic = topic;
    const auto report = verify_store(where, options);
    EXPECT_FALSE(report.has_value());
    return report ? OpenError{} : report.error();
  }
  [[nodiscard]] std::unique_ptr<Log> log() const {
    auto opened = open_rocks_log(home(), {});
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().text);
    return opened ? std::move(*opened) : nullptr;
  }
  static TopicMeta topic_of(Log& log, const std::string& name) {
    TopicMeta meta;
    meta.id = log.next_topic_id();
    meta.name = name;
    meta.lineage = {{.epoch = {5}, .first = {1}}};
    return meta;
  }
  static EncodedBatch batch(const TopicMeta& meta, Epoch epoch, Offset first,
                            std::uint64_t before) {
    BatchBuilder builder;
    NewEvent event;
    event.data = "1";
    builder.add(event);
    return {
        .topic = meta.id,
        .first = first,
        .value = builder.finish(
            meta.id,
            {.epoch = epoch, .first = first, .count = 0, .time = {1000}, .bytes_before = before})};
  }
};

TEST_F(VerifyStoreTest, ASoundDirectoryHasNoFindingsAndIsCounted) {
  make();
  const auto verified = verify();
  EXPECT_THAT(verified.findings, IsEmpty());
  const auto& report = verified.report;
  EXPECT_TRUE(report.intact());
  EXPECT_FALSE(report.stopped);
  EXPECT_EQ(report.topics, 6U);
  EXPECT_EQ(report.events, 1000U + 4 + 3 + 1 + 5) << "of prices only what is retained";
  EXPECT_EQ(report.producers, 2U);
  EXPECT_EQ(report.keys, 3U);
  EXPECT_EQ(report.states, 1U);
  EXPECT_EQ(report.cursors, 2U);
  EXPECT_EQ(report.damages, 0U);
  EXPECT_EQ(report.notes, 0U);
  EXPECT_GT(report.bytes, 20'000U);
  EXPECT_GT(report.unclaimed_bytes, 0U) << "what prices has trimmed";
}

TEST_F(VerifyStoreTest, WhatIsOnlyInTheWriteAheadLogIsVerifiedAsWell) {
  make({.leave_wal = true});
  const auto verified = verify();
  EXPECT_THAT(verified.findings, IsEmpty());
  EXPECT_EQ(verified.report.events, 1013U);
}

TEST_F(VerifyStoreTest, ManyEventsAreSoundToo) {
  make({.events = 20'000});
  const auto verified = verify();
  EXPECT_THAT(verified.findings, IsEmpty());
  EXPECT_EQ(verified.report.events, 20'013U);
}

TEST_F(VerifyStoreTest, NothingIsWritten) {
  for (const bool leave_wal : {false, true}) {
    std::filesystem::remove_all(home());
    make({.leave_wal = leave_wal});
    const auto before = test::whole_tree(home());
    static_cast<void>(verify());
    static_cast<void>(verify("orders-fork"));
    EXPECT_EQ(test::whole_tree(home()), before);
  }
}

TEST_F(VerifyStoreTest, OneTopicIsVerifiedAlone) {
  make();
  const auto orders = verify("orders");
  EXPECT_THAT(orders.findings, IsEmpty());
  EXPECT_EQ(orders.report.topics, 1U);
  EXPECT_EQ(orders.report.events, 1000U);
  EXPECT_EQ(orders.report.producers, 2U);
  EXPECT_EQ(orders.report.cursors, 2U);
  EXPECT_EQ(orders.report.keys, 0U);
  const auto prices = verify("prices");
  EXPECT_THAT(prices.findings, IsEmpty());
  EXPECT_EQ(prices.report.events, 4U);
  EXPECT_EQ(prices.report.keys, 3U);
  EXPECT_EQ(prices.report.producers, 0U);
}

TEST_F(VerifyStoreTest, OfAForkAloneWhatItHasInheritedIsReadToo) {
  make();
  const auto fork = verify("orders-fork");
  EXPECT_THAT(fork.findings, IsEmpty());
  EXPECT_EQ(fork.report.topics, 1U);
  EXPECT_EQ(fork.report.events, 65U);
}

TEST_F(VerifyStoreTest, AnUnknownTopicIsAnErrorThatNamesTheOneThatMayBeMeant) {
  make();
  const auto error = failure(home(), "order");
  EXPECT_EQ(error.code, Errc::unknown_topic);
  EXPECT_THAT(error.text, AllOf(HasSubstr("order"), HasSubstr("did you mean orders?")));
}

TEST_F(VerifyStoreTest, WhatIsNoDataDirectoryIsAnErrorAndNoFinding) {
  EXPECT_EQ(failure(home()).code, Errc::not_found);
  std::filesystem::create_directories(home());
  test::write_whole(home() / "letter.txt", "dear");
  EXPECT_EQ(failure(home()).code, Errc::store_not_ours);
  EXPECT_EQ(failure(home() / "letter.txt").code, Errc::store_not_ours);
}

TEST_F(VerifyStoreTest, AStoreThatIsNewIsIntact) {
  static_cast<void>(log());
  const auto verified = verify();
  EXPECT_THAT(verified.findings, IsEmpty());
  EXPECT_EQ(verified.report.topics, 0U);
}

TEST_F(VerifyStoreTest, AHoleThatALaterEpochExplainsIsNoDamage) {
  {
    const auto open = log();
    TopicMeta meta = topic_of(*open, "holes");
    meta.lineage.push_back({.epoch = {9}, .first = {100}});
    CommitGroup group;
    group.topics = {meta};
    group.batches = {batch(meta, {5}, {1}, 0)};
    const std::size_t bytes = group.batches.front().value.size();
    group.batches.push_back(batch(meta, {9}, {100}, bytes));
    ASSERT_TRUE(open->commit(group, Durability::synced));
  }
  const auto verified = verify();
  EXPECT_TRUE(verified.report.intact());
  ASSERT_EQ(verified.findings.size(), 1U) << "but worth knowing";
  EXPECT_EQ(verified.findings[0].weight, Finding::Weight::note);
  EXPECT_EQ(verified.findings[0].offsets, (OffsetRange{{2}, {100}}));
  EXPECT_EQ(verified.findings[0].what, "events were given up; epoch 9 begins behind them");
  EXPECT_EQ(verified.report.events, 2U);
}

TEST_F(VerifyStoreTest, AnEpochWithoutEventsYetIsNoDamage) {
  {
    const auto open = log();
    TopicMeta meta = topic_of(*open, "quiet");
    CommitGroup group;
    group.batches = {batch(meta, {5}, {1}, 0)};
    meta.lineage.push_back({.epoch = {9}, .first = {2}});
    group.topics = {meta};
    ASSERT_TRUE(open->commit(group, Durability::synced));
  }
  EXPECT_THAT(verify().findings, IsEmpty());
}

TEST_F(VerifyStoreTest, WhatADeletedTopicHasLeftBehindIsCountedAndNoDamage) {
  make();
  const auto before = verify().report;
  {
    const auto database = raw();
    TopicMeta meta;
    meta.id = {77};
    const auto left = batch(meta, {5}, {1}, 0);
    put(*database, database->events(), event_key(meta.id, {1}), left.value);
  }
  const auto verified = verify();
  EXPECT_THAT(verified.findings, IsEmpty());
  EXPECT_GT(verified.report.unclaimed_bytes, before.unclaimed_bytes);
  EXPECT_EQ(verified.report.events, before.events);
}

TEST_F(VerifyStoreTest, ProgressIsToldAndCanStopIt) {
  make();
  VerifyOptions options;
  int told = 0;
  options.progress = [&](const VerifyProgress& progress) {
    ++told;
    EXPECT_LE(progress.bytes, progress.total);
    return true;
  };
  auto report = verify_store(home(), options);
  ASSERT_TRUE(report.has_value());
  EXPECT_GT(told, 0);
  EXPECT_FALSE(report->stopped);
  options.progress = [](const VerifyProgress&) { return false; };
  report = verify_store(home(), options);
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->stopped);
  EXPECT_TRUE(report->intact()) << "what has not been read is not called damaged";
}

// ---- findings ----

Finding damage(std::uint64_t first, std::uint64_t end, const std::string& what) {
  return {.weight = Finding::Weight::damage,
          .topic = "t",
          .offsets = {.first = {first}, .end = {end}},
          .what = what,
          .where = {},
          .around = {}};
}

TEST(Findings, ThoseOfOneKindThatFollowEachOtherAreOne) {
  VerifyReport report;
  std::vector<OffsetRange> told;
  VerifyOptions options;
  options.finding = [&](const Finding& finding) { told.push_back(finding.offsets); };
  Findings findings(report, options);
  findings.add(damage(1, 5, "a"));
  findings.add(damage(5, 9, "a"));
  findings.add(damage(9, 12, "b"));
  findings.add(damage(20, 22, "b"));
  findings.flush();
  using R = OffsetRange;
  EXPECT_THAT(told, ElementsAre(R{{1}, {9}}, R{{9}, {12}}, R{{20}, {22}}));
  EXPECT_EQ(report.damages, 3U);
  EXPECT_EQ(report.notes, 0U);
}

TEST(Findings, WhereTheDamageIsComesFromRocksDBsOwnWords) {
  EXPECT_EQ(words_of("Corruption: block checksum mismatch: stored = 1, computed = 2  in "
                     "/var/lib/tide mark/db/000012.sst offset 4096 size 4083")
                .where,
            "db/000012.sst offset 4096 size 4083");
  EXPECT_EQ(words_of("IO error: No such file or directory: While open a file for random read: "
                     "/data/db/000007.sst: No such file or directory.")
                .where,
            "db/000007.sst");
  EXPECT_EQ(words_of("Corruption: missing something in MANIFEST-000004").where, "MANIFEST-000004");
  EXPECT_EQ(words_of("Corruption: of nothing in particular").where, "");
  EXPECT_EQ(words_of("Corruption: of nothing in particular. ").what,
            "Corruption: of nothing in particular");
}

TEST(Findings, BytesOfDamagedFilesAreMadeFitForAText) {
  EXPECT_EQ(quoted_bytes("EUR"), "\"EUR\"");
  EXPECT_EQ(quoted_bytes("Grüße"), "\"Grüße\"");
  EXPECT_EQ(quoted_bytes(std::string_view("\x1b\0\xff", 3)), "\"\\x1b\\x00\\xff\"");
  EXPECT_LT(quoted_bytes(std::string(10'000, 'x')).size(), 100U);
}

}  // namespace
}  // namespace tidemark::storage
