// Who is taken for whom, and what becomes of them when the rules change.
// tests/: broker/access/access over rules, API keys, tokens and the cache.
#include "broker/access/access.hpp"

#include <sys/stat.h>
#include <thread>

#include "broker/access/api_keys.hpp"
#include "broker/access/credential_cache.hpp"
#include "tests/broker/access/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class AccessTest : public testing::Test {
 protected:
  static inline const std::string kApiKey = make_api_key();

  void SetUp() override {
    rules_.anonymous.subscribe = {"public/**"};
    rules_.api_keys = {{.name = "orders-server",
                        .hash = api_key_hash(kApiKey),
                        .grants = {.publish = {"orders/**"}, .subscribe = {}, .manage = {"**"}}}};
    rules_.token_keys = {key_rule(Algorithm::es256, "e"), key_rule(Algorithm::hs256, "h")};
  }

  TokenKeyRule key_rule(Algorithm algorithm, const std::string& id) {
    const auto& key = signing_key(algorithm);
    const auto path = write_file(
        dir_, id, algorithm == Algorithm::hs256 ? key.private_text() : key.public_text());
    ::chmod(path.c_str(), 0600);
    return {.id = id, .algorithm = std::string(name_of(algorithm)), .file = path};
  }

  std::shared_ptr<Access> access() {
    AccessSources sources;
    time_.into(sources);
    sources.note = [this](std::string_view name, const std::string& text) {
      notes_.push_back(std::string(name) + ": " + text);
    };
    auto made = Access::make(rules_, sources);
    if (const auto* faults = std::get_if<std::vector<AccessFault>>(&made)) {
      throw std::runtime_error(faults->front().key + ": " + faults->front().text);
    }
    return std::get<std::shared_ptr<Access>>(made);
  }

  std::vector<std::string> faults() {
    std::vector<std::string> out;
    for (const auto& fault : check_access(rules_)) out.push_back(fault.key + ": " + fault.text);
    return out;
  }

  /// Everything here is decided at once.
  static AuthOutcome outcome(Access& access, std::string_view credential) {
    std::optional<AuthOutcome> out;
    access.authenticate(credential, [&](AuthOutcome given) { out = std::move(given); });
    EXPECT_TRUE(out);
    return out.value_or(AccessRefusal{Errc::overloaded, "no answer"});
  }
  static std::shared_ptr<const Identity> identity(Access& access, std::string_view credential) {
    return identity_in(outcome(access, credential));
  }

  static std::string ada(std::string_view more = {}) {
    return token_of(Algorithm::es256, good_claims(more), R"(,"kid":"e")");
  }

  TempDir dir_;
  FakeTime time_;
  AccessRules rules_;
  std::vector<std::string> notes_;
};

TEST_F(AccessTest, WithoutRulesEverybodyMayEverything) {
  rules_ = {};
  const auto open = access();
  for (const auto& who : {open->anonymous(), identity(*open, "whatever"), identity(*open, "")}) {
    ASSERT_NE(who, nullptr);
    EXPECT_EQ(who->name(), "anonymous");
    EXPECT_TRUE(who->may_operate());
    EXPECT_TRUE(who->may(Right::publish, topic("a/b")));
    EXPECT_EQ(who->expires(), std::nullopt);
  }
}

TEST_F(AccessTest, TheAnonymousHaveTheirRightsOnly) {
  const auto who = access()->anonymous();
  EXPECT_TRUE(who->may_anything());
  EXPECT_TRUE(who->may(Right::subscribe, topic("public/news")));
  EXPECT_FALSE(who->may(Right::subscribe, topic("orders/1")));
  EXPECT_FALSE(who->may(Right::publish, topic("public/news")));
  EXPECT_FALSE(who->may_operate());
}

TEST_F(AccessTest, TheAnonymousMayNothingIfNothingIsSaidOfThem) {
  rules_.anonymous = {};
  const auto who = access()->anonymous();
  EXPECT_FALSE(who->may_anything());
  EXPECT_FALSE(who->may(Right::subscribe, topic("public/news")));
}

