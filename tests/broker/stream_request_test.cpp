// What a Durable Streams request means, and everything that is wrong with others.
// tests/: broker/stream_request.
#include "broker/stream_request.hpp"

#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/position_token.hpp"
#include "storage/committer.hpp"

namespace tidemark::broker {
namespace {

using boost::beast::http::verb;
using std::chrono::seconds;
using Fields = std::vector<std::pair<std::string, std::string>>;

ParsedStreamRequest parse(verb method, std::string_view target, const Fields& fields = {}) {
  boost::beast::http::request_header<> head;
  head.version(11);
  head.method(method);
  head.target({target.data(), target.size()});
  for (const auto& [name, value] : fields) head.insert(name, value);
  return parse_stream_request(head);
}

/// The request, which must be one of this kind.
template <class T>
T parsed(verb method, std::string_view target, const Fields& fields = {}) {
  const auto request = parse(method, target, fields);
  if (!request) throw std::runtime_error("refused: " + request.error().text);
  return std::get<T>(*request);
}

/// Why it is refused; cancelled: it isn't.
Errc refused(verb method, std::string_view target, const Fields& fields = {}) {
  const auto request = parse(method, target, fields);
  return request ? Errc::cancelled : request.error().code;
}

CreateStream create(const Fields& fields) {
  return parsed<CreateStream>(verb::put, "/v1/stream/s", fields);
}
AppendStream append(const Fields& fields) {
  return parsed<AppendStream>(verb::post, "/v1/stream/s", fields);
}
ReadStream read(std::string_view query, const Fields& fields = {}) {
  return parsed<ReadStream>(verb::get, "/v1/stream/s" + std::string(query), fields);
}
Errc create_refused(const Fields& fields) { return refused(verb::put, "/v1/stream/s", fields); }
Errc append_refused(const Fields& fields) { return refused(verb::post, "/v1/stream/s", fields); }
Errc read_refused(std::string_view query, const Fields& fields = {}) {
  return refused(verb::get, "/v1/stream/s" + std::string(query), fields);
}

const Position kPlace{.epoch = {7}, .offset = {42}};
const std::string kToken = to_token(kPlace);

// ---- path and method ----

TEST(StreamRequestPath, IsThePrefixAndATopicsName) {
  for (const auto& [path, name] : {std::pair{"/v1/stream/a", "a"},
                                   {"/v1/stream/a/b.c/~d", "a/b.c/~d"},
                                   {"/v1/stream/a%2Fb", "a/b"},
                                   {"/v1/stream/%61%2d_", "a-_"},
                                   {"/v1/stream/a?b/../c", "a"},
                                   {"/v1/stream/__dsx", "__dsx"},
                                   {"/v1/stream/a/__ds", "a/__ds"}}) {
    EXPECT_EQ(parsed<HeadStream>(verb::head, path).name.str(), name) << path;
  }
}

TEST(StreamRequestPath, OddNamesAreRefused) {
  for (const auto* path : {"/v1/stream/",           "/v1/stream//a",
                           "/v1/stream/a/",         "/v1/stream/a//b",
                           "/v1/stream/..",         "/v1/stream/a/../b",
                           "/v1/stream/a/%2e%2e/b", "/v1/stream/a%2F..%2Fb",
                           "/v1/stream/%2e",        "/v1/stream/a%00",
                           "/v1/stream/%",          "/v1/stream/a%2",
                           "/v1/stream/a%zz",       "/v1/stream/a%252Fb",
                           "/v1/stream/a%20b",      "/v1/stream/a%0d%0aX:%20y",
                           "/v1/stream/a#b",        "/v1/stream/a\\b",
                           "/v1/stream/%c3%a4",     "/v1/stream/%2f",
                           "/v1/stream/a;b"}) {
    EXPECT_EQ(refused(verb::get, path), Errc::invalid_topic) << path;
  }
  EXPECT_EQ(refused(verb::get, "/v1/stream/" + std::string(256, 'a')), Errc::invalid_topic);
  EXPECT_EQ(refused(verb::get, "/v1/stream/_tidemark/x"), Errc::reserved_topic);
}

TEST(StreamRequestPath, OtherPathsAreNoStreams) {
  for (const auto* path : {"/v1/streams/a", "/v1/stream", "/v1/%73tream/a", "/V1/stream/a", "*", "",
                           "/v1/stream/__ds/subscriptions", "/v1/stream/__ds",
                           "/v1/stream/%5f%5fds/x", "http://h/v1/stream/a"}) {
    EXPECT_EQ(refused(verb::get, path), Errc::not_found) << path;
  }
}

TEST(StreamRequestPath, TheMethodSaysWhatIsMeant) {
  EXPECT_EQ(parsed<DeleteStream>(verb::delete_, "/v1/stream/s").name.str(), "s");
  EXPECT_EQ(parsed<HeadStream>(verb::head, "/v1/stream/s?offset=x").name.str(), "s");
  for (const auto method : {verb::patch, verb::options, verb::trace, verb::connect}) {
    EXPECT_EQ(refused(method, "/v1/stream/s"), Errc::method_not_allowed);
  }
  boost::beast::http::request_header<> odd;
  odd.method_string("BREW");
  odd.target("/v1/stream/s");
  const auto request = parse_stream_request(odd);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().code, Errc::method_not_allowed);
}

TEST(StreamRequestFields, OfOursThatAreThereTwiceAreRefused) {
  for (const auto* name :
       {"Content-Type", "Stream-TTL", "Stream-Expires-At", "Stream-Closed", "Stream-Seq",
        "Producer-Id", "Producer-Epoch", "Producer-Seq", "Stream-Forked-From", "Stream-Fork-Offset",
        "Stream-Fork-Sub-Offset", "Last-Event-ID"}) {
    for (const auto method : {verb::put, verb::post, verb::get, verb::head, verb::delete_}) {
      const auto request = parse(method, "/v1/stream/s", {{name, "1"}, {name, "1"}});
      ASSERT_FALSE(request) << name;
      EXPECT_EQ(request.error().text, std::string(name) + " is there twice");
    }
  }
}

// ---- PUT ----

TEST(CreateStreamRequest, WithoutFieldsSaysNothing) {
  const auto plain = create({});
  EXPECT_EQ(plain.name.str(), "s");
  EXPECT_EQ(plain.content_type, "");
  EXPECT_FALSE(plain.ttl || plain.expires_at || plain.close || plain.fork);
}

TEST(CreateStreamRequest, TakesAContentTypeAsItIsWritten) {
  EXPECT_EQ(create({{"content-type", "Text/Plain; charset=utf-8"}}).content_type,
            "Text/Plain; charset=utf-8");
  EXPECT_EQ(create_refused({{"Content-Type", "nonsense"}}), Errc::invalid_content_type);
  EXPECT_EQ(create_refused({{"Content-Type", "text/\xc3\xa4"}}), Errc::invalid_content_type);
}

TEST(CreateStreamRequest, TakesATtlInOneSpellingOnly) {
  EXPECT_EQ(create({{"Stream-TTL", "0"}}).ttl, seconds(0));
  EXPECT_EQ(create({{"Stream-TTL", "3600"}}).ttl, seconds(3600));
  EXPECT_EQ(create({{"Stream-TTL", "9007199254740"}}).ttl, seconds(9'007'199'254'740));
  for (const auto* value : {"", "abc", "-1", "00060", "+60", "60.5", "1e3", "0x3c", "60 s", "00",
                            "9007199254741", "99999999999999999999999999"}) {
    EXPECT_EQ(create_refused({{"Stream-TTL", value}}), Errc::malformed_message) << value;
  }
}

TEST(CreateStreamRequest, TakesADateOrATtlNotBoth) {
  EXPECT_EQ(create({{"Stream-Expires-At", "2024-10-09T00:00:00.000Z"}}).expires_at,
            Timestamp{1'728'432'000'000});
  for (const auto* value : {"", "tomorrow", "2024-10-09", "2024-02-30T00:00:00Z"}) {
    EXPECT_EQ(create_refused({{"Stream-Expires-At", value}}), Errc::malformed_message) << value;
  }
  EXPECT_EQ(create_refused({{"Stream-Expires-At", "2024-10-09T00:00:00Z"}, {"Stream-TTL", "1"}}),
            Errc::malformed_message);
}

TEST(CreateStreamRequest, ClosesForTheWordTrueAlone) {
  for (const auto* value : {"true", "TRUE", "True"}) {
    EXPECT_TRUE(create({{"Stream-Closed", value}}).close) << value;
    EXPECT_TRUE(append({{"Stream-Closed", value}}).close) << value;
  }
  for (const auto* value : {"false", "", "1", "yes", "true,", "truee"}) {
    EXPECT_FALSE(create({{"Stream-Closed", value}}).close) << value;
    EXPECT_FALSE(append({{"Stream-Closed", value}}).close) << value;
  }
}

TEST(CreateStreamRequest, ForksFromAPathAndAnOffset) {
  const auto whole = create({{"Stream-Forked-From", "/v1/stream/a/b"}}).fork;
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->source.str(), "a/b");
  EXPECT_EQ(whole->after, std::nullopt);
  EXPECT_EQ(whole->sub_offset, 0U);
  const auto part = create({{"Stream-Forked-From", "/v1/stream/a%2fb"},
                            {"Stream-Fork-Offset", kToken},
                            {"Stream-Fork-Sub-Offset", "3"}})
                        .fork;
  ASSERT_TRUE(part);
  EXPECT_EQ(part->source.str(), "a/b");
  EXPECT_EQ(part->after, kPlace);
  EXPECT_EQ(part->sub_offset, 3U);
  const auto beginning = create({{"Stream-Forked-From", "/v1/stream/a"},
                                 {"Stream-Fork-Offset", "0000000000000000_0000000000000000"}})
                             .fork;
  EXPECT_EQ(beginning->after, Position{});
}

