// `tidemark set`, `trim` and `delete` against a real broker: what they do, and what they say first.
// tests/tools/: see tools/topic_changes.hpp.
#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tools/topic_settings.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(TopicSettings, DurationsAreWrittenAsTheyAreRead) {
  using tools::duration_text;
  EXPECT_EQ(duration_text(0), "0");
  EXPECT_EQ(duration_text(250), "250ms");
  EXPECT_EQ(duration_text(5'400'000), "1h30m");
  EXPECT_EQ(duration_text(604'800'000), "7d");
  EXPECT_EQ(duration_text(90'061'001), "1d1h1m1s1ms");
}

TEST(TopicSettings, LimitsThatAreNotGivenAreTakenFromTheTopic) {
  const auto topic =
      boost::json::parse(R"({"retention":{"max_events":5,"max_bytes":6,"max_age_ms":7}})")
          .as_object();
  tools::SettingOptions options;
  EXPECT_FALSE(options.any());
  EXPECT_TRUE(merged_settings(options, topic).empty());
  options.max_bytes = 0;
  EXPECT_TRUE(options.any());
  EXPECT_EQ(boost::json::value(merged_settings(options, topic)),
            boost::json::parse(R"({"retention":{"max_events":5,"max_bytes":0,"max_age_ms":7}})"));
  options.max_age = "0";
  options.max_events = 9;
  EXPECT_EQ(boost::json::value(merged_settings(options, topic)),
            boost::json::parse(R"({"retention":{"max_events":9,"max_bytes":0,"max_age_ms":0}})"));
}

class CliChanges : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    file("lines", log_lines(1, 100));
    output("tidemark pub syslog --lines -q < lines");
  }
  boost::json::value json(const std::string& command) const {
    return boost::json::parse(output(command));
  }
  /// All that a broker says of the topic that a dry run must leave alone.
  std::string whole() const {
    return output(
        "{ tidemark topics syslog --json; tidemark cursors list --topic syslog --json; } | "
        "sed -E 's/\"(time_ms|subscribers)\":[0-9]+//g'; "
        "tidemark tail syslog --from earliest --no-follow");
  }
  std::uint64_t earliest() const {
    return json("tidemark topics syslog --json")
        .at("topics")
        .at(0)
        .at("earliest")
        .to_number<std::uint64_t>();
  }
};

// ---- trim ----

TEST_F(CliChanges, TrimForgetsWhatIsBeforeAnOffset) {
  EXPECT_EQ(output("tidemark trim syslog --before 41 --yes"),
            "syslog has lost 40 events and begins with event 41\n");
  EXPECT_EQ(output("tidemark tail syslog --from earliest --limit 1"), log_lines(41, 41));
  const auto again = run("tidemark trim syslog --before 41 --yes");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, IsEmpty());
  EXPECT_THAT(again.errors, HasSubstr("syslog begins with event 41 already"));
  EXPECT_EQ(json("tidemark trim syslog --before 42 --yes --json").at("dropped").as_int64(), 1);
}

TEST_F(CliChanges, TrimKeepsTheLastOnes) {
  output("tidemark trim syslog --keep-last 30 --yes");
  EXPECT_EQ(earliest(), 71U);
  const auto more = run("tidemark trim syslog --keep-last 300 --yes");
  EXPECT_EQ(more.exit_code, 0);
  EXPECT_EQ(earliest(), 71U);
  output("tidemark trim syslog --keep-last 0 --yes");
  EXPECT_EQ(earliest(), 101U);
  EXPECT_THAT(run("tidemark trim syslog --keep-last 0 --yes").errors, HasSubstr("holds no events"));
}

TEST_F(CliChanges, TrimByAgeAndByTimeGoesByTheTimesOfTheEvents) {
  output("tidemark trim syslog --older-than 1h --yes");
  EXPECT_EQ(earliest(), 1U);
  output("tidemark trim syslog --before 2020-01-01T00:00:00Z --yes");
  EXPECT_EQ(earliest(), 1U);
  output("tidemark trim syslog --before 2100-01-01T00:00:00Z --yes");
  EXPECT_EQ(earliest(), 101U);
}

