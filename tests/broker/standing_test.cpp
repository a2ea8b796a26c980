// What becomes of a credential while a connection lasts.
// tests/: broker/standing.
#include "broker/standing.hpp"

#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::seconds;
using Change = Standing::Change;

class StandingTest : public testing::Test {
 protected:
  /// Whose token this is.
  Caller caller(const std::string& token) const {
    Caller out;
    access_.access()->authenticate(token, [&](const AuthOutcome& outcome) {
      out = Caller(std::get<std::shared_ptr<const Identity>>(outcome));
    });
    return out;
  }
  Change look(Standing& standing) const { return standing.look(access_.now()); }

  TestAccess access_;
  Standing standing_{
      access_.access().get(),
      caller(access_.token({.grants = R"({"publish":["**"]})", .lives_ms = 90'000, .id = "t1"}))};
};

TEST_F(StandingTest, WithoutAccessNothingEverChanges) {
  Standing standing;
  EXPECT_EQ(standing.look({0}), Change::none);
  EXPECT_EQ(Standing(access_.access().get(), Caller()).look(access_.now()), Change::none);
}

TEST_F(StandingTest, AnExpiryIsAnnouncedOnceAndThenComes) {
  EXPECT_EQ(look(standing_), Change::none);
  access_.pass(seconds(29));
  EXPECT_EQ(look(standing_), Change::none);
  access_.pass(seconds(1));
  EXPECT_EQ(look(standing_), Change::notice);
  EXPECT_EQ(standing_.left(access_.now()), seconds(60));
  EXPECT_EQ(look(standing_), Change::none);
  access_.pass(seconds(60));
  EXPECT_EQ(look(standing_), Change::expired);
  EXPECT_EQ(look(standing_), Change::expired);
}

TEST_F(StandingTest, ATokenThatIsShortLivedIsAnnouncedAtOnce) {
  Standing standing(access_.access().get(), caller(access_.token({.lives_ms = 5'000})));
  EXPECT_EQ(look(standing), Change::notice);
  EXPECT_EQ(standing.left(access_.now()), seconds(5));
}

TEST_F(StandingTest, AnotherCredentialIsAnnouncedAnew) {
  access_.pass(seconds(60));
  EXPECT_EQ(look(standing_), Change::notice);
  standing_.replace(caller(access_.token({.lives_ms = 120'000})));
  EXPECT_EQ(look(standing_), Change::none);
  access_.pass(seconds(60));
  EXPECT_EQ(look(standing_), Change::notice);
}

TEST_F(StandingTest, AWithdrawnTokenStaysWithdrawn) {
  EXPECT_EQ(look(standing_), Change::none);
  auto rules = access_.rules();
  rules.revoked_tokens = {"t1"};
  access_.replace(rules);
  EXPECT_EQ(look(standing_), Change::withdrawn);
  EXPECT_EQ(look(standing_), Change::withdrawn);
}

TEST_F(StandingTest, WhatChangedBeforeTheFirstLookIsFoundByIt) {
  auto rules = access_.rules();
  rules.revoked_subjects = {"ada"};
  access_.replace(rules);
  EXPECT_EQ(look(standing_), Change::withdrawn);
}

TEST_F(StandingTest, TheAnonymousAreToldOfOtherRights) {
  Standing standing(access_.access().get(), Caller(access_.access()->anonymous()));
  EXPECT_EQ(look(standing), Change::none);
  EXPECT_FALSE(standing.caller().may(Right::subscribe, name_of("news/a")));
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"news/*"};
  access_.replace(rules);
  EXPECT_EQ(look(standing), Change::rights);
  EXPECT_TRUE(standing.caller().may(Right::subscribe, name_of("news/a")));
}

TEST_F(StandingTest, OtherRulesThatTakeNothingFromATokenChangeNothing) {
  EXPECT_EQ(look(standing_), Change::none);
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"news/*"};
  access_.replace(rules);
  EXPECT_EQ(look(standing_), Change::none);
}

}  // namespace
}  // namespace tidemark::broker
