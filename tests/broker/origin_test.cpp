// Which pages may use the broker.
// tests/: broker/origin.
#include "broker/origin.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

OriginPolicy policy(const std::vector<std::string>& allowed = {}, bool loopback = true) {
  return OriginPolicy::make(allowed, loopback).value();
}

TEST(OriginPolicy, WithoutAnOriginARequestComesFromNoForeignPage) {
  EXPECT_TRUE(policy().allows(std::nullopt, "localhost:4437"));
}

TEST(OriginPolicy, TheSameOriginIsAllowedByHostAndPort) {
  EXPECT_TRUE(policy().allows("http://localhost:4437", "localhost:4437"));
  EXPECT_TRUE(policy().allows("HTTP://LocalHost:4437", "localhost:4437"));
  EXPECT_TRUE(policy().allows("https://broker.example", "broker.example"));
  EXPECT_FALSE(policy().allows("http://localhost:8080", "localhost:4437"));
  EXPECT_FALSE(policy().allows("http://localhost", "localhost:4437"));
  EXPECT_FALSE(policy().allows("ftp://localhost:4437", "localhost:4437"));
}

TEST(OriginPolicy, ForeignOriginsAreDenied) {
  for (const auto* origin :
       {"http://evil.example", "null", "", "http://", "localhost:4437", "http://localhost:4437/",
        "http://localhost:4437.evil.example", "http://user@localhost:4437", "file://"}) {
    EXPECT_FALSE(policy().allows(origin, "localhost:4437")) << origin;
  }
}

TEST(OriginPolicy, AnEmptyHostIsNobodysOrigin) {
  EXPECT_FALSE(policy().allows("http://", ""));
  EXPECT_FALSE(policy().allows("null", ""));
}

TEST(OriginPolicy, ListedOriginsAreComparedExactly) {
  const auto p = policy({"https://app.example", "http://dev.example:3000"});
  EXPECT_TRUE(p.allows("https://app.example", "localhost:4437"));
  EXPECT_TRUE(p.allows("http://dev.example:3000", "localhost:4437"));
  for (const auto* origin : {"http://app.example", "https://app.example:444",
                             "https://app.example.evil", "https://sub.app.example"}) {
    EXPECT_FALSE(p.allows(origin, "localhost:4437")) << origin;
  }
  ASSERT_NE(p.listed("https://APP.example"), nullptr);
  EXPECT_EQ(*p.listed("https://APP.example"), "https://app.example");
  EXPECT_EQ(p.listed("http://app.example"), nullptr);
}

TEST(OriginPolicy, OnLoopbackOnlyItsNamesAreHosts) {
  const auto p = policy({"https://app.example"});
  for (const auto* host : {"localhost", "localhost:4437", "LOCALHOST:1", "127.0.0.1:4437",
                           "[::1]:4437", "[::1]", "app.example"}) {
    EXPECT_TRUE(p.knows_host(host)) << host;
  }
  for (const auto* host : {"", "evil.example", "localhost.evil.example:4437", "127.0.0.1.evil",
                           "app.example:81", "[::2]:4437", "192.168.0.1:4437"}) {
    EXPECT_FALSE(p.knows_host(host)) << host;
  }
}

TEST(OriginPolicy, ElsewhereEveryHostIsKnown) {
  EXPECT_TRUE(policy({}, false).knows_host("broker.example:4437"));
}

TEST(OriginPolicy, AllowListEntriesMustBeOrigins) {
  for (const auto* text : {"app.example", "https://app.example/path", "*", "https://", "null"}) {
    EXPECT_FALSE(OriginPolicy::make({text}, true).has_value()) << text;
  }
}

}  // namespace
}  // namespace tidemark::broker