TEST_F(CliChanges, ADryTrimSaysWhatWouldGoAndWhoseItIs) {
  output(
      "tidemark cursors set syslog ahead --offset 90; tidemark cursors set syslog behind --offset "
      "10");
  const auto before = whole();
  const auto ended = run("tidemark trim syslog --before 41 --dry-run");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(StartsWith("syslog loses 40 events, 1 to 40: "),
                                  HasSubstr(", from 20"), HasSubstr("60 events stay, 41 to 100"),
                                  HasSubstr("have not read all that goes: 1\n"),
                                  HasSubstr("behind  at 10, loses 30"), Not(HasSubstr("ahead"))));
  EXPECT_THAT(ended.errors, HasSubstr("nothing has been forgotten"));
  const auto said = json("tidemark trim syslog --before 41 --dry-run --json");
  EXPECT_EQ(said.at("keep").as_int64(), 41);
  EXPECT_EQ(said.at("drops").at("events").as_int64(), 40);
  EXPECT_EQ(said.at("drops").at("last").as_int64(), 40);
  EXPECT_FALSE(said.at("drops").at("bytes_estimated").as_bool());
  EXPECT_TRUE(said.at("drops").as_object().contains("newest"));
  EXPECT_EQ(said.at("cursors").at("count").as_int64(), 1);
  EXPECT_EQ(said.at("cursors").at("list").at(0).at("loses").as_int64(), 30);
  EXPECT_EQ(whole(), before);
  // And so it comes.
  output("tidemark trim syslog --before 41 --yes");
  const auto lag = json("tidemark cursors show syslog behind --json").at("lag");
  EXPECT_EQ(lag.at("lost").as_int64(), 30);
}

TEST_F(CliChanges, AllThatGoesIsAllThereIs) {
  const auto bytes =
      json("tidemark topics syslog --json").at("topics").at(0).at("bytes").as_int64();
  const auto said = json("tidemark trim syslog --keep-last 0 --dry-run --json").at("drops");
  EXPECT_EQ(said.at("events").as_int64(), 100);
  EXPECT_EQ(said.at("bytes").as_int64(), bytes);
}

TEST_F(CliChanges, ForksThatKeepTheEventsAreNamed) {
  output("curl -sS -f -X PUT -H 'Stream-Forked-From: /v1/stream/syslog' -o /dev/null " +
         ("http" + daemon_.url().substr(2)) + "/v1/stream/branch");
  EXPECT_THAT(output("tidemark trim syslog --before 41 --dry-run"),
              HasSubstr("1 fork still reads these events, whose space is given back when no fork "
                        "is left: branch"));
  EXPECT_EQ(
      json("tidemark delete syslog --dry-run --json").at("forks").at("list").at(0).as_string(),
      "branch");
}

TEST_F(CliChanges, TrimAsksOnATerminalAndShowsWhatGoes) {
  EXPECT_EQ(run("tidemark trim syslog --before 41 < /dev/null").exit_code, 2);
  Program no(program({"trim", "syslog", "--before", "41"}), Program::Streams::console);
  no.expect_output("syslog loses 40 events");
  no.expect_output("[y/N]");
  no.write("n\n");
  EXPECT_EQ(no.wait().exit_code, 5);
  EXPECT_EQ(earliest(), 1U);
  Program yes(program({"trim", "syslog", "--before", "41"}), Program::Streams::console);
  yes.expect_output("[y/N]");
  yes.write("y\n");
  EXPECT_EQ(yes.wait().exit_code, 0);
  EXPECT_EQ(earliest(), 41U);
}

TEST_F(CliChanges, AnUnknownTopicExitsWith4AndTheOneMeant) {
  for (const auto* command :
       {"trim sysolg --before 1 --yes", "trim sysolg --before 1 --dry-run",
        "set sysolg --max-age 1h", "delete sysolg --yes", "delete sysolg --dry-run"}) {
    const auto ended = run(std::string("tidemark ") + command);
    EXPECT_EQ(ended.exit_code, 4) << command;
    EXPECT_THAT(ended.errors, HasSubstr("did you mean syslog?")) << command;
  }
  EXPECT_EQ(json("tidemark topics --json").at("topics").as_array().size(), 1U)
      << "set makes no topic";
}

// ---- delete ----

TEST_F(CliChanges, ADryDeletionSaysAllThatWouldGo) {
  output("tidemark cursors set syslog mine --offset 60");
  const auto before = whole();
  const auto ended = run("tidemark delete syslog --dry-run");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output,
              AllOf(StartsWith("syslog goes with 100 events, 1 to 100: "),
                    HasSubstr("cursors that go with it: 1\n"), HasSubstr("mine  at 60, loses 40")));
  EXPECT_THAT(ended.errors, HasSubstr("nothing has been deleted"));
  EXPECT_EQ(whole(), before);
  const auto deleted = json("tidemark delete syslog --yes --json");
  EXPECT_TRUE(deleted.at("deleted").as_bool());
  EXPECT_EQ(run("tidemark tail syslog --no-follow").exit_code, 4);
}

