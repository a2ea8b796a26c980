// Rules of names, content types, payloads, keys and headers.
// tests/protocol/
#include "protocol/types.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace tidemark {
namespace {

template <class T>
std::optional<Errc> failure(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.errc();
}

TEST(TopicName, TakesSegmentsOfTheAlphabet) {
  const std::string longest(limits::topic_name_bytes, 'x');
  for (const std::string_view name : {"a", "orders", "a/b/c", "A-Z_0.9~x", "...", ".a", "_x",
                                      "x/_tidemark", "_tidemark2", longest.c_str()}) {
    const auto parsed = TopicName::parse(name);
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(parsed->str(), name);
  }
}

TEST(TopicName, RefusesEverythingElse) {
  using namespace std::string_literals;
  for (const std::string& name :
       {""s, "/"s, "a/"s, "/a"s, "a//b"s, "."s, ".."s, "a/.."s, "./a"s, "a b"s, "a\0b"s, "ä"s,
        "a%2F"s, "a\n"s, std::string(limits::topic_name_bytes + 1, 'x')}) {
    EXPECT_EQ(failure(TopicName::parse(name)), Errc::invalid_topic) << name;
  }
}

TEST(TopicName, KeepsTheBrokersNamesForTheBroker) {
  EXPECT_EQ(failure(TopicName::parse("_tidemark")), Errc::reserved_topic);
  EXPECT_EQ(failure(TopicName::parse("_tidemark/x")), Errc::reserved_topic);
}

TEST(ContentType, DecidesHowPayloadsTravel) {
  EXPECT_EQ(payload_of("application/json"), Payload::json);
  EXPECT_EQ(payload_of("Application/JSON; charset=utf-8"), Payload::json);
  EXPECT_EQ(payload_of("application/ld+JSON"), Payload::json);
  EXPECT_EQ(payload_of("text/plain"), Payload::text);
  EXPECT_EQ(payload_of("TEXT/csv;header=present"), Payload::text);
  EXPECT_EQ(payload_of("application/jsonl"), Payload::bytes);
  EXPECT_EQ(payload_of("image/png; x=+json"), Payload::bytes);
  EXPECT_EQ(payload_of("text"), Payload::bytes);
  EXPECT_EQ(payload_of(""), Payload::bytes);
}

TEST(ContentType, IsTheSameWhateverItsCaseAndParameters) {
  EXPECT_TRUE(same_content_type("text/plain", "Text/Plain ; charset=utf-8"));
  EXPECT_FALSE(same_content_type("text/plain", "text/html"));
}

TEST(ContentType, IsCheckedBeforeItIsTaken) {
  EXPECT_TRUE(valid_content_type("text/plain"));
  EXPECT_TRUE(valid_content_type("application/vnd.x+json; a=\"b c\""));
  EXPECT_FALSE(valid_content_type(""));
  EXPECT_FALSE(valid_content_type("text"));
  EXPECT_FALSE(valid_content_type("text/"));
  EXPECT_FALSE(valid_content_type("/plain"));
  EXPECT_FALSE(valid_content_type("text/pl ain"));
  EXPECT_FALSE(valid_content_type("text/plain\r\nx: y"));
  EXPECT_FALSE(valid_content_type("text/a/b"));
  EXPECT_FALSE(valid_content_type("text/" + std::string(limits::content_type_bytes, 'x')));
}

TEST(Utf8, TakesWellFormedSequencesOnly) {
  for (const char* good : {"", "plain ascii, long enough", "é", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xc2\x80"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
    EXPECT_TRUE(valid_utf8("12345678" + std::string(good))) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x8c", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(valid_utf8(bad)) << testing::PrintToString(std::string(bad));
    EXPECT_FALSE(valid_utf8("1234567" + std::string(bad) + "890"));
  }
}

TEST(CursorName, IsTextOfOneLine) {
  for (const std::string_view name : {"device-7", "a b", "\xc3\xa9t\xc3\xa9", "x/y:z"}) {
    EXPECT_TRUE(check_cursor_name(name)) << name;
  }
  EXPECT_TRUE(check_cursor_name(std::string(limits::cursor_name_bytes, 'x')));
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv, "a\nb"sv, "a\0b"sv, "\x7f"sv, "\xff"sv, "\xc3"sv}) {
    EXPECT_EQ(failure(check_cursor_name(name)), Errc::invalid_cursor) << name;
  }
  EXPECT_EQ(failure(check_cursor_name(std::string(limits::cursor_name_bytes + 1, 'x'))),
            Errc::invalid_cursor);
}

TEST(Tombstone, IsNullWhereDataIsJsonAndNothingElsewhere) {
  for (const std::string_view data : {"null", " null", "null\n", "\t\r\n null "}) {
    EXPECT_TRUE(is_tombstone(data, Payload::json)) << data;
    EXPECT_FALSE(is_tombstone(data, Payload::text)) << data;
    EXPECT_FALSE(is_tombstone(data, Payload::bytes)) << data;
  }
  for (const std::string_view data : {"", " ", "\"null\"", "0", "[null]", "nul", "nulll"})
    EXPECT_FALSE(is_tombstone(data, Payload::json)) << data;
  EXPECT_TRUE(is_tombstone("", Payload::text));
  EXPECT_TRUE(is_tombstone("", Payload::bytes));
  EXPECT_FALSE(is_tombstone(" ", Payload::text));
}

