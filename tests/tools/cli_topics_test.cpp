// `tidemark topics`, `create` and `delete` against a real broker; of files: cli_describe_test.
// tests/tools/: see tools/inspect/topics.hpp.
#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tools/inspect/topics.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(TopicPattern, StarIsAnythingAndQuestionMarkOneCharacter) {
  using tools::fits;
  EXPECT_TRUE(fits("*", ""));
  EXPECT_TRUE(fits("*", "a/b"));
  EXPECT_TRUE(fits("a*c", "abbc"));
  EXPECT_TRUE(fits("a*b*c", "aXbYbc"));
  EXPECT_TRUE(fits("a?c", "abc"));
  EXPECT_TRUE(fits("abc", "abc"));
  EXPECT_FALSE(fits("a?c", "ac"));
  EXPECT_FALSE(fits("a*c", "abcd"));
  EXPECT_FALSE(fits("", "a"));
  EXPECT_FALSE(fits("abc", "ab"));
}

class CliTopics : public Cli {};

TEST_F(CliTopics, ListsThemAsATable) {
  output(
      "tidemark pub orders '{\"a\":1}' -q; tidemark create logs/app --content-type text/plain "
      "--durability buffered");
  const auto table = output("tidemark topics");
  EXPECT_THAT(table, AllOf(HasSubstr("NAME"), HasSubstr("orders"), HasSubstr("application/json"),
                           HasSubstr("synced"), HasSubstr("logs/app"), HasSubstr("buffered")));
  EXPECT_THAT(table, Not(HasSubstr("\x1b[")));
  const auto some = output("tidemark topics 'logs/*'");
  EXPECT_THAT(some, AllOf(HasSubstr("logs/app"), Not(HasSubstr("orders"))));
}

TEST_F(CliTopics, ListsThemAsJsonPageAfterPage) {
  std::string command;
  for (int i = 0; i < 30; ++i) command += "tidemark create many/" + std::to_string(i) + "; ";
  output(command + "true");
  const auto listed = boost::json::parse(output("tidemark topics --json 'many/*'"));
  EXPECT_EQ(listed.at("topics").as_array().size(), 30U);
  EXPECT_EQ(
      boost::json::parse(output("tidemark topics --json 'none*'")).at("topics").as_array().size(),
      0U);
}

TEST_F(CliTopics, WithoutAnyItSaysHowToMakeOne) {
  const auto ended = run("tidemark topics");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.output, IsEmpty());
  EXPECT_THAT(ended.errors, HasSubstr("tidemark pub TOPIC DATA"));
}

TEST_F(CliTopics, ANameThatIsNoneExitsWith4) {
  output("tidemark create orders");
  const auto ended = run("tidemark topics order");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("did you mean orders?"));
}

TEST_F(CliTopics, CreatesWithSettingsAndChangesThem) {
  EXPECT_EQ(output("tidemark create t --content-type text/plain --max-age 7d --max-bytes 1MB "
                   "--max-events 10"),
            "t created\n");
  const auto changed = boost::json::parse(output("tidemark create t --max-events 20 --json"));
  EXPECT_EQ(changed.at("retention").at("max_events").as_int64(), 20);
  EXPECT_EQ(changed.at("content_type").as_string(), "text/plain");
  const auto refused = run("tidemark create t --content-type application/json");
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_THAT(refused.errors, HasSubstr("the topic's content type is text/plain"));
}

TEST_F(CliTopics, CreatesTopicsThatKeepTheNewestOfEachKey) {
  const auto latest = [&](const std::string& command) {
    return boost::json::parse(output(command + " --json")).at("keep_latest").as_bool();
  };
  EXPECT_FALSE(latest("tidemark create plain"));
  EXPECT_TRUE(latest("tidemark create keyed --keep-latest"));
  EXPECT_TRUE(latest("tidemark create keyed --max-events 20")) << "what is not said stays";
  EXPECT_FALSE(latest("tidemark create keyed --no-keep-latest"));
}

TEST_F(CliTopics, DeletesOnlyWhenSure) {
  output("tidemark pub t x -q");
  EXPECT_EQ(run("tidemark delete t < /dev/null").exit_code, 2);
  EXPECT_EQ(output("tidemark tail t --no-follow"), "x\n");
  EXPECT_EQ(output("tidemark delete t --yes"), "t deleted\n");
  EXPECT_EQ(run("tidemark tail t --no-follow").exit_code, 4);
  EXPECT_EQ(run("tidemark delete t --yes").exit_code, 4);
}

}  // namespace
}  // namespace tidemark::test