TEST_F(AccessTest, AnApiKeyIsItsServer) {
  const auto here = access();
  const auto who = identity(*here, kApiKey);
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name(), "key orders-server");
  EXPECT_TRUE(who->may(Right::publish, topic("orders/1")));
  EXPECT_FALSE(who->may(Right::subscribe, topic("orders/1")));
  EXPECT_TRUE(who->may_operate());
  EXPECT_EQ(said(outcome(*here, make_api_key())), "unauthorized: there is no such API key");
  EXPECT_THAT(said(outcome(*here, rules_.api_keys[0].hash)), StartsWith("unauthorized"));
}

TEST_F(AccessTest, ATokenIsItsSubjectUntilItExpires) {
  const auto here = access();
  const auto who = identity(*here, ada());
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name(), "ada");
  EXPECT_EQ(who->expires(), (Timestamp{(kNowSeconds + 630) * 1000}));
  EXPECT_TRUE(who->may(Right::subscribe, topic("rooms/lobby")));
  EXPECT_FALSE(who->may(Right::subscribe, topic("rooms/staff")));
  EXPECT_TRUE(who->may(Right::publish, topic("rooms/lobby")));
  EXPECT_FALSE(who->may(Right::publish, topic("rooms/other")));
  time_.pass(std::chrono::seconds(629));
  EXPECT_NE(identity(*here, ada()), nullptr);
  EXPECT_EQ(here->renew(who), who);
  time_.pass(std::chrono::seconds(1));
  EXPECT_THAT(said(outcome(*here, ada())), StartsWith("token_expired"));
  EXPECT_EQ(here->renew(who), nullptr);
}

TEST_F(AccessTest, ATokenWithoutRightsMayNothing) {
  const auto who =
      identity(*access(), token_of(Algorithm::es256, R"({"exp":1790000600})", R"(,"kid":"e")"));
  ASSERT_NE(who, nullptr);
  EXPECT_EQ(who->name(), "unnamed");
  EXPECT_FALSE(who->may_anything());
  EXPECT_FALSE(who->may(Right::subscribe, topic("public/news")));
}

TEST_F(AccessTest, WhatIsTooLongIsRefusedUnread) {
  const auto here = access();
  EXPECT_THAT(said(outcome(*here, std::string(1 << 20, 'a'))), HasSubstr("longer than"));
  const auto padded = ada(R"(,"x":")" + std::string(8192, 'x') + "\"");
  EXPECT_THAT(said(outcome(*here, padded)), HasSubstr("longer than"));
  rules_.token_bytes = 16'384;
  EXPECT_EQ(said(outcome(*access(), padded)), "ada");
  EXPECT_THAT(said(outcome(*here, "")), HasSubstr("empty"));
}

TEST_F(AccessTest, NobodyCountsAsSomebodyElseOfTheSameName) {
  const auto here = access();
  const auto named = [&](const std::string& sub, const std::string& more) {
    return identity(
        *here, token_of(Algorithm::es256, R"({"exp":1790000600,"sub":")" + sub + "\"" + more + "}",
                        R"(,"kid":"e")"));
  };
  const auto key = identity(*here, kApiKey);
  EXPECT_EQ(named("key orders-server", "")->name(), key->name());
  EXPECT_NE(named("key orders-server", "")->quota_key(), key->quota_key());
  EXPECT_NE(named("anonymous", "")->quota_key(), here->anonymous()->quota_key());
  EXPECT_FALSE(named("ada", R"(,"iss":"a")")->same_client(*named("ada", R"(,"iss":"b")")));
  EXPECT_TRUE(named("ada", R"(,"jti":"1")")->same_client(*named("ada", R"(,"jti":"2")")));
}

TEST_F(AccessTest, OtherRulesAreTakenAsAWholeOrNotAtAll) {
  const auto here = access();
  const auto before = here->generation();
  auto wrong = rules_;
  wrong.anonymous.subscribe = {"a//b"};
  wrong.api_keys.clear();
  EXPECT_EQ(here->replace(wrong).size(), 1U);
  EXPECT_EQ(here->generation(), before);
  EXPECT_NE(identity(*here, kApiKey), nullptr);
  auto right = rules_;
  right.api_keys.clear();
  EXPECT_THAT(here->replace(right), IsEmpty());
  EXPECT_NE(here->generation(), before);
  EXPECT_EQ(identity(*here, kApiKey), nullptr);
  EXPECT_THAT(here->rules()->api_keys, IsEmpty());
}

