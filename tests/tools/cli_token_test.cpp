// `tidemark token`: made, explained and verified as a user would.
// tests/tools/: see tools/token.hpp.
#include <sys/stat.h>

#include <boost/json/parse.hpp>

#include "broker/access/api_keys.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tools/token_report.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class CliToken : public Cli {
  void SetUp() override {}  // none of these needs a broker

 protected:
  void make_key(const std::string& algorithm) {
    output("tidemark token key --algorithm " + algorithm + " --file k --kid k1");
  }
  unsigned mode_of(const std::string& name) {
    struct stat about {};
    EXPECT_EQ(::stat((files_.path() / name).c_str(), &about), 0) << name;
    return about.st_mode & 0777U;
  }
  std::string content_of(const std::string& name) {
    std::ifstream in(files_.path() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string public_name(const std::string& algorithm) {
    return algorithm == "HS256" ? "k" : "k.pub";
  }
};

constexpr const char* kMake =
    "tidemark token make --key k --kid k1 --sub ada --subscribe 'rooms/*' --subscribe "
    "'!rooms/staff' --publish rooms/lobby --manage '**' --aud chat --iss me --jti t1 ";

TEST_F(CliToken, AKeyMadeHereMakesTokensThatItVerifies) {
  for (const std::string algorithm : {"HS256", "RS256", "ES256", "EdDSA"}) {
    output("rm -f k k.pub");
    make_key(algorithm);
    output(std::string(kMake) + "--algorithm " + algorithm + " > t");
    const auto said = output("tidemark token explain t --key " + public_name(algorithm));
    EXPECT_THAT(said, AllOf(HasSubstr(algorithm), HasSubstr("good"), HasSubstr("ada"),
                            HasSubstr("rooms/*, but not rooms/staff"), HasSubstr("rooms/lobby"),
                            HasSubstr("operate the broker"), HasSubstr("(in 59 min)")));
  }
}

TEST_F(CliToken, SecretsAreForTheirOwnerAloneAndNeverOverwritten) {
  output("umask 000; tidemark token key --algorithm ES256 --file k");
  EXPECT_EQ(mode_of("k"), 0600U);
  EXPECT_EQ(mode_of("k.pub"), 0644U);
  const auto before = content_of("k");
  EXPECT_THAT(before, HasSubstr("PRIVATE KEY"));
  EXPECT_THAT(content_of("k.pub"), Not(HasSubstr("PRIVATE KEY")));
  const auto again = run("tidemark token key --algorithm ES256 --file k");
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.errors, HasSubstr("File exists"));
  EXPECT_EQ(content_of("k"), before);
}

TEST_F(CliToken, ASigningKeyComesWithItsConfiguration) {
  const auto said = output("tidemark token key --algorithm EdDSA --file k --kid 'a\"b'");
  EXPECT_THAT(said, AllOf(HasSubstr("[[access.token-keys]]\nid = \"a\\\"b\"\nalgorithm = "
                                    "\"EdDSA\"\nfile = \"/"),
                          HasSubstr("k.pub\"\n"), HasSubstr("\"crv\":\"Ed25519\""),
                          Not(HasSubstr("PRIVATE"))));
}

TEST_F(CliToken, AnApiKeyIsPrintedOnceWithTheHashForTheConfiguration) {
  const auto said = output(
      "tidemark token key --name orders-server --publish 'orders/**' --subscribe 'a' --subscribe "
      "'!a/b'");
  const auto key = said.substr(said.find("tmk_"), 47);
  EXPECT_TRUE(broker::is_api_key(key));
  EXPECT_THAT(said, HasSubstr("[[access.api-keys]]\nname = \"orders-server\"\nhash = \"" +
                              broker::api_key_hash(key) +
                              "\"\npublish = [\"orders/**\"]\nsubscribe = [\"a\", \"!a/b\"]\n"));
  EXPECT_THAT(output("printf %s " + key + " | tidemark token explain"),
              HasSubstr(broker::api_key_hash(key)));
}

TEST_F(CliToken, AnApiKeyInAFileIsNotPrinted) {
  const auto said = output("tidemark token key --file api.key");
  EXPECT_THAT(said, Not(HasSubstr("tmk_")));
  EXPECT_EQ(mode_of("api.key"), 0600U);
  const auto key = content_of("api.key").substr(0, 47);
  EXPECT_THAT(said, HasSubstr(broker::api_key_hash(key)));
  const auto json = boost::json::parse(output("tidemark token key --name n --json"));
  EXPECT_EQ(json.at("hash").as_string(),
            broker::api_key_hash(std::string(json.at("key").as_string().c_str())));
}

