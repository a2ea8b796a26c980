// `tidemark tail` against a real broker.
// tests/tools/: see tools/tail.hpp.
#include <signal.h>

#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CliTail : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    file("lines", log_lines(1, 100));
    output("tidemark pub syslog --lines -q < lines");
  }
};

TEST_F(CliTail, BeginsAfterAnOffset) {
  EXPECT_EQ(output("tidemark tail syslog --after 42 --no-follow"), log_lines(43, 100));
  EXPECT_EQ(output("tidemark tail syslog --after 0 --limit 2"), log_lines(1, 2));
  EXPECT_EQ(output("tidemark tail syslog --after 100 --no-follow"), "");
}

TEST_F(CliTail, BeginsWhereItIsTold) {
  EXPECT_EQ(output("tidemark tail syslog --from earliest --limit 100"), log_lines(1, 100));
  EXPECT_EQ(output("tidemark tail syslog --no-follow"), log_lines(1, 100));
  EXPECT_EQ(output("tidemark tail syslog --last 3 --no-follow"), log_lines(98, 100));
  EXPECT_EQ(output("tidemark tail syslog --last 1000 --limit 1"), log_lines(1, 1));
  EXPECT_EQ(output("tidemark tail syslog --from 1h --limit 1"), log_lines(1, 1));
  EXPECT_EQ(output("tidemark tail syslog --from 2001-01-01T00:00:00Z --limit 1"), log_lines(1, 1));
  EXPECT_EQ(output("tidemark tail syslog --from 2100-01-01 --no-follow"), "");
  EXPECT_EQ(output("tidemark tail syslog --from now --no-follow"), "");
}

TEST_F(CliTail, FollowsWhatComes) {
  Program tail(program({"tail", "syslog", "--after", "99"}));
  tail.expect_output(log_lines(100, 100));
  output("tidemark pub syslog 'and then this'");
  tail.expect_output("and then this\n");
  tail.signal(SIGINT);
  const auto ended = tail.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.errors, IsEmpty());
}

TEST_F(CliTail, InterruptedBeforeItsLimitItExitsWith5) {
  Program tail(program({"tail", "syslog", "--after", "99", "--limit", "5"}));
  tail.expect_output(log_lines(100, 100));
  tail.signal(SIGTERM);
  EXPECT_EQ(tail.wait().exit_code, 5);
}

TEST_F(CliTail, OnATerminalItSaysWhereToGoOn) {
  Program tail(program({"tail", "syslog", "--after", "99"}), Program::Streams::terminal);
  tail.expect_output("status");
  tail.signal(SIGINT);
  const auto ended = tail.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, HasSubstr("to go on from here: --after 100 --epoch "));
}

TEST_F(CliTail, PrintsATableOnATerminalAndNoLineIsWiderThanIt) {
  output("tidemark pub syslog \"$(printf 'x%.0s' $(seq 200))\" --key some-key");
  Program tail(program({"tail", "syslog", "--last", "2", "--no-follow"}),
               Program::Streams::terminal);
  const auto ended = tail.wait();
  EXPECT_THAT(ended.output, AllOf(HasSubstr("OFFSET"), HasSubstr("     101"), HasSubstr("some-key"),
                                  HasSubstr("xxx…"), HasSubstr("\x1b[1m")));
}

TEST_F(CliTail, ATableInAPipeHasNoColoursAndIsNotCut) {
  output("tidemark pub syslog \"$(printf 'x%.0s' $(seq 200))\"");
  const auto table = output("tidemark tail syslog --last 1 --no-follow --format table");
  EXPECT_THAT(
      table, AllOf(HasSubstr("OFFSET"), Not(HasSubstr("\x1b[")), HasSubstr(std::string(200, 'x'))));
}

TEST_F(CliTail, NoPayloadSteersTheTerminal) {
  output("printf '\\033[31mred\\a\\r\\302\\233x' | tidemark pub evil");
  Program tail(program({"tail", "evil", "--no-follow"}), Program::Streams::terminal);
  const auto ended = tail.wait();
  EXPECT_THAT(ended.output, HasSubstr("\\x1b[31mred\\x07\\r\\x9bx"));
  EXPECT_THAT(ended.output, Not(HasSubstr("\x1b[31m")));
  EXPECT_EQ(output("tidemark tail evil --no-follow"), "\x1b[31mred\a\r\xc2\x9bx\n");
}

