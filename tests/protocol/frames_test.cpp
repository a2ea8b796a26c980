// Ready frames are the codec's bytes behind a right header, to the byte.
// tests/protocol/
#include "protocol/frames.hpp"

#include <optional>
#include <random>

#include <gmock/gmock.h>

#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

struct Content {
  std::string key;
  std::vector<Header> headers;
  std::string data;
};

std::string framed(const EventFramer& framer, const EventView& event) {
  constexpr std::string_view kGuard = "guard";
  std::string out(framer.size(event), '\0');
  out += kGuard;
  const char* const end = framer.write(event, out.data());
  EXPECT_EQ(static_cast<std::size_t>(end - out.data()), out.size() - kGuard.size());
  EXPECT_TRUE(out.ends_with(kGuard)) << "wrote past its size";
  out.resize(out.size() - kGuard.size());
  return out;
}

std::string expected_frame(WireForm form, Payload payload, const Event& event) {
  std::string message;
  encode(form, ServerMessage(event), payload, message);
  std::string frame(kMaxFrameHeader, '\0');
  const auto* const end = write_frame_header(form, message.size(), frame.data());
  frame.resize(static_cast<std::size_t>(end - frame.data()));
  return frame + message;
}

void expect_same(const Content& content, std::uint64_t offset, std::int64_t time) {
  std::string packed;
  for (const auto& h : content.headers) pack_header(packed, {h.name, h.value});
  const EventView view{.offset = {offset},
                       .time = {time},
                       .key = content.key,
                       .headers = HeadersView(packed),
                       .data = content.data};
  const Event event{.topic = "a/b",
                    .offset = {offset},
                    .time = {time},
                    .key = content.key,
                    .headers = content.headers,
                    .data = content.data};
  for (const auto form : {WireForm::json, WireForm::binary}) {
    for (const auto payload : {Payload::json, Payload::text, Payload::bytes}) {
      const EventFramer framer(frame_form(form), TopicName::parse("a/b").value(), payload);
      ASSERT_EQ(framed(framer, view), expected_frame(form, payload, event));
    }
  }
}

TEST(EventFramer, WritesWhatTheCodecWrites) {
  const std::vector<Header> headers{
      {"trace", "a\"1"}, {"x\\", ""}, {"long", std::string(300, '\n')}};
  for (const auto& data : {std::string(), std::string("1"), std::string("{\"a\":\"b\\n\"}")}) {
    expect_same({.key = {}, .headers = {}, .data = data}, 1, 0);
    expect_same({.key = "key\t", .headers = {}, .data = data}, 999, 1790000000000);
    expect_same({.key = {}, .headers = headers, .data = data}, kMaxInteger, 10);
    expect_same({.key = "k", .headers = headers, .data = data}, 10, 99);
  }
}

// Around 126 and 65536 bytes the header grows; text with escapes crosses while being written.
TEST(EventFramer, CrossesTheSizesOfHeaders) {
  for (std::size_t size = 0; size < 140; ++size) {
    expect_same({.key = {}, .headers = {}, .data = std::string(size, 'x')}, 1, 0);
    expect_same({.key = {}, .headers = {}, .data = std::string(size, '"')}, 1, 0);
    expect_same({.key = {}, .headers = {}, .data = std::string(size, '\x01')}, 1, 0);
  }
  for (std::size_t size = 65536 - 100; size < 65536 + 4; ++size) {
    expect_same({.key = {}, .headers = {}, .data = std::string(size, 'x')}, 1, 0);
  }
  expect_same({.key = {}, .headers = {}, .data = std::string(40000, '\n')}, 1, 0);
}

TEST(EventFramer, WritesWhatTheCodecWritesForRandomEvents) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto text = [&](std::size_t most) {
    std::string out;
    for (auto n = random() % (most + 1); n > 0; --n)
      out.push_back(static_cast<char>(random() % 128));
    return out;
  };
  for (int i = 0; i < 500; ++i) {
    Content content{.key = text(20), .headers = {}, .data = text(300)};
    for (auto n = random() % 4; n > 0; --n) content.headers.push_back({"n" + text(5), text(9)});
    ASSERT_NO_FATAL_FAILURE(expect_same(content, random(), random()));
  }
}

TEST(EventFramer, BeginsAsClientsRelyOn) {
  const EventFramer framer(FrameForm::json, TopicName::parse("a/b").value(), Payload::json);
  const auto frame =
      framed(framer, {.offset = {43}, .time = {5}, .key = {}, .headers = {}, .data = "1"});
  EXPECT_EQ(frame.substr(2), R"({"type":"event","topic":"a/b","offset":43,"time":5,"data":1})");
}

