// The five formats of `tidemark show`, byte for byte.
// tests/tools/: see tools/inspect/event_output.hpp.
#include "tools/inspect/event_output.hpp"

#include <cstdlib>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

class EventOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ASSERT_EQ(::pipe(pipe_), 0);
    pack_header(headers_, {"kind", "big"});
  }
  void TearDown() override {
    for (const int fd : pipe_) ::close(fd);
  }

  EventOutput output(ShowFormat format, std::vector<EventField> fields, Payload payload) const {
    return EventOutput({.format = format,
                        .topic = "orders",
                        .payload = payload,
                        .fields = std::move(fields),
                        .fd = pipe_[1]});
  }
  EventView event(std::uint64_t offset, std::string_view data) const {
    return {.offset = {offset},
            .time = {1'764'000'000'123},
            .key = "k",
            .headers = HeadersView(headers_),
            .data = data};
  }
  std::string printed(EventOutput& output) const {
    EXPECT_TRUE(output.flush());
    char bytes[4096];
    const auto count = ::read(pipe_[0], bytes, sizeof bytes);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

  int pipe_[2]{-1, -1};
  std::string headers_;
};

TEST_F(EventOutputTest, NdjsonIsThatOfTail) {
  auto out = output(ShowFormat::ndjson, json_fields(), Payload::json);
  out.event(event(7, R"({"a": 1})"), Epoch{3});
  out.end();
  EXPECT_EQ(printed(out),
            R"({"type":"event","epoch":3,"topic":"orders","offset":7,"time":1764000000123,)"
            R"("key":"k","headers":{"kind":"big"},"data":{"a": 1}})"
            "\n");
}

TEST_F(EventOutputTest, JsonIsOneArray) {
  auto out = output(ShowFormat::json, {EventField::offset, EventField::size}, Payload::json);
  out.event(event(7, "1"), Epoch{3});
  out.event(event(8, "10"), Epoch{3});
  out.gap({.lost = {{9}, {12}},
           .cause = GapCause::corrupt,
           .epoch = {3},
           .earliest = {1},
           .head = {20}});
  out.end();
  EXPECT_EQ(printed(out),
            "[\n{\"type\":\"event\",\"offset\":7,\"size\":1},\n"
            "{\"type\":\"event\",\"offset\":8,\"size\":2},\n"
            R"({"type":"gap","topic":"orders","first":9,"end":12,"cause":"corrupt","epoch":3,)"
            R"("earliest":1,"head":20})"
            "\n]\n");
}

TEST_F(EventOutputTest, AnArrayOfNothingIsAnArray) {
  auto out = output(ShowFormat::json, json_fields(), Payload::json);
  out.end();
  EXPECT_EQ(printed(out), "[]\n");
}

TEST_F(EventOutputTest, ATableHasItsFieldsInOrderAndNothingThatSteers) {
  auto out = output(ShowFormat::table,
                    {EventField::offset, EventField::headers, EventField::epoch, EventField::data},
                    Payload::text);
  out.event(event(7, "a\x1b[31mb"), Epoch{3});
  out.end();
  EXPECT_EQ(printed(out),
            "  OFFSET  HEADERS                              EPOCH  DATA\n"
            "       7  kind=big                                 3  a\\x1b[31mb\n");
}

TEST_F(EventOutputTest, RawIsThePayloads) {
  auto out = output(ShowFormat::raw, json_fields(), Payload::bytes);
  out.event(event(7, "a\x1b"), Epoch{3});
  out.end();
  EXPECT_EQ(printed(out), "a\x1b\n");
}

TEST_F(EventOutputTest, HexIsBytesWithTheirPlaces) {
  auto out = output(ShowFormat::hex, json_fields(), Payload::bytes);
  out.event(event(7, std::string_view("0123456789abcdef\0\xff", 18)), Epoch{3});
  out.end();
  EXPECT_EQ(printed(out),
            "7  2025-11-24 16:00:00.123  key k  kind=big  18 bytes\n"
            "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "00000010  00 ff                                             |..|\n");
}

TEST(EventFieldsTest, SaysWhatIsWrongWithAList) {
  std::string fault;
  EXPECT_EQ(parse_fields("data,offset", fault),
            (std::vector<EventField>{EventField::data, EventField::offset}));
  EXPECT_EQ(fault, "");
  static_cast<void>(parse_fields("ofset", fault));
  EXPECT_EQ(fault, "there is no field ofset, did you mean offset?");
  static_cast<void>(parse_fields("key,key", fault));
  EXPECT_EQ(fault, "the field key is there twice");
  static_cast<void>(parse_fields("", fault));
  EXPECT_THAT(fault, testing::StartsWith("there is no field"));
}

}  // namespace
}  // namespace tidemark::tools