TEST_F(AccessTest, AnApiKeyIsRenewedWithTheRightsOfNow) {
  const auto here = access();
  const auto who = identity(*here, kApiKey);
  rules_.api_keys[0].grants = {.publish = {"other"}, .subscribe = {}, .manage = {}};
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  const auto now = here->renew(who);
  ASSERT_NE(now, nullptr);
  EXPECT_FALSE(now->may(Right::publish, topic("orders/1")));
  EXPECT_TRUE(now->may(Right::publish, topic("other")));
  rules_.api_keys.clear();
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  EXPECT_EQ(here->renew(who), nullptr);
}

TEST_F(AccessTest, ATokenIsWithdrawnWithItsSubjectItsIdItsKeyItsIssuerAndItsAudience) {
  const auto here = access();
  const auto token = ada(R"(,"jti":"t1","iss":"i","aud":["a"])");
  const auto who = identity(*here, token);
  ASSERT_NE(who, nullptr);
  const auto withdrawn = [&](auto change) {
    auto rules = rules_;
    change(rules);
    EXPECT_THAT(here->replace(rules), IsEmpty());
    const bool gone = here->renew(who) == nullptr;
    EXPECT_EQ(identity(*here, token) == nullptr, gone) << "renewed and shown anew differ";
    return gone;
  };
  EXPECT_FALSE(withdrawn([](AccessRules&) {}));
  EXPECT_TRUE(withdrawn([](AccessRules& rules) { rules.revoked_subjects = {"eve", "ada"}; }));
  EXPECT_TRUE(withdrawn([](AccessRules& rules) { rules.revoked_tokens = {"t1"}; }));
  EXPECT_TRUE(
      withdrawn([](AccessRules& rules) { rules.token_keys.erase(rules.token_keys.begin()); }));
  EXPECT_TRUE(withdrawn([](AccessRules& rules) { rules.issuer = "other"; }));
  EXPECT_TRUE(withdrawn([](AccessRules& rules) { rules.audience = {"other"}; }));
  EXPECT_FALSE(withdrawn([](AccessRules& rules) { rules.revoked_subjects = {"eve"}; }));
  EXPECT_FALSE(withdrawn([](AccessRules& rules) {
    rules.issuer = "i";
    rules.audience = {"a"};
  }));
}

TEST_F(AccessTest, AKeyFileThatWasReplacedIsReadAgain) {
  const auto here = access();
  const auto who = identity(*here, ada());
  write_file(dir_, "e", SigningKey::generate(Algorithm::es256).public_text());
  EXPECT_EQ(here->renew(who), who);
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  EXPECT_EQ(here->renew(who), nullptr);
  EXPECT_EQ(identity(*here, ada()), nullptr);
}

TEST_F(AccessTest, TheAnonymousAreRenewedAsTheAnonymousOfNow) {
  const auto here = access();
  const auto who = here->anonymous();
  rules_.anonymous = {};
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  const auto now = here->renew(who);
  ASSERT_NE(now, nullptr);
  EXPECT_FALSE(now->may_anything());
}

TEST_F(AccessTest, WhoWasFreeToDoEverythingIsAnonymousOnceThereAreRules) {
  const auto rules = std::exchange(rules_, {});
  const auto here = access();
  const auto who = here->anonymous();
  EXPECT_THAT(here->replace(rules), IsEmpty());
  EXPECT_FALSE(here->renew(who)->may_operate());
}

