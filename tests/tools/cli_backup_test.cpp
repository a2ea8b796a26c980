// `tidemark backup` of a real broker, and brokers on what `tidemark restore` makes of it.
// tests/tools/: see tools/inspect/backup.hpp.
#include <boost/json/parse.hpp>

#include "tests/support/damage.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class CliBackup : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    file("lines", log_lines(1, 10));
    output("tidemark pub syslog --lines -q < lines");
  }
  boost::json::value json(const std::string& command) const {
    return boost::json::parse(output(command));
  }
  fs::path made(const std::string& name) const {
    return std::string(json("tidemark backup create " + name + " --json").at("path").as_string());
  }
  std::string epoch() const {
    return std::to_string(json("tidemark topics syslog --json")
                              .at("topics")
                              .at(0)
                              .at("epoch")
                              .to_number<std::uint64_t>());
  }
};

TEST_F(CliBackup, OnesAreMadeListedAndDeleted) {
  EXPECT_THAT(run("tidemark backup list").errors, HasSubstr("there are no backups"));
  EXPECT_THAT(output("tidemark backup create first"),
              AllOf(HasSubstr("first: "), HasSubstr("of 1 topic in "), HasSubstr("/first\n")));
  const auto again = run("tidemark backup create first");
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_THAT(output("tidemark backup list"),
              AllOf(HasSubstr("NAME"), HasSubstr("CREATED"), HasSubstr("first")));
  const auto listed = json("tidemark backup list --json").at("backups").as_array();
  ASSERT_EQ(listed.size(), 1U);
  const fs::path path(std::string(listed.at(0).at("path").as_string()));
  EXPECT_TRUE(fs::exists(path / "BACKUP"));
  EXPECT_EQ(run("tidemark backup delete first < /dev/null").exit_code, 2);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_EQ(output("tidemark backup delete first --yes"), "first deleted\n");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(run("tidemark backup delete first --yes").exit_code, 4);
}

TEST_F(CliBackup, WithoutANameItHasTheTimeForOne) {
  const std::string name(json("tidemark backup create --json").at("name").as_string());
  EXPECT_THAT(name, MatchesRegex("20[0-9]{6}T[0-9]{6}Z"));
}

TEST_F(CliBackup, ARestoredBrokerServesTheMomentAndTellsWhoHasSeenMore) {
  const auto old_epoch = epoch();
  const auto backup = made("b");
  file("more", log_lines(11, 15));
  output("tidemark pub syslog --lines -q < more");
  const auto before = whole_tree(backup);
  EXPECT_THAT(output("tidemark restore " + quoted(backup.string()) + " restored"),
              HasSubstr("of 1 topic, as of 20"));
  EXPECT_TRUE(whole_tree(backup) == before);

  Daemon restored(files_.path() / "restored");
  restored.start();
  const auto there = " --server " + restored.url();
  EXPECT_EQ(output("tidemark tail syslog --from earliest --no-follow" + there), log_lines(1, 10));
  output("tidemark pub syslog new -q" + there);
  EXPECT_EQ(output("tidemark tail syslog --no-follow --after 9 --epoch " + old_epoch + there),
            log_lines(10, 10) + "new\n")
      << "who has seen nothing that is lost goes on";
  const auto ahead =
      run("tidemark tail syslog --no-follow --on-gap fail --after 13 --epoch " + old_epoch + there);
  EXPECT_EQ(ahead.exit_code, 4);
  EXPECT_THAT(ahead.output, IsEmpty());
  EXPECT_FALSE(fs::exists(files_.path() / "restored" / "BACKUP"))
      << "it has been answered, and is no backup any more";
  EXPECT_EQ(output("tidemark tail syslog --from earliest --no-follow"), log_lines(1, 15))
      << "the broker it was taken from goes on";
}

TEST_F(CliBackup, ThePlainCopyOfADirectoryInUseIsRefused) {
  const auto data = quoted((directory_.path() / "data").string());
  const auto ended = run("tidemark restore --plain-copy " + data + " restored");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("process " + std::to_string(daemon_.pid())),
                                  HasSubstr("tidemark backup create")));
  EXPECT_FALSE(fs::exists(files_.path() / "restored"));
  EXPECT_FALSE(fs::exists(files_.path() / "restored.partial"));
}

TEST_F(CliBackup, ThePlainCopyOfADirectoryAtRestIsServedInANewEpoch) {
  const auto old_epoch = epoch();
  daemon_.kill();
  const auto data = quoted((directory_.path() / "data").string());
  output("tidemark restore -q --plain-copy " + data + " restored");
  Daemon restored(files_.path() / "restored");
  restored.start();
  const auto there = " --server " + restored.url();
  output("tidemark pub syslog new -q" + there);
  EXPECT_EQ(output("tidemark tail syslog --from earliest --no-follow" + there),
            log_lines(1, 10) + "new\n");
  const auto now = json("tidemark topics syslog --json" + there).at("topics").at(0).at("epoch");
  EXPECT_NE(std::to_string(now.to_number<std::uint64_t>()), old_epoch);
}

TEST_F(CliBackup, WrongCommandLinesExitWith2) {
  for (const auto* command :
       {"backup", "backup create .hidden", "backup create 'a/b'", "backup delete", "restore",
        "restore only-one",
        "backup create aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    const auto ended = run(std::string("tidemark ") + command);
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.output, IsEmpty()) << command;
  }
}

}  // namespace
}  // namespace tidemark::test
