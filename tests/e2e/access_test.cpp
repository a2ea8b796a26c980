// Rights given and taken away as an operator does it: keys, configuration, tokens, SIGHUP.
// tests/e2e/: the daemon and the command line as they are built.
#include <filesystem>
#include <fstream>
#include <signal.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon.hpp"
#include "tests/tools/program.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DaemonAccess : public testing::Test {
 protected:
  DaemonAccess() {
    const auto made = shell("tidemark token key --algorithm ES256 --file k --kid k1");
    EXPECT_EQ(made.exit_code, 0) << made.errors;
    configure("");
    daemon_.start();
  }

  [[nodiscard]] std::string file() const { return (folder_.path() / "tidemark.toml").string(); }
  /// The configuration with `more` about access; a new file in place of the old one at once.
  void configure(const std::string& more) const {
    const auto fresh = file() + ".new";
    std::ofstream(fresh) << "[access]\n"
                         << more
                         << "[[access.token-keys]]\nid = \"k1\"\nalgorithm = \"ES256\"\n"
                            "file = \"k.pub\"\n";
    std::filesystem::rename(fresh, file());
  }
  /// A token for `who` in the file of that name.
  void make_token(const std::string& who, const std::string& rights) const {
    const auto made = shell("tidemark token make --key k --kid k1 --sub " + who + " " + rights +
                            " > fresh && mv fresh " + who);
    EXPECT_EQ(made.exit_code, 0) << made.errors;
  }
  [[nodiscard]] Ended shell(const std::string& command) const {
    return run_program({"/bin/sh", "-c",
                        "cd '" + folder_.path().string() + "'; unset TIDEMARK_TOKEN; " +
                            "export TIDEMARK_SERVER=" + daemon_.url() + "; tidemark() { '" +
                            TIDEMARK_CLI + "' \"$@\"; }; " + command});
  }
  [[nodiscard]] std::vector<std::string> tail(const std::string& token) const {
    return {TIDEMARK_CLI,  "tail",         "orders",
            "--from",      "earliest",     "--server",
            daemon_.url(), "--token-file", (folder_.path() / token).string()};
  }

  TemporaryDirectory folder_;
  Daemon daemon_{folder_.path() / "data", {"--config", file()}};
};

TEST_F(DaemonAccess, ATokenIsWorthWhatItSays) {
  make_token("ada", "--publish orders --subscribe orders");
  make_token("bob", "--subscribe 'news/*'");
  EXPECT_EQ(shell("tidemark pub orders 1 --token-file ada").exit_code, 0);
  EXPECT_EQ(shell("tidemark tail orders --no-follow --token-file ada").output, "1\n");
  EXPECT_THAT(shell("tidemark topics --token-file ada").output, HasSubstr("orders"));
  EXPECT_THAT(shell("tidemark topics --token-file bob").output, Not(HasSubstr("orders")));

  const auto nobody = shell("tidemark pub orders 1");
  EXPECT_EQ(nobody.exit_code, 4);
  EXPECT_THAT(nobody.errors, HasSubstr("--token-file"));
  const auto another = shell("tidemark tail orders --no-follow --token-file bob");
  EXPECT_EQ(another.exit_code, 4);
  EXPECT_THAT(another.errors, HasSubstr("no right"));
  EXPECT_EQ(shell("tidemark delete orders --yes --token-file ada").exit_code, 4);
}

TEST_F(DaemonAccess, WhoIsRevokedIsSentAwayAndComesBackWithAnotherToken) {
  make_token("ada", "--publish orders --subscribe orders");
  EXPECT_EQ(shell("tidemark pub orders 1 --token-file ada").exit_code, 0);
  Program follower(tail("ada"));
  follower.expect_output("1\n");
  configure("revoked-subjects = [\"ada\"]\n");
  ::kill(daemon_.pid(), SIGHUP);
  follower.expect_errors("valid token");
  EXPECT_EQ(shell("tidemark topics --token-file ada").exit_code, 4);

  make_token("eve", "--publish orders --subscribe orders");
  EXPECT_EQ(shell("mv eve ada; tidemark pub orders 2 --token-file ada").exit_code, 0);
  follower.expect_output("2\n");
  follower.signal(SIGINT);
  EXPECT_EQ(follower.wait().exit_code, 0);
}

TEST_F(DaemonAccess, NoTokenIsEverLogged) {
  make_token("ada", "--publish orders --subscribe orders");
  std::string token;
  std::ifstream(folder_.path() / "ada") >> token;
  ASSERT_GT(token.size(), 40U);
  EXPECT_EQ(shell("tidemark pub orders 1 --token-file ada").exit_code, 0);
  const auto cut = token.substr(0, token.size() - 8);  // a signature that is none
  EXPECT_EQ(shell("export TIDEMARK_TOKEN=" + cut + "; tidemark topics").exit_code, 4);
  EXPECT_EQ(shell("export TIDEMARK_TOKEN=" + cut + "; tidemark pub orders 1").exit_code, 4);
  daemon_.terminate();
  const auto ended = daemon_.wait();
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("auth_refused"), Not(HasSubstr(cut.substr(0, 40))),
                                  Not(HasSubstr(cut.substr(cut.size() - 20)))));
}

}  // namespace
}  // namespace tidemark::test
