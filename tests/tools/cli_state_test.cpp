// `tidemark state` against a real broker.
// tests/tools/: see tools/state.hpp.
#include <boost/json/parse.hpp>

#include "tests/tools/cli_fixture.hpp"
#include "tools/position_text.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(PositionText, IsATokenOrAnOffset) {
  const auto token = tools::parse_position("0000000000000003_0000000000000042");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(std::get<Position>(*token), (Position{{3}, {42}}));
  const auto offset = tools::parse_position("42");
  ASSERT_TRUE(offset.has_value());
  EXPECT_EQ(std::get<Offset>(*offset), Offset{42});
  for (const auto* wrong : {"", "-1", "4 2", "42x", "9007199254740992", "3_42", "now"}) {
    EXPECT_FALSE(tools::parse_position(wrong).has_value()) << wrong;
  }
}

class CliState : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    output("for n in 1 2 3; do tidemark pub orders \"{\\\"n\\\": $n}\" -q; done");
    file("state.json", "{\"sum\": 3}");
  }
};

TEST_F(CliState, IsStoredAndGivenBackWithItsPosition) {
  EXPECT_EQ(output("tidemark state put orders state.json --offset 2"),
            "state of orders stored, as of offset 2\n");
  const auto got = run("tidemark state get orders");
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.output, "{\"sum\": 3}");
  EXPECT_THAT(got.errors, HasSubstr("the state as of offset 2; what follows it: tidemark tail "
                                    "orders --after 2 --epoch "));
}

TEST_F(CliState, InJsonItStandsBesideItsPosition) {
  output("tidemark state put orders state.json --offset 2");
  const auto text = output("tidemark state get orders --json");
  EXPECT_THAT(text, HasSubstr("\"data\":{\"sum\": 3}}"));
  const auto got = boost::json::parse(text);
  EXPECT_EQ(got.at("topic").as_string(), "orders");
  EXPECT_EQ(got.at("offset").as_int64(), 2);
  EXPECT_GT(got.at("epoch").as_int64(), 0);
  // The token is as good as the offset.
  const std::string token(got.at("token").as_string());
  EXPECT_EQ(output("tidemark state put orders state.json --offset " + token),
            "state of orders stored, as of offset 2\n");
}

TEST_F(CliState, MayBeAnythingAndComeFromStdin) {
  output(
      "printf 'a\\000b\\377' | tidemark state put orders --offset 3 "
      "--content-type application/octet-stream");
  EXPECT_EQ(output("tidemark state get orders 2> /dev/null"), std::string("a\0b\xff", 4));
  EXPECT_THAT(output("tidemark state get orders --json"),
              AllOf(HasSubstr("\"content_type\":\"application/octet-stream\""),
                    HasSubstr("\"data_base64\":\"YQBi/w==\"")));
}

TEST_F(CliState, ComesBeforeTheEventsAfterIt) {
  output("tidemark state put orders state.json --offset 2");
  EXPECT_EQ(output("tidemark tail orders --state --no-follow -q"), "{\"sum\": 3}\n{\"n\": 3}\n");
}

TEST_F(CliState, AnOlderOneAndOneAheadAreRefusedWith4) {
  output("tidemark state put orders state.json --offset 2");
  const auto older = run("tidemark state put orders state.json --offset 1");
  EXPECT_EQ(older.exit_code, 4);
  EXPECT_THAT(older.errors, HasSubstr("offset 2"));
  const auto ahead = run("tidemark state put orders state.json --offset 500");
  EXPECT_EQ(ahead.exit_code, 4);
  EXPECT_THAT(ahead.output, IsEmpty());
}

TEST_F(CliState, OneThatIsNotThereExitsWith4) {
  EXPECT_EQ(run("tidemark state get orders").exit_code, 4);
  output("tidemark state put orders state.json --offset 2");
  EXPECT_EQ(output("tidemark state delete orders"), "state of orders deleted\n");
  EXPECT_EQ(run("tidemark state get orders").exit_code, 4);
  const auto unknown = run("tidemark state get order");
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.errors, HasSubstr("there is no topic order, did you mean orders?"));
}

TEST_F(CliState, AFileThatCannotBeReadExitsWith1) {
  const auto ended = run("tidemark state put orders nowhere.json --offset 2");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("cannot read nowhere.json"));
}

}  // namespace
}  // namespace tidemark::test
