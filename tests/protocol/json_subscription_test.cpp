// JSON of states, cursors, patterns and filters: what is read and written, and what is refused.
// tests/protocol/
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "protocol/json_codec.hpp"
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

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

// A subscription to "t" with more fields.
std::string subscribe(const std::string& more) {
  return R"({"type":"subscribe","id":1,"topic":"t",)" + more + "}";
}

Subscribe subscribe_of(const std::string& text) {
  auto decoded = decode_json_client(text);
  if (!decoded) {
    ADD_FAILURE() << text << ": " << decoded.error().text;
    return {};
  }
  return std::get<Subscribe>(*decoded);
}

TEST(JsonSubscription, ReadsWhatASubscriptionCanSay) {
  EXPECT_TRUE(subscribe_of(subscribe(R"("state":true)")).state);
  EXPECT_FALSE(subscribe_of(subscribe(R"("state":false,"last":3)")).state);
  EXPECT_EQ(subscribe_of(subscribe(R"("on_gap":"state")")).on_gap, OnGap::state);
  EXPECT_EQ(subscribe_of(subscribe(R"("cursor":"device-7")")).cursor, "device-7");
  const auto behind = subscribe_of(subscribe(R"("state_if_behind":{"events":5000})"));
  EXPECT_TRUE(behind.state_if_behind == StateIfBehind({.events = 5000, .bytes = std::nullopt}));
  EXPECT_TRUE(subscribe_of(subscribe(R"("filter":{})")).filter.empty());
}

TEST(JsonSubscription, ReadsAHeaderToMatchAsOneValueOrSome) {
  const auto filter =
      subscribe_of(
          subscribe(R"("filter":{"keys":["a","b*"],"headers":{"x":["1","2"],"\u0079":"3"}})"))
          .filter;
  EXPECT_EQ(filter.keys, (std::vector<std::string>{"a", "b*"}));
  EXPECT_EQ(filter.headers, (std::vector<Filter::Match>{{"x", {"1", "2"}}, {"y", {"3"}}}));
}

