// `tidemark cursors` and `tidemark unread` against a real broker.
// tests/tools/: see tools/cursors.hpp.
#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tools/cursors.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(CursorColumns, TimesAndSizesAreRoundedForPeople) {
  using tools::size_behind;
  using tools::time_behind;
  EXPECT_EQ(time_behind(0), "0 ms");
  EXPECT_EQ(time_behind(999), "999 ms");
  EXPECT_EQ(time_behind(1'000), "1 s");
  EXPECT_EQ(time_behind(119'999), "1 min");
  EXPECT_EQ(time_behind(7'200'000), "2 h");
  EXPECT_EQ(time_behind(200'000'000), "2 d");
  EXPECT_EQ(size_behind(0), "0 B");
  EXPECT_EQ(size_behind(1'023), "1023 B");
  EXPECT_EQ(size_behind(1'536), "1.5 KiB");
  EXPECT_EQ(size_behind(std::uint64_t{23} << 20), "23 MiB");
  EXPECT_EQ(size_behind(std::uint64_t{5'000} << 40), "5000 TiB");
}

class CliCursors : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    file("lines", log_lines(1, 10));
    output("tidemark pub syslog --lines -q < lines; tidemark pub other x -q");
  }
  boost::json::value shown(const std::string& cursor) const {
    return boost::json::parse(output("tidemark cursors show syslog " + cursor + " --json"));
  }
};

TEST_F(CliCursors, AreSetForwardAndByForceBackward) {
  EXPECT_EQ(output("tidemark cursors set syslog mine --offset 4"),
            "mine is at offset 4 of syslog\n");
  EXPECT_EQ(shown("mine").at("offset").as_int64(), 4);
  EXPECT_EQ(shown("mine").at("lag").at("events").as_int64(), 6);
  // It has more already.
  EXPECT_EQ(output("tidemark cursors set syslog mine --offset 2"),
            "mine is at offset 4 of syslog\n");
  EXPECT_EQ(output("tidemark cursors set syslog mine --offset 2 --force"),
            "mine is at offset 2 of syslog\n");
  const std::string token(shown("mine").at("token").as_string());
  EXPECT_EQ(output("tidemark cursors set syslog yours --offset " + token),
            "yours is at offset 2 of syslog\n");
}

TEST_F(CliCursors, AreListedAsATable) {
  output(
      "tidemark cursors set syslog device-7 --offset 4; tidemark cursors set syslog 'a b' "
      "--offset 10; tidemark cursors set other device-7 --offset 1");
  const auto table = output("tidemark cursors");
  EXPECT_THAT(table, AllOf(HasSubstr("TOPIC"), HasSubstr("CURSOR"), HasSubstr("ACKNOWLEDGED"),
                           HasSubstr("device-7"), HasSubstr("a b"), HasSubstr("other")));
  EXPECT_THAT(table, AllOf(Not(HasSubstr("lost")), Not(HasSubstr("\x1b["))));
  const auto of_one = output("tidemark cursors list --topic syslog");
  EXPECT_THAT(of_one, AllOf(HasSubstr("a b"), Not(HasSubstr("other"))));
}

TEST_F(CliCursors, AreListedAsJson) {
  std::string command;
  for (int i = 0; i < 20; ++i) {
    command += "tidemark cursors set syslog c" + std::to_string(i) + " --offset 1 --json; ";
  }
  output(command + "true");
  const auto listed = boost::json::parse(output("tidemark cursors list --json"));
  EXPECT_EQ(listed.at("cursors").as_array().size(), 20U);
}

TEST_F(CliCursors, ThoseThatWereOvertakenAreMarked) {
  output("tidemark cursors set syslog late --offset 2");
  output("curl -sS -f -X POST -d '{\"keep\": 8}' -o /dev/null " +
         ("http" + daemon_.url().substr(2)) + "/v1/topics/syslog/trim");
  EXPECT_THAT(output("tidemark cursors"), HasSubstr("lost 5"));
}

TEST_F(CliCursors, WithoutAnyItSaysHowToMakeOne) {
  const auto ended = run("tidemark cursors");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, IsEmpty());
  EXPECT_THAT(ended.errors, HasSubstr("tidemark tail TOPIC --cursor NAME"));
}

TEST_F(CliCursors, AreForgotten) {
  output("tidemark cursors set syslog mine --offset 4");
  EXPECT_EQ(output("tidemark cursors delete syslog mine"), "mine of syslog deleted\n");
  const auto gone = run("tidemark cursors show syslog mine");
  EXPECT_EQ(gone.exit_code, 4);
  EXPECT_THAT(gone.errors, HasSubstr("no such cursor"));
  EXPECT_EQ(run("tidemark cursors set sysolg mine --offset 1").exit_code, 4);
  EXPECT_EQ(run("tidemark cursors set syslog mine --offset 500").exit_code, 4);
}

TEST_F(CliCursors, UnreadCountsWhatIsNew) {
  output("tidemark cursors set syslog mine --offset 4");
  EXPECT_EQ(output("tidemark unread syslog --cursor mine"), "6\n");
  const std::string token(shown("mine").at("token").as_string());
  EXPECT_EQ(output("tidemark unread syslog --after " + token), "6\n");
  output("tidemark pub syslog more -q");
  const auto unread = boost::json::parse(output("tidemark unread syslog --cursor mine --json"));
  EXPECT_EQ(unread.at("unread").as_int64(), 7);
  EXPECT_EQ(unread.at("head").as_int64(), 11);
  EXPECT_EQ(run("tidemark unread syslog --cursor nobody").exit_code, 4);
}

}  // namespace
}  // namespace tidemark::test
