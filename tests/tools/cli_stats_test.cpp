// `tidemark stats` of a real broker and of its files, and what its page is made of.
// tests/tools/: see tools/inspect/stats.hpp.
#include <boost/json/parse.hpp>

#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/inspect/stats_text.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kNoTerminal = -1;

TEST(StatsText, TimesAreRoundedForPeople) {
  using tools::time_text;
  EXPECT_EQ(time_text(128), "128 µs");
  EXPECT_EQ(time_text(4'096), "4.1 ms");
  EXPECT_EQ(time_text(65'536), "66 ms");
  EXPECT_EQ(time_text(1'500'000), "1.5 s");
}

TEST(StatsText, DrawsWhatABrokerTells) {
  const auto stats = boost::json::parse(R"({
    "topics":3,"engine":{"live_files_bytes":1048576,"files_bytes":2097152,"memtable_bytes":1024,
    "written_bytes_total":1000,"wal_bytes_total":1100,"wal_syncs_total":7,
    "stall_seconds_total":0.25,"block_cache_hits_total":75,"block_cache_misses_total":25},
    "levels":[{"family":"events","level":0,"files":2,"bytes":1000},
              {"family":"events","level":6,"files":9,"bytes":4000}],
    "memory":{"open_topics":2,"ring_bytes":4096,"segment_cache_bytes":0},
    "segment_cache":{"hits":0,"misses":0},"disk":{"free_bytes":1073741824},
    "write_amplification":2.1,
    "commits":{"publishes":10,"events":20,"groups":100,
      "synced":{"count":100,"sum":20000,
        "buckets":[{"le":128,"count":90},{"le":512,"count":10}]},
      "buffered":{"count":0,"sum":0,"buckets":[]},
      "group_bytes":{"count":2,"sum":5000,"buckets":[{"le":null,"count":2}]}}})")
                         .as_object();
  const auto text = tools::stats_text(stats, kNoTerminal, 80);
  EXPECT_THAT(text, AllOf(HasSubstr("3 topics, 2 of them open"), HasSubstr("20 events"),
                          HasSubstr("1.0 GiB are free"), HasSubstr("write amplification 2.10"),
                          HasSubstr("7 syncs"), HasSubstr("held up for 250 ms")));
  EXPECT_THAT(text, HasSubstr("blocks        75.0%  ██████████████████████████████\n"))
      << "of 40 columns";
  EXPECT_THAT(text, HasSubstr("not asked yet"));
  EXPECT_THAT(text, HasSubstr("Commits synced to the disk: 100, half within "));
  EXPECT_THAT(text, HasSubstr("≤ 256 µs")) << "the empty bucket between";
  EXPECT_THAT(text, HasSubstr("half within over 0 B"));
  EXPECT_THAT(text, Not(HasSubstr("handed to the system")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[")));
}

TEST(StatsText, OfFilesThereAreSizesOnly) {
  const auto stats = boost::json::parse(R"({"topics":1,"engine":{"live_files_bytes":5,
      "block_cache_hits_total":3},"levels":[{"family":"events","level":1,"files":1,"bytes":5}]})")
                         .as_object();
  const auto text = tools::stats_text(stats, kNoTerminal, 80);
  EXPECT_THAT(text, AllOf(HasSubstr("FAMILY"), HasSubstr("files in use"), Not(HasSubstr("cache")),
                          Not(HasSubstr("Commits"))));
}

TEST(StatsText, AnAnswerOfOddShapeIsNoHarm) {
  for (const auto* odd :
       {"{}", R"({"engine":3,"levels":{},"commits":[],"memory":null})",
        R"({"levels":[1,{"family":"\u001b[31m","bytes":-5,"files":1e300}],"commits":{"synced":
        {"count":1,"sum":-1,"buckets":[{"le":"x","count":-1},{},7]}}})"}) {
    const auto text = tools::stats_text(boost::json::parse(odd).as_object(), kNoTerminal, 0);
    EXPECT_THAT(text, AllOf(HasSubstr("topics"), Not(HasSubstr("\x1b[")))) << odd;
  }
}

class CliStats : public Cli {};

TEST_F(CliStats, OfABrokerHasTimesOfCommits) {
  output("tidemark pub orders '{\"a\":1}' -q");
  const auto page = output("tidemark stats");
  EXPECT_THAT(page, AllOf(HasSubstr("1 topic,"), HasSubstr("On the disk"),
                          HasSubstr("Written since the start"),
                          HasSubstr("Commits synced to the disk: "), HasSubstr("█")));
  const auto json = boost::json::parse(output("tidemark stats --json"));
  EXPECT_EQ(json.at("topics").as_int64(), 1);
  EXPECT_EQ(json.at("commits").at("events").as_int64(), 1);
  EXPECT_GE(json.at("commits").at("synced").at("count").as_int64(), 1);
}

TEST_F(CliStats, OfFilesSaysWhatOnlyABrokerKnowsAndWritesNothing) {
  const auto data = files_.path() / "sample";
  write_sample_log(data);
  const auto before = whole_tree(data);
  const auto ended = run("tidemark stats --data sample");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("6 topics"), HasSubstr("FAMILY"), HasSubstr("events"),
                                  Not(HasSubstr("Commits"))));
  EXPECT_THAT(ended.errors, HasSubstr("known to a running broker only"));
  const auto json = boost::json::parse(output("tidemark stats --data sample --json")).as_object();
  EXPECT_EQ(json.at("topics").as_int64(), 6);
  EXPECT_FALSE(json.contains("commits"));
  EXPECT_TRUE(whole_tree(data) == before);
}

TEST_F(CliStats, OfTheFilesOfARunningBrokerToo) {
  output("tidemark pub orders '{\"a\":1}' -q");
  const auto json = boost::json::parse(
      output("tidemark stats --json --data " + quoted((directory_.path() / "data").string())));
  EXPECT_EQ(json.at("topics").as_int64(), 1);
}

TEST_F(CliStats, WhereThereIsNothingItExitsWith3) {
  const auto no_directory = run("tidemark stats --data nowhere");
  EXPECT_EQ(no_directory.exit_code, 3);
  EXPECT_THAT(no_directory.errors,
              AllOf(HasSubstr("nowhere"), Not(HasSubstr("is tidemarkd running"))));
  const auto no_broker = run("tidemark stats --server http://127.0.0.1:1");
  EXPECT_EQ(no_broker.exit_code, 3);
  EXPECT_THAT(no_broker.errors, HasSubstr("is tidemarkd running there?"));
}

}  // namespace
}  // namespace tidemark::test
