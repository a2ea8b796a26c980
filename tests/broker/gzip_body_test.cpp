// Compressed bodies come out as they went in.
// tests/: broker/gzip_body.
#include "broker/gzip_body.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/broker/gunzipped.hpp"

namespace tidemark::broker {
namespace {

std::string events(std::size_t count) {
  std::mt19937 random(7);  // NOLINT: the same in every run
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += ",{\"order\":" + std::to_string(i) + ",\"total\":" + std::to_string(random() % 100'000) +
           ",\"state\":\"paid\"}";
  }
  return out;
}

TEST(GzipBody, ComesOutAsItWentIn) {
  const auto body = events(50'000);
  const std::string_view pieces[] = {"[", std::string_view(body).substr(1), "]"};
  const auto packed = gzipped(pieces);
  ASSERT_TRUE(packed);
  EXPECT_EQ(gunzipped(*packed), "[" + body.substr(1) + "]");
  EXPECT_LT(packed->size() * 3, body.size());
}

TEST(GzipBody, IsTheSameHoweverThePiecesAreCut) {
  const auto body = events(5'000);
  const std::string_view whole[] = {body};
  const auto expected = gzipped(whole);
  ASSERT_TRUE(expected);
  EXPECT_EQ(gzipped(whole), expected) << "and from one time to the next";
  std::mt19937 random(11);  // NOLINT: the same in every run
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string_view> pieces;
    for (std::string_view rest = body; !rest.empty();) {
      const auto bytes = std::min<std::size_t>(random() % (round < 10 ? 50 : 50'000), rest.size());
      pieces.push_back(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
    }
    EXPECT_EQ(gzipped(pieces), expected) << "round " << round;
  }
}

TEST(GzipBody, NamesNoTimeAndNoSystem) {
  const auto body = events(100);
  const std::string_view pieces[] = {body};
  const auto packed = gzipped(pieces);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->substr(0, 4), std::string("\x1f\x8b\x08\x00", 4));
  EXPECT_EQ(packed->substr(4, 4), std::string(4, '\0')) << "time";
  EXPECT_EQ((*packed)[9], '\xff') << "system";
}

TEST(GzipBody, WhatDoesNotGetSmallerIsLeftAsItIs) {
  EXPECT_EQ(gzipped({}), std::nullopt);
  const std::string_view little[] = {"{}"};
  EXPECT_EQ(gzipped(little), std::nullopt);
  std::mt19937 random(3);  // NOLINT: the same in every run
  std::string noise(1 << 20, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  const std::string_view pieces[] = {noise};
  EXPECT_EQ(gzipped(pieces), std::nullopt);
}

TEST(GzipBody, IsWorthItForTextOfSomeLength) {
  EXPECT_TRUE(worth_gzip("application/json", 4096));
  EXPECT_TRUE(worth_gzip("text/plain; charset=utf-8", 4096));
  EXPECT_FALSE(worth_gzip("application/json", 100));
  EXPECT_FALSE(worth_gzip("image/png", 1 << 20));
  EXPECT_FALSE(worth_gzip("application/octet-stream", 1 << 20));
}

}  // namespace
}  // namespace tidemark::broker
