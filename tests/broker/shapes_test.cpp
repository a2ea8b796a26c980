// Cursors, producers and figures as JSON.
// tests/: broker/shapes, apart from topics, which topics_json_test has.
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "broker/shapes/cursor_shape.hpp"
#include "broker/shapes/producer_shape.hpp"
#include "broker/shapes/stats_shape.hpp"

namespace tidemark::broker {
namespace {

namespace json = boost::json;

TEST(CursorAsJson, IsWhatTheProtocolsDocumentShows) {
  storage::CursorInfo cursor;
  cursor.topic = "orders";
  cursor.name = "device-7";
  cursor.position = {.epoch = {1}, .offset = {42}};
  cursor.acknowledged = {1'772'366'400'000};
  cursor.created = {1'772'362'800'000};
  cursor.lag.events = 138;
  cursor.lag.bytes = 16'384;
  cursor.lag.time = std::chrono::milliseconds(90'000);
  cursor.lag.lost = 57;
  cursor.lag.falling = true;
  EXPECT_EQ(
      json::serialize(describe(cursor)),
      R"({"topic":"orders","cursor":"device-7","epoch":1,"offset":42,)"
      R"("token":"0000000000000001_0000000000000042","acknowledged":"2026-03-01T12:00:00.000Z",)"
      R"("created":"2026-03-01T11:00:00.000Z",)"
      R"("lag":{"events":138,"bytes":16384,"time_ms":90000,"lost":57},)"
      R"("falling":true,"in_epoch":true})");
}

storage::ProducerState till() {
  storage::ProducerState state;
  state.epoch = 3;
  state.last_sequence = 41;
  state.last_used = {1'772'366'400'000};
  // Sequences 40 and 41, of three events each: 100 to 102, 103 to 105.
  state.runs = {{.sequence = 0, .requests = 5, .first = {1}, .events = 1},
                {.sequence = 40, .requests = 2, .first = {100}, .events = 3}};
  return state;
}

TEST(ProducerAsJson, SaysWhereItsLastEventIs) {
  EXPECT_EQ(json::serialize(describe("till-3", till())),
            R"({"producer":"till-3","epoch":3,"sequence":41,)"
            R"("last_used":"2026-03-01T12:00:00.000Z","last_offset":105})");
}

TEST(ProducerAsJson, WhoseLastEventIsNotRememberedSaysSo) {
  const auto last_offset = [](const storage::ProducerState& state) {
    return json::serialize(describe("p", state).at("last_offset"));
  };
  auto state = till();
  state.last_sequence = 42;  // of which there is no run
  EXPECT_EQ(last_offset(state), "null");
  state = till();
  state.runs.clear();
  EXPECT_EQ(last_offset(state), "null");
  state = till();
  state.runs.push_back({.sequence = 42, .requests = 1, .first = {106}, .events = 0});
  state.last_sequence = 42;
  EXPECT_EQ(last_offset(state), "null") << "it has only closed the topic";
}

StatsView of_files() {
  StatsView view;
  view.topics = 3;
  view.engine = {{.name = "files_bytes", .help = "", .value = 4'096},
                 {.name = "stall_seconds_total", .help = "", .counts = true, .value = 0.25}};
  view.levels = {{.family = "events", .level = 0, .files = 2, .bytes = 100}};
  return view;
}

TEST(StatsAsJson, OfFilesIsWhatTheyTell) {
  EXPECT_EQ(json::serialize(describe(of_files())),
            R"({"topics":3,"engine":{"files_bytes":4096,"stall_seconds_total":2.5E-1},)"
            R"("levels":[{"family":"events","level":0,"files":2,"bytes":100}],)"
            R"("write_amplification":null})");
}

TEST(StatsAsJson, WriteAmplificationIsAllThatWasWrittenByWhatWasAsked) {
  auto view = of_files();
  view.engine = {{.name = "written_bytes_total", .help = "", .value = 100},
                 {.name = "wal_bytes_total", .help = "", .value = 110},
                 {.name = "flush_write_bytes_total", .help = "", .value = 60},
                 {.name = "compaction_write_bytes_total", .help = "", .value = 80}};
  EXPECT_DOUBLE_EQ(describe(view).at("write_amplification").as_double(), 2.5);
}

TEST(StatsAsJson, OfABrokerHasItsMemoryAndCommitsToo) {
  auto view = of_files();
  StatsRun run{.open_topics = 2,
               .ring_bytes = 10,
               .segment_cache_bytes = 20,
               .segment_cache_hits = 5,
               .segment_cache_misses = 6,
               .free_bytes = 7,
               .publishes = 8,
               .events = 9,
               .groups = 4};
  run.synced_us.smallest = 64;
  run.synced_us.values.counts[1] = 3;
  run.synced_us.values.counts.back() = 1;
  run.synced_us.values.sum = 500;
  view.run = run;
  const auto body = describe(view);
  EXPECT_EQ(json::serialize(body.at("memory")),
            R"({"open_topics":2,"ring_bytes":10,"segment_cache_bytes":20})");
  EXPECT_EQ(json::serialize(body.at("segment_cache")), R"({"hits":5,"misses":6})");
  EXPECT_EQ(json::serialize(body.at("disk")), R"({"free_bytes":7})");
  const auto& commits = body.at("commits");
  EXPECT_EQ(json::serialize(commits.at("publishes")), "8");
  EXPECT_EQ(json::serialize(commits.at("events")), "9");
  EXPECT_EQ(json::serialize(commits.at("groups")), "4");
  EXPECT_EQ(json::serialize(commits.at("synced")),
            R"({"count":4,"sum":500,"buckets":[{"le":128,"count":3},{"le":null,"count":1}]})");
  EXPECT_EQ(json::serialize(commits.at("group_bytes")), R"({"count":0,"sum":0,"buckets":[]})");
}

}  // namespace
}  // namespace tidemark::broker
