// Tags that differ when answers do, and lists of them.
// tests/: broker/etag.
#include "broker/etag.hpp"

#include <set>

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

BodyTag sample() {
  return {.topic = {31}, .from = {{4}, {10}}, .to = {{4}, {25}}, .closed = false, .gzip = false};
}

TEST(EntityTag, SaysWhatTheAnswerHolds) {
  auto tag = sample();
  EXPECT_EQ(make_etag(tag), R"("1f-4/10-4/25")");
  tag.closed = true;
  EXPECT_EQ(make_etag(tag), R"("1f-4/10-4/25c")");
  tag.gzip = true;
  EXPECT_EQ(make_etag(tag), R"("1f-4/10-4/25c;gzip")");
}

TEST(EntityTag, DiffersInEveryPart) {
  std::set<std::string> seen{make_etag(sample())};
  const auto differs = [&](auto&& change) {
    auto tag = sample();
    change(tag);
    return seen.insert(make_etag(tag)).second;
  };
  EXPECT_TRUE(differs([](BodyTag& t) { t.topic.value = 32; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.from.epoch.value = 3; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.from.offset.value = 11; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.to.epoch.value = 5; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.to.offset.value = 26; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.closed = true; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.gzip = true; }));
  EXPECT_TRUE(differs([](BodyTag& t) { t.topic.value = ~std::uint64_t{0}; }));
}

TEST(EntityTag, IsNamedByItselfInAListAndByAStar) {
  const auto tag = make_etag(sample());
  for (const auto& value :
       {tag, "W/" + tag, "\"a\", " + tag, " " + tag + " ,\"b\"", ",, " + tag, "\"\"," + tag,
        std::string("*"), std::string(" * "), "\"with, comma\" , W/" + tag}) {
    EXPECT_TRUE(names_etag(value, tag)) << value;
  }
}

TEST(EntityTag, IsNotNamedByWhatIsNoTag) {
  const auto tag = make_etag(sample());
  const auto bare = tag.substr(1, tag.size() - 2);
  for (const auto& value : {std::string(), std::string(" , "), bare, "\"" + bare, bare + "\"",
                            "w/" + tag, "W/ " + tag, "\"a\" " + tag, "\"" + bare + ";gzip\"",
                            tag + "x", "*, " + tag, "**" + std::string(), "x, " + tag}) {
    EXPECT_FALSE(names_etag(value, tag)) << value;
  }
}

}  // namespace
}  // namespace tidemark::broker