TEST(CreateStreamRequest, ForksThatCannotBeAreRefused) {
  for (const auto* source :
       {"", "a", "/v1/stream/", "/v1/stream/a/../b", "/v1/topics/a", "http://localhost/v1/stream/a",
        "/v1/stream/__ds/a", "/v1/stream/_tidemark/a", "/v1/stream/a?offset=1"}) {
    const bool name = std::string_view(source) == "/v1/stream/a?offset=1";
    EXPECT_EQ(create_refused({{"Stream-Forked-From", source}}), Errc::invalid_fork)
        << source << (name ? ": a query is no part of a path" : "");
  }
  const std::pair<std::string, std::string> from{"Stream-Forked-From", "/v1/stream/a"};
  for (const auto* offset : {"", "-1", "now", "0", "9999999999999999_9999999999999999",
                             "0000000000000000_0000000000000001"}) {
    EXPECT_EQ(create_refused({from, {"Stream-Fork-Offset", offset}}), Errc::malformed_message)
        << offset;
  }
  for (const auto* sub : {"", "-1", "01", "1.5", "x", "9007199254740992"}) {
    EXPECT_EQ(
        create_refused({from, {"Stream-Fork-Offset", kToken}, {"Stream-Fork-Sub-Offset", sub}}),
        Errc::malformed_message)
        << sub;
  }
  EXPECT_EQ(create_refused({from, {"Stream-Fork-Sub-Offset", "1"}}), Errc::invalid_fork);
  EXPECT_EQ(create_refused({{"Stream-Fork-Sub-Offset", "0"}}), Errc::malformed_message);
  EXPECT_EQ(create_refused({{"Stream-Fork-Offset", kToken}}), Errc::malformed_message);
}

