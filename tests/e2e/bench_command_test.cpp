// `tidemark bench` as a user runs it: every measurement, short, on a broker of its own.
// tests/e2e/: that it measures something and checks its deliveries, not how much it measures.
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;

Ended bench(std::vector<std::string> arguments, const TemporaryDirectory& directory) {
  std::vector<std::string> command{TIDEMARK_CLI, "bench"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  for (const char* more : {"--json", "--spawn", TIDEMARK_DAEMON, "--data-parent"}) {
    command.emplace_back(more);
  }
  command.push_back(directory.path().string());
  return run_program(command, 60);
}

void expect_measured(const Ended& ended, const std::string& key) {
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("\"" + key + "\":"));
  EXPECT_THAT(ended.output, HasSubstr("\"faults\":[]"));
}

const std::vector<std::string> kShort{"--duration", "0.3", "--warm-up", "0.1"};

std::vector<std::string> shortly(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), kShort.begin(), kShort.end());
  return arguments;
}

TEST(BenchCommand, MeasuresFanoutInBothFormsAndLeavesNothingBehind) {
  TemporaryDirectory directory;
  for (const char* form : {"json", "binary"}) {
    expect_measured(bench(shortly({"fanout", "--subscribers", "20", "--wire", form}), directory),
                    "deliveries_per_cpu_second");
  }
  expect_measured(bench(shortly({"fanout", "--subscribers", "20", "--rate", "100"}), directory),
                  "latency_p99_ms");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(BenchCommand, MeasuresPublishes) {
  TemporaryDirectory directory;
  expect_measured(bench(shortly({"publish", "--connections", "3", "--in-flight", "8"}), directory),
                  "acked_per_second");
}

TEST(BenchCommand, MeasuresAStormOfNewcomersThatAsksTheHookHardlyEver) {
  TemporaryDirectory directory;
  const auto ended = bench({"state", "--joiners", "100", "--within", "0.3", "--hook-delay", "50",
                            "--bundle", "2000", "--rate", "500"},
                           directory);
  expect_measured(ended, "live_p99_ms");
  ASSERT_EQ(ended.exit_code, 0);
  const auto row = boost::json::parse(ended.output).at("rows").at(0);
  EXPECT_GE(row.at("hook_requests").to_number<double>(), 1);
  EXPECT_LE(row.at("hook_requests").to_number<double>(), 2);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(BenchCommand, MeasuresCatchUpHotAndCold) {
  TemporaryDirectory directory;
  const std::vector<std::string> few{"catchup", "--events", "20000", "--passes", "1"};
  expect_measured(bench(few, directory), "events_per_second");
  auto cold = few;
  cold.emplace_back("--cold");
  expect_measured(bench(cold, directory), "cold_percent");
}

TEST(BenchCommand, MeasuresStartsTopicsGrowthMemoryAndTheCeilings) {
  TemporaryDirectory directory;
  expect_measured(
      bench({"start", "--events", "10000", "--topics", "2", "--fresh", "100", "--rounds", "1"},
            directory),
      "start_after_kill_seconds");
  expect_measured(bench(shortly({"topics", "--topics", "20"}), directory), "cpu_us_per_event");
  expect_measured(
      bench(shortly({"growth", "--from", "1000", "--to", "5000", "--subscribers", "5"}), directory),
      "fill_cpu_us_per_event");
  expect_measured(bench({"memory", "--connections", "50", "--events", "500"}, directory),
                  "idle_kib_per_connection");
  expect_measured(
      bench(shortly({"ceiling", "--connections", "20", "--per-write", "1,8"}), directory),
      "deliveries_per_cpu_second");
  expect_measured(
      bench(shortly({"ceiling", "--connections", "20", "--per-write", "1,8", "--lockstep"}),
            directory),
      "deliveries_per_cpu_second");
  expect_measured(bench(shortly({"publish-ceiling", "--connections", "1,8"}), directory),
                  "acked_per_second");
}

TEST(BenchCommand, MeasuresCatchUpOverHttpFromMemoryAndAfterARestart) {
  TemporaryDirectory directory;
  const std::vector<std::string> bytes{"http-catchup", "--events", "500", "--passes", "2"};
  expect_measured(bench(bytes, directory), "mb_per_cpu_second");
  auto json = bytes;
  json.insert(json.end(), {"--type", "json", "--readers", "5", "--from", "cache"});
  expect_measured(bench(json, directory), "events_per_cpu_second");
}

TEST(BenchCommand, MeasuresEventStreamsPublishedEitherWay) {
  TemporaryDirectory directory;
  const std::vector<std::string> few{"sse", "--subscribers", "20"};
  expect_measured(bench(shortly(few), directory), "deliveries_per_cpu_second");
  auto appended = few;
  appended.emplace_back("--appends");
  expect_measured(bench(shortly(appended), directory), "kib_per_connection");
  appended.insert(appended.end(), {"--rate", "100"});
  expect_measured(bench(shortly(appended), directory), "latency_p99_ms");
}

TEST(BenchCommand, MeasuresLongPollsAndAppendsOverHttp) {
  TemporaryDirectory directory;
  expect_measured(bench({"long-polls", "--polls", "50", "--rounds", "2"}, directory),
                  "kib_per_poll");
  expect_measured(bench(shortly({"http-appends", "--connections", "8"}), directory),
                  "append_p99_ms");
  expect_measured(
      bench(shortly({"http-appends", "--connections", "3", "--type", "bytes"}), directory),
      "appends_per_second");
}

TEST(BenchCommand, SaysClearlyWhatIsWrong) {
  TemporaryDirectory directory;
  const auto nobody = run_program({TIDEMARK_CLI, "bench", "fanout", "--server", "127.0.0.1:1"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_THAT(nobody.errors, HasSubstr("127.0.0.1:1"));
  const auto unknown = run_program({TIDEMARK_CLI, "bench", "fanout", "--subscriber", "3"});
  EXPECT_EQ(unknown.exit_code, 2);
  const auto none = run_program(
      {TIDEMARK_CLI, "bench", "fanout", "--spawn", (directory.path() / "none").string()});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.errors, HasSubstr("--spawn"));
}

}  // namespace
}  // namespace tidemark::test