TEST_F(CliChanges, DeleteAsksOnATerminal) {
  Program no(program({"delete", "syslog"}), Program::Streams::console);
  no.expect_output("syslog goes with 100 events");
  no.expect_output("Delete syslog with all its events? [y/N]");
  no.write("\n");
  EXPECT_EQ(no.wait().exit_code, 5);
  EXPECT_EQ(earliest(), 1U);
}

// ---- set ----

TEST_F(CliChanges, SetLeavesTheLimitsThatAreNotGiven) {
  EXPECT_THAT(output("tidemark set syslog --max-age 7d"), HasSubstr("no limit → 7d"));
  EXPECT_THAT(output("tidemark set syslog --max-events 500 --durability buffered"),
              AllOf(HasSubstr("synced → buffered"), HasSubstr("no limit → 500")));
  const auto topic = json("tidemark topics syslog --json").at("topics").at(0);
  EXPECT_EQ(topic.at("retention").at("max_age_ms").as_int64(), 604'800'000);
  EXPECT_EQ(topic.at("retention").at("max_events").as_int64(), 500);
  EXPECT_EQ(topic.at("durability").as_string(), "buffered");
  output("tidemark set syslog --max-age 0");
  const auto kept = json("tidemark topics syslog --json").at("topics").at(0).at("retention");
  EXPECT_EQ(kept.at("max_age_ms").as_int64(), 0);
  EXPECT_EQ(kept.at("max_events").as_int64(), 500);
  const auto again = run("tidemark set syslog --max-events 500");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.errors, HasSubstr("has these settings already"));
}

TEST_F(CliChanges, ADrySetSaysWhatRetentionWouldDrop) {
  const auto before = whole();
  const auto ended = run("tidemark set syslog --max-events 30 --dry-run");
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output,
              AllOf(HasSubstr("no limit → 30"), HasSubstr("syslog loses 70 events, 1 to 70")));
  EXPECT_THAT(ended.errors, HasSubstr("nothing has been changed"));
  const auto said = json("tidemark set syslog --max-events 30 --dry-run --json");
  EXPECT_EQ(said.at("changes").at("max_events").at("after").as_int64(), 30);
  EXPECT_EQ(said.at("loss").at("drops").at("events").as_int64(), 70);
  const auto harmless = json("tidemark set syslog --max-events 300 --dry-run --json").as_object();
  EXPECT_FALSE(harmless.contains("loss"));
  EXPECT_EQ(whole(), before);
}

TEST_F(CliChanges, ADrySetByBytesDropsWholeBatchesAsRetentionDoes) {
  // Each publish is a batch of its own.
  std::string command;
  for (int i = 0; i < 20; ++i) command += "tidemark pub sizes 0123456789 -q; ";
  output(command + "true");
  const auto bytes = json("tidemark topics sizes --json").at("topics").at(0).at("bytes");
  const auto most = bytes.as_int64() / 2;  // ten batches, to the byte
  const auto said =
      json("tidemark set sizes --max-bytes " + std::to_string(most) + " --dry-run --json");
  EXPECT_EQ(said.at("loss").at("keep").as_int64(), 11);
  const auto a_little_less =
      json("tidemark set sizes --max-bytes " + std::to_string(most - 1) + " --dry-run --json");
  EXPECT_EQ(a_little_less.at("loss").at("keep").as_int64(), 11) << "the limit runs through it";
}

TEST_F(CliChanges, ADrySetKnowsWhatWouldBeRefused) {
  const auto dry = run("tidemark set syslog --keep-latest --dry-run");
  const auto real = run("tidemark set syslog --keep-latest");
  EXPECT_EQ(dry.exit_code, 4);
  EXPECT_EQ(real.exit_code, 4);
  EXPECT_EQ(dry.errors, real.errors);
  output("tidemark create keyed --keep-latest");
  EXPECT_THAT(output("tidemark set keyed --no-keep-latest --dry-run"), HasSubstr("yes → no"));
}

TEST_F(CliChanges, WrongCommandLinesExitWith2) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"trim syslog", "one of --before"},
      {"trim syslog --before 3 --keep-last 4", "one of --before"},
      {"trim syslog --before soonish", "--before"},
      {"trim syslog --older-than soonish", "not a time"},
      {"trim syslog --keep-last -1", "--keep-last"},
      {"set syslog", "no setting"},
      {"set syslog --durability maybe", "maybe"},
      {"set 'no spaces' --max-events 1", "topic names are"},
  };
  for (const auto& [command, says] : wrong) {
    const auto ended = run("tidemark " + command);
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.errors, HasSubstr(says)) << command;
  }
}

}  // namespace
}  // namespace tidemark::test