// ---- POST ----

TEST(AppendStreamRequest, TakesAProducerWhole) {
  const auto producer = append({{"Producer-Id", "till-3"},
                                {"Producer-Epoch", "9007199254740991"},
                                {"Producer-Seq", "007"}})
                            .producer;
  ASSERT_TRUE(producer);
  EXPECT_EQ(*producer, (ProducerStamp{"till-3", kMaxInteger, 7}));
  EXPECT_EQ(append({}).producer, std::nullopt);
}

TEST(AppendStreamRequest, PartsOfAProducerAreRefused) {
  const Fields all{{"Producer-Id", "p"}, {"Producer-Epoch", "0"}, {"Producer-Seq", "0"}};
  for (unsigned parts = 1; parts < 7; ++parts) {
    Fields some;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((parts >> i & 1U) != 0) some.push_back(all[i]);
    }
    EXPECT_EQ(append_refused(some), Errc::invalid_producer) << parts;
  }
  for (const auto* value :
       {"", "1abc", "0xyz", "1e3", "-1", "+1", "1.0", " ", "9007199254740992"}) {
    auto fields = all;
    fields[1].second = value;
    EXPECT_EQ(append_refused(fields), Errc::invalid_producer) << value;
    fields = all;
    fields[2].second = value;
    EXPECT_EQ(append_refused(fields), Errc::invalid_producer) << value;
  }
  for (const auto& id : {std::string(), std::string(129, 'a'), std::string("\xff")}) {
    auto fields = all;
    fields[0].second = id;
    EXPECT_EQ(append_refused(fields), Errc::invalid_producer);
  }
}