TEST_F(CliToken, ExplainsAsJson) {
  make_key("ES256");
  output(std::string(kMake) + "--expires 2h > t");
  const auto said = boost::json::parse(output("tidemark token explain --json --key k.pub < t"));
  EXPECT_EQ(said.at("header").at("alg").as_string(), "ES256");
  EXPECT_EQ(said.at("header").at("kid").as_string(), "k1");
  EXPECT_EQ(said.at("claims").at("sub").as_string(), "ada");
  EXPECT_TRUE(said.at("signature").as_bool());
  EXPECT_TRUE(said.at("faults").as_array().empty());
  const auto made = boost::json::parse(output(std::string(kMake) + "--json"));
  EXPECT_EQ(made.at("claims").at("exp").as_int64() - made.at("claims").at("iat").as_int64(), 3600);
}

TEST_F(CliToken, SaysWhatIsWrongWithAToken) {
  make_key("ES256");
  output("tidemark token key --algorithm ES256 --file other; " + std::string(kMake) + "> t");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"tidemark token explain t --key other.pub", "its signature is not of the key given"},
      {"tidemark token explain t --aud orders", "it is for another audience"},
      {"tidemark token explain t --iss you", "it is of another issuer"},
      {"echo garbage | tidemark token explain", "not of three parts"},
      // {"alg":"none"} and {"sub":"ada","exp":1}
      {"echo eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjF9. | tidemark token explain",
       "its algorithm is not taken"},
      {"echo eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjF9. | tidemark token explain",
       "it has expired"},
  };
  for (const auto& [command, says] : wrong) {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, 1) << command;
    EXPECT_THAT(ended.output, AllOf(HasSubstr("A broker refuses it:"), HasSubstr(says))) << command;
  }
}

TEST_F(CliToken, WithoutAKeyItSaysThatNothingWasChecked) {
  make_key("ES256");
  EXPECT_THAT(output(std::string(kMake) + "| tidemark token explain"), HasSubstr("not checked"));
}

TEST_F(CliToken, WrongUsageExitsWith2) {
  make_key("ES256");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"tidemark token", "subcommand"},
      {"tidemark token make --sub ada", "--key"},
      {"tidemark token make --key k --subscribe 'a*'", "beside other characters"},
      {"tidemark token make --key k --expires soon", "not a time"},
      {"tidemark token make --key k --algorithm none", "none"},
      {"tidemark token make --key k --sub \"$(printf 'a\\nb')\"", "printable"},
      {"tidemark token key --algorithm ES256", "--file"},
      {"tidemark token key --kid a", "--algorithm"},
      {"tidemark token explain - --key -", "stdin"},
  };
  for (const auto& [command, says] : wrong) {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, 2) << command;
    EXPECT_THAT(ended.errors, HasSubstr(says)) << command;
    EXPECT_THAT(ended.output, IsEmpty()) << command;
  }
}

TEST_F(CliToken, AKeyThatIsNoneIsToldOf) {
  file("garbage", "garbage");
  for (const auto* key : {"garbage", "missing", "/"}) {
    const auto ended = run(std::string("tidemark token make --key ") + key);
    EXPECT_EQ(ended.exit_code, 1) << key;
    EXPECT_THAT(ended.errors, Not(IsEmpty())) << key;
    EXPECT_THAT(ended.output, IsEmpty()) << key;
  }
}

TEST(TokenReport, RemarksOnWhatIsTakenButOdd) {
  // {"alg":"ES256","jku":"x"} and {"exp":4102444800}
  const auto report = tools::examine({.token = "eyJhbGciOiJFUzI1NiIsImprdSI6IngifQ."
                                               "eyJleHAiOjQxMDI0NDQ4MDB9.AA",
                                      .key = {},
                                      .issuer = {},
                                      .audience = {},
                                      .now = {1'790'000'000'000}});
  EXPECT_THAT(report.faults, IsEmpty());
  EXPECT_THAT(report.remarks,
              testing::ElementsAre(HasSubstr("jku, which is ignored"), HasSubstr("permits nothing"),
                                   HasSubstr("no sub"), HasSubstr("more than a year")));
}

TEST(TokenReport, NothingInATokenSteersTheTerminal) {
  // {"alg":"ES256"} and {"x":"<ESC>[2J"} with the escape character as it is
  const auto report = tools::examine({.token = "eyJhbGciOiJFUzI1NiJ9.eyJ4IjoiG1sySiJ9.AA",
                                      .key = {},
                                      .issuer = {},
                                      .audience = {},
                                      .now = {1'790'000'000'000}});
  EXPECT_THAT(tools::report_text(report, {0}), Not(HasSubstr("\x1b[2J")));
}

}  // namespace
}  // namespace tidemark::test