TEST_F(CliTail, JsonIsOneObjectALineWithItsEpoch) {
  output("tidemark pub j '{\"a\": [1, 2.50]}' --key k");
  const auto line = output("tidemark tail j --no-follow --format json");
  EXPECT_THAT(line, HasSubstr("\"data\":{\"a\": [1, 2.50]}"));
  const auto event = boost::json::parse(line);
  EXPECT_EQ(event.at("type").as_string(), "event");
  EXPECT_EQ(event.at("offset").as_int64(), 1);
  EXPECT_GT(event.at("epoch").as_int64(), 0);
  EXPECT_GT(event.at("time").as_int64(), 1'700'000'000'000);
  EXPECT_THAT(output("tidemark tail syslog --last 1 --no-follow --json"),
              HasSubstr("\"data\":\"2026-11-22 17:00:40 status installed package-100:amd64\"}"));
}

TEST_F(CliTail, AnUnknownTopicExitsWith4AndTheOneMeant) {
  const auto ended = run("tidemark tail sysolg");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("there is no topic sysolg, did you mean syslog?"));
}

TEST_F(CliTail, WaitsForATopicIfAsked) {
  Program tail(program({"tail", "later", "--wait", "--from", "earliest", "--limit", "1"}));
  output("tidemark pub later here");
  tail.expect_output("here\n");
  EXPECT_EQ(tail.wait().exit_code, 0);
}

TEST_F(CliTail, AGapIsToldAndItGoesOn) {
  output("curl -sS -X POST -d '{\"keep\": 91}' " + ("http" + daemon_.url().substr(2)) +
         "/v1/topics/syslog/trim");
  const auto ended = run("tidemark tail syslog --after 42 --no-follow");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.output, log_lines(91, 100));
  EXPECT_THAT(ended.errors,
              HasSubstr("events 43–90 are gone: trimmed by request; going on with 91"));
  EXPECT_THAT(
      output("tidemark tail syslog --after 42 --no-follow --json 2> /dev/null"),
      testing::StartsWith("{\"type\":\"gap\",\"topic\":\"syslog\",\"first\":43,\"end\":91,"));
}

TEST_F(CliTail, AGapEndsItWith4IfAsked) {
  const auto ahead = run("tidemark tail syslog --after 500 --on-gap fail");
  EXPECT_EQ(ahead.exit_code, 4);
  EXPECT_THAT(ahead.output, IsEmpty());
  EXPECT_THAT(ahead.errors, AllOf(HasSubstr("events 101–500 are not there"),
                                  HasSubstr("ahead of the topic's last event")));
  const auto epoch = run("tidemark tail syslog --after 50 --epoch 3 --on-gap fail");
  EXPECT_EQ(epoch.exit_code, 4);
  EXPECT_THAT(epoch.errors, HasSubstr("history that has ended"));
}

TEST_F(CliTail, ADeletedTopicEndsItWith4) {
  Program tail(program({"tail", "syslog", "--after", "99"}));
  tail.expect_output(log_lines(100, 100));
  output("tidemark delete syslog --yes");
  const auto ended = tail.wait();
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("the topic has been deleted"));
}

// What there is of a topic whose newest event of each key is kept.
class CliTailKeys : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    output("curl -sS -f -X PUT -d '{\"keep_latest\": true}' -o /dev/null " +
           ("http" + daemon_.url().substr(2)) + "/v1/topics/prices");
    output(
        "tidemark pub prices 1 --key EUR -q; tidemark pub prices 2 --key USD -q; "
        "tidemark pub prices 3 --key EUR -q");
  }
};

TEST_F(CliTailKeys, BeginsWithTheStateAndGoesOnWithWhatFollowsIt) {
  Program tail(program({"tail", "prices", "--state"}));
  tail.expect_output("3\n2\n");  // in order of their keys
  tail.expect_errors("the state as of offset 3; what comes after it follows");
  output("tidemark pub prices 4 --key USD -q");
  tail.expect_output("4\n");
  tail.signal(SIGINT);
  EXPECT_EQ(tail.wait().exit_code, 0);
}

TEST_F(CliTailKeys, AStateIsOneObjectInJson) {
  const auto text = output("tidemark tail prices --state --no-follow --json 2> /dev/null");
  const auto state = boost::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(state.at("type").as_string(), "state");
  EXPECT_EQ(state.at("offset").as_int64(), 3);
  EXPECT_EQ(state.at("entries").as_array().size(), 2U);
}