TEST(AppendStreamRequest, TakesASequenceOfVisibleCharacters) {
  EXPECT_EQ(append({{"Stream-Seq", "09"}}).sequence, "09");
  EXPECT_EQ(append({}).sequence, std::nullopt);
  const std::string longest(storage::kMaxSequenceBytes, '~');
  EXPECT_EQ(append({{"Stream-Seq", longest}}).sequence, longest);
  for (const auto& value : {std::string(), longest + "~", std::string("a b"), std::string("a\tb"),
                            std::string("\xc3\xa4"), std::string("\x7f")}) {
    EXPECT_EQ(append_refused({{"Stream-Seq", value}}), Errc::malformed_message) << value;
  }
}

// ---- GET ----

TEST(ReadStreamRequest, BeginsAtTheStartUnlessItSaysOtherwise) {
  EXPECT_EQ(read("").after, Position{});
  EXPECT_EQ(read("?offset=-1").after, Position{});
  EXPECT_EQ(read("?offset=" + kToken).after, kPlace);
  EXPECT_EQ(read("?%6fffset=" + kToken).after, kPlace);
  EXPECT_EQ(read("?offset=now").after, std::nullopt);
  EXPECT_EQ(read("?offsets=x&x=offset&OFFSET=x").after, Position{}) << "others are passed over";
}

TEST(ReadStreamRequest, AnOffsetIsOneOfOurs) {
  for (const auto* query :
       {"?offset=", "?offset", "?offset=a", "?offset=0", "?offset=-2", "?offset=Now",
        "?offset=-1,-1", "?offset=%201", "?offset=1/2", "?offset=-1%00", "?offset=-1%0a",
        "?offset=9999999999999999_9999999999999999", "?offset=0000000000000000_0000000000000001",
        "?offset=-1&offset=-1", "?offset=-1&%6fffset=now", "?offset=%", "?offset=+1",
        "?offset=00000000000000000_0000000000000000"}) {
    EXPECT_EQ(read_refused(query), Errc::malformed_message) << query;
  }
}

TEST(ReadStreamRequest, LivesByLongPollOrEvents) {
  using Live = ReadStream::Live;
  EXPECT_EQ(read("").live, Live::none);
  EXPECT_EQ(read("?live=long-poll&offset=now").live, Live::long_poll);
  EXPECT_EQ(read("?offset=-1&live=sse").live, Live::sse);
  for (const auto* query :
       {"?live=sse", "?live=long-poll", "?live=&offset=-1", "?live&offset=-1",
        "?live=true&offset=-1", "?live=SSE&offset=-1", "?live=sse&live=sse&offset=-1"}) {
    EXPECT_EQ(read_refused(query), Errc::malformed_message) << query;
  }
}

TEST(ReadStreamRequest, TakesTheGreatestCursorAndPassesOverNonsense) {
  EXPECT_EQ(read("?cursor=1050").cursor, 1050U);
  EXPECT_EQ(read("?cursor=7&cursor=9&cursor=8").cursor, 9U);
  for (const auto* query :
       {"", "?cursor=", "?cursor=x", "?cursor=-1", "?cursor=1e3", "?cursor=9007199254740992"}) {
    EXPECT_EQ(read(query).cursor, std::nullopt) << query;
  }
}

