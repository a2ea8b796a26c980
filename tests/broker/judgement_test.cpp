// Which route needs which right, and that nothing else decides.
// tests/: broker/judgement.
#include "broker/judgement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"

namespace tidemark::broker {
namespace {

namespace http = boost::beast::http;
using http::verb;
using Head = http::request_header<>;
using Kind = Provenance::Kind;

Head head_of(verb method, const std::string& target, const std::string& fork_of = {}) {
  Head head;
  head.method(method);
  head.target(target);
  if (!fork_of.empty()) head.set("Stream-Forked-From", fork_of);
  return head;
}

Caller with(const std::string& right, Kind kind = Kind::token) {
  Grants grants;
  if (right == "publish") grants.publish = {"a/**"};
  if (right == "subscribe") grants.subscribe = {"a/**"};
  if (right == "manage") grants.manage = {"a/**"};
  if (right == "operate") grants.manage = {"**"};
  return Caller(identity_of(std::move(grants), kind));
}

/// Those of the rights that suffice.
std::string sufficing(const Head& head) {
  std::string out;
  for (const auto* right : {"publish", "subscribe", "manage"}) {
    if (judge(with(right), head)) continue;
    if (!out.empty()) out += " ";
    out += right;
  }
  return out;
}

TEST(Judgement, EveryRouteNeedsItsRight) {
  const std::string all = "publish subscribe manage";
  EXPECT_EQ(sufficing(head_of(verb::get, "/healthz")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/openapi.json")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/console/")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/topics")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/ws")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/topics/a/b")), "subscribe manage");
  EXPECT_EQ(sufficing(head_of(verb::put, "/v1/topics/a/b")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::delete_, "/v1/topics/a/b")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::post, "/v1/topics/a/b/events")), "publish");
  EXPECT_EQ(sufficing(head_of(verb::post, "/v1/topics/a/b/trim")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/stream/a/b?live=sse&offset=-1")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::head, "/v1/stream/a/b")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::put, "/v1/stream/a/b")), "publish");
  EXPECT_EQ(sufficing(head_of(verb::post, "/v1/stream/a/b")), "publish");
  EXPECT_EQ(sufficing(head_of(verb::delete_, "/v1/stream/a/b")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/state/a/b")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::put, "/v1/state/a/b")), "publish");
  EXPECT_EQ(sufficing(head_of(verb::delete_, "/v1/state/a/b")), "publish");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/cursors")), all);
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/cursors/a/b?cursor=c")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::delete_, "/v1/cursors/a/b?cursor=c")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/unread/a/b?cursor=c")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/producers/a/b")), "manage");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/offsets/a/b?time=1")), "subscribe manage");
}

TEST(Judgement, WhatConcernsTheWholeBrokerIsForWhoManagesAllOfIt) {
  for (const auto& head : {head_of(verb::get, "/metrics"), head_of(verb::get, "/v1/stats"),
                           head_of(verb::get, "/v1/backups"), head_of(verb::post, "/v1/backups"),
                           head_of(verb::delete_, "/v1/backups?name=a")}) {
    EXPECT_EQ(sufficing(head), "") << head.target();
    EXPECT_FALSE(judge(with("operate"), head)) << head.target();
  }
}

TEST(Judgement, OnlyWhoManagesATopicPutsItsCursorsBack) {
  const std::string path = "/v1/cursors/a/b?cursor=c";
  EXPECT_EQ(sufficing(head_of(verb::put, path)), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::put, path + "&force=false")), "subscribe");
  for (const auto* forced : {"&force=true", "&force=false&force=true", "&%66orce=true", "&force"}) {
    EXPECT_EQ(sufficing(head_of(verb::put, path + forced)), "manage") << forced;
  }
  EXPECT_EQ(sufficing(head_of(verb::get, path + "&force=true")), "subscribe");
}

TEST(Judgement, EscapesInAPathLeadToTheSameTopic) {
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/stream/%61%2Fb")), "subscribe");
  EXPECT_EQ(sufficing(head_of(verb::get, "/v1/stream/%62%2Fb")), "");
  EXPECT_EQ(sufficing(head_of(verb::delete_, "/v1/topics/%61/b?x=/a/")), "manage");
}

TEST(Judgement, AForkNeedsItsSourceToo) {
  Grants grants{.publish = {"a/**"}, .subscribe = {"b/**"}, .manage = {}};
  const Caller caller(identity_of(std::move(grants), Kind::token));
  EXPECT_FALSE(judge(caller, head_of(verb::put, "/v1/stream/a/x", "/v1/stream/b/y")));
  EXPECT_FALSE(judge(caller, head_of(verb::put, "/v1/stream/a/x", "/v1/stream/b%2Fy")));
  EXPECT_EQ(judge(caller, head_of(verb::put, "/v1/stream/a/x", "/v1/stream/c/y")), Errc::forbidden);
  EXPECT_EQ(judge(caller, head_of(verb::put, "/v1/stream/a/x", "/v1/stream/%63/y")),
            Errc::forbidden);
  EXPECT_EQ(judge(caller, head_of(verb::put, "/v1/stream/b/x", "/v1/stream/b/y")), Errc::forbidden);
}

TEST(Judgement, WhoHasShownNothingMayShowSomething) {
  const auto head = head_of(verb::get, "/v1/stream/b");
  EXPECT_EQ(judge(with("subscribe", Kind::anonymous), head), Errc::unauthorized);
  EXPECT_EQ(judge(with("subscribe", Kind::token), head), Errc::forbidden);
  EXPECT_EQ(judge(with("subscribe", Kind::api_key), head), Errc::forbidden);
  EXPECT_EQ(judge(Caller(), head), std::nullopt);
}

TEST(Judgement, WithoutAnyRightThereIsNoListing) {
  const auto head = head_of(verb::get, "/v1/topics");
  EXPECT_EQ(judge(with("none", Kind::anonymous), head), Errc::unauthorized);
  EXPECT_EQ(judge(with("none", Kind::token), head), Errc::forbidden);
}

TEST(Judgement, WhatIsNotThereIsToldToEverybody) {
  for (const auto& head : {head_of(verb::get, "/v1/nothing"), head_of(verb::patch, "/v1/topics/b"),
                           head_of(verb::get, "/v1/stream/%zz")}) {
    EXPECT_EQ(needs_of(head), Needs::nothing) << head.target();
    EXPECT_EQ(judge(with("none", Kind::anonymous), head), std::nullopt) << head.target();
  }
}

TEST(Judgement, ANameThatIsNoneIsLeftToItsRoute) {
  EXPECT_EQ(judge(with("publish"), head_of(verb::get, "/v1/stream/a//b")), std::nullopt);
  EXPECT_EQ(judge(with("none"), head_of(verb::get, "/v1/stream/a//b")), Errc::forbidden);
}

TEST(Judgement, RefusalsOfUnknownCallersCarryAChallenge) {
  EXPECT_THAT(access_refused(Errc::unauthorized, false).fields,
              testing::HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(access_refused(Errc::token_expired, true).fields,
              testing::HasSubstr("WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"));
  EXPECT_EQ(access_refused(Errc::forbidden, true).fields, "");
  EXPECT_EQ(access_refused(Errc::forbidden, true).status, 403U);
}

}  // namespace
}  // namespace tidemark::broker
