// Where values come from, which of them wins, and what reading again changes.
// tests/: broker/config; what is wrong with values is in config_faults_test.cpp.
#include "broker/config/config.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/config_fixture.hpp"

namespace tidemark::broker::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Some value that is not the default and is within all bounds.
Texts sample_of(const Option& option) {
  static const std::map<std::string, Texts> special{
      {"listen", {"127.0.0.2:7"}},
      {"admin.listen", {"127.0.0.3:8"}},
      {"allow-origin", {"https://a.example", "https://b.example:8443"}},
      {"trusted-proxies", {"10.0.0.0/8", "2001:db8::1"}},
      {"access.token-bytes", {"9KiB"}},
      {"max.arriving", {"32MiB"}},
      {"state-limits.shared", {"300MiB"}},
  };
  if (const auto found = special.find(option.key); found != special.end()) return found->second;
  switch (option.kind) {
    case Kind::flag:
      return {option.standard.front() == "true" ? "false" : "true"};
    case Kind::count:
      return {"7"};
    case Kind::bytes:
      return {"3MiB"};
    case Kind::time:
      return {"7s"};
    case Kind::choice:
      return {option.choices.at(1)};
    case Kind::texts:
      return {"a/**", "b"};
    case Kind::path:
      return {"/x/y.pem"};
    case Kind::text:
    case Kind::address:
      break;
  }
  return {"some-text"};
}

/// What has to be there as well.
std::string companions_of(const std::string& key) {
  if (key == "tls.certificate") return "[tls]\nkey = \"/k\"\n";
  if (key == "tls.key") return "[tls]\ncertificate = \"/c\"\n";
  if (key == "tls.min-version") return "[tls]\ncertificate = \"/c\"\nkey = \"/k\"\n";
  return "";
}

