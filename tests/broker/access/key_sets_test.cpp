// Key sets that are fetched: rotation, failure, floods of unknown keys.
// tests/: broker/access/key_sets under Access, with a fetcher and a clock in our hands.
#include "broker/access/key_sets.hpp"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include "tests/broker/access/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr auto kPatience = std::chrono::seconds(20);  // until a test gives up

/// What URLs answer, how often they were asked, and a gate they can be held at.
class FakeWeb {
 public:
  void answer(const std::string& url, Fetched with) {
    const std::lock_guard lock(mutex_);
    answers_[url] = std::move(with);
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  Fetched fetch(const FetchRequest& request) {
    std::unique_lock lock(mutex_);
    ++fetches_;
    changed_.notify_all();
    changed_.wait(lock, request.stop, [this] { return !held_; });
    if (request.stop.stop_requested()) return FetchFailure{"stopped"};
    const auto found = answers_.find(request.url);
    return found == answers_.end() ? Fetched(FetchFailure{"the answer is 404"}) : found->second;
  }
  int fetches() {
    const std::lock_guard lock(mutex_);
    return fetches_;
  }
  /// False: it took too long.
  bool wait_for_fetches(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return fetches_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Fetched> answers_;
  bool held_ = false;
  int fetches_ = 0;
};

const std::string kUrl = "https://id.example/keys";

class KeySetsTest : public testing::Test {
 protected:
  KeySetsTest() {
    time_.into(sources_);
    sources_.fetch = [this](const FetchRequest& request) { return web_.fetch(request); };
    sources_.note = [this](std::string_view name, const std::string& text) {
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::string(name) + ": " + text);
      noted_.notify_all();
    };
    rules_.key_sets = {{.url = kUrl, .file = {}, .issuer = {}}};
  }

  std::shared_ptr<Access> access() {
    return std::get<std::shared_ptr<Access>>(Access::make(rules_, sources_));
  }

  static std::string token(Algorithm algorithm, const std::string& kid,
                           std::string_view more = {}) {
    return token_of(algorithm, good_claims(more), R"(,"kid":")" + kid + "\"");
  }

  static std::future<AuthOutcome> ask(Access& access, const std::string& token) {
    auto promise = std::make_shared<std::promise<AuthOutcome>>();
    auto out = promise->get_future();
    access.authenticate(token,
                        [promise](AuthOutcome given) { promise->set_value(std::move(given)); });
    return out;
  }
  static std::string answer(std::future<AuthOutcome> asked) {
    if (asked.wait_for(kPatience) != std::future_status::ready) return "no answer";
    return said(asked.get());
  }
  static std::string answer(Access& access, const std::string& token) {
    return answer(ask(access, token));
  }

  bool wait_for_note(std::string_view part) {
    std::unique_lock lock(mutex_);
    return noted_.wait_for(lock, kPatience, [&] {
      return std::ranges::any_of(
          notes_, [&](const std::string& note) { return note.find(part) != std::string::npos; });
    });
  }

  FakeTime time_;
  FakeWeb web_;
  AccessSources sources_;
  AccessRules rules_;
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> notes_;
};

TEST_F(KeySetsTest, AreFetchedInTheBackgroundAndWhoComesEarlyWaits) {
  web_.answer(kUrl, key_set_text({Algorithm::es256, Algorithm::rs256, Algorithm::eddsa}));
  web_.hold();
  const auto here = access();
  ASSERT_TRUE(web_.wait_for_fetches(1));
  auto early = ask(*here, token(Algorithm::es256, "ES256"));
  EXPECT_EQ(early.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  web_.release();
  EXPECT_EQ(answer(std::move(early)), "ada");
  EXPECT_EQ(answer(*here, token(Algorithm::rs256, "RS256")), "ada");
  EXPECT_EQ(answer(*here, token_of(Algorithm::eddsa, good_claims())), "ada");
  EXPECT_EQ(web_.fetches(), 1);
}

TEST_F(KeySetsTest, ARotatedKeyIsFoundWhenATokenNamesIt) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}, "old"));
  const auto here = access();
  ASSERT_EQ(answer(*here, token(Algorithm::es256, "old")), "ada");
  web_.answer(kUrl, key_set_text({Algorithm::eddsa}, "new"));
  time_.pass(std::chrono::seconds(31));
  EXPECT_EQ(answer(*here, token(Algorithm::eddsa, "new")), "ada");
  EXPECT_EQ(web_.fetches(), 2);
}

TEST_F(KeySetsTest, AKeyThatHasGoneTakesItsTokensAlong) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}, "old"));
  const auto here = access();
  const auto old_token = token(Algorithm::es256, "old");
  ASSERT_EQ(answer(*here, old_token), "ada");
  const auto who = identity_in(ask(*here, old_token).get());
  const auto before = here->generation();
  EXPECT_EQ(here->renew(who), who);
  web_.answer(kUrl, key_set_text({Algorithm::eddsa}, "new"));
  time_.pass(std::chrono::seconds(31));
  ASSERT_EQ(answer(*here, token(Algorithm::eddsa, "new")), "ada");
  EXPECT_NE(here->generation(), before);
  EXPECT_EQ(here->renew(who), nullptr);
  EXPECT_THAT(answer(*here, old_token), StartsWith("unauthorized"));
}