TEST_F(AccessTest, EveryFaultIsToldAndWhereItIs) {
  rules_.anonymous.publish = {"a*"};
  rules_.leeway = std::chrono::seconds(61);
  rules_.token_bytes = 100'000;
  rules_.api_keys.push_back(
      {.name = "orders-server", .hash = rules_.api_keys[0].hash, .grants = {}});
  rules_.api_keys.push_back({.name = "a\nb",
                             .hash = kApiKey,
                             .grants = {.publish = {"/"}, .subscribe = {}, .manage = {}}});
  rules_.token_keys.push_back({.id = "", .algorithm = "none", .file = {}});
  rules_.token_keys.push_back({.id = "", .algorithm = "RS256", .file = dir_.path() / "missing"});
  rules_.token_keys.push_back({.id = "", .algorithm = "RS256", .file = dir_.path() / "e"});
  rules_.key_sets = {
      {},
      {.url = "ftp://a.example", .file = {}, .issuer = {}},
      {.url = "https://u:p@a.example", .file = {}, .issuer = {}},
      {.url = "http://a.example", .file = {}, .issuer = {}},
      {.url = "https://a.example", .file = {}, .issuer = {}, .refresh = std::chrono::seconds(1)},
      {.url = {}, .file = dir_.path() / "e", .issuer = {}}};
  const auto told = faults();
  for (const auto* key :
       {"access.anonymous: publish: ", "access.leeway: ", "access.token-bytes: ",
        "access.api-keys[1].hash: ", "access.api-keys[1].name: ", "access.api-keys[2].hash: ",
        "access.api-keys[2].name: ", "access.api-keys[2]: publish: ",
        "access.token-keys[2].algorithm: ", "access.token-keys[3].file: ",
        "access.token-keys[4].file: ", "access.key-sets[0]: ", "access.key-sets[1].url: ",
        "access.key-sets[2].url: ", "access.key-sets[3].url: ", "access.key-sets[4].refresh: ",
        "access.key-sets[5].file: "}) {
    EXPECT_THAT(told, Contains(StartsWith(key)));
  }
  EXPECT_EQ(told.size(), 17U);
  for (const auto& text : told) EXPECT_THAT(text, testing::Not(HasSubstr(kApiKey)));
}

TEST_F(AccessTest, ASecretThatEveryoneCanReadIsToldOf) {
  access();
  EXPECT_THAT(notes_, IsEmpty());
  ::chmod((dir_.path() / "h").c_str(), 0644);
  access();
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("readable by everyone")));
}

TEST_F(AccessTest, IsAskedByManyThreadsWhileItsRulesChange) {
  const auto here = access();
  const auto good = ada();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        const auto who = identity(*here, i % 2 == 0 ? good : kApiKey);
        if (who == nullptr || (i % 2 == 0 && here->renew(who) == nullptr)) ++wrong;
        if (identity(*here, good + "x") != nullptr) ++wrong;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    rules_.revoked_subjects = {"eve" + std::to_string(i)};
    EXPECT_THAT(here->replace(rules_), IsEmpty());
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

std::shared_ptr<const Identity> someone(std::optional<Timestamp> expires) {
  return std::make_shared<const Identity>(Provenance{}, Rights(), expires);
}

TEST(CredentialCache, GivesWhatWasPutInItsGenerationUntilItExpires) {
  CredentialCache cache;
  const auto who = someone(Timestamp{1000});
  cache.put(sha256("a"), 1, who);
  EXPECT_EQ(cache.find(sha256("a"), 1, {999}), who);
  EXPECT_EQ(cache.find(sha256("b"), 1, {999}), nullptr);
  EXPECT_EQ(cache.find(sha256("a"), 2, {999}), nullptr);
  EXPECT_EQ(cache.size(), 0U);
  cache.put(sha256("a"), 2, who);
  EXPECT_EQ(cache.find(sha256("a"), 2, {1000}), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(CredentialCache, IsBoundedAndKeepsWhatWasUsedLast) {
  CredentialCache cache(8 * 4);
  const auto often = sha256("often");
  cache.put(often, 1, someone(std::nullopt));
  for (int i = 0; i < 1000; ++i) {
    cache.put(sha256(std::to_string(i)), 1, someone(std::nullopt));
    ASSERT_NE(cache.find(often, 1, {0}), nullptr);
  }
  EXPECT_LE(cache.size(), 32U);
  EXPECT_EQ(cache.find(sha256("0"), 1, {0}), nullptr);
}

TEST(CredentialCache, AnOlderGenerationDoesNotTakeTheNewersPlace) {
  CredentialCache cache;
  const auto newer = someone(std::nullopt);
  cache.put(sha256("a"), 2, newer);
  cache.put(sha256("a"), 1, someone(std::nullopt));
  EXPECT_EQ(cache.find(sha256("a"), 2, {0}), newer);
}

}  // namespace
}  // namespace tidemark::broker
