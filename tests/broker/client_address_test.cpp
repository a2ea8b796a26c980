// Where clients come from, and whom to believe about it.
// tests/: broker/limits/client_address, broker/limits/address_counter.
#include "broker/limits/client_address.hpp"

#include <gtest/gtest.h>

#include "broker/limits/address_counter.hpp"

namespace tidemark::broker {
namespace {

ClientAddress address(std::string_view text) { return ClientAddress::parse(text).value(); }

TEST(ClientAddressTest, IsReadAndWrittenAsAddressesAre) {
  for (const auto* text : {"192.0.2.1", "127.0.0.1", "2001:db8::1", "::1", "fe80::1"}) {
    EXPECT_EQ(address(text).str(), text);
  }
  EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
  for (const auto* text :
       {"", "192.0.2", "192.0.2.1.5", "localhost", "192.0.2.1:80", "[::1]", "x"}) {
    EXPECT_FALSE(ClientAddress::parse(text)) << text;
  }
}

TEST(ClientAddressTest, LoopbackIsKnownInBothFamilies) {
  for (const auto* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(address(text).is_loopback()) << text;
  }
  for (const auto* text : {"192.0.2.1", "::", "::2", "128.0.0.1", "2001:db8::1"}) {
    EXPECT_FALSE(address(text).is_loopback()) << text;
  }
  EXPECT_TRUE(ClientAddress().is_unknown());
}

TEST(ClientAddressTest, AHouseholdIsA64OfIPv6AndOneAddressOfIPv4) {
  EXPECT_EQ(address("2001:db8:1:2:3:4:5:6").network(), address("2001:db8:1:2:f::").network());
  EXPECT_NE(address("2001:db8:1:2::1").network(), address("2001:db8:1:3::1").network());
  EXPECT_NE(address("192.0.2.1").network(), address("192.0.2.2").network());
}

TEST(TrustedProxiesTest, AreAddressesAndNetworks) {
  const auto proxies =
      TrustedProxies::make({"192.0.2.7", "10.0.0.0/8", "2001:db8::/32", "198.51.100.0/25"}).value();
  for (const auto* text : {"192.0.2.7", "10.0.0.0", "10.255.1.2", "2001:db8:ffff::1",
                           "198.51.100.127", "::ffff:10.1.1.1"}) {
    EXPECT_TRUE(proxies.trusts(address(text))) << text;
  }
  for (const auto* text : {"192.0.2.8", "11.0.0.0", "2001:db9::1", "198.51.100.128", "::1"}) {
    EXPECT_FALSE(proxies.trusts(address(text))) << text;
  }
  EXPECT_TRUE(TrustedProxies::make({"0.0.0.0/0"})->trusts(address("203.0.113.9")));
  EXPECT_FALSE(TrustedProxies::make({"0.0.0.0/0"})->trusts(address("2001:db8::1")));
  EXPECT_FALSE(TrustedProxies().trusts(address("10.0.0.1")));
}

TEST(TrustedProxiesTest, WhatIsNeitherIsRefused) {
  for (const auto* text : {"", "proxy", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                           "2001:db8::/129", "/8"}) {
    EXPECT_FALSE(TrustedProxies::make({text})) << text;
  }
}

struct Forwarded {
  const char* what;
  const char* peer;
  const char* field;
  const char* client;
};

TEST(TrustedProxiesTest, OnlyWhatTrustedProxiesHaveWrittenIsBelieved) {
  const auto proxies = TrustedProxies::make({"10.0.0.0/8", "2001:db8::1"}).value();
  const Forwarded table[] = {
      {"a stranger says", "203.0.113.9", "198.51.100.1", "203.0.113.9"},
      {"a proxy says", "10.0.0.1", "198.51.100.1", "198.51.100.1"},
      {"two proxies", "10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
      {"the client lies", "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
      {"the client lies well", "10.0.0.1", "10.0.0.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
      {"nothing", "10.0.0.1", "", "10.0.0.1"},
      {"garbage", "10.0.0.1", "unknown", "10.0.0.1"},
      {"garbage after an address", "10.0.0.1", "198.51.100.1, _hidden", "10.0.0.1"},
      {"garbage before an address", "10.0.0.1", "<script>, 198.51.100.1", "198.51.100.1"},
      {"only proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
      {"no blanks", "10.0.0.1", "198.51.100.1,10.0.0.2", "198.51.100.1"},
      {"blanks", "10.0.0.1", "  198.51.100.1\t , 10.0.0.2 ", "198.51.100.1"},
      {"empty elements", "10.0.0.1", "198.51.100.1,", "10.0.0.1"},
      {"a port", "10.0.0.1", "198.51.100.1:5678", "198.51.100.1"},
      {"IPv6", "2001:db8::1", "2001:db8:9::5", "2001:db8:9::5"},
      {"IPv6 and a port", "2001:db8::1", "[2001:db8:9::5]:80", "2001:db8:9::5"},
      {"brackets that do not close", "10.0.0.1", "[2001:db8:9::5", "10.0.0.1"},
  };
  for (const auto& row : table) {
    EXPECT_EQ(proxies.client_of(address(row.peer), row.field).str(), row.client) << row.what;
  }
}

TEST(AddressCounterTest, CountsUpToTheLimitAndDownAgain) {
  AddressCounter counter;
  const auto one = address("192.0.2.1");
  EXPECT_TRUE(counter.enter(one, 2));
  EXPECT_TRUE(counter.enter(one, 2));
  EXPECT_FALSE(counter.enter(one, 2));
  EXPECT_TRUE(counter.enter(address("192.0.2.2"), 2)) << "another";
  counter.leave(one);
  EXPECT_TRUE(counter.enter(one, 2));
  EXPECT_EQ(counter.count(one), 2U);
  EXPECT_TRUE(counter.enter(one, 0)) << "no limit";
  EXPECT_FALSE(counter.enter(one, 1)) << "lowered meanwhile";
}

TEST(AddressCounterTest, AHouseholdCountsAsOne) {
  AddressCounter counter;
  EXPECT_TRUE(counter.enter(address("2001:db8:1:2::1"), 1));
  EXPECT_FALSE(counter.enter(address("2001:db8:1:2:ffff::9"), 1));
  EXPECT_TRUE(counter.enter(address("2001:db8:1:3::1"), 1));
  EXPECT_EQ(counter.addresses(), 2U);
}

TEST(AddressCounterTest, ForgetsWhoHasNoConnectionLeft) {
  AddressCounter counter;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1'000; ++i) {
      const auto from =
          ClientAddress::parse("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256))
              .value();
      EXPECT_TRUE(counter.enter(from, 1));
      counter.leave(from);
    }
  }
  EXPECT_EQ(counter.addresses(), 0U);
}

}  // namespace
}  // namespace tidemark::broker