TEST_F(CliTailKeys, AStateInsteadOfAGap) {
  output("curl -sS -f -X POST -d '{\"keep\": 4}' -o /dev/null " +
         ("http" + daemon_.url().substr(2)) + "/v1/topics/prices/trim");
  const auto ended = run("tidemark tail prices --after 1 --on-gap state --no-follow");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.output, "3\n2\n");
  EXPECT_THAT(ended.errors, HasSubstr("the state as of offset 3; what comes after it follows"));
}

TEST_F(CliTailKeys, ShowsOnlyTheKeysAndHeadersAskedFor) {
  EXPECT_EQ(output("tidemark tail prices --from earliest --key EUR --no-follow"), "1\n3\n");
  EXPECT_EQ(output("tidemark tail prices --from earliest --key 'U*' --no-follow"), "2\n");
  output(
      "tidemark pub prices 5 --header venue=a -q; tidemark pub prices 6 --header venue=b -q; "
      "tidemark pub prices 7 --header venue=c -q");
  EXPECT_EQ(output("tidemark tail prices --from earliest --header venue=a --header venue=c "
                   "--no-follow"),
            "5\n7\n");
}

TEST_F(CliTail, WithoutAStateItExitsWith4) {
  const auto ended = run("tidemark tail syslog --state");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.output, IsEmpty());
}

TEST_F(CliTail, ACursorGoesOnWhereItLeftOff) {
  const std::string tail = "tidemark tail syslog --cursor mine --from earliest ";
  EXPECT_EQ(output(tail + "--limit 40"), log_lines(1, 40));
  EXPECT_EQ(output(tail + "--no-follow"), log_lines(41, 100));
  EXPECT_EQ(output(tail + "--no-follow"), "");
  output("tidemark pub syslog 'and then this' -q");
  EXPECT_EQ(output(tail + "--no-follow"), "and then this\n");
}

TEST_F(CliTail, ACursorIsMovedWhileItFollowsAndWhenItIsInterrupted) {
  Program tail(program({"tail", "syslog", "--cursor", "mine", "--after", "98"}));
  tail.expect_output(log_lines(99, 100));
  tail.signal(SIGINT);
  EXPECT_EQ(tail.wait().exit_code, 0);
  EXPECT_EQ(boost::json::parse(output("tidemark cursors show syslog mine --json"))
                .at("offset")
                .as_int64(),
            100);
}

TEST_F(CliTail, APatternFollowsAllThatMatchAndThoseThatCome) {
  Program tail(program({"tail", "rooms/*"}));
  // It has begun when something of it comes.
  Program knock({"/bin/sh", "-c",
                 environment() + "while sleep 0.1; do " + quoted(TIDEMARK_CLI) +
                     " pub rooms/1 knock -q; done"});
  tail.expect_output("rooms/1\tknock\n");
  output("tidemark pub rooms/2 'first of a new one' -q; tidemark pub halls/1 elsewhere -q");
  tail.expect_output("rooms/2\tfirst of a new one\n");
  tail.signal(SIGINT);
  const auto ended = tail.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, Not(HasSubstr("elsewhere")));
}

TEST_F(CliTail, APatternHasACursorInEachTopic) {
  output("tidemark pub rooms/1 a -q; tidemark pub rooms/2 b -q");
  output("tidemark tail 'rooms/*' --cursor mine --from earliest --limit 2");
  for (const auto* topic : {"rooms/1", "rooms/2"}) {
    const auto cursor =
        boost::json::parse(output(std::string("tidemark cursors show ") + topic + " mine --json"));
    EXPECT_EQ(cursor.at("offset").as_int64(), 1) << topic;
  }
  output("tidemark pub rooms/2 c -q");
  EXPECT_EQ(output("tidemark tail 'rooms/*' --cursor mine --from earliest --limit 1"),
            "rooms/2\tc\n");
}

TEST_F(CliTail, APatternInJsonNamesTopicAndEpoch) {
  const auto text = output("tidemark tail 'sys*' --last 1 --limit 1 --json");
  const auto event = boost::json::parse(text);
  EXPECT_EQ(event.at("topic").as_string(), "syslog");
  EXPECT_GT(event.at("epoch").as_int64(), 0);
  EXPECT_TRUE(event.at("data").is_string());
}

TEST_F(CliTail, AClosedPipeEndsItQuietly) {
  file("many", log_lines(1, 50'000));
  output("tidemark pub many --lines -q < many");
  const auto ended = run("(tidemark tail many --no-follow; echo \"exit $?\" >&2) | head -1");
  EXPECT_EQ(ended.output, log_lines(1, 1));
  EXPECT_EQ(ended.errors, "exit 0\n");
}

}  // namespace
}  // namespace tidemark::test
