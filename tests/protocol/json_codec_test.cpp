// JSON messages: bytes kept, fields required, and what a wrong one is told.
// tests/protocol/
#include "protocol/json_codec.hpp"

#include <string>

#include <gmock/gmock.h>

#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

using testing::HasSubstr;

DecodeError error_of(std::string_view text) {
  const auto decoded = decode_json_client(text);
  if (decoded) {
    ADD_FAILURE() << "was accepted: " << text.substr(0, 200);
    return {Errc::cancelled, {}, 0};
  }
  return decoded.error();
}

Publish publish_of(std::string_view text) {
  auto decoded = decode_json_client(text);
  if (!decoded) {
    ADD_FAILURE() << text << ": " << decoded.error().text;
    return {};
  }
  return std::get<Publish>(*decoded);
}

TEST(JsonCodec, KeepsDataByteForByte) {
  for (const char* data :
       {"1.0", "-0", "1E5", "123456789012345678901234567890.10", "{ \"b\" : 1 , \"a\":[ ] }",
        "\"\\u0041\\/\"", "{\"a\":1,\"a\":2}", "[\"}\",\"\\\"\"]", "true", "null", "\"\""}) {
    const auto single =
        publish_of(std::string(R"({"type":"publish","topic":"t","data":)") + data + "}");
    ASSERT_EQ(single.events.size(), 1U);
    EXPECT_EQ(single.events.front().data, data);
    EXPECT_EQ(single.events.front().form, Form::json);
    const auto listed =
        publish_of(std::string(R"({"type":"publish","topic":"t","events":[{"data": )") + data +
                   " } , {\"data\":0}]}");
    ASSERT_EQ(listed.events.size(), 2U);
    EXPECT_EQ(listed.events.front().data, data);
  }
}

TEST(JsonCodec, TakesFieldsInAnyOrderWithSpacesAndEscapedNames) {
  const auto message = publish_of(
      " {\n\"data\" : 1 ,\t\"topi\\u0063\":\"t\", \"key\":\"\\u006b\" , \"type\" : "
      "\"publish\",\"id\" : 7 } ");
  EXPECT_EQ(message.id, 7U);
  EXPECT_EQ(message.topic, "t");
  EXPECT_EQ(message.events.front().key, "k");
}

TEST(JsonCodec, ReadsBase64AsTheBytes) {
  const auto message = publish_of(R"({"type":"publish","topic":"t","data_base64":"/9j\/4A=="})");
  EXPECT_EQ(message.events.front().data, "\xff\xd8\xff\xe0");
  EXPECT_EQ(message.events.front().form, Form::raw);
}

TEST(JsonCodec, SubscribesFromNowUnlessTold) {
  const auto decoded = decode_json_client(R"({"type":"subscribe","topic":"t"})");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == ClientMessage(Subscribe{.id = 0, .topic = "t", .start = StartNow{}}));
}

struct Refused {
  const char* text;
  Errc code;
  const char* says;
};