TEST_F(KeySetsTest, AKeyThatIsAddedTakesNothingFromAnyone) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  const auto here = access();
  ASSERT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  const auto before = here->generation();
  web_.answer(kUrl, key_set_text({Algorithm::es256, Algorithm::eddsa}));
  time_.pass(std::chrono::seconds(31));
  ASSERT_EQ(answer(*here, token(Algorithm::eddsa, "EdDSA")), "ada");
  EXPECT_EQ(here->generation(), before);
}

TEST_F(KeySetsTest, AFloodOfUnknownKeysIsOneFetchEvery30Seconds) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  const auto here = access();
  ASSERT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  const auto flood = [&](const std::string& kid) {
    for (int i = 0; i < 2000; ++i) {
      EXPECT_THAT(answer(*here, token(Algorithm::hs256, kid + std::to_string(i))),
                  HasSubstr("there is no key with the id"));
    }
  };
  flood("a");
  EXPECT_EQ(web_.fetches(), 1);
  time_.pass(std::chrono::seconds(29));
  flood("b");
  EXPECT_EQ(web_.fetches(), 1);
  time_.pass(std::chrono::seconds(1));
  flood("c");
  EXPECT_EQ(web_.fetches(), 2);
  EXPECT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
}

TEST_F(KeySetsTest, WhoWaitsAtOnceSharesOneFetchAndIsBounded) {
  web_.hold();
  const auto here = access();
  ASSERT_TRUE(web_.wait_for_fetches(1));
  std::vector<std::future<AuthOutcome>> asked;
  for (std::size_t i = 0; i < KeySets::most_waiting; ++i) {
    asked.push_back(ask(*here, token(Algorithm::es256, "ES256")));
  }
  // One more would be too many, and is told at once.
  auto refused = ask(*here, token(Algorithm::es256, "ES256"));
  EXPECT_EQ(refused.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  web_.release();
  for (auto& one : asked) ASSERT_EQ(answer(std::move(one)), "ada");
  EXPECT_EQ(web_.fetches(), 1);
}

TEST_F(KeySetsTest, AFailedFetchKeepsTheKeysAndIsToldOf) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  const auto here = access();
  ASSERT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  for (const Fetched& failure :
       {Fetched(FetchFailure{"the answer is 500"}), Fetched("garbage"), Fetched(R"({"keys":[]})"),
        Fetched(R"({"keys":[{"kty":"oct","k":"AAAA"}]})")}) {
    web_.answer(kUrl, failure);
    time_.pass(std::chrono::seconds(31));
    EXPECT_THAT(answer(*here, token(Algorithm::eddsa, "x")), StartsWith("unauthorized"));
    EXPECT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  }
  EXPECT_EQ(web_.fetches(), 5);
  EXPECT_TRUE(wait_for_note("the answer is 500; the keys from before stay"));
  EXPECT_TRUE(wait_for_note("not valid JSON"));
  EXPECT_TRUE(wait_for_note("has no keys"));
  EXPECT_TRUE(wait_for_note("is a secret"));
}

TEST_F(KeySetsTest, WithoutAnyKeysNothingIsTaken) {
  const auto here = access();
  EXPECT_THAT(answer(*here, token(Algorithm::es256, "ES256")), StartsWith("unauthorized"));
  EXPECT_THAT(answer(*here, token_of(Algorithm::es256, good_claims())), StartsWith("unauthorized"));
  EXPECT_TRUE(wait_for_note("the answer is 404"));
}

TEST_F(KeySetsTest, ASecretFromAUrlIsNoKey) {
  web_.answer(kUrl, R"({"keys":[{"kty":"oct","kid":"s","k":")" +
                        std::string("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0") +
                        R"("}]})");
  const auto here = access();
  const auto forger =
      std::get<SigningKey>(SigningKey::read("secretsecretsecretsecretsecretsecret", "HS256"));
  EXPECT_THAT(answer(*here, forger.token(header_of("HS256", R"(,"kid":"s")"), good_claims())),
              StartsWith("unauthorized"));
}

TEST_F(KeySetsTest, AreRefreshedWhenTheirTimeHasCome) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  KeySets sets(sources_, [] {});
  sets.replace({{rules_.key_sets[0], {}}}, false);
  ASSERT_TRUE(web_.wait_for_fetches(1));
  ASSERT_TRUE(wait_for_note("key_set_changed"));
  // It is told of a moment before it is over; whoever waits is called when it is.
  std::promise<void> over;
  if (sets.demand([&] { over.set_value(); })) {
    ASSERT_EQ(over.get_future().wait_for(kPatience), std::future_status::ready);
  }
  time_.pass(std::chrono::seconds(539));  // nine tenths of ten minutes are the earliest
  std::promise<void> looked;
  EXPECT_TRUE(sets.demand([&] { looked.set_value(); }));
  ASSERT_EQ(looked.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(web_.fetches(), 2);  // the demand's
  time_.pass(std::chrono::seconds(661));
  sets.look();
  EXPECT_TRUE(web_.wait_for_fetches(3));
}

