// The inspecting commands on the directory of a broker that is being written to, and killed.
// tests/tools/: what an operator does at three in the morning, while clients go on.
#include <random>
#include <signal.h>

#include <boost/json/parse.hpp>

#include "tests/support/damage.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;

class CliUnderLoad : public Cli {
 protected:
  std::string data() const { return quoted((directory_.path() / "data").string()); }

  /// Whatever moment it is, what the files hold is whole.
  void expect_sound(const std::string& when) const {
    const auto ended = run("tidemark verify --data " + data());
    EXPECT_EQ(ended.exit_code, 0) << when << "\n" << ended.output << ended.errors;
  }
  std::uint64_t head() const {
    const auto object =
        boost::json::parse(output("tidemark describe syslog --json --data " + data()));
    return object.at("head").to_number<std::uint64_t>();
  }
};

TEST_F(CliUnderLoad, FilesReadSoundWhileTheyAreWrittenAndAfterEachKill) {
  constexpr int kRounds = 5;
  constexpr int kLines = 20'000;
  const auto seed = test_seed();
  std::minstd_rand random(static_cast<unsigned>(seed));
  Program pub(program({"pub", "syslog", "--lines"}));
  std::uint64_t last = 0;
  for (int round = 0; round < kRounds; ++round) {
    pub.write(log_lines(round * kLines + 1, (round + 1) * kLines));
    if (round == 0) output("tidemark tail syslog --wait --from earliest --limit 1");
    for (unsigned i = 0; i <= random() % 3; ++i) expect_sound("under load");
    const auto before = head();
    EXPECT_GE(before, last) << "what has been read once must not be gone";
    daemon_.kill();
    expect_sound("after a kill");
    last = head();
    EXPECT_GE(last, before);
    daemon_.start();
  }
  EXPECT_EQ(pub.wait().exit_code, 0);
  expect_sound("at the end");
  EXPECT_EQ(head(), kRounds * kLines);
  EXPECT_EQ(output("tidemark show syslog --format raw --data " + data()),
            log_lines(1, kRounds * kLines));
}

TEST_F(CliUnderLoad, WhatIsExportedMeanwhileImportsAsItWas) {
  constexpr int kLines = 50'000;
  Program pub(program({"pub", "syslog", "--lines"}));
  pub.write(log_lines(1, kLines));
  output("tidemark tail syslog --wait --from earliest --limit 1");
  output("tidemark export --all --format binary -o meanwhile --data " + data());
  daemon_.kill();
  output("tidemark import meanwhile --data copy");
  output("tidemark verify --data copy");
  const auto copied = output("tidemark show syslog --format raw --data copy");
  EXPECT_FALSE(copied.empty());
  EXPECT_EQ(copied, log_lines(1, kLines).substr(0, copied.size()));
  EXPECT_TRUE(copied.ends_with('\n'));
}

TEST_F(CliUnderLoad, ABackupMeanwhileIsALogOfItsOwn) {
  constexpr int kLines = 50'000;
  Program pub(program({"pub", "syslog", "--lines"}));
  pub.write(log_lines(1, kLines));
  output("tidemark tail syslog --wait --from earliest --limit 1");
  output("tidemark backup create night");
  EXPECT_EQ(pub.wait().exit_code, 0);
  output("tidemark pub syslog 'behind the backup' -q");
  output("tidemark restore " + quoted((directory_.path() / "data/backups/night").string()) +
         " restored");
  output("tidemark verify --data restored");
  const auto kept = output("tidemark show syslog --format raw --data restored");
  EXPECT_FALSE(kept.empty());
  EXPECT_EQ(kept, log_lines(1, kLines).substr(0, kept.size()));
  const auto epoch = boost::json::parse(output("tidemark describe syslog --json"));

  // The clients of the broker are ahead of what was restored, and are told so.
  daemon_.terminate();
  EXPECT_EQ(daemon_.wait().exit_code, 0);
  Daemon restored(files_.path() / "restored");
  restored.start();
  const auto at = "--after " + std::to_string(kLines + 1) + " --epoch " +
                  std::to_string(epoch.at("epoch").to_number<std::uint64_t>());
  const auto told =
      run("tidemark tail syslog --no-follow --on-gap fail --server " + restored.url() + " " + at);
  EXPECT_EQ(told.exit_code, 4) << told.output << told.errors;
}

}  // namespace
}  // namespace tidemark::test