TEST(JsonCodec, SaysWhatIsWrong) {
  constexpr auto kMalformed = Errc::malformed_message;
  const Refused cases[] = {
      {"", kMalformed, "not valid JSON"},
      {"{", kMalformed, "not valid JSON"},
      {"[]", kMalformed, "not an object"},
      {"1", kMalformed, "not an object"},
      {"{}", kMalformed, "\"type\" is missing"},
      {R"({"type":1})", kMalformed, "\"type\" must be a string"},
      {R"({"type":"pingg"})", Errc::unknown_message, "did you mean \"ping\"?"},
      {R"({"type":"event","topic":"t"})", Errc::unknown_message, "\"event\""},
      {R"({"type":"ping"} x)", kMalformed, "not valid JSON"},
      {R"({"type":"ping","type":"ping"})", kMalformed, "\"type\" is given twice"},
      {R"({"type":"ping","id":1,"i\u0064":2})", kMalformed, "\"id\" is given twice"},
      {R"({"type":"ping","id":-1})", kMalformed, "\"id\" must be an integer"},
      {R"({"type":"ping","id":1.0})", kMalformed, "\"id\" must be an integer"},
      {R"({"type":"ping","id":1e3})", kMalformed, "\"id\" must be an integer"},
      {R"({"type":"ping","id":"1"})", kMalformed, "\"id\" must be an integer"},
      {R"({"type":"ping","id":9007199254740992})", kMalformed, "9007199254740991"},
      {R"({"type":"ping","id":99999999999999999999999})", kMalformed, "must be an integer"},
      {R"({"type":"subscribe"})", kMalformed, "\"topic\" or \"pattern\" is missing"},
      {R"({"type":"subscribe","topic":null})", kMalformed, "\"topic\" must be a string"},
      {R"({"type":"subscribe","topik":"t"})", kMalformed, "did you mean \"topic\"?"},
      {R"({"type":"subscribe","topic":"t","zzzzzz":1})", kMalformed, "no field \"zzzzzz\""},
      {R"({"type":"subscribe","topic":"t","from":"start"})", kMalformed, "\"earliest\" or \"now\""},
      {R"({"type":"subscribe","topic":"t","on_gap":"x"})", kMalformed, "\"on_gap\" must be"},
      {R"({"type":"subscribe","topic":"t","last":1,"time":2})", kMalformed, "exclude each other"},
      {R"({"type":"subscribe","topic":"t","after":42})", kMalformed, "\"after\" must be an object"},
      {R"({"type":"subscribe","topic":"t","after":{}})", kMalformed,
       "after: \"offset\" is missing"},
      {R"({"type":"subscribe","topic":"t","after":{"offset":1,"epok":1}})", kMalformed,
       "did you mean \"epoch\"?"},
      {R"({"type":"publish","topic":"t"})", kMalformed, "\"data\" or \"data_base64\" is missing"},
      {R"({"type":"publish","topic":"t","data":1,"data_base64":""})", kMalformed, "exclude"},
      {R"({"type":"publish","topic":"t","data":1,"events":[{"data":1}]})", kMalformed, "exclude"},
      {R"({"type":"publish","topic":"t","events":[]})", kMalformed, "must not be empty"},
      {R"({"type":"publish","topic":"t","events":{}})", kMalformed, "must be an array"},
      {R"({"type":"publish","topic":"t","events":[{"data":1},7]})", kMalformed,
       "\"events[]\" must be an object"},
      {R"({"type":"publish","topic":"t","events":[{}]})", kMalformed, "\"data\" or"},
      {R"({"type":"publish","topic":"t","events":[{"data":1,"offset":1}]})", kMalformed,
       "event: there is no field \"offset\""},
      {R"({"type":"publish","topic":"t","data":1,"key":7})", kMalformed,
       "\"key\" must be a string"},
      {R"({"type":"publish","topic":"t","data":1,"headers":[]})", kMalformed,
       "\"headers\" must be"},
      {R"({"type":"publish","topic":"t","data":1,"headers":{"a":1}})", kMalformed,
       "\"a\" must be a string"},
      {R"({"type":"publish","topic":"t","data":1,"headers":{"a":"1","\u0061":"2"}})",
       Errc::invalid_headers, "given twice"},
      {R"({"type":"publish","topic":"t","data_base64":"A"})", Errc::invalid_payload, "base64"},
      {R"({"type":"publish","topic":"t","data":1,"producer":{"id":"p","epoch":0}})", kMalformed,
       "producer: \"sequence\" is missing"},
      {R"({"type":"publish","topic":"t","data":1,"expected_last":"1"})", kMalformed,
       "\"expected_last\" must be"},
      {R"({"type":"publish","topic":"t","data":1e400})", kMalformed, "not valid JSON"},
      {R"({"type":"publish","topic":"t","data":"\ud800"})", kMalformed, "not valid JSON"},
      {"{\"type\":\"publish\",\"topic\":\"t\",\"data\":\"\xc0\xaf\"}", kMalformed,
       "not valid JSON"},
  };
  for (const auto& c : cases) {
    const auto error = error_of(c.text);
    EXPECT_EQ(error.code, c.code) << c.text;
    EXPECT_THAT(error.text, HasSubstr(c.says)) << c.text;
  }
}

TEST(JsonCodec, TellsWhichRequestWasWrong) {
  EXPECT_EQ(error_of(R"({"type":"publish","topic":5,"id":17})").id, 17U);
  EXPECT_EQ(error_of(R"({"type":"nonsense","id":18})").id, 18U);
  EXPECT_EQ(error_of(R"({"type":"publish","id":"x"})").id, 0U);
  EXPECT_EQ(error_of("{").id, 0U);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonCodec, BoundsTheDepthOfPayloadsWhereverTheyStand) {
  const auto single = [](std::size_t depth) {
    return R"({"type":"publish","topic":"t","data":)" + nested(depth) + "}";
  };
  const auto listed = [](std::size_t depth) {
    return R"({"type":"publish","topic":"t","events":[{"data":)" + nested(depth) + "}]}";
  };
  EXPECT_TRUE(decode_json_client(single(limits::json_depth)));
  EXPECT_TRUE(decode_json_client(listed(limits::json_depth)));
  EXPECT_EQ(error_of(single(limits::json_depth + 1)).code, Errc::invalid_payload);
  EXPECT_EQ(error_of(single(limits::json_depth + 3)).code, Errc::malformed_message);
  EXPECT_EQ(error_of(listed(limits::json_depth + 1)).code, Errc::malformed_message);
}

