// URLs of brokers.
// tests/client/: see protocol/client/endpoint.hpp.
#include "protocol/client/endpoint.hpp"

#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

std::string authority(std::string_view url) {
  const auto endpoint = parse_endpoint(url);
  return endpoint ? endpoint->authority() : "none";
}

TEST(Endpoint, TakesBothSchemesOrNone) {
  EXPECT_EQ(authority("http://127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(authority("ws://broker.example:9/"), "broker.example:9");
  EXPECT_EQ(authority("localhost:4000"), "localhost:4000");
}

TEST(Endpoint, KnowsWhereTlsIsSpoken) {
  for (const std::string_view url : {"https://a:1", "wss://a:1/"}) {
    EXPECT_EQ(authority(url), "a:1");
    EXPECT_TRUE(parse_endpoint(url)->tls) << url;
  }
  for (const std::string_view url : {"http://a:1", "ws://a:1", "a:1", "https:1"}) {
    EXPECT_EQ(parse_endpoint(url)->tls, false) << url;
  }
}

TEST(Endpoint, DefaultPortIsTheBrokers) {
  EXPECT_EQ(authority("ws://localhost"), "localhost:4437");
  EXPECT_EQ(authority("localhost"), "localhost:4437");
  EXPECT_EQ(authority("wss://localhost"), "localhost:4437");
}

TEST(Endpoint, TakesIpv6InBrackets) {
  EXPECT_EQ(authority("ws://[::1]:5"), "[::1]:5");
  EXPECT_EQ(parse_endpoint("ws://[::1]")->host, "::1");
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const std::string_view url :
       {"", "https://", "wss://a:", "ftp://a", "wsss://a", "ws://", "ws://a:", "ws://a:0",
        "ws://a:65536", "ws://a:1x", "ws://a/path", "ws://a b", "ws://user@a", "ws://[::1",
        "ws://[zz]:1", "ws://a:1?x"}) {
    EXPECT_EQ(authority(url), "none") << url;
  }
}

}  // namespace
}  // namespace tidemark::client