std::string joined(const Texts& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

TEST(Config, EveryOptionIsTheSameByFileEnvironmentAndFlag) {
  EXPECT_GT(options().size(), 50U);
  for (const auto& option : options()) {
    const auto texts = sample_of(option);
    const auto companions = companions_of(option.key);
    const auto without = outcome_of(companions);
    const auto line = std::string(option.name()) + " = " + literal(option.kind, texts) + "\n";
    const auto in_file =
        option.table() == "tls" && !companions.empty()
            ? companions + line
            : companions +
                  (option.table().empty() ? "" : "[" + std::string(option.table()) + "]\n") + line;
    const auto by_file = outcome_of(in_file);
    const auto by_environment = outcome_of(companions, {{option.variable(), joined(texts)}});
    const auto by_flag = outcome_of(companions, {}, {{option.key, texts}});
    for (const auto* each : {&by_file, &by_environment, &by_flag}) {
      EXPECT_THAT(each->complaints, IsEmpty()) << option.key;
      EXPECT_EQ(description_of(each->settings), description_of(by_file.settings)) << option.key;
    }
    if (option.key == "tls.certificate" || option.key == "tls.key") continue;  // needs its like
    EXPECT_NE(description_of(by_file.settings), description_of(without.settings))
        << option.key << " is not stored";
  }
}

TEST(Config, NamesAreMadeOfTheKey) {
  const Option* const option = find_option("max.connections-per-address");
  ASSERT_NE(option, nullptr);
  EXPECT_EQ(option->flag(), "--max-connections-per-address");
  EXPECT_EQ(option->variable(), "TIDEMARK_MAX_CONNECTIONS_PER_ADDRESS");
  EXPECT_EQ(option->shown(), "[max] connections-per-address");
}

TEST(Config, NoTwoOptionsHaveOneName) {
  std::set<std::string> flags;
  std::set<std::string> variables;
  for (const auto& option : options()) {
    EXPECT_TRUE(flags.insert(option.flag()).second) << option.key;
    EXPECT_TRUE(variables.insert(option.variable()).second) << option.key;
  }
  for (const auto& section : sections()) {
    EXPECT_TRUE(flags.insert(section.flag()).second) << section.key;
    EXPECT_TRUE(variables.insert(section.variable()).second) << section.key;
  }
}

TEST(Config, DefaultsAreThoseOfTheirOwners) {
  const auto settings = outcome_of("").settings;
  const ServerLimits limits;
  EXPECT_EQ(settings.server.limits.connections, limits.connections);
  EXPECT_EQ(settings.server.limits.message_bytes, limits.message_bytes);
  EXPECT_EQ(settings.server.limits.subscriptions_per_connection,
            limits.subscriptions_per_connection);
  EXPECT_EQ(settings.server.limits.handshake_timeout, limits.handshake_timeout);
  EXPECT_EQ(settings.server.limits.idle_timeout, limits.idle_timeout);
  EXPECT_EQ(settings.server.limits.stall_timeout, limits.stall_timeout);
  EXPECT_EQ(settings.server.limits.drain_timeout, limits.drain_timeout);
  EXPECT_EQ(settings.server.limits.reconnect_spread, limits.reconnect_spread);
  EXPECT_EQ(settings.server.limits.long_poll_timeout, limits.long_poll_timeout);
  EXPECT_EQ(settings.server.limits.sse_lifetime, limits.sse_lifetime);
  EXPECT_EQ(settings.server.pages.console, PageRules().console);
  EXPECT_EQ(settings.server.pages.demo, PageRules().demo);
  const storage::CommitterOptions committer;
  EXPECT_EQ(settings.store.committer.max_event_bytes, committer.max_event_bytes);
  EXPECT_EQ(settings.store.committer.ring_total_bytes, committer.ring_total_bytes);
  EXPECT_EQ(settings.store.committer.flush_interval, committer.flush_interval);
  EXPECT_EQ(settings.store.committer.max_state_bytes, committer.max_state_bytes);
  EXPECT_EQ(settings.store.committer.max_keys, committer.max_keys);
  const StateRules states;
  EXPECT_EQ(settings.hub.states.max_bytes, states.max_bytes);
  EXPECT_EQ(settings.hub.states.shared_bytes, states.shared_bytes);
  EXPECT_EQ(settings.hub.states.requests, states.requests);
  EXPECT_EQ(settings.hub.states.waiting, states.waiting);
  const storage::CursorsOptions cursors;
  EXPECT_EQ(settings.store.cursors.max_cursors, cursors.max_cursors);
  EXPECT_EQ(settings.store.cursors.write_interval, cursors.write_interval);
  EXPECT_EQ(settings.store.cursors.expire_after, cursors.expire_after);
  EXPECT_EQ(settings.server.port, kDefaultPort);
  EXPECT_EQ(settings.topic_base, storage::TopicSettings());
  const AccessRules access;
  EXPECT_EQ(settings.access.leeway, access.leeway);
  EXPECT_EQ(settings.access.token_bytes, access.token_bytes);
  EXPECT_EQ(settings.access.expiry_notice, access.expiry_notice);
  EXPECT_FALSE(settings.access.configured());
  EXPECT_FALSE(settings.server.tls.has_value());
  EXPECT_FALSE(settings.server.admin.has_value());
}

TEST(Config, AFlagWinsOverTheEnvironmentAndThatOverTheFile) {
  const std::string file = "[max]\nconnections = 1\nsubscriptions = 1\ntopics = 1\n";
  const auto out =
      outcome_of(file, {{"TIDEMARK_MAX_CONNECTIONS", "2"}, {"TIDEMARK_MAX_SUBSCRIPTIONS", "2"}},
                 {{"max.connections", {"3"}}});
  EXPECT_EQ(out.settings.server.limits.connections, 3U);
  EXPECT_EQ(out.settings.server.limits.subscriptions_per_connection, 2U);
  EXPECT_THAT(listing(out.given), HasSubstr("topics = 1  # tidemark.toml:4"));
  EXPECT_THAT(listing(out.given), HasSubstr("connections = 3  # --max-connections"));
  EXPECT_THAT(listing(out.given), HasSubstr("subscriptions = 2  # TIDEMARK_MAX_SUBSCRIPTIONS"));
}

TEST(Config, AListIsReplacedAsAWhole) {
  const auto out = outcome_of("allow-origin = [\"https://a\", \"https://b\"]\n",
                              {{"TIDEMARK_ALLOW_ORIGIN", " https://c , https://d,"}});
  EXPECT_THAT(out.settings.server.allowed_origins, ElementsAre("https://c", "https://d"));
}

TEST(Config, PathsInAFileAreRelativeToIt) {
  Faults faults;
  const auto given = read_text("data = \"log\"\n[tls]\nkey = \"/abs\"\n", "/etc/t/t.toml", faults);
  EXPECT_EQ(given.find("data")->texts, Texts{"/etc/t/log"});
  EXPECT_EQ(given.find("tls.key")->texts, Texts{"/abs"});
}

TEST(Config, TopicDefaultsInOneLineAreThoseOfTheFile) {
  const auto by_file = outcome_of(R"([[topic-defaults]]
pattern = "logs/**"
durability = "buffered"
max-age = "7d"
max-bytes = "1GiB"
content-type = "text/plain"
keep-latest = true
[[topic-defaults]]
pattern = "b"
max-events = 5
[retention]
events = 9
)");
  const std::string first =
      "logs/**=durability:buffered,max_age:7d,max-bytes:1GiB,content_type:text/plain,"
      "keep_latest:true";
  const std::string second = "b=max_events:5";
  const auto by_flag =
      outcome_of("[retention]\nevents = 9\n", {}, {{"topic-defaults", {first, second}}});
  const auto by_environment = outcome_of(
      "[retention]\nevents = 9\n", {{"TIDEMARK_TOPIC_DEFAULTS", first + "\n" + second + "\n"}});
  ASSERT_THAT(by_file.complaints, IsEmpty());
  ASSERT_EQ(by_file.settings.topic_rules.size(), 2U);
  const auto& logs = by_file.settings.topic_rules[0].settings;
  EXPECT_EQ(logs.durability, storage::Durability::buffered);
  EXPECT_EQ(logs.retention.max_age, std::chrono::hours(7 * 24));
  EXPECT_EQ(logs.retention.max_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(logs.retention.max_events, 9U) << "what an entry leaves out is as for all topics";
  EXPECT_EQ(logs.content_type, "text/plain");
  EXPECT_TRUE(logs.keep_latest);
  EXPECT_EQ(by_file.settings.topic_rules[1].settings.retention.max_events, 5U);
  EXPECT_EQ(description_of(by_flag.settings), description_of(by_file.settings));
  EXPECT_EQ(description_of(by_environment.settings), description_of(by_file.settings));
}

TEST(Config, StatesOfTopicsAreRead) {
  const auto out = outcome_of(R"([[state]]
pattern = "orders/*"
hook = "https://app.example/state?secret=hush&topic={topic}"
secret-file = "/run/hook"
ca-file = "/run/ca.pem"
timeout = "2s"
tries = 5
per-client = true
max-age = "0"
max-events = 7
[[state]]
pattern = "**"
hook = "http://127.0.0.1:8080/{topic}"
allow-private = true
)");
  ASSERT_THAT(out.complaints, IsEmpty());
  const auto& rules = out.settings.hub.states.rules;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].pattern, "orders/*");
  EXPECT_EQ(rules[0].hook.url, "https://app.example/state?secret=hush&topic={topic}");
  EXPECT_EQ(rules[0].hook.ca_file, "/run/ca.pem");
  EXPECT_EQ(rules[0].hook.timeout, std::chrono::seconds(2));
  EXPECT_EQ(rules[0].hook.tries, 5U);
  EXPECT_TRUE(rules[0].per_client);
  EXPECT_EQ(rules[0].max_age, std::chrono::milliseconds(0));
  EXPECT_EQ(rules[0].max_events, 7U);
  EXPECT_TRUE(rules[1].hook.allow_private);
  EXPECT_EQ(rules[1].hook.timeout, StateHook().timeout) << "what an entry leaves out";
  EXPECT_THAT(out.settings.state_secrets,
              ElementsAre(std::filesystem::path("/run/hook"), std::filesystem::path()));
  EXPECT_THAT(listing(out.given), HasSubstr("pattern = \"orders/*\"  # tidemark.toml:2"));
  EXPECT_THAT(listing(out.given), Not(HasSubstr("hush"))) << "a URL may hold a secret";
}

