// `tidemark verify` on real directories: sound, damaged, and in use by a broker.
// tests/tools/: see tools/inspect/verify.hpp.
#include <algorithm>
#include <filesystem>
#include <string>

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

/// Without a broker: the files are all there is.
class CliVerify : public Cli {
 protected:
  void SetUp() override {}

  [[nodiscard]] std::filesystem::path data() const { return directory_.path() / "data"; }
  [[nodiscard]] std::string verify(const std::string& more = {}) const {
    return "tidemark verify --data " + quoted(data().string()) + " " + more;
  }
  /// Of the table with the most events.
  [[nodiscard]] std::filesystem::path damage_events() const {
    const auto tables = files_like(data() / "db", "", ".sst");
    const auto table = *std::ranges::max_element(
        tables, {}, [](const auto& file) { return std::filesystem::file_size(file); });
    flip_bit(table, std::filesystem::file_size(table) / 2);
    return table;
  }
  [[nodiscard]] boost::json::object json(const std::string& command, int exit_code) const {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, exit_code) << ended.errors;
    return boost::json::parse(ended.output).as_object();
  }
};

TEST_F(CliVerify, ASoundDirectoryExitsWith0AndSaysWhatWasRead) {
  write_sample_log(data());
  EXPECT_THAT(output(verify()),
              AllOf(HasSubstr("intact"), HasSubstr("6 topics"), HasSubstr("1,013 events"),
                    HasSubstr("2 producers"), HasSubstr("3 keys"), HasSubstr("2 cursors")));
  EXPECT_THAT(output(verify("rooms/1")), AllOf(HasSubstr("1 topic,"), HasSubstr("3 events")));
}

TEST_F(CliVerify, ADamagedDirectoryExitsWith6AndNamesEachFinding) {
  write_sample_log(data(), {.events = 5000});
  const auto table = damage_events();
  const auto ended = run(verify());
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("WEIGHT"), HasSubstr("damage"), HasSubstr("orders"),
                    HasSubstr(table.filename().string()), HasSubstr("can be read up to"),
                    HasSubstr("damaged: 1 finding;")));
  EXPECT_THAT(ended.output, Not(HasSubstr("\x1b[")));
}

TEST_F(CliVerify, JsonIsOneObjectWithTheFindingsInIt) {
  write_sample_log(data(), {.events = 5000});
  auto sound = json(verify("--json"), 0);
  EXPECT_EQ(sound.at("intact").as_bool(), true);
  EXPECT_EQ(sound.at("complete").as_bool(), true);
  EXPECT_EQ(sound.at("events").to_number<int>(), 5013);
  EXPECT_EQ(sound.at("findings").as_array().size(), 0U);
  const auto table = damage_events();
  auto damaged = json(verify("--json"), 6);
  EXPECT_EQ(damaged.at("intact").as_bool(), false);
  EXPECT_EQ(damaged.at("damages").to_number<int>(), 1);
  ASSERT_EQ(damaged.at("findings").as_array().size(), 1U);
  const auto& finding = damaged.at("findings").as_array().front().as_object();
  EXPECT_EQ(finding.at("weight").as_string(), "damage");
  EXPECT_EQ(finding.at("topic").as_string(), "orders");
  EXPECT_LE(finding.at("first").to_number<int>(), finding.at("last").to_number<int>());
  const std::string where(finding.at("where").as_string());
  EXPECT_THAT(where, HasSubstr(table.filename().string()));
}

TEST_F(CliVerify, AVerdictThatCannotBeWrittenIsNoSuccess) {
  write_sample_log(data());
  for (const auto* const form : {"", "--json"}) {
    const auto ended = run(verify(form) + " > /dev/full");
    EXPECT_EQ(ended.exit_code, 1) << form;
    EXPECT_THAT(ended.errors, HasSubstr("No space left")) << form;
  }
}

TEST_F(CliVerify, QuietSaysNothingAndTheExitCodeAll) {
  write_sample_log(data());
  auto ended = run(verify("--quiet"));
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output + ended.errors, IsEmpty());
  std::filesystem::remove(data() / "HEAD");
  ended = run(verify("--quiet"));
  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_THAT(ended.output + ended.errors, IsEmpty());
}

TEST_F(CliVerify, WhatIsNoDataDirectoryExitsWith3) {
  auto ended = run("tidemark verify --data nowhere");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("nowhere"));
  file("letter.txt", "dear");
  ended = run("tidemark verify --data .");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.output, IsEmpty());
}

TEST_F(CliVerify, ATopicThatIsNotThereExitsWith4) {
  write_sample_log(data());
  const auto ended = run(verify("order"));
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("did you mean orders?"));
}

TEST_F(CliVerify, AServerIsNotAskedAndTheMessageSaysWhy) {
  auto ended = run("tidemark verify --server http://127.0.0.1:1");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("reads the files"), HasSubstr("--data")));
  ended = run("tidemark verify");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("--data DIR"));
}

TEST_F(CliVerify, ATerminalGetsABarThatIsWipedAway) {
  write_sample_log(data());
  Program on_terminal(
      {"/usr/bin/env", "TERM=xterm", TIDEMARK_CLI, "verify", "--data", data().string()},
      Program::Streams::terminal);
  const auto ended = on_terminal.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("verifying"), HasSubstr("\r"), HasSubstr("intact")));
  EXPECT_GT(ended.output.find("intact"), ended.output.rfind("verifying"));
}

TEST_F(CliVerify, AClosedPipeDoesNotChangeTheExitCode) {
  write_sample_log(data());
  const auto ended = run("{ " + verify() + "; echo $? >code; } | true; cat code");
  EXPECT_EQ(ended.output, "0\n");
  EXPECT_THAT(ended.errors, IsEmpty());
}

/// While a broker writes to the files.
class CliVerifyLive : public Cli {};

TEST_F(CliVerifyLive, ABrokerUnderLoadIsFoundIntactEachTime) {
  const auto data = quoted((directory_.path() / "data").string());
  file("lines", log_lines(1, 2000));
  output("tidemark pub orders '{\"n\":0}' -q");
  // A broker's small data stays in its write-ahead log; what matters is that it grows meanwhile.
  const auto ended =
      run("(while [ ! -e stop ]; do tidemark pub log --lines -q <lines || exit 1; done) & "
          "code=0; for i in 1 2 3 4 5 6; do tidemark verify --data " +
          data + " || code=$?; done; touch stop; wait; exit $code");
  EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("intact"));
}

TEST_F(CliVerifyLive, AfterAKillTheDirectoryIsIntact) {
  file("lines", log_lines(1, 500));
  output("tidemark create log --content-type text/plain; tidemark pub log --lines -q <lines");
  daemon_.kill();
  const auto data = directory_.path() / "data";
  const auto before = whole_tree(data);
  const auto ended = run_program({TIDEMARK_CLI, "verify", "--data", data.string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("500 events"));
  EXPECT_EQ(whole_tree(data), before) << "nothing is written";
}

}  // namespace
}  // namespace tidemark::test