TEST(JsonSubscription, ReadsPositionsOfTopics) {
  const auto message =
      subscribe_of(R"({"type":"subscribe","pattern":"rooms/*",)"
                   R"("positions":{"rooms/1":{"epoch":3,"offset":42},"rooms\/2":{"offset":0}}})");
  EXPECT_EQ(message.pattern, "rooms/*");
  EXPECT_EQ(message.topic, "");
  ASSERT_TRUE(message.positions);
  EXPECT_EQ(*message.positions, (std::vector<TopicPosition>{{"rooms/1", {Epoch{3}, Offset{42}}},
                                                            {"rooms/2", {Epoch{}, Offset{0}}}}));
  const auto none =
      subscribe_of(R"({"type":"subscribe","pattern":"rooms/*","positions":{},"state":true})");
  ASSERT_TRUE(none.positions);
  EXPECT_TRUE(none.positions->empty());
}

TEST(JsonSubscription, SaysWhatIsWrongWithASubscription) {
  constexpr auto kMalformed = Errc::malformed_message;
  constexpr auto kFilter = Errc::invalid_filter;
  const struct {
    std::string text;
    Errc code;
    const char* says;
  } cases[] = {
      {subscribe(R"("pattern":"t")"), kMalformed, "\"topic\" and \"pattern\" exclude each other"},
      {R"({"type":"subscribe","pattern":""})", Errc::invalid_pattern, "must not be empty"},
      {R"({"type":"subscribe","pattern":7})", kMalformed, "\"pattern\" must be a string"},
      {R"({"type":"subscribe","patern":"t"})", kMalformed, "did you mean \"pattern\"?"},
      {subscribe(R"("state":1)"), kMalformed, "\"state\" must be true or false"},
      {subscribe(R"("state":true,"after":{"offset":1})"), kMalformed,
       "\"state\" and \"after\", \"from\", \"last\" or \"time\" exclude each other"},
      {subscribe(R"("from":"now","state":true)"), kMalformed, "\"state\" and \"after\""},
      {subscribe(R"("state":true,"last":1)"), kMalformed, "\"state\" and \"after\""},
      {subscribe(R"("state":true,"time":1)"), kMalformed, "\"state\" and \"after\""},
      {subscribe(R"("on_gap":"stat")"), kMalformed, "\"fail\", \"earliest\" or \"state\""},
      {subscribe(R"("state_if_behind":5000)"), kMalformed, "\"state_if_behind\" must be an object"},
      {subscribe(R"("state_if_behind":{})"), kMalformed, "needs \"events\" or \"bytes\""},
      {subscribe(R"("state_if_behind":{"event":1})"), kMalformed, "did you mean \"events\"?"},
      {subscribe(R"("state_if_behind":{"bytes":-1})"), kMalformed, "\"bytes\" must be an integer"},
      {subscribe(R"("filter":["a"])"), kMalformed, "\"filter\" must be an object"},
      {subscribe(R"("filter":{"key":["a"]})"), kMalformed,
       "filter: there is no field \"key\"; did you mean \"keys\"?"},
      {subscribe(R"("filter":{"keys":"a"})"), kMalformed, "\"keys\" must be an array"},
      {subscribe(R"("filter":{"keys":[1]})"), kMalformed, "\"keys[]\" must be a string"},
      {subscribe(R"("filter":{"keys":["a"],"keys":[]})"), kMalformed, "\"keys\" is given twice"},
      {subscribe(R"("filter":{"headers":["a"]})"), kMalformed, "\"headers\" must be an object"},
      {subscribe(R"("filter":{"headers":{"a":1}})"), kMalformed,
       "\"a\" must be a string or an array of strings"},
      {subscribe(R"("filter":{"headers":{"a":["b",1]}})"), kMalformed,
       "\"values[]\" must be a string"},
      {subscribe(R"("filter":{"headers":{"a":[]}})"), kFilter, "\"a\" has no value to match"},
      {subscribe(R"("filter":{"headers":{"a":"1","\u0061":"2"}})"), kFilter,
       "header \"a\" is given twice"},
      {subscribe(R"("cursor":"")"), Errc::invalid_cursor, "\"cursor\" must not be empty"},
      {subscribe(R"("cursor":7)"), kMalformed, "\"cursor\" must be a string"},
      {subscribe(R"("cursr":"a")"), kMalformed, "did you mean \"cursor\"?"},
      {subscribe(R"("positions":{})"), kMalformed, "\"positions\" needs a \"pattern\""},
      {R"({"type":"subscribe","pattern":"p","positions":{},"from":"now"})", kMalformed,
       "\"positions\" and \"after\", \"from\", \"last\" or \"time\" exclude each other"},
      {R"({"type":"subscribe","pattern":"p","positions":[]})", kMalformed,
       "\"positions\" must be an object"},
      {R"({"type":"subscribe","pattern":"p","positions":{"p":1}})", kMalformed,
       "\"p\" must be an object"},
      {R"({"type":"subscribe","pattern":"p","positions":{"p":{"epoch":1}}})", kMalformed,
       "position: \"offset\" is missing"},
      {R"({"type":"subscribe","pattern":"p",)"
       R"("positions":{"p":{"offset":1},"q":{"offset":1},"\u0070":{"offset":2}}})",
       kMalformed, "\"positions\" has \"p\" twice"},
      {R"({"type":"unsubscribe"})", kMalformed, "\"topic\" or \"pattern\" is missing"},
      {R"({"type":"unsubscribe","topic":"t","pattern":"p"})", kMalformed,
       "\"topic\" and \"pattern\" exclude each other"},
      {R"({"type":"unsubscribe","pattern":""})", Errc::invalid_pattern, "must not be empty"},
      {R"({"type":"ack","topic":"t","cursor":"c"})", kMalformed, "\"offset\" is missing"},
      {R"({"type":"ack","topic":"t","offset":1})", kMalformed, "\"cursor\" is missing"},
      {R"({"type":"ack","cursor":"c","offset":1})", kMalformed, "\"topic\" is missing"},
      {R"({"type":"ack","topic":"t","cursor":"c","offset":1,"position":1})", kMalformed,
       "there is no field \"position\""},
      {R"({"type":"acks","topic":"t"})", Errc::unknown_message, "did you mean \"ack\"?"},
  };
  for (const auto& c : cases) {
    const auto error = error_of(c.text);
    EXPECT_EQ(error.code, c.code) << c.text;
    EXPECT_THAT(error.text, HasSubstr(c.says)) << c.text;
  }
}

// `before`, then as many of `item` (its number in place of '#'), then `after`.
std::string many(const std::string& before, const std::string& item, std::size_t count,
                 const std::string& after) {
  std::string text = before;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    const auto mark = item.find('#');
    text += item.substr(0, mark) + std::to_string(i) + item.substr(mark + 1);
  }
  return text + after;
}

TEST(JsonSubscription, CountsWhatAFilterAndPositionsHold) {
  const struct {
    std::string before;
    std::string item;
    std::string after;
    std::size_t most;
    Errc code;
    const char* says;
  } cases[] = {
      {R"("filter":{"keys":[)", "\"#\"", "]}", limits::filter_keys, Errc::invalid_filter,
       "filter: more than 256 keys"},
      {R"("filter":{"headers":{)", "\"#\":\"\"", "}}", limits::filter_headers, Errc::invalid_filter,
       "filter: more than 16 headers"},
      {R"("filter":{"headers":{"a":[)", "\"#\"", "]}}", limits::filter_values, Errc::invalid_filter,
       "filter: more than 64 values of a header"},
      {R"("positions":{)", R"("#":{"offset":1})", "}", limits::positions, Errc::malformed_message,
       "more than 10000 positions"},
  };
  for (const auto& c : cases) {
    const auto with = [&](std::size_t count) {
      return R"({"type":"subscribe","id":1,"pattern":"**",)" +
             many(c.before, c.item, count, c.after) + "}";
    };
    EXPECT_TRUE(decode_json_client(with(c.most))) << c.says;
    const auto error = error_of(with(c.most + 1));
    EXPECT_EQ(error.code, c.code) << c.says;
    EXPECT_THAT(error.text, HasSubstr(c.says));
    EXPECT_EQ(error.id, 1U);
    // However many more there are.
    EXPECT_THAT(error_of(with(20 * c.most)).text, HasSubstr(c.says));
  }
}

TEST(JsonSubscription, WritesNoStartBesideAStateOrPositions) {
  auto message = samples::subscribe_to("t");
  message.state = true;
  EXPECT_EQ(samples::encoded(WireForm::json, ClientMessage(message)),
            R"({"type":"subscribe","id":11,"topic":"t","state":true})");
  // One that contradicts it is left for the broker to refuse.
  message.start = StartLast{3};
  EXPECT_THAT(error_of(samples::encoded(WireForm::json, ClientMessage(message))).text,
              HasSubstr("exclude each other"));
}

TEST(JsonSubscription, WritesEveryFieldOfASubscription) {
  EXPECT_EQ(samples::encoded(WireForm::json, ClientMessage(samples::full_subscribe())),
            R"({"type":"subscribe","id":10,"pattern":"rooms/*",)"
            R"("positions":{"rooms/1":{"epoch":3,"offset":42},"rooms/2":{"offset":0}},)"
            R"("on_gap":"state","state":true,"state_if_behind":{"events":5000,"bytes":1048576},)"
            R"("filter":{"keys":["order-7","user-*"],)"
            R"("headers":{"region":["eu","us"],"k\"nd":"ü"}},"cursor":"device \"7\""})");
}

// ---- states, as a client reads them ----

DecodeError server_error_of(const std::string& text) {
  const auto decoded = decode_json_server(text);
  if (decoded) {
    ADD_FAILURE() << "was accepted: " << text;
    return {Errc::cancelled, {}, 0};
  }
  return decoded.error();
}

std::string state(const std::string& more) {
  return R"({"type":"state","topic":"t","epoch":1,"offset":2,"first":true,"last":true,)" + more +
         "}";
}

std::string encoded(const State& message, Payload payload) {
  std::string out;
  encode(WireForm::json, message, payload, out);
  return out;
}

TEST(JsonState, WritesABundleByItsOwnContentType) {
  State bundle{.topic = "t", .position = {Epoch{1}, Offset{2}}};
  const auto written = [&](std::string content_type, std::string data) {
    bundle.content_type = std::move(content_type);
    bundle.bundle = std::move(data);
    // Whatever the topic's payload is.
    const auto text = encoded(bundle, Payload::bytes);
    EXPECT_EQ(text, encoded(bundle, Payload::json));
    const auto decoded = decode_json_server(text);
    EXPECT_TRUE(decoded && *decoded == ServerMessage(bundle)) << text;
    return text;
  };
  EXPECT_EQ(written("application/json", "{ \"a\":1.0}"),
            state(R"("content_type":"application/json","data":{ "a":1.0})"));
  EXPECT_EQ(written("text/csv", "a\n\"b\""),
            state(R"("content_type":"text/csv","data":"a\n\"b\"")"));
  EXPECT_EQ(written("image/png", "\xff\xd8"),
            state(R"("content_type":"image/png","data_base64":"/9g=")"));
}

TEST(JsonState, WritesEntriesByTheTopicsPayload) {
  State page{.topic = "t", .position = {Epoch{1}, Offset{2}}};
  page.entries = {{.key = "a",
                   .offset = Offset{2},
                   .time = Timestamp{5},
                   .headers = {{"h", "v"}},
                   .data = "1"}};
  const std::string entry = R"("entries":[{"key":"a","offset":2,"time":5,"headers":{"h":"v"},)";
  EXPECT_EQ(encoded(page, Payload::json), state(entry + R"("data":1}])"));
  EXPECT_EQ(encoded(page, Payload::text), state(entry + R"("data":"1"}])"));
  EXPECT_EQ(encoded(page, Payload::bytes), state(entry + R"("data_base64":"MQ=="}])"));
  page.entries.clear();
  EXPECT_EQ(encoded(page, Payload::json), state(R"("entries":[])"));
}

TEST(JsonState, SettlesTheEntriesOfAState) {
  auto decoded =
      decode_json_server(state(R"("entries":[{"key":"a","offset":1,"time":5,"data":"one"}])"));
  ASSERT_TRUE(decoded);
  auto message = std::get<State>(*decoded);
  EXPECT_EQ(message.entries.front().form, Form::json);
  auto as_bytes = message;
  const auto refused = settle_state(as_bytes, Payload::bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.errc(), Errc::invalid_payload);
  ASSERT_TRUE(settle_state(message, Payload::text));
  EXPECT_EQ(message.entries.front().data, "one");
  EXPECT_EQ(message.entries.front().form, Form::raw);
}

TEST(JsonState, SaysWhatIsWrongWithAState) {
  const std::string json = R"("content_type":"application/json",)";
  const std::string text = R"("content_type":"text/plain",)";
  const struct {
    std::string text;
    Errc code;
    const char* says;
  } cases[] = {
      {state(json + "\"x\":1"), Errc::malformed_message, "\"data\" or \"data_base64\" is missing"},
      {state(json + R"("data":1,"data_base64":"MQ==")"), Errc::malformed_message,
       "exclude each other"},
      {state(json + R"("data":1,"entries":[])"), Errc::malformed_message,
       "\"entries\" and a bundle's data exclude each other"},
      {state(text + "\"data\":1"), Errc::invalid_payload, "does not fit \"content_type\""},
      {state(text + "\"data_base64\":\"/w==\""), Errc::invalid_payload, "does not fit"},
      {state(R"("content_type":"application/json","data_base64":"ew==")"), Errc::invalid_payload,
       "does not fit"},
      {state("\"data\":1"), Errc::invalid_payload, "does not fit \"content_type\""},
      {state(json + R"("data_base64":"?")"), Errc::invalid_payload, "is not base64"},
      {state(R"("entries":{})"), Errc::malformed_message, "must be an array"},
      {state(R"("entries":[{"key":"a","offset":1,"time":1}])"), Errc::malformed_message,
       "\"data\" or \"data_base64\" is missing"},
      {state(R"("entries":[{"offset":1,"time":1,"data":1}])"), Errc::malformed_message,
       "entry: \"key\" is missing"},
      {state(json + "\"data\":" + nested(limits::json_depth + 1)), Errc::invalid_payload,
       "nested deeper than 64"},
      {R"({"type":"state","topic":"t","epoch":1,"offset":2,"first":true,"entries":[]})",
       Errc::malformed_message, "\"last\" is missing"},
      {R"({"type":"unsubscribed"})", Errc::malformed_message,
       "\"topic\" or \"pattern\" is missing"},
      {R"({"type":"following","id":1})", Errc::malformed_message, "\"pattern\" is missing"},
      {R"({"type":"advanced","topic":"t"})", Errc::malformed_message, "\"offset\" is missing"},
      {R"({"type":"acknowledged","topic":"t","cursor":"c","offset":1})", Errc::malformed_message,
       "\"epoch\" is missing"},
  };
  for (const auto& c : cases) {
    const auto error = server_error_of(c.text);
    EXPECT_EQ(error.code, c.code) << c.text;
    EXPECT_THAT(error.text, HasSubstr(c.says)) << c.text;
  }
  EXPECT_TRUE(decode_json_server(state(json + "\"data\":" + nested(limits::json_depth))));
}

}  // namespace
}  // namespace tidemark
