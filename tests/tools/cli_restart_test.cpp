// The command line over kills and restarts of the broker.
// tests/tools/: the promise of the first minute in README.md.
#include <random>
#include <signal.h>

#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;

class CliRestart : public Cli {};

TEST_F(CliRestart, ATailGoesOnAtTheNextEventAfterEachKill) {
  output("tidemark pub syslog 'event 0' -q");
  Program tail(program({"tail", "syslog", "--from", "earliest"}));
  tail.expect_output("event 0\n");
  std::string expected = "event 0\n";
  for (int i = 1; i <= 5; ++i) {
    const auto before = "event " + std::to_string(i) + " before";
    const auto after = "event " + std::to_string(i) + " after";
    output("tidemark pub syslog '" + before + "' -q");
    if (i % 2 == 0) tail.expect_output(before + "\n");
    daemon_.kill();
    daemon_.start();
    output("tidemark pub syslog '" + after + "' -q");
    tail.expect_output(after + "\n");
    expected += before + "\n" + after + "\n";
  }
  tail.signal(SIGINT);
  const auto ended = tail.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.output, expected);
  EXPECT_THAT(ended.errors, HasSubstr("connected again"));
}

TEST_F(CliRestart, ATailComesBackAfterAGoodbye) {
  output("tidemark pub syslog one -q");
  Program tail(program({"tail", "syslog", "--from", "earliest"}));
  tail.expect_output("one\n");
  daemon_.terminate();
  EXPECT_EQ(daemon_.wait().exit_code, 0);
  daemon_.start();
  output("tidemark pub syslog two -q");
  tail.expect_output("two\n");
  tail.signal(SIGINT);
  const auto ended = tail.wait();
  EXPECT_EQ(ended.output, "one\ntwo\n");
  EXPECT_THAT(ended.errors, HasSubstr("the broker is going away; trying again in"));
}

TEST_F(CliRestart, APubOverKillsPublishesEachLineOnceAndInOrder) {
  constexpr int kRounds = 5;
  constexpr int kLines = 2'000;
  Program pub(program({"pub", "syslog", "--lines"}));
  for (int round = 0; round < kRounds; ++round) {
    pub.write(log_lines(round * kLines + 1, (round + 1) * kLines));
    daemon_.kill();  // wherever it is in them
    daemon_.start();
  }
  const auto ended = pub.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("10,000 events, offsets 1–10000"));
  EXPECT_EQ(output("tidemark tail syslog --no-follow"), log_lines(1, kRounds * kLines));
}

TEST_F(CliRestart, APubWithoutABrokerForLongGivesUpWith5) {
  Program pub(program({"pub", "t", "--lines", "--timeout", "1s"}));
  pub.write("one\n");
  output("tidemark tail t --wait --from earliest --limit 1");
  daemon_.kill();
  pub.write("two\n");
  pub.close_input();
  const auto ended = pub.wait();
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_THAT(ended.errors, HasSubstr("line 2: "));
}

}  // namespace
}  // namespace tidemark::test