TEST(HeadersView, ReadsWhatWasPacked) {
  std::string packed;
  pack_header(packed, {"trace", "a1"});
  pack_header(packed, {"empty", ""});
  ASSERT_TRUE(HeadersView::valid(packed));
  std::vector<HeaderView> read;
  for (const auto& h : HeadersView(packed)) read.push_back(h);
  EXPECT_THAT(read, testing::ElementsAre(HeaderView{"trace", "a1"}, HeaderView{"empty", ""}));
  EXPECT_TRUE(HeadersView().begin() == HeadersView().end());
}

TEST(HeadersView, RefusesEveryTruncationAndEveryLie) {
  std::string packed;
  pack_header(packed, {"trace", "a1"});
  const std::size_t one = packed.size();
  pack_header(packed, {"n", "value"});
  for (std::size_t size = 1; size < packed.size(); ++size) {
    EXPECT_EQ(HeadersView::valid(packed.substr(0, size)), size == one) << size;
  }
  EXPECT_FALSE(HeadersView::valid(std::string("\0\0\1\0x", 5)));  // a name of no bytes
  EXPECT_FALSE(HeadersView::valid("\xff\xff\xff\xff"));
  std::string many;
  for (std::size_t i = 0; i <= limits::headers; ++i) pack_header(many, {"n", ""});
  EXPECT_FALSE(HeadersView::valid(many));
}

constexpr std::size_t kMost = 1024;

std::optional<Errc> checked(NewEvent event, Payload payload) {
  return failure(check_event(event, payload, kMost));
}

TEST(CheckEvent, TakesDataThatFitsTheContentType) {
  EXPECT_EQ(checked({.data = " {\"a\":[1.0]} "}, Payload::json), std::nullopt);
  EXPECT_EQ(checked({.data = "not json"}, Payload::text), std::nullopt);
  EXPECT_EQ(checked({.data = "\xff\x00"}, Payload::bytes), std::nullopt);
  EXPECT_EQ(checked({.data = ""}, Payload::text), std::nullopt);
}

TEST(CheckEvent, RefusesDataThatDoesNot) {
  for (const char* bad : {"", "not json", "{\"a\":}", "1 2", "{\"a\":1e400}", "\"\\ud800\""}) {
    EXPECT_EQ(checked({.data = bad}, Payload::json), Errc::invalid_payload) << bad;
  }
  EXPECT_EQ(checked({.data = "\xff"}, Payload::text), Errc::invalid_payload);
}

TEST(CheckEvent, BoundsTheDepthOfJson) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(checked({.data = nested(limits::json_depth)}, Payload::json), std::nullopt);
  EXPECT_EQ(checked({.data = nested(limits::json_depth + 1)}, Payload::json),
            Errc::invalid_payload);
}

TEST(CheckEvent, BoundsTheSize) {
  EXPECT_EQ(checked({.data = std::string(kMost, 'x')}, Payload::text), std::nullopt);
  EXPECT_EQ(checked({.data = std::string(kMost + 1, 'x')}, Payload::text), Errc::event_too_large);
  NewEvent huge{.data = std::string(limits::event_bytes + 1, 'x')};
  EXPECT_EQ(failure(check_event(huge, Payload::bytes, static_cast<std::size_t>(-1))),
            Errc::event_too_large);
}

TEST(CheckEvent, BoundsKeyAndHeaders) {
  const auto with = [](std::vector<Header> headers) {
    return checked({.data = "", .headers = std::move(headers)}, Payload::bytes);
  };
  EXPECT_EQ(checked({.data = "", .key = std::string(limits::key_bytes, 'k')}, Payload::bytes),
            std::nullopt);
  EXPECT_EQ(checked({.data = "", .key = std::string(limits::key_bytes + 1, 'k')}, Payload::bytes),
            Errc::invalid_key);
  EXPECT_EQ(checked({.data = "", .key = "\xff"}, Payload::bytes), Errc::invalid_key);
  EXPECT_EQ(with({{"a", "1"}, {"b", "1"}}), std::nullopt);
  EXPECT_EQ(with({{"a", "1"}, {"a", "2"}}), Errc::invalid_headers);
  EXPECT_EQ(with({{"", "1"}}), Errc::invalid_headers);
  EXPECT_EQ(with({{"a\r\nb", "1"}}), Errc::invalid_headers);
  EXPECT_EQ(with({{"a", "\xff"}}), Errc::invalid_headers);
  EXPECT_EQ(with({{std::string(limits::header_name_bytes + 1, 'n'), "1"}}), Errc::invalid_headers);
  EXPECT_EQ(with({{"a", std::string(limits::header_value_bytes + 1, 'v')}}), Errc::invalid_headers);
  std::vector<Header> many;
  for (std::size_t i = 0; i <= limits::headers; ++i) many.push_back({std::to_string(i), ""});
  EXPECT_EQ(with(many), Errc::invalid_headers);
}

TEST(CheckEvent, SettlesDataThatCameAsJson) {
  const auto settled = [](std::string data, Payload payload) {
    NewEvent event{.data = std::move(data), .key = {}, .headers = {}, .form = Form::json};
    const auto result = check_event(event, payload, kMost);
    if (!result) return std::string(info(result.errc()).name);
    EXPECT_EQ(event.form, Form::raw);
    return event.data;
  };
  EXPECT_EQ(settled("{\"a\" : 1.0}", Payload::json), "{\"a\" : 1.0}");
  EXPECT_EQ(settled("\"a\\n\\u00e9\"", Payload::text), "a\né");
  EXPECT_EQ(settled("{}", Payload::text), "invalid_payload");
  EXPECT_EQ(settled("\"AAAA\"", Payload::bytes), "invalid_payload");
  EXPECT_EQ(settled('"' + std::string(kMost + 1, 'x') + '"', Payload::text), "event_too_large");
}

}  // namespace
}  // namespace tidemark