TEST(Config, TheLargestStateIsThatOfHooksAndOfTheStore) {
  const auto out = outcome_of("[state-limits]\nbytes = \"2MiB\"\n");
  EXPECT_EQ(out.settings.hub.states.max_bytes, std::size_t{2} << 20);
  EXPECT_EQ(out.settings.store.committer.max_state_bytes, std::size_t{2} << 20);
}

TEST(Config, TheNewestOfEachKeyIsKeptIfAskedFor) {
  EXPECT_FALSE(outcome_of("").settings.topic_base.keep_latest);
  const auto out = outcome_of("keep-latest = true\n[[topic-defaults]]\npattern = \"a\"\n");
  ASSERT_THAT(out.complaints, IsEmpty());
  EXPECT_TRUE(out.settings.topic_base.keep_latest);
  EXPECT_TRUE(out.settings.topic_rules.at(0).settings.keep_latest) << "as for all topics";
}

TEST(Config, AccessEntriesAreRead) {
  const auto out = outcome_of(R"([[access.api-keys]]
name = "orders"
hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
publish = ["orders/**"]
[[access.token-keys]]
id = "k1"
algorithm = "ES256"
file = "/k1.pem"
[[access.key-sets]]
url = "https://id.example/jwks"
refresh = "5m"
[[max.topics-of]]
pattern = "users/**"
topics = 10
)");
  ASSERT_THAT(out.complaints, IsEmpty());
  const auto& access = out.settings.access;
  EXPECT_TRUE(access.configured());
  EXPECT_EQ(access.api_keys.at(0).name, "orders");
  EXPECT_THAT(access.api_keys.at(0).grants.publish, ElementsAre("orders/**"));
  EXPECT_EQ(access.token_keys.at(0).algorithm, "ES256");
  EXPECT_EQ(access.key_sets.at(0).refresh, std::chrono::minutes(5));
}