std::string pieces(FrameForm form, Payload payload,
                   std::initializer_list<std::string_view> events) {
  const EventFramer framer(form, TopicName::parse("a/b").value(), payload);
  std::string out;
  for (const auto data : events) {
    out += framed(framer, {.offset = {1}, .time = {5}, .key = "k", .headers = {}, .data = data});
  }
  return out;
}

TEST(EventFramer, MakesAnArrayOfJsonEventsForABody) {
  const auto run = pieces(FrameForm::body, Payload::json, {R"({"a":1})", "[2]", "3"});
  EXPECT_EQ('[' + run.substr(1) + ']', R"([{"a":1},[2],3])");
}

TEST(EventFramer, PutsOtherEventsIntoABodyAsTheyAre) {
  using namespace std::string_literals;
  EXPECT_EQ(pieces(FrameForm::body, Payload::text, {"one\n", "", "two"}), "one\ntwo");
  EXPECT_EQ(pieces(FrameForm::body, Payload::bytes, {"\x00\xff"s, "\r"}), "\x00\xff\r"s);
}

TEST(EventFramer, MakesOneArrayOfJsonEventsForAnEventStream) {
  const auto run = pieces(FrameForm::sse, Payload::json, {R"({"a":1})", "[\n 2]", "3"});
  EXPECT_EQ("data:[" + run.substr(6) + "data:]",
            "data:[{\"a\":1}\ndata:,[\ndata:  2]\ndata:,3\ndata:]");
}

TEST(EventFramer, MakesDataLinesOfTextForAnEventStream) {
  EXPECT_EQ(pieces(FrameForm::sse, Payload::text, {"line1\nline2", "\n", "x"}),
            "line1\ndata:line2\ndata: x");
}

// ---- whole events of a stream ----

// The data of a stream's events, as 9.2.6 of the HTML standard has it read.
std::vector<std::string> data_of(std::string_view stream) {
  std::vector<std::string> out;
  std::optional<std::string> data;
  while (!stream.empty()) {
    const auto end = stream.find_first_of("\r\n");
    EXPECT_NE(end, std::string_view::npos) << "a line has no end: " << stream;
    const auto line = stream.substr(0, end);
    stream.remove_prefix(stream.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
    if (line.empty()) {
      EXPECT_TRUE(data);
      out.push_back(data.value_or("none"));
      data.reset();
      continue;
    }
    EXPECT_TRUE(line.starts_with("data:")) << line;
    auto text = line.substr(5);
    if (text.starts_with(' ')) text.remove_prefix(1);
    data = data ? *data + '\n' + std::string(text) : std::string(text);
  }
  EXPECT_FALSE(data) << "the last has no end";
  return out;
}

std::string with_line_feeds(std::string text) {
  for (auto at = text.find('\r'); at != std::string::npos; at = text.find('\r', at)) {
    text.replace(at, text.substr(at, 2) == "\r\n" ? 2 : 1, "\n");
  }
  return text;
}

void expect_whole_event(Payload payload, const Event& event) {
  std::string packed;
  for (const auto& h : event.headers) pack_header(packed, {h.name, h.value});
  const EventFramer framer(FrameForm::event, TopicName::parse(event.topic).value(), payload);
  const auto written = framed(framer, {.offset = event.offset,
                                       .time = event.time,
                                       .key = event.key,
                                       .headers = HeadersView(packed),
                                       .data = event.data});
  std::string message;
  encode(WireForm::json, ServerMessage(event), payload, message);
  ASSERT_THAT(data_of(written), testing::ElementsAre(with_line_feeds(message)));
  std::string appended = written;
  append_event(ServerMessage(event), payload, appended);
  EXPECT_EQ(data_of(appended).at(1), with_line_feeds(message)) << "as what it is put behind";
}

TEST(WholeEvent, IsTheMessageOfTheEvent) {
  const EventFramer framer(FrameForm::event, TopicName::parse("a/b").value(), Payload::json);
  EXPECT_EQ(framed(framer, {.offset = {43}, .time = {5}, .key = "k", .headers = {}, .data = "1"}),
            "data:{\"type\":\"event\",\"topic\":\"a/b\",\"offset\":43,\"time\":5,\"key\":\"k\","
            "\"data\":1}\n\n");
  const std::vector<Header> headers{{"trace", "a\"1\n"}, {"x\\", "\r"}};
  for (const auto payload : {Payload::json, Payload::text, Payload::bytes}) {
    for (const auto* data : {"1", "{\"a\":\"b\\n\"}", "\"x\""}) {
      expect_whole_event(payload, {.topic = "a/b",
                                   .offset = {10},
                                   .time = {1790000000000},
                                   .key = "key\n",
                                   .headers = headers,
                                   .data = data});
    }
  }
}

TEST(WholeEvent, KeepsTheLinesOfJson) {
  for (const auto* data :
       {"{\n \"a\":1\n}", "[\r\n1,\r2]", "1\n", "1\n ", "\n\n  1", "1\r\n\r\n"}) {
    expect_whole_event(Payload::json,
                       {.topic = "a", .offset = {1}, .key = {}, .headers = {}, .data = data});
  }
}

TEST(WholeEvent, CarriesTextAndBytesInOneLine) {
  using namespace std::string_literals;
  for (const auto& data : {""s, "two\nlines\r\n"s, " blank"s, "\n\ndata: x\n\n"s}) {
    for (const auto payload : {Payload::text, Payload::bytes}) {
      expect_whole_event(payload,
                         {.topic = "a", .offset = {1}, .key = {}, .headers = {}, .data = data});
    }
  }
}

TEST(WholeEvent, IsTheMessageForRandomEvents) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // As JSON has it between its tokens; the tokens do not matter to what is tested here.
  constexpr std::string_view kAlphabet = "x1 \n\r\t:";
  for (int i = 0; i < 500; ++i) {
    Event event{.topic = "a/b",
                .offset = {random()},
                .time = {static_cast<std::int64_t>(random())},
                .key = {},
                .headers = {},
                .data = "["};
    for (auto n = random() % 40; n > 0; --n) event.data += kAlphabet[random() % kAlphabet.size()];
    if (random() % 2 == 0) event.key = "k" + std::to_string(random());
    for (const auto payload : {Payload::json, Payload::text, Payload::bytes}) {
      ASSERT_NO_FATAL_FAILURE(expect_whole_event(payload, event));
    }
  }
}