TEST(JsonCodec, CountsEventsAndHeaders) {
  const auto events = [](std::size_t count) {
    std::string text = R"({"type":"publish","topic":"t","events":[{"data":0})";
    for (std::size_t i = 1; i < count; ++i) text += R"(,{"data":0})";
    return text + "]}";
  };
  EXPECT_TRUE(decode_json_client(events(limits::events_per_publish)));
  EXPECT_EQ(error_of(events(limits::events_per_publish + 1)).code, Errc::too_many_events);
  const auto headers = [](std::size_t count) {
    std::string text = R"({"type":"publish","topic":"t","data":0,"headers":{"0":"")";
    for (std::size_t i = 1; i < count; ++i) text += ",\"" + std::to_string(i) + "\":\"\"";
    return text + "}}";
  };
  EXPECT_TRUE(decode_json_client(headers(limits::headers)));
  EXPECT_EQ(error_of(headers(limits::headers + 1)).code, Errc::invalid_headers);
}

TEST(JsonCodec, RefusesHugeNonsense) {
  EXPECT_EQ(error_of(std::string(100000, '[')).code, Errc::malformed_message);
  EXPECT_EQ(error_of(R"({"type":"ping","x":)" + nested(100000) + "}").code,
            Errc::malformed_message);
  std::string keys = R"({"type":"ping")";
  for (int i = 0; i < 1000000; ++i) keys += ",\"k\":0";
  EXPECT_EQ(error_of(keys + "}").code, Errc::malformed_message);
  // Not quoted back at full length.
  EXPECT_LT(error_of(R"({"type":"ping",")" + std::string(100000, 'k') + "\":0}").text.size(), 200U);
}

TEST(JsonCodec, RefusesBytesThatAreNotText) {
  using namespace std::string_literals;
  EXPECT_EQ(error_of("{\"type\":\"ping\"}\0"s).code, Errc::malformed_message);
  EXPECT_EQ(error_of("{\"type\":\"ping\0\"}"s).code, Errc::malformed_message);
  EXPECT_EQ(error_of("\xff\xfe"s).code, Errc::malformed_message);
}

TEST(JsonCodec, PassesOverWhatANewerBrokerAdds) {
  const auto decoded = decode_json_server(R"({"type":"pong","since":{"a":[1]},"id":5,"more":"x"})");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == ServerMessage(Pong{.id = 5}));
}

TEST(JsonCodec, RefusesNonsenseFromABroker) {
  for (
      const char* text :
      {R"({"type":"published","topic":"t","epoch":1,"first":1})",
       R"({"type":"published","topic":"t","epoch":1,"first":2,"last":1})",
       R"({"type":"published","topic":"t","epoch":1,"first":1,"last":1,"duplicate":1})",
       R"({"type":"error","code":"no_such","message":""})",
       R"({"type":"goodbye","reconnect_after_ms":4294967296})",
       R"({"type":"event","topic":"t","offset":1,"time":0})",
       R"({"type":"gap","topic":"t","first":1,"end":2,"cause":"x","epoch":1,"earliest":1,"head":1})"}) {
    EXPECT_FALSE(decode_json_server(text)) << text;
  }
}

TEST(JsonCodec, WritesEventsInTheOrderClientsRelyOn) {
  const Event event{.topic = "t",
                    .offset = Offset{43},
                    .time = Timestamp{5},
                    .key = "k",
                    .headers = {{"a", "b"}},
                    .data = "{ }"};
  EXPECT_EQ(
      samples::encoded(WireForm::json, ServerMessage(event)),
      R"({"type":"event","topic":"t","offset":43,"time":5,"key":"k","headers":{"a":"b"},"data":{ }})");
}

TEST(JsonCodec, WritesWhatItLeavesOut) {
  EXPECT_EQ(samples::encoded(WireForm::json, ServerMessage(Pong{})), R"({"type":"pong"})");
  EXPECT_EQ(samples::encoded(WireForm::json,
                             ServerMessage(Published{.id = 1, .topic = "t", .epoch = Epoch{2}})),
            R"({"type":"published","id":1,"topic":"t","epoch":2})");
}

}  // namespace
}  // namespace tidemark
