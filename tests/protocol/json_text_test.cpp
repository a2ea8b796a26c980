// Escaping, base64 and slices, each against an independent judge.
// tests/protocol/
#include "protocol/json_text.hpp"

#include <random>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "protocol/base64.hpp"
#include "protocol/json_fields.hpp"
#include "protocol/json_slices.hpp"

namespace tidemark {
namespace {

std::string random_text(std::mt19937& random) {
  static constexpr std::string_view kBits[] = {"\"", "\\", "\n", "\x01", "\x1f", "\x7f",
                                               "é",  "€",  "🌊",  "/",    " ",    "plain"};
  std::string text;
  for (auto n = random() % 24; n > 0; --n) text += kBits[random() % std::size(kBits)];
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, EscapesEveryByteThatNeedsItAtEveryPlace) {
  for (int c = 0; c < 0x80; ++c) {
    for (std::size_t before = 0; before < 18; ++before) {
      const std::string text = std::string(before, 'x') + static_cast<char>(c) + "tail";
      const auto json = escaped(text);
      ASSERT_EQ(json.size(), json_string_size(text)) << c;
      ASSERT_EQ(boost::json::parse(json).as_string(), text) << c;
    }
  }
}

TEST(JsonText, RoundTripsThroughOurOwnReaderAndBoosts) {
  std::mt19937 random(7);  // the seed is this
  for (int i = 0; i < 2000; ++i) {
    const auto text = random_text(random);
    const auto ours = escaped(text);
    std::string read;
    append_unquoted(ours, read);
    ASSERT_EQ(read, text);
    const auto theirs = boost::json::serialize(boost::json::value(text));
    read.clear();
    append_unquoted(theirs, read);
    ASSERT_EQ(read, text);
  }
}

TEST(JsonText, UnescapesAllThatTheGrammarKnows) {
  using namespace std::string_literals;
  std::string read;
  append_unquoted(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83c\udf0a\u0000.")", read);
  EXPECT_EQ(read, "\"\\/\b\f\n\r\tAé€🌊\0."s);
}

TEST(JsonText, CountsAndWritesDigits) {
  for (std::uint64_t value : {0ULL, 9ULL, 10ULL, 99ULL, 100ULL, 999ULL, 1000ULL, 9999ULL, 10000ULL,
                              99999ULL, 100000ULL, 9007199254740991ULL, 18446744073709551615ULL}) {
    EXPECT_EQ(digits(value), std::to_string(value).size()) << value;
    std::string out;
    append_number(out, value);
    EXPECT_EQ(out, std::to_string(value));
  }
}

TEST(Base64, KnowsTheVectorsOfItsRfc) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"},
                                                                   {"\xff\xff\xfe", "///+"}};
  for (const auto& [bytes, text] : vectors) {
    std::string out(base64_size(bytes.size()), '\0');
    EXPECT_EQ(write_base64(bytes, out.data()), out.data() + out.size());
    EXPECT_EQ(out, text);
    EXPECT_EQ(read_base64(text), bytes);
  }
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zh==", "Zm9=", "Zm8=Zm8=",
                          "Zm9-", "Zm 9", "Zm9v\n", "=Zm9"}) {
    EXPECT_EQ(read_base64(bad), std::nullopt) << bad;
  }
}