TEST(ReadStreamRequest, AnEventSourceResumesByItself) {
  const auto resumed = read("?live=sse&offset=-1", {{"Last-Event-ID", kToken}});
  EXPECT_EQ(resumed.after, kPlace);
  EXPECT_TRUE(resumed.resumes);
  EXPECT_EQ(resumed.on_gap, OnGap::earliest);
  EXPECT_EQ(read("?live=sse&offset=now", {{"Last-Event-ID", kToken}}).after, kPlace);
  EXPECT_EQ(read("?live=sse", {{"last-event-id", kToken}}).after, kPlace);
  EXPECT_EQ(read("?live=sse&on_gap=fail", {{"Last-Event-ID", kToken}}).on_gap, OnGap::fail);
  for (const auto* id : {"", "-1", "now", "42", "9999999999999999_9999999999999999"}) {
    EXPECT_EQ(read_refused("?live=sse&offset=-1", {{"Last-Event-ID", id}}), Errc::malformed_message)
        << id;
  }
  EXPECT_EQ(read_refused("?live=sse&offset=x", {{"Last-Event-ID", kToken}}),
            Errc::malformed_message);
  const auto other = read("?live=long-poll&offset=-1", {{"Last-Event-ID", kToken}});
  EXPECT_EQ(other.after, Position{}) << "only of events";
  EXPECT_FALSE(other.resumes);
}

TEST(ReadStreamRequest, SaysWhatToDoAboutAGap) {
  EXPECT_EQ(read("").on_gap, OnGap::fail);
  EXPECT_EQ(read("?on_gap=fail").on_gap, OnGap::fail);
  EXPECT_EQ(read("?on_gap=earliest").on_gap, OnGap::earliest);
  for (const auto* query :
       {"?on_gap=", "?on_gap=x", "?on_gap=Earliest", "?on_gap=fail&on_gap=fail"}) {
    EXPECT_EQ(read_refused(query), Errc::malformed_message) << query;
  }
}

TEST(ReadStreamRequest, JoinsFieldsThatAreLists) {
  const auto both = read("", {{"If-None-Match", "\"a\""},
                              {"If-None-Match", "\"b\", \"c\""},
                              {"Accept-Encoding", "br"},
                              {"Accept-Encoding", "gzip;q=0.5"}});
  EXPECT_EQ(both.if_none_match, R"("a", "b", "c")");
  EXPECT_TRUE(both.gzip);
  EXPECT_FALSE(read("").gzip);
  EXPECT_EQ(read("").if_none_match, "");
}

// ---- whatever comes ----

TEST(StreamRequestFields, WhateverTheyHoldTheAnswerIsARequestOrAReason) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> names{"Content-Type",   "Stream-TTL",      "Stream-Expires-At",
                                       "Stream-Closed",  "Stream-Seq",      "Producer-Id",
                                       "Producer-Epoch", "Producer-Seq",    "Stream-Forked-From",
                                       "Last-Event-ID",  "Accept-Encoding", "If-None-Match"};
  const std::string alphabet = "09-_.:TZ+/%;=,\"* aq\x7f\xff";
  const auto some = [&](std::size_t most) {
    std::string out(random() % (most + 1), ' ');
    for (auto& c : out) c = alphabet[random() % alphabet.size()];
    return out;
  };
  for (int round = 0; round < 20'000; ++round) {
    Fields fields;
    for (std::size_t i = random() % 4; i > 0; --i) {
      fields.emplace_back(names[random() % names.size()], some(40));
    }
    const verb method = std::vector{verb::get, verb::put, verb::post}[random() % 3];
    const auto target = "/v1/stream/a" + some(6) + "?offset=" + some(34) + "&live=sse&" + some(20);
    const auto request = parse(method, target, fields);
    if (request) continue;
    EXPECT_GE(info(request.error().code).http_status, 400);
    EXPECT_LT(info(request.error().code).http_status, 500);
    EXPECT_TRUE(valid_utf8(request.error().text));
  }
}

// ---- states and filters ----

TEST(StreamRequestState, BeginsAnEventStreamInsteadOfAnOffset) {
  const auto request = read("?live=sse&state=true");
  EXPECT_TRUE(request.state);
  EXPECT_FALSE(request.resumes);
  EXPECT_EQ(request.on_gap, OnGap::state) << "unless the query says otherwise";
  EXPECT_EQ(read("?live=sse&state=true&on_gap=fail").on_gap, OnGap::fail);
  EXPECT_FALSE(read("?live=sse&state=false&offset=-1").state);
  EXPECT_EQ(read_refused("?live=sse&state=false"), Errc::malformed_message) << "no offset";
  EXPECT_EQ(read_refused("?live=sse&state=true&offset=-1"), Errc::malformed_message);
  EXPECT_EQ(read_refused("?live=sse&state=1"), Errc::malformed_message);
  EXPECT_EQ(read_refused("?live=sse&state=true&state=true"), Errc::malformed_message);
}

