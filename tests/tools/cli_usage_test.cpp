// Wrong command lines, brokers that are not there, help.
// tests/tools/: see tools/tidemark.cpp and tools/exit_code.hpp.
#include <signal.h>

#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CliUsage : public Cli {
  void SetUp() override {}  // none of these gets as far as a broker
};

TEST_F(CliUsage, HelpTellsSubcommandsAndExitCodes) {
  const auto help = output("tidemark --help");
  for (const auto* part :
       {"pub", "tail", "topics", "create", "set", "trim", "delete", "state", "cursors", "unread",
        "stats", "backup", "restore", "bench", "Exit codes:"}) {
    EXPECT_THAT(help, HasSubstr(part));
  }
  for (const auto* command :
       {"pub",           "tail",         "topics",      "create",         "set",
        "trim",          "delete",       "stats",       "backup create",  "backup list",
        "backup delete", "state get",    "state put",   "state delete",   "cursors",
        "cursors list",  "cursors show", "cursors set", "cursors delete", "unread"}) {
    EXPECT_THAT(output(std::string("tidemark ") + command + " --help"),
                AllOf(HasSubstr("Exit codes: 0 done"), HasSubstr("--server")));
  }
}

TEST_F(CliUsage, AMistypedSubcommandIsAnsweredWithTheOneMeant) {
  const auto ended = run("tidemark tial syslog");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("there is no subcommand tial, did you mean tail?"));
}

TEST_F(CliUsage, WrongCommandLinesExitWith2AndSayWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"tidemark", "subcommand"},
      {"tidemark pub", "TOPIC"},
      {"tidemark pub 'no spaces' x", "topic names are"},
      {"tidemark pub _tidemark/x y", "belong to the broker"},
      {"tidemark pub t x --nonsense", "--nonsense"},
      {"tidemark pub t x --lines", "excludes"},
      {"tidemark pub t x --header novalue", "NAME=VALUE"},
      {"tidemark pub t x --sequence 3", "--producer"},
      {"tidemark pub t x --timeout soon", "not a time"},
      {"tidemark pub t x --server ftp://a", "not a broker's URL"},
      {"tidemark tail", "TOPIC"},
      {"tidemark tail t --after -1", "--after"},
      {"tidemark tail t --after 1 --from now", "excludes"},
      {"tidemark tail t --epoch 3", "--after"},
      {"tidemark tail t --from yesterdayish", "--from"},
      {"tidemark tail t --format xml", "xml"},
      {"tidemark tail t --on-gap shrug", "shrug"},
      {"tidemark tail t --limit 0", "--limit"},
      {"tidemark tail t --state --after 1", "excludes"},
      {"tidemark tail t --state --last 1", "excludes"},
      {"tidemark tail t --header novalue", "NAME=VALUE"},
      {"tidemark tail t --cursor \"$(printf 'a\\nb')\"", "--cursor"},
      {"tidemark tail 'rooms/*' --after 1", "is for one topic"},
      {"tidemark tail 'rooms/*' --no-follow", "is for one topic"},
      {"tidemark tail 'no spaces/*'", "a pattern is"},
      {"tidemark state", "subcommand"},
      {"tidemark state get", "TOPIC"},
      {"tidemark state put t file", "--offset"},
      {"tidemark state put t file --offset soon", "neither an offset nor a token"},
      {"tidemark state put t file --offset 1 --content-type nonsense", "--content-type"},
      {"tidemark cursors show t", "CURSOR"},
      {"tidemark cursors set t c", "--offset"},
      {"tidemark cursors list --topic 'no spaces'", "--topic"},
      {"tidemark unread t", "--after or --cursor"},
      {"tidemark unread t --after 42", "no token of a position"},
      {"tidemark create t --durability maybe", "maybe"},
      {"tidemark create t --max-age tomorrow", "not a time"},
      {"tidemark delete t < /dev/null", "--yes"},
  };
  for (const auto& [command, says] : wrong) {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.errors, HasSubstr(says)) << command;
    EXPECT_THAT(ended.output, IsEmpty()) << command;
  }
}

TEST_F(CliUsage, WithoutABrokerEverythingExitsWith3AndAHint) {
  for (const auto* command :
       {"tidemark pub t x", "tidemark tail t", "tidemark topics", "tidemark create t",
        "tidemark state get t", "tidemark cursors", "tidemark cursors show t c",
        "tidemark unread t --cursor c", "tidemark set t --max-events 1",
        "tidemark trim t --before 1 --yes", "tidemark delete t --yes", "tidemark stats",
        "tidemark backup create", "tidemark backup list"}) {
    const auto ended = run(std::string("export TIDEMARK_SERVER=http://127.0.0.1:1; ") + command);
    EXPECT_EQ(ended.exit_code, 3) << command;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("cannot connect to 127.0.0.1:1"),
                                    HasSubstr("is tidemarkd running there?")))
        << command;
  }
}

TEST_F(CliUsage, AWrongVariableIsToldByThoseThatUseItOnly) {
  const auto ended = run("export TIDEMARK_SERVER=ftp://a; tidemark topics");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("not a broker's URL"));
  EXPECT_EQ(run("export TIDEMARK_SERVER=ftp://a; tidemark tail --help").exit_code, 0);
}

TEST_F(CliUsage, TheServerOptionIsStrongerThanTheEnvironment) {
  daemon_.start();
  EXPECT_EQ(run("tidemark topics --server http://127.0.0.1:1").exit_code, 3);
  EXPECT_EQ(run("export TIDEMARK_SERVER=; tidemark topics --server " + daemon_.url()).exit_code, 0);
}

TEST_F(CliUsage, ErrorsAreColouredOnATerminalOnly) {
  EXPECT_THAT(run("tidemark tial").errors, Not(HasSubstr("\x1b[")));
  Program on_terminal(program({"tial"}), Program::Streams::terminal);
  EXPECT_THAT(on_terminal.wait().output, HasSubstr("\x1b[31m"));
  auto plain = program({"tial"});
  plain.insert(plain.begin() + 3, "NO_COLOR=1");
  Program without(plain, Program::Streams::terminal);
  EXPECT_THAT(without.wait().output, Not(HasSubstr("\x1b[")));
}

}  // namespace
}  // namespace tidemark::test