TEST(AppendEvent, HoldsAnyMessage) {
  std::string stream;
  std::vector<std::string> expected;
  for (const auto& message : samples::server()) {
    append_event(message, Payload::json, stream);
    expected.push_back(with_line_feeds(samples::encoded(WireForm::json, message)));
  }
  EXPECT_EQ(data_of(stream), expected);
}

TEST(AppendEvent, HoldsAStateAsAnyOtherMessage) {
  for (const auto payload : {Payload::json, Payload::text, Payload::bytes}) {
    for (const auto& state : samples::states()) {
      std::string one;
      append_event(state, payload, one);
      std::string other;
      append_event(ServerMessage(state), payload, other);
      EXPECT_EQ(one, other);
    }
  }
}

TEST(FrameHeader, IsThatOfRfc6455) {
  const auto header = [](WireForm form, std::size_t payload) {
    std::string out(kMaxFrameHeader, '\0');
    const auto* const end = write_frame_header(form, payload, out.data());
    out.resize(static_cast<std::size_t>(end - out.data()));
    EXPECT_EQ(out.size(), frame_header_size(payload));
    return out;
  };
  using namespace std::string_literals;
  EXPECT_EQ(header(WireForm::json, 0), "\x81\x00"s);
  EXPECT_EQ(header(WireForm::json, 125), "\x81\x7d"s);
  EXPECT_EQ(header(WireForm::binary, 126), "\x82\x7e\x00\x7e"s);
  EXPECT_EQ(header(WireForm::json, 65535), "\x81\x7e\xff\xff"s);
  EXPECT_EQ(header(WireForm::binary, 65536), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

TEST(AppendFrame, PutsWholeFramesOneAfterAnother) {
  for (const auto form : {WireForm::json, WireForm::binary}) {
    std::string frames;
    std::string expected;
    for (const auto& message : samples::server()) {
      append_frame(form, message, Payload::json, frames);
      const auto payload = samples::encoded(form, message);
      std::string header(kMaxFrameHeader, '\0');
      header.resize(static_cast<std::size_t>(
          write_frame_header(form, payload.size(), header.data()) - header.data()));
      expected += header + payload;
    }
    EXPECT_EQ(frames, expected);
  }
}

TEST(AppendFrame, FramesAStateAsAnyOtherMessage) {
  for (const auto form : {WireForm::json, WireForm::binary}) {
    for (const auto payload : {Payload::json, Payload::text, Payload::bytes}) {
      for (const auto& state : samples::states()) {
        std::string frames = "before";
        append_frame(form, state, payload, frames);
        std::string expected = "before";
        append_frame(form, ServerMessage(state), payload, expected);
        EXPECT_EQ(frames, expected);
      }
    }
  }
}

}  // namespace
}  // namespace tidemark
