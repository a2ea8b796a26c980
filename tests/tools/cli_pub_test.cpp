// `tidemark pub` against a real broker.
// tests/tools/: see tools/pub.hpp.
#include <signal.h>

#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

class CliPub : public Cli {
 protected:
  std::string content_type(const std::string& topic) {
    const auto listed = boost::json::parse(output("tidemark topics --json " + topic));
    return listed.at("topics").at(0).at("content_type").as_string().c_str();
  }
};

TEST_F(CliPub, PublishesAFileLineByLine) {
  file("dpkg.log", log_lines(1, 5'816));
  const auto ended = run("tidemark pub syslog --lines < dpkg.log");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, IsEmpty());
  EXPECT_THAT(ended.errors, MatchesRegex("5,816 events, offsets 1–5816, [0-9.]+ s\n"));
  EXPECT_EQ(output("tidemark tail syslog --no-follow"), log_lines(1, 5'816));
  EXPECT_EQ(content_type("syslog"), "text/plain");
}

TEST_F(CliPub, SaysInJsonWhatCameOfIt) {
  const auto first =
      boost::json::parse(output("printf 'a\\nb\\nc\\n' | tidemark pub t --lines --json"));
  EXPECT_EQ(first.at("topic").as_string(), "t");
  EXPECT_EQ(first.at("first").as_int64(), 1);
  EXPECT_EQ(first.at("last").as_int64(), 3);
  EXPECT_EQ(first.at("events").as_int64(), 3);
  EXPECT_EQ(first.at("duplicates").as_int64(), 0);
  EXPECT_GT(first.at("epoch").as_int64(), 0);
  const auto none = boost::json::parse(output("tidemark pub t --lines --json < /dev/null"));
  EXPECT_EQ(none.at("events").as_int64(), 0);
  EXPECT_TRUE(none.at("first").is_null());
}

TEST_F(CliPub, QuietSaysNothing) {
  const auto ended = run("tidemark pub t x -q");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output + ended.errors, IsEmpty());
}

TEST_F(CliPub, GuessesTheContentTypeOfANewTopicFromTheData) {
  output("tidemark pub j '{\"a\": 1}'");
  output("tidemark pub p 'plain words'");
  output("printf 'a\\377\\000b' | tidemark pub b");
  output("echo '{\"a\":1}' | tidemark pub given --lines --content-type application/json");
  EXPECT_EQ(content_type("j"), "application/json");
  EXPECT_EQ(content_type("p"), "text/plain");
  EXPECT_EQ(content_type("b"), "application/octet-stream");
  EXPECT_EQ(content_type("given"), "application/json");
  EXPECT_EQ(output("tidemark tail b --no-follow"), std::string("a\xff\0b\n", 5));
}

TEST_F(CliPub, FitsTheContentTypeOfATopicThatExists) {
  output("tidemark create j --content-type application/json");
  output("tidemark create p --content-type text/plain");
  output("printf '1\\n2\\n' | tidemark pub j --lines");
  output("tidemark pub p '{\"json\": \"as text\"}'");
  EXPECT_EQ(output("tidemark tail j --no-follow"), "1\n2\n");
  EXPECT_EQ(output("tidemark tail p --no-follow"), "{\"json\": \"as text\"}\n");
}

TEST_F(CliPub, RefusalsExitWith4AndSayWhichLine) {
  output("tidemark create j --content-type application/json");
  const auto not_json = run("printf '1\\nnot json\\n3\\n' | tidemark pub j --lines --batch 1");
  EXPECT_EQ(not_json.exit_code, 4);
  EXPECT_THAT(not_json.errors, HasSubstr("line 2: the data does not fit"));
  const auto mismatch = run("tidemark pub j 1 --content-type text/plain");
  EXPECT_EQ(mismatch.exit_code, 4);
  EXPECT_THAT(mismatch.errors, HasSubstr("the topic's content type is application/json"));
  const auto nonsense = run("tidemark pub new x --content-type nonsense");
  EXPECT_EQ(nonsense.exit_code, 4);
  EXPECT_THAT(nonsense.errors, HasSubstr("a content type is type/subtype"));
  const auto large = run("head -c 2000000 /dev/zero | tr '\\0' x | tidemark pub large");
  EXPECT_EQ(large.exit_code, 4);
  EXPECT_THAT(large.errors, HasSubstr("larger than this"));
}

TEST_F(CliPub, AMessageLargerThanTheBrokerTakesIsRefusedNotRetriedForEver) {
  const auto ended = run("head -c 9000000 /dev/zero | tr '\\0' x | tidemark pub large");
  EXPECT_EQ(ended.exit_code, 4) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("the message is larger than this broker takes"));
}

TEST_F(CliPub, AnEventLargerThanAnyMayBeIsNotEvenSent) {
  const auto whole = run("head -c 17000000 /dev/zero | tidemark pub large");
  EXPECT_EQ(whole.exit_code, 1);
  EXPECT_THAT(whole.errors, HasSubstr("larger than an event may be"));
  const auto line = run("head -c 17000000 /dev/zero | tidemark pub large --lines");
  EXPECT_EQ(line.exit_code, 1);
  EXPECT_THAT(line.errors, HasSubstr("longer than an event may be"));
}

TEST_F(CliPub, CarriesKeyAndHeaders) {
  output("tidemark pub t '1' --key k1 --header a=b --header c=d=e");
  const auto event = boost::json::parse(output("tidemark tail t --no-follow --format json"));
  EXPECT_EQ(event.at("key").as_string(), "k1");
  EXPECT_EQ(event.at("headers").at("a").as_string(), "b");
  EXPECT_EQ(event.at("headers").at("c").as_string(), "d=e");
}

TEST_F(CliPub, EmptyLinesAreEventsUnlessSkipped) {
  output("printf 'a\\n\\nb' | tidemark pub t --lines");
  EXPECT_EQ(output("tidemark tail t --no-follow"), "a\n\nb\n");
  output("printf '\\na\\n\\n\\nb\\n\\n' | tidemark pub u --lines --skip-empty");
  EXPECT_EQ(output("tidemark tail u --no-follow"), "a\nb\n");
}

TEST_F(CliPub, TheSameProducerAndSequenceIsPublishedOnce) {
  file("lines", log_lines(1, 1'000));
  const std::string command = "tidemark pub t --lines --producer me --sequence 0 --json < lines";
  EXPECT_EQ(boost::json::parse(output(command)).at("duplicates").as_int64(), 0);
  EXPECT_EQ(boost::json::parse(output(command)).at("duplicates").as_int64(), 1'000);
  EXPECT_EQ(output("tidemark tail t --no-follow"), log_lines(1, 1'000));
  const auto ahead = run("tidemark pub t x --producer me --sequence 5000");
  EXPECT_EQ(ahead.exit_code, 4);
  EXPECT_THAT(ahead.errors, HasSubstr("skips at least one"));
  output("tidemark pub t x --producer me --producer-epoch 1 --sequence 0");
  EXPECT_EQ(run("tidemark pub t x --producer me --sequence 1000").exit_code, 4);
}

TEST_F(CliPub, ExpectLastRefusesWhenSomebodyElseWasThere) {
  output("tidemark pub t a --expect-last 0");
  const auto ended = run("tidemark pub t b --expect-last 0");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("not the expected one but 1"));
  output("tidemark pub t b --expect-last 1");
}

TEST_F(CliPub, LinesArePublishedAsTheyComeNotAtTheEnd) {
  Program pub(program({"pub", "t", "--lines"}));
  pub.write("first\n");
  Program tail(program({"tail", "t", "--from", "earliest", "--wait"}));
  tail.expect_output("first\n");
  pub.write("second\nthi");
  tail.expect_output("second\n");
  pub.write("rd\n");
  tail.expect_output("third\n");
  EXPECT_THAT(pub.wait().errors, StartsWith("3 events, offsets 1–3"));
}

TEST_F(CliPub, InterruptedItSaysWhatWasPublished) {
  Program pub(program({"pub", "t", "--lines"}));
  pub.write("first\n");
  output("tidemark tail t --from earliest --wait --limit 1");
  pub.signal(SIGINT);
  const auto ended = pub.wait();
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("1 event, offset 1"), HasSubstr("interrupted")));
}

TEST_F(CliPub, ShowsProgressOnATerminalIfAsked) {
  file("lines", log_lines(1, 20'000));
  auto command = shell("tidemark pub t --lines --progress < lines");
  Program pub(command, Program::Streams::terminal);
  const auto ended = pub.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, HasSubstr(" %"));
  EXPECT_THAT(run("tidemark pub t --lines --progress < lines").errors, StartsWith("20,000 events"));
}

}  // namespace
}  // namespace tidemark::test
