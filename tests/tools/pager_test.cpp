// What is long goes through a pager, at a terminal alone.
// tests/tools/: see tools/inspect/pager.hpp.
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CliPager : public Cli {
 protected:
  void SetUp() override { write_sample_log(data_); }
  std::vector<std::string> show(const std::string& variables, const std::string& which) const {
    return shell(variables + " tidemark show orders " + which + " --data " +
                 quoted(data_.string()));
  }
  Ended at_a_terminal(const std::string& variables, const std::string& which = "--last 3") const {
    Program program(show(variables, which), Program::Streams::terminal);
    return program.wait();
  }
  const std::filesystem::path data_ = files_.path() / "sample";
};

TEST_F(CliPager, ShowsWhatIsPrintedAsIfItWereTheTerminal) {
  const auto ended = at_a_terminal("export TIDEMARK_PAGER='sed s/^/paged:/' PAGER=false;");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("paged:\x1b[1m  OFFSET")) << "a table, in colours";
  EXPECT_THAT(ended.output, HasSubstr("{\"order\":1000}"));
}

TEST_F(CliPager, IsNotUsedInAPipeOrIfNobodyWantsIt) {
  const auto piped = run_program(show("export PAGER='sed s/^/paged:/';", "--last 3"));
  EXPECT_EQ(piped.output, "{\"order\":998}\n{\"order\":999}\n{\"order\":1000}\n");
  for (const auto* const variables :
       {"export PAGER=cat;", "export PAGER=;", "export PAGER=/no/such/pager;"}) {
    const auto ended = at_a_terminal(variables);
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.output, HasSubstr("{\"order\":1000}")) << variables;
  }
  EXPECT_THAT(at_a_terminal("export PAGER='sed s/^/paged:/';", "--last 3 --no-pager").output,
              Not(HasSubstr("paged:")));
}

TEST_F(CliPager, AReaderThatLeavesEndsIt) {
  const auto ended = at_a_terminal("export PAGER='head -n 1';", "--from 1");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, HasSubstr("OFFSET"));
}

}  // namespace
}  // namespace tidemark::test
