// What the command line shows a broker to say who it is, and what it says when that is refused.
// tests/tools/: see tools/broker_http.hpp.
#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/token_broker.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class CliCredential : public Cli {
 protected:
  void SetUp() override {}  // none of these needs a real one

  Ended run_there(const std::string& command) const {
    return run("export TIDEMARK_SERVER=" + broker_.url() + "; " + command);
  }
  static const std::vector<std::string>& commands() {
    static const std::vector<std::string> all{
        "tidemark pub t x",  "tidemark tail t",         "tidemark topics",
        "tidemark create t", "tidemark delete t --yes",
    };
    return all;
  }

  TokenBroker broker_;
};

TEST_F(CliCredential, EverySubcommandShowsTheTokenOfAFile) {
  file("token", "  file.token.1\n");
  for (const auto& command : commands()) run_there(command + " --token-file token");
  EXPECT_THAT(broker_.shown(),
              AllOf(SizeIs(testing::Ge(commands().size())), Each("Bearer file.token.1")));
}

TEST_F(CliCredential, EverySubcommandShowsTheTokenOfTheEnvironment) {
  for (const auto& command : commands()) run_there("export TIDEMARK_TOKEN=env.token.1; " + command);
  EXPECT_THAT(broker_.shown(), AllOf(SizeIs(commands().size()), Each("Bearer env.token.1")));
}

TEST_F(CliCredential, TheFileIsStrongerThanTheEnvironment) {
  file("token", "file.token.1");
  run_there("export TIDEMARK_TOKEN=env.token.1; tidemark topics --token-file token");
  EXPECT_THAT(broker_.shown(), testing::ElementsAre("Bearer file.token.1"));
}

TEST_F(CliCredential, WithoutOneNothingIsShown) {
  run_there("unset TIDEMARK_TOKEN; tidemark topics");
  EXPECT_THAT(broker_.shown(), testing::ElementsAre(""));
}

TEST_F(CliCredential, ARefusedOneIsToldAndSaysWhereToGiveAnother) {
  file("token", "secret.token.1");
  for (const auto& command : commands()) {
    const auto ended = run_there(command + " --token-file token");
    EXPECT_EQ(ended.exit_code, 4) << command << "\n" << ended.errors;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("--token-file or TIDEMARK_TOKEN"),
                                    Not(HasSubstr("secret")), Not(HasSubstr("running there"))))
        << command;
    EXPECT_THAT(ended.output, IsEmpty()) << command;
  }
}

TEST_F(CliCredential, AFileWithoutATokenIsWrongUsage) {
  file("empty", "\n");
  file("poem", "roses are red");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"nowhere", "no token to be read in nowhere"},
      {"empty", "no token to be read in empty"},
      {"poem", "no token and no API key"},
  };
  for (const auto& [name, says] : wrong) {
    const auto ended = run_there("tidemark topics --token-file " + name);
    EXPECT_EQ(ended.exit_code, 2) << name;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr(says), Not(HasSubstr("roses")))) << name;
  }
  EXPECT_THAT(broker_.shown(), IsEmpty());
}

}  // namespace
}  // namespace tidemark::test