TEST(Config, AListingCanBeReadAgain) {
  const std::string file = R"(allow-origin = ["https://a.example"]
[max]
connections = 5
[access.anonymous]
subscribe = ["news/**", "!news/secret"]
[[topic-defaults]]
pattern = "a\\b\"c"
)";
  const auto first = outcome_of(file);
  ASSERT_THAT(first.complaints, IsEmpty());
  const auto second = outcome_of(listing(first.given));
  EXPECT_THAT(second.complaints, IsEmpty());
  EXPECT_EQ(description_of(second.settings), description_of(first.settings));
}

TEST(Config, AListingHidesWhatIsSecret) {
  const auto out = outcome_of(R"([[access.api-keys]]
name = "orders"
hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
[[access.key-sets]]
url = "https://user:hunter2@id.example/jwks?secret=hunter3"
)");
  ASSERT_THAT(out.complaints, IsEmpty());
  EXPECT_THAT(listing(out.given), HasSubstr("name = \"orders\""));
  EXPECT_THAT(listing(out.given), Not(HasSubstr("0123456789abcdef")));
  EXPECT_THAT(listing(out.given), Not(HasSubstr("hunter")));
}

TEST(Config, SlipsInTheEnvironmentAreNoticed) {
  EXPECT_THAT(doubtful_variables({{"TIDEMARK_LISTEM", "x"},
                                  {"TIDEMARK_LISTEN", "x"},
                                  {"TIDEMARK_TOKEN", "x"},
                                  {"TIDEMARK_SERVICE_HOST", "x"},
                                  {"PATH", "x"}}),
              ElementsAre("TIDEMARK_LISTEM is no option, did you mean TIDEMARK_LISTEN?"));
}

Config config_of(const std::string& file) {
  auto out = outcome_of(file);
  EXPECT_THAT(out.complaints, IsEmpty());
  return {.settings = std::move(out.settings), .given = std::move(out.given)};
}

TEST(ConfigChange, TellsWhatIsAppliedAndWhatWaits) {
  const auto now = config_of("io-threads = 1\n[max]\nconnections = 5\nevent = \"1KiB\"\n");
  const auto next = config_of("io-threads = 2\n[max]\nconnections = 6\n[log]\nlevel = \"debug\"\n");
  const auto changed = std::get<Change>(change(now, next));
  EXPECT_THAT(changed.applied, ElementsAre("max.connections", "log.level"));
  EXPECT_THAT(changed.waiting, ElementsAre("io-threads", "max.event"));
  EXPECT_EQ(changed.config.settings.server.limits.connections, 6U);
  EXPECT_EQ(changed.config.settings.log_level, log::Level::debug);
  EXPECT_EQ(changed.config.settings.hub.io_threads, 1U) << "as it was";
  EXPECT_EQ(changed.config.settings.store.committer.max_event_bytes, 1'024U) << "as it was";
}

TEST(ConfigChange, WritingADefaultOutIsNoChange) {
  const auto changed = std::get<Change>(change(config_of(""), config_of("io-threads = 0\n")));
  EXPECT_THAT(changed.applied, IsEmpty());
  EXPECT_THAT(changed.waiting, IsEmpty());
}

TEST(ConfigChange, WaitsAgainUntilTheRestart) {
  const auto now = config_of("");
  const auto next = config_of("io-threads = 2\n");
  const auto first = std::get<Change>(change(now, next));
  const auto second = std::get<Change>(change(first.config, next));
  EXPECT_THAT(second.waiting, ElementsAre("io-threads"));
  EXPECT_THAT(std::get<Change>(change(second.config, now)).waiting, IsEmpty()) << "taken back";
}

TEST(ConfigChange, OfAccessInEntriesIsSeen) {
  const auto entry = [](const std::string& right) {
    return "[[access.api-keys]]\nname = \"a\"\nhash = \"sha256:" + std::string(64, '0') + "\"\n" +
           right;
  };
  const auto now = config_of(entry("publish = [\"a\"]\n"));
  EXPECT_THAT(std::get<Change>(change(now, config_of(entry("manage = [\"a\"]\n")))).applied,
              ElementsAre("access.api-keys"));
  EXPECT_THAT(std::get<Change>(change(now, config_of(""))).applied, ElementsAre("access.api-keys"));
}

// Each file is good, but the address stays open until a restart.
TEST(ConfigChange, ThatWouldOpenTheBrokerToEverybodyIsRefused) {
  const auto now =
      config_of("listen = \"0.0.0.0:4437\"\n[access.anonymous]\nsubscribe = [\"news/**\"]\n");
  const auto next = config_of("listen = \"127.0.0.1:4437\"\n");
  const auto refused = change(now, next);
  ASSERT_TRUE(std::holds_alternative<Complaints>(refused));
  EXPECT_THAT(std::get<Complaints>(refused), ElementsAre(HasSubstr("can be reached by others")));
}

}  // namespace
}  // namespace tidemark::broker::config
