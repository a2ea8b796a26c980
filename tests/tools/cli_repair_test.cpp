// `tidemark repair` on damaged directories, and a broker that serves what comes out.
// tests/tools/: see tools/inspect/repair.hpp.
#include <csignal>

#include <boost/json/parse.hpp>

#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Without a broker; what is given to the shell stands in the directory of the files.
class CliRepair : public Cli {
 protected:
  void SetUp() override {}

  void write() const { write_sample_log(damaged(), {.events = 5000}); }
  [[nodiscard]] fs::path damaged() const { return files_.path() / "damaged"; }
  [[nodiscard]] fs::path repaired() const { return files_.path() / "repaired"; }
  /// Flips a bit in the middle of the table with the events.
  void damage() const {
    const auto tables = files_like(damaged(), "", ".sst");
    const auto largest = *std::ranges::max_element(
        tables, {}, [](const fs::path& file) { return fs::file_size(file); });
    flip_bit(largest, fs::file_size(largest) / 2);
  }
};

TEST_F(CliRepair, SaysThatNothingIsLost) {
  write();
  const auto before = whole_tree(damaged());
  const auto text = output("tidemark repair damaged repaired");
  EXPECT_THAT(text, AllOf(HasSubstr("nothing is lost"), HasSubstr("6 topics"),
                          HasSubstr("the database opens as it is"), Not(HasSubstr("\x1b["))));
  EXPECT_EQ(whole_tree(damaged()), before);
  EXPECT_TRUE(fs::exists(repaired() / "HEAD"));
}

TEST_F(CliRepair, ListsWhatIsLostAndExitsWithSix) {
  write();
  damage();
  const auto before = whole_tree(damaged());
  const auto ended = run("tidemark repair damaged repaired");
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("TOPIC"), HasSubstr("orders"), HasSubstr(".sst"),
                                  HasSubstr("known to be lost")));
  EXPECT_THAT(ended.errors, HasSubstr("new epochs"));
  EXPECT_EQ(whole_tree(damaged()), before);
}

TEST_F(CliRepair, ListsItAsJson) {
  write();
  damage();
  const auto ended = run("tidemark repair damaged repaired --json");
  EXPECT_EQ(ended.exit_code, 6);
  const auto report = boost::json::parse(ended.output);
  EXPECT_EQ(report.at("topics").to_number<int>(), 6);
  const auto lost = report.at("lost_events").to_number<std::uint64_t>();
  EXPECT_GT(lost, 0U);
  std::uint64_t listed = 0;
  for (const auto& loss : report.at("losses").as_array()) {
    const auto& object = loss.as_object();
    EXPECT_FALSE(object.at("what").as_string().empty());
    if (!object.contains("first")) continue;
    EXPECT_EQ(object.at("topic").as_string(), "orders");
    listed += object.at("last").to_number<std::uint64_t>() -
              object.at("first").to_number<std::uint64_t>() + 1;
  }
  EXPECT_EQ(listed, lost);
}

TEST_F(CliRepair, ABrokerServesWhatComesOut) {
  write();
  damage();
  EXPECT_EQ(run("tidemark repair damaged repaired").exit_code, 6);
  Daemon daemon(repaired());
  daemon.start();
  const std::string server = " --server " + daemon.url();
  const auto topics = output("tidemark topics --json" + server);
  EXPECT_THAT(topics, AllOf(HasSubstr("\"orders\""), HasSubstr("\"orders-fork\"")));
  EXPECT_THAT(output("tidemark tail rooms/1 --from earliest --limit 1" + server),
              HasSubstr("hello"));
  output("tidemark pub orders '{\"order\":\"next\"}' -q" + server);
}

TEST_F(CliRepair, WritesOverNothing) {
  write();
  fs::create_directory(repaired());
  file("repaired/mine", "keep");
  const auto before = whole_tree(files_.path());
  const auto ended = run("tidemark repair damaged repaired");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("not empty"));
  EXPECT_THAT(ended.output, IsEmpty());
  EXPECT_EQ(whole_tree(files_.path()), before);
}

TEST_F(CliRepair, WhatIsNoLogIsSaidToBeNone) {
  file("letter", "dear");
  const auto missing = run("tidemark repair nowhere repaired");
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.errors, HasSubstr("There is no nowhere"));
  const auto other = run("tidemark repair letter repaired");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.errors, HasSubstr("not a directory"));
  EXPECT_FALSE(fs::exists(repaired()));
}

TEST_F(CliRepair, ADirectoryInUseIsLeftToItsBroker) {
  write();
  Daemon daemon(damaged());
  daemon.start();
  const auto ended = run("tidemark repair damaged repaired");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("in use by process"));
  EXPECT_FALSE(fs::exists(repaired()));
}

TEST_F(CliRepair, WhereThereIsNoSpaceNothingIsLeft) {
  write();
  // Some tens of KiB a file: less than the database takes.
  const auto ended = run("ulimit -f 64; trap '' XFSZ; tidemark repair damaged repaired");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_FALSE(fs::exists(repaired()));
  EXPECT_FALSE(fs::exists(files_.path() / "repaired.partial"));
}

TEST_F(CliRepair, NeedsBothDirectories) {
  EXPECT_EQ(run("tidemark repair").exit_code, 2);
  EXPECT_EQ(run("tidemark repair damaged").exit_code, 2);
}

}  // namespace
}  // namespace tidemark::test