TEST(JsonSlices, ChecksStrictly) {
  using namespace std::string_literals;
  for (const auto& good : {"null"s, " [1, -0.5e3] "s, "{\"a\":1,\"a\":2}"s, "\"\\ud83c\\udf0a\""s,
                           "1e308"s, "1e-400"s, "123456789012345678901234567890"s}) {
    EXPECT_EQ(check_json(good, 8).fault, std::nullopt) << good;
  }
  for (const auto& bad : {""s,
                          " "s,
                          "nul"s,
                          "[1,]"s,
                          "{a:1}"s,
                          "{\"a\":1,}"s,
                          "01"s,
                          "+1"s,
                          ".5"s,
                          "1."s,
                          "NaN"s,
                          "1e400"s,
                          "-1e400"s,
                          std::string(400, '9'),
                          "\"\\ud800\""s,
                          "\"\\udc00\""s,
                          "\"\\ud800\\u0041\""s,
                          "\"\xc0\xaf\""s,
                          "\"\xed\xa0\x80\""s,
                          "\"\xff\""s,
                          "\"\x01\""s,
                          "\"a\0\""s,
                          "1\0"s,
                          "\0"s,
                          "1 2"s,
                          "[1] x"s,
                          "// c\n1"s,
                          "\"\\x\""s,
                          "\"abc"s,
                          "[[[[[[[[[1"s,
                          "[[[[[[[[[1]]]]]]]]]"s,
                          "\xef\xbb\xbf"
                          "1"s}) {
    EXPECT_NE(check_json(bad, 8).fault, std::nullopt) << bad;
  }
}

TEST(JsonSlices, MeasuresDepth) {
  for (const auto& [text, depth] : {std::pair<const char*, std::size_t>{"1", 0},
                                    {"\"[[\\\"[\"", 0},
                                    {"[]", 1},
                                    {"[[],[[]]]", 3},
                                    {"{\"a[\":{\"b\":[]}}", 3}}) {
    EXPECT_EQ(check_json(text, 8).depth, depth) << text;
    EXPECT_EQ(json_depth(text), depth) << text;
  }
}

TEST(JsonSlices, CutsValuesExactly) {
  const std::string_view text =
      R"( { "a" : [1,{"x":"]}\""}] ,"b":"q\\","long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxx\\\"y\\", "c":-1.50e3,)"
      R"("d":{},"e":true } )";
  ASSERT_EQ(check_json(text, 8).fault, std::nullopt);
  JsonCursor at(text);
  at.enter();
  std::vector<std::string> found;
  while (const auto key = at.next_member()) {
    found.push_back(std::string(*key) + std::string(at.take()));
  }
  EXPECT_THAT(found, testing::ElementsAre(R"("a"[1,{"x":"]}\""}])", R"("b""q\\")",
                                          R"("long""xxxxxxxxxxxxxxxxxxxxxxxxxxxx\\\"y\\")",
                                          R"("c"-1.50e3)", R"("d"{})", R"("e"true)"));
}

// Whatever backslashes and quotes do, the end of a string is where Boost sees it.
TEST(JsonSlices, FindsTheEndOfAnyString) {
  std::mt19937 random(11);
  for (int i = 0; i < 5000; ++i) {
    std::string content;
    for (auto n = random() % 40; n > 0; --n) content += "\\\"x"[random() % 3];
    const auto text = boost::json::serialize(boost::json::value(content));
    JsonCursor at(text);
    ASSERT_EQ(at.take(), text);
  }
}

TEST(Nearest, FindsTypingErrorsOnly) {
  static constexpr std::string_view kNames[] = {"topic", "events", "id", "expected_last"};
  EXPECT_EQ(nearest("topik", kNames), "topic");
  EXPECT_EQ(nearest("event", kNames), "events");
  EXPECT_EQ(nearest("expectedlast", kNames), "expected_last");
  EXPECT_EQ(nearest("xy", kNames), std::nullopt);
  EXPECT_EQ(nearest("colour", kNames), std::nullopt);
  EXPECT_EQ(nearest(std::string(100000, 'x'), kNames), std::nullopt);
}

TEST(InQuotes, CutsBetweenCharacters) {
  std::string long_name;
  for (int i = 0; i < 30; ++i) long_name += "€";
  EXPECT_TRUE(valid_utf8(in_quotes(long_name)));
  EXPECT_LT(in_quotes(long_name).size(), 50U);
  EXPECT_EQ(in_quotes("a"), "\"a\"");
}

}  // namespace
}  // namespace tidemark