TEST_F(KeySetsTest, OfTwoIssuersMayUseTheSameId) {
  const std::string other = "https://two.example/keys";
  rules_.key_sets = {{.url = kUrl, .file = {}, .issuer = "one"},
                     {.url = other, .file = {}, .issuer = "two"}};
  web_.answer(kUrl, key_set_text({Algorithm::es256}, "1"));
  web_.answer(other, key_set_text({Algorithm::eddsa}, "1"));
  const auto here = access();
  EXPECT_EQ(answer(*here, token(Algorithm::es256, "1", R"(,"iss":"one")")), "ada");
  EXPECT_EQ(answer(*here, token(Algorithm::eddsa, "1", R"(,"iss":"two")")), "ada");
  EXPECT_THAT(answer(*here, token(Algorithm::es256, "1", R"(,"iss":"two")")),
              HasSubstr("another issuer"));
  EXPECT_THAT(answer(*here, token(Algorithm::eddsa, "1", R"(,"iss":"one")")),
              HasSubstr("another issuer"));
}

// A key that is here already has the id, or is of the algorithm, of one that is still to come.
TEST_F(KeySetsTest, AKeyOfASetThatIsNotThereYetIsWaitedFor) {
  const TempDir dir;
  const auto one = write_file(dir, "1", signing_key(Algorithm::es256).public_text());
  const auto other = write_file(dir, "2", SigningKey::generate(Algorithm::eddsa).public_text());
  rules_.token_keys = {{.id = "1", .algorithm = "ES256", .file = one},
                       {.id = "2", .algorithm = "EdDSA", .file = other}};
  for (const auto& token : {token(Algorithm::eddsa, "1"), token(Algorithm::eddsa, "2"),
                            token_of(Algorithm::eddsa, good_claims())}) {
    const int fetches = web_.fetches();
    web_.answer(kUrl, R"({"keys":[)" + signing_key(Algorithm::eddsa).public_jwk_text("1") + "," +
                          signing_key(Algorithm::eddsa).public_jwk_text("2") + "]}");
    web_.hold();
    const auto here = access();
    ASSERT_TRUE(web_.wait_for_fetches(fetches + 1));
    auto asked = ask(*here, token);
    EXPECT_EQ(asked.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    web_.release();
    EXPECT_EQ(answer(std::move(asked)), "ada");
  }
}

TEST_F(KeySetsTest, AFloodOfWrongSignaturesIsOneFetchEvery30SecondsToo) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  const auto here = access();
  ASSERT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  const auto forger = SigningKey::generate(Algorithm::es256);
  const auto forged = forger.token(header_of("ES256", R"(,"kid":"ES256")"), good_claims());
  time_.pass(std::chrono::seconds(31));
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(answer(*here, forged), "unauthorized: its signature is wrong");
  }
  EXPECT_EQ(web_.fetches(), 2);
}

TEST_F(KeySetsTest, KeepTheirKeysWhenOtherRulesComeAndStillNameThem) {
  web_.answer(kUrl, key_set_text({Algorithm::es256}));
  const auto here = access();
  const auto good = token(Algorithm::es256, "ES256");
  ASSERT_EQ(answer(*here, good), "ada");
  rules_.revoked_subjects = {"eve"};
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  EXPECT_EQ(answer(*here, good), "ada");
  EXPECT_EQ(web_.fetches(), 1);
  rules_.key_sets.clear();
  rules_.anonymous.subscribe = {"a"};
  EXPECT_THAT(here->replace(rules_), IsEmpty());
  EXPECT_THAT(answer(*here, good), StartsWith("unauthorized"));
}

TEST_F(KeySetsTest, AFileIsReadAgainWhenATokenNamesAKeyItDidNotHave) {
  const TempDir dir;
  const auto path = write_file(dir, "keys.json", key_set_text({Algorithm::es256}));
  rules_.key_sets = {{.url = {}, .file = path, .issuer = {}}};
  const auto here = access();
  EXPECT_EQ(answer(*here, token(Algorithm::es256, "ES256")), "ada");
  write_file(dir, "keys.json", key_set_text({Algorithm::es256, Algorithm::eddsa}));
  EXPECT_EQ(answer(*here, token(Algorithm::eddsa, "EdDSA")), "ada");
  EXPECT_EQ(web_.fetches(), 0);
}

TEST_F(KeySetsTest, WhoStillWaitsWhenAccessEndsIsRefused) {
  web_.hold();
  auto here = access();
  ASSERT_TRUE(web_.wait_for_fetches(1));
  auto waiting = ask(*here, token(Algorithm::es256, "ES256"));
  here.reset();
  EXPECT_THAT(answer(std::move(waiting)), StartsWith("unauthorized"));
}

}  // namespace
}  // namespace tidemark::broker
