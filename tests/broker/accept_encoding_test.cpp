// When an answer may be compressed.
// tests/: broker/accept_encoding.
#include "broker/accept_encoding.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

TEST(AcceptEncoding, TakesGzipWhereItIsNamedOrMeant) {
  for (const auto* value :
       {"gzip", "GZIP", "x-gzip", "gzip, deflate, br", "deflate,gzip;q=0.1", "gzip;q=1.000", "*",
        "br;q=1, *;q=0.5", "gzip ; q=0.5", "gzip;Q=0.5", " ,, gzip", "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, gzip;q=0.001", "gzip;q=0, x-gzip"}) {
    EXPECT_TRUE(accepts_gzip(value)) << value;
  }
}

TEST(AcceptEncoding, DoesNotTakeItWhereItIsNot) {
  for (const auto* value :
       {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "identity, gzip;q=0.5",
        "gzipped", "not-gzip", "deflate;gzip", "identity"}) {
    EXPECT_FALSE(accepts_gzip(value)) << value;
  }
}

TEST(AcceptEncoding, WhatBreaksTheGrammarCountsForNothing) {
  for (const auto* value :
       {"gzip;q=", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.1234", "gzip;q=-1", "gzip;q=.5",
        "gzip;q=1e0", "gzip;x=1", "gzip;q=1;q=0", "gzip;", ";q=1", "gzip q=1", "gzip;q = one"}) {
    EXPECT_EQ(accepts_gzip(value), std::string_view(value) == "gzip;") << value;
  }
  EXPECT_TRUE(accepts_gzip("gzip;q=7, gzip;q=0.5")) << "the next one counts";
}

}  // namespace
}  // namespace tidemark::broker
