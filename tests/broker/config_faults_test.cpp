// Everything that can be wrong with a configuration, and how it is told: where, what, and all of
// it. tests/: broker/config.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/config_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::broker::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Wrong {
  const char* file;
  std::vector<const char*> lines;
};

class ConfigFaults : public testing::Test {
 protected:
  static void expect(const std::vector<Wrong>& table) {
    for (const auto& wrong : table) {
      const std::vector<std::string> lines(wrong.lines.begin(), wrong.lines.end());
      EXPECT_EQ(outcome_of(wrong.file).complaints, lines) << wrong.file;
    }
  }
};

TEST_F(ConfigFaults, OfValuesNameTheirLine) {
  expect({
      {"[max]\nconnections = \"many\"",
       {R"(tidemark.toml:2: [max] connections: "many" is no number)"}},
      {"[max]\nconnections = -1", {R"(tidemark.toml:2: [max] connections: "-1" is no number)"}},
      {"[max]\nconnections = 1.5", {R"(tidemark.toml:2: [max] connections: "1.5" is no number)"}},
      {"[max]\nconnections = 0", {"tidemark.toml:2: [max] connections: at least 1"}},
      {"[max]\nevent = \"1GiB\"", {"tidemark.toml:2: [max] event: at most 16MiB"}},
      {"[max]\nmessage = \"4 MB\"",
       {R"(tidemark.toml:2: [max] message: "4 MB" is no size such as 64MiB)"}},
      {"\n\nlong-poll-timeout = \"soon\"",
       {R"(tidemark.toml:3: long-poll-timeout: "soon" is no time such as 7d)"}},
      {"long-poll-timeout = 20",
       {R"(tidemark.toml:1: long-poll-timeout: "20" is no time such as 7d)"}},
      {"long-poll-timeout = \"0\"", {"tidemark.toml:1: long-poll-timeout: at least 1ms"}},
      {"[timeout]\nidle = \"1ms\"", {"tidemark.toml:2: [timeout] idle: at least 1s"}},
      {"[access]\nleeway = \"2m\"", {"tidemark.toml:2: [access] leeway: at most 1m"}},
      {"insecure = \"perhaps\"",
       {R"(tidemark.toml:1: insecure: "perhaps" is neither true nor false)"}},
      {"durability = \"synchd\"",
       {R"(tidemark.toml:1: durability: "synchd" is none of synced, buffered, did you mean synced?)"}},
      {"listen = \"4437\"",
       {R"(tidemark.toml:1: listen: "4437" is not ADDRESS:PORT, as in 127.0.0.1:4437)"}},
      {"listen = \"example.org:80\"",
       {R"(tidemark.toml:1: listen: "example.org:80" is not ADDRESS:PORT, as in 127.0.0.1:4437)"}},
      {"listen = \"::1:80\"",
       {R"(tidemark.toml:1: listen: "::1:80" is not ADDRESS:PORT, as in 127.0.0.1:4437)"}},
      {"listen = \"127.0.0.1:70000\"",
       {R"(tidemark.toml:1: listen: "127.0.0.1:70000" is not ADDRESS:PORT, as in 127.0.0.1:4437)"}},
      {"allow-origin = [\n\"https://a.example\",\n\"b.example\"]",
       {R"(tidemark.toml:1: allow-origin: "b.example" is not written scheme://host[:port])"}},
      {"trusted-proxies = [\"10.0.0.0/33\"]",
       {R"(tidemark.toml:1: trusted-proxies: "10.0.0.0/33" is neither an address nor a network such as 10.0.0.0/8)"}},
      {"[tls]\nmin-version = \"1.1\"",
       {R"(tidemark.toml:2: [tls] min-version: "1.1" is none of 1.2, 1.3, did you mean 1.2?)"}},
      {"[access]\ncookie = \"a;b\"",
       {R"(tidemark.toml:2: [access] cookie: "a;b" is no name of a cookie)"}},
      {"[[topic-defaults]]\npattern = \"a//b\"",
       {R"(tidemark.toml:2: [topic-defaults] pattern: "a//b" is no pattern such as logs/** or user-*/inbox)"}},
  });
}

TEST_F(ConfigFaults, OfUnknownKeysSuggestTheRightOne) {
  expect({
      {"[max]\nconections = 5",
       {"tidemark.toml:2: [max] conections: is no option, did you mean connections?"}},
      {"connections = 5",
       {"tidemark.toml:1: connections: is no option, did you mean [max] connections?"}},
      {"[mx]\nconnections = 5", {"tidemark.toml:1: mx: is no option, did you mean max?"}},
      {"[[acess.api-keys]]\nname = \"a\"",
       {"tidemark.toml:1: acess: is no option, did you mean access?"}},
      {"[[topic-defaults]]\npattern = \"a\"\nmax_age = \"1d\"",
       {"tidemark.toml:3: [topic-defaults] max_age: is no option, did you mean max-age?"}},
      {"zzz = 1", {"tidemark.toml:1: zzz: is no option"}},
      {"\"a\\nb\" = 1", {R"(tidemark.toml:1: "a\nb": is no option)"}},
  });
}

TEST_F(ConfigFaults, OfTheWrongShapeSayTheRightOne) {
  expect({
      {"max = 3", {"tidemark.toml:1: max: is a table, written [max]"}},
      {"[listen]\nport = 1", {"tidemark.toml:1: listen: is a value, not a table"}},
      {"listen = [\"a\"]", {"tidemark.toml:1: listen: is one value, not a list"}},
      {"listen = 4437", {"tidemark.toml:1: listen: is a text, in quotes"}},
      {"allow-origin = [1]", {"tidemark.toml:1: allow-origin: is a list of texts, each in quotes"}},
      {"allow-origin = true", {"tidemark.toml:1: allow-origin: is a text, in quotes"}},
      {"[topic-defaults]\npattern = \"a\"",
       {"tidemark.toml:1: topic-defaults: is a list of tables, written [[topic-defaults]]"}},
      {"[access]\napi-keys = [1]",
       {"tidemark.toml:2: [access] api-keys: is a list of tables, written [[access.api-keys]]"}},
      {"[max]\nconnections = 1979-05-27", {"tidemark.toml:2: [max] connections: cannot be a date"}},
  });
}

TEST_F(ConfigFaults, OfEntriesSayWhatIsMissingOrTwice) {
  expect({
      {"[[max.topics-of]]\npattern = \"a\"",
       {"tidemark.toml:1: [max] topics-of: topics is missing"}},
      {"[[topic-defaults]]\npattern = \"a\"\n[[topic-defaults]]\npattern = \"a\"",
       {R"(tidemark.toml:4: [topic-defaults] pattern: "a" stands there twice, first in tidemark.toml:2)"}},
      {"allow-origin = [\"https://a\", \"https://a\"]",
       {R"(tidemark.toml:1: allow-origin: "https://a" stands there twice)"}},
      {"[[access.key-sets]]\nissuer = \"a\"",
       {"tidemark.toml:1: [access] key-sets: needs either url or file"}},
      {"[[access.key-sets]]\nurl = \"https://a\"\nfile = \"b\"",
       {"tidemark.toml:1: [access] key-sets: needs either url or file"}},
  });
}

TEST_F(ConfigFaults, OfTomlItselfNameTheLine) {
  const auto duplicate = outcome_of("insecure = true\n\ninsecure = false\n").complaints;
  ASSERT_EQ(duplicate.size(), 1U);
  EXPECT_THAT(duplicate.front(), HasSubstr("tidemark.toml:3: "));
  const auto torn = outcome_of("[max]\nconnections = \n").complaints;
  ASSERT_EQ(torn.size(), 1U) << "nothing is said of what may stand in it";
  EXPECT_THAT(torn.front(), HasSubstr("tidemark.toml:2: "));
}

TEST_F(ConfigFaults, OfTheRelationsOfValues) {
  expect({
      {"[max]\nmessage = \"1KiB\"",
       {"tidemark.toml:2: [max] message: an event of this size would fit no message: [max] message "
        "has to be as large as [max] event at least"}},
      {"[max]\narriving = \"2MiB\"",
       {"tidemark.toml:2: [max] arriving: the largest message could never arrive: [max] arriving "
        "has "
        "to be as large as [max] message at least"}},
      {"[tls]\ncertificate = \"c.pem\"",
       {"tidemark.toml:2: [tls] certificate: needs [tls] key as well"}},
      {"[tls]\nkey = \"k.pem\"", {"tidemark.toml:2: [tls] key: needs [tls] certificate as well"}},
      {"[admin]\nlisten = \"0.0.0.0:9\"",
       {"tidemark.toml:2: [admin] listen: asks for no token, so it has to be a loopback address, "
        "or "
        "--insecure"}},
      {"[admin]\nlisten = \"127.0.0.1:4437\"",
       {"tidemark.toml:2: [admin] listen: is the address of listen"}},
  });
  EXPECT_THAT(outcome_of("listen = \"0.0.0.0:1\"").complaints,
              ElementsAre(HasSubstr("tidemark.toml:1: listen: \"0.0.0.0\" can be reached")));
  EXPECT_THAT(outcome_of("listen = \"0.0.0.0:1\"\ninsecure = true").complaints, IsEmpty());
  EXPECT_THAT(
      outcome_of("listen = \"0.0.0.0:1\"\n[access.anonymous]\nsubscribe = [\"**\"]").complaints,
      IsEmpty());
}

TEST_F(ConfigFaults, OfStateHooksNameTheLineOfTheUrl) {
  const auto entry = [](const std::string& rest) {
    return outcome_of("[[state]]\npattern = \"a\"\n" + rest).complaints;
  };
  const std::string at = "tidemark.toml:3: [state] hook: ";
  EXPECT_THAT(entry(""), ElementsAre("tidemark.toml:1: state: hook is missing"));
  EXPECT_THAT(entry("hook = \"\""), ElementsAre(at + "is empty"));
  EXPECT_THAT(entry("hook = \"app.example/state\""), ElementsAre(at + "is no URL"));
  EXPECT_THAT(entry("hook = \"https://\""), ElementsAre(at + "is no URL"));
  EXPECT_THAT(entry("hook = \"https://a:b@app.example/\""),
              ElementsAre(at + "has a name or password in it"));
  EXPECT_THAT(entry("hook = \"https://{topic}.example/\""),
              ElementsAre(at + "has {topic} before its path"));
  EXPECT_THAT(entry("hook = \"https://app.example/#a\""), ElementsAre(HasSubstr("a fragment")));
  for (const auto* url : {"ftp://app.example/", "http://app.example/"}) {
    EXPECT_THAT(entry("hook = \"" + std::string(url) + "\""),
                ElementsAre(at + "has to begin with https:// (or with http://, where allow-private "
                                 "is true)"));
  }
  EXPECT_THAT(entry("hook = \"http://app.internal/{topic}\"\nallow-private = true"), IsEmpty());
  EXPECT_THAT(entry("hook = \"https://a/\"\ntries = 0"),
              ElementsAre("tidemark.toml:4: [state] tries: at least 1"));
  EXPECT_THAT(outcome_of("[state-limits]\nshared = \"1MiB\"").complaints,
              ElementsAre(HasSubstr("tidemark.toml:2: [state-limits] shared: the largest state")));
}

TEST_F(ConfigFaults, AreNotHeldAgainstOtherValuesToo) {
  EXPECT_THAT(outcome_of("listen = \"0.0.0.0:1\"\ninsecure = \"ja\"").complaints,
              ElementsAre(HasSubstr("insecure")));
  EXPECT_THAT(outcome_of("listen = \"0.0.0.0:1\"\n[[access.api-keys]]\nname = \"a\"").complaints,
              ElementsAre(HasSubstr("hash is missing")));
}

TEST_F(ConfigFaults, AreAllToldAtOnceInOrder) {
  const auto complaints =
      outcome_of(
          "durability = \"no\"\n[max]\nconnections = \"many\"\nconections = 1\nmessage = 1\n",
          {{"TIDEMARK_LISTEN", "nowhere"}}, {{"max.event", {"huge"}}})
          .complaints;
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("tidemark.toml:1: durability"),
                                      HasSubstr("tidemark.toml:3: [max] connections"),
                                      HasSubstr("tidemark.toml:4: [max] conections"),
                                      HasSubstr("tidemark.toml:5: [max] message"),
                                      HasSubstr("TIDEMARK_LISTEN: \"nowhere\""),
                                      HasSubstr("--max-event: \"huge\"")));
}

TEST_F(ConfigFaults, OfLinesForTopicDefaultsNameTheFlag) {
  for (const auto* text : {"logs", "=durability:synced", "a=durability:sometimes", "a=max_age:7",
                           "a=max_bytes:1XB", "a=retention:7d", "a=max_events:-1", "a=max_events",
                           "a=content_type:nonsense", "a=max_age:1d,max_age:2d"}) {
    EXPECT_THAT(outcome_of("", {}, {{"topic-defaults", {text}}}).complaints,
                ElementsAre(HasSubstr("--topic-defaults: ")))
        << text;
  }
  EXPECT_THAT(outcome_of("", {}, {{"max.topics-of", {"a=b"}}}).complaints,
              ElementsAre("--max-topics-of: \"b\" is no number"));
}

TEST_F(ConfigFaults, NeverShowASecretThatStandsInTheWrongPlace) {
  const std::string key = "tmk_hunter2hunter2hunter2hunter2hunter2hunter2hunter2";
  const std::string pem = "-----BEGIN PRIVATE KEY-----\\nhunter2\\n-----END PRIVATE KEY-----";
  const std::string token = "eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2";
  const std::vector<std::string> files{
      "[[access.api-keys]]\nname = \"a\"\nhash = \"" + key + "\"",
      "[[access.api-keys]]\nname = \"a\"\nhash = \"hunter2\"",
      "[tls]\ncertificate = \"c\"\nkey = \"" + pem + "\"",
      "[[access.token-keys]]\nalgorithm = \"HS256\"\nfile = \"" + pem + "\"",
      "listen = \"" + token + "\"",
      "durability = \"" + key + "\"",
      "[max]\nconnections = \"" + token + "\"",
  };
  for (const auto& file : files) {
    const auto complaints = outcome_of(file).complaints;
    EXPECT_THAT(complaints, Not(IsEmpty())) << file;
    for (const auto& line : complaints) EXPECT_THAT(line, Not(HasSubstr("hunter2")));
  }
}

TEST_F(ConfigFaults, OfTheFileAsAWholeNameIt) {
  const TempDir directory;
  Inputs inputs{.file = (directory.path() / "none.toml").string()};
  const auto missing = std::get<Complaints>(read_config(inputs));
  ASSERT_EQ(missing.size(), 1U) << "that data is missing may be the file's fault";
  EXPECT_THAT(missing.front(), HasSubstr("none.toml: cannot be read"));
  inputs.file = (directory.path() / "large.toml").string();
  std::ofstream(inputs.file) << std::string((1U << 20) + 1, '#');
  EXPECT_THAT(std::get<Complaints>(read_config(inputs)).front(), HasSubstr("is larger than"));
}

TEST_F(ConfigFaults, OfNoDataDirectorySayHowToNameOne) {
  EXPECT_THAT(std::get<Complaints>(read_config({})), ElementsAre(HasSubstr("--data")));
}

}  // namespace
}  // namespace tidemark::broker::config
