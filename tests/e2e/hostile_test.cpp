// `tidemark bench hostile`, small: healthy clients lose nothing while hostile ones are bounded.
// tests/e2e/: the broker as it is run; that it holds is tested here, how well is measured by hand.
#include <algorithm>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.hpp"
#include "tools/bench_attacks.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;
using tools::bench::all_attacks;
using tools::bench::Attack;
using tools::bench::frame_head;

// With short limits, so that each of them shows in a few seconds.
Ended bench_hostile(const TemporaryDirectory& directory) {
  return run_program(
      {TIDEMARK_CLI, "bench", "hostile", "--json", "--spawn", TIDEMARK_DAEMON, "--data-parent",
       directory.path().string(), "--broker-arg=--timeout-handshake=1s",
       "--broker-arg=--timeout-stall=2s", "--idle=500", "--hostile=104", "--subscribers=50",
       "--rate=100", "--flood=1e6", "--duration=1", "--warm-up=0.2", "--attack=3"},
      150);
}

std::uint64_t count_before(const std::string& text, const std::string& words) {
  const auto end = text.find(words);
  if (end == std::string::npos) return 0;
  const auto begin = text.rfind(' ', end - 1);
  return std::stoull(text.substr(begin == std::string::npos ? 0 : begin + 1));
}

// A healthy client that misses an event, gets one twice or is sent away ends the run with an error;
// so does an idle one that is not there at the end. It goes on until every limit has shown.
TEST(Hostile, HealthyClientsLoseNothingAndHostileOnesAreBounded) {
  TemporaryDirectory directory;
  const auto ended = bench_hostile(directory);
  ASSERT_EQ(ended.exit_code, 0) << ended.errors << ended.output;
  const auto report = boost::json::parse(ended.output);
  EXPECT_TRUE(report.at("faults").as_array().empty()) << ended.output;
  ASSERT_EQ(report.at("rows").as_array().size(), 4U);
  for (const auto& row : report.at("rows").as_array()) {
    EXPECT_GT(row.at("deliveries_per_second").to_number<double>(), 0) << row;
  }
  for (const auto& attack : all_attacks({.host = "h", .topic = "t", .flood = 1})) {
    const std::string said(report.at("setting").at("attack_" + attack.key).as_string());
    EXPECT_GT(count_before(said, " connections,"), 0U) << attack.name << ": " << said;
    if (!attack.must_end) continue;
    EXPECT_GT(count_before(said, " ended by the broker"), 0U) << attack.name << ": " << said;
  }
}

TEST(BenchAttacks, AttacksNothingButThisMachine) {
  for (const char* elsewhere : {"192.0.2.1:4437", "localhost.example:4437", "[::2]:4437"}) {
    const auto ended = run_program({TIDEMARK_CLI, "bench", "hostile", "--server", elsewhere});
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("only a broker on 127.0.0.1 is attacked"));
  }
}

TEST(BenchAttacks, AreOfDifferentKinds) {
  std::vector<std::string> keys;
  for (const auto& attack : all_attacks({.host = "h", .topic = "t", .flood = 1000})) {
    keys.push_back(attack.key);
    EXPECT_FALSE(attack.name.empty());
    EXPECT_TRUE(attack.refrain.empty() || attack.bytes_per_second > 0) << attack.name;
    EXPECT_EQ(attack.upgrades, attack.opening.find("Upgrade: websocket") != std::string::npos);
  }
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

TEST(BenchAttacks, FrameHeadsAreThoseOfRfc6455) {
  const auto zeros = std::string(4, '\0');
  EXPECT_EQ(frame_head(true, 1, 5), std::string("\x81\x85") + zeros);
  EXPECT_EQ(frame_head(false, 0, 125), std::string("\x00\xfd", 2) + zeros);
  EXPECT_EQ(frame_head(true, 2, 126), std::string("\x82\xfe\x00\x7e", 4) + zeros);
  EXPECT_EQ(frame_head(true, 2, 65536),
            std::string("\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 10) + zeros);
}

}  // namespace
}  // namespace tidemark::test