TEST(StreamRequestState, WhoResumesDoesSo) {
  const auto request = read("?live=sse&state=true", {{"Last-Event-ID", kToken}});
  EXPECT_TRUE(request.resumes);
  EXPECT_EQ(request.after, kPlace);
  EXPECT_EQ(request.on_gap, OnGap::state);
}

TEST(StreamRequestState, FollowsAGapIfAsked) {
  EXPECT_EQ(read("?live=sse&offset=-1&on_gap=state").on_gap, OnGap::state);
  EXPECT_EQ(read_refused("?offset=-1&on_gap=state"), Errc::malformed_message);
  EXPECT_EQ(read_refused("?live=long-poll&offset=-1&on_gap=state"), Errc::malformed_message);
}

TEST(StreamRequestState, MayDependOnHowFarBehindTheReaderIs) {
  EXPECT_EQ(read("?live=sse&offset=-1&state_if_behind=500").state_if_behind->events, 500U);
  EXPECT_FALSE(read("?live=sse&offset=-1").state_if_behind);
  EXPECT_EQ(read_refused("?live=sse&offset=-1&state_if_behind=x"), Errc::malformed_message);
  EXPECT_EQ(read_refused("?live=sse&offset=-1&state_if_behind="), Errc::malformed_message);
}

TEST(StreamRequestFilter, NamesKeysAndHeaders) {
  const auto filter = read(
                          "?live=sse&offset=-1&filter_key=a&filter_header=region:eu&filter_key=b*"
                          "&filter_header=kind:x:y&filter_header=region:us%20west")
                          .filter;
  EXPECT_THAT(filter.keys, testing::ElementsAre("a", "b*"));
  EXPECT_THAT(filter.headers,
              testing::ElementsAre(Filter::Match{.name = "region", .values = {"eu", "us west"}},
                                   Filter::Match{.name = "kind", .values = {"x:y"}}));
  EXPECT_TRUE(read("?live=sse&offset=-1").filter.empty());
  EXPECT_EQ(read_refused("?live=sse&offset=-1&filter_header=region"), Errc::invalid_filter);
  EXPECT_EQ(read_refused("?live=sse&offset=-1&filter_key="), Errc::invalid_filter);
}

TEST(StreamRequestForm, IsThatOfDurableStreamsUnlessMessagesAreAskedFor) {
  EXPECT_FALSE(read("?live=sse&offset=-1").messages);
  const auto request = read("?live=sse&offset=-1&form=messages");
  EXPECT_TRUE(request.messages);
  EXPECT_FALSE(request.once);
  EXPECT_TRUE(read("?form=messages&state=true&live=sse").messages);
  for (const auto* query :
       {"?live=sse&offset=-1&form=", "?live=sse&offset=-1&form=Messages", "?form=messages",
        "?live=sse&offset=-1&form=events", "?live=long-poll&offset=-1&form=messages",
        "?live=sse&offset=-1&form=messages&form=messages"}) {
    EXPECT_EQ(read_refused(query), Errc::malformed_message) << query;
  }
}

TEST(StreamRequestForm, OfMessagesMayEndByItself) {
  EXPECT_TRUE(read("?live=sse&offset=-1&form=messages&once=true").once);
  EXPECT_FALSE(read("?live=sse&offset=-1&form=messages&once=false").once);
  EXPECT_FALSE(read("?offset=-1&once=false").once) << "which asks for nothing";
  for (const auto* query : {"?live=sse&offset=-1&once=true", "?offset=-1&once=true",
                            "?offset=-1&once=", "?live=sse&offset=-1&form=messages&once=1",
                            "?live=sse&offset=-1&form=messages&once=true&once=true"}) {
    EXPECT_EQ(read_refused(query), Errc::malformed_message) << query;
  }
}

TEST(StreamRequestFilter, IsForEventStreamsAlone) {
  for (const auto* query :
       {"filter_key=a", "filter_header=a:b", "state_if_behind=1", "state=true"}) {
    EXPECT_EQ(read_refused(std::string("?") + query), Errc::malformed_message) << query;
    EXPECT_EQ(read_refused(std::string("?live=long-poll&offset=-1&") + query),
              Errc::malformed_message)
        << query;
  }
  EXPECT_TRUE(read("?state=false&offset=-1").after) << "which asks for nothing";
}

}  // namespace
}  // namespace tidemark::broker
