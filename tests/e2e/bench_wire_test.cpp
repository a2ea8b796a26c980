// The load generator's shortcuts against the codecs: what it writes and reads is the protocol.
// tests/e2e/: a change of the wire must break here, not in a measurement.
#include "tools/bench_wire.hpp"

#include <random>
#include <variant>

#include <gtest/gtest.h>

#include "protocol/frames.hpp"
#include "tools/bench_histogram.hpp"
#include "tools/bench_peers.hpp"

namespace tidemark::tools::bench {
namespace {

class BenchWire : public testing::TestWithParam<WireForm> {
 protected:
  // The payload of a client's frame, unmasked.
  static std::string unmasked(const std::string& frame) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frame[i]); };
    EXPECT_EQ(byte(1) & 0x80U, 0x80U) << "a client's frame is masked";
    std::size_t header = 2;
    std::size_t size = byte(1) & 0x7fU;
    if (size >= 126) {
      const std::size_t bytes = size == 126 ? 2 : 8;
      size = 0;
      for (std::size_t i = 2; i < 2 + bytes; ++i) size = size << 8 | byte(i);
      header += bytes;
    }
    EXPECT_EQ(frame.size(), header + 4 + size);
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
      out.push_back(static_cast<char>(byte(header + 4 + i) ^ byte(header + i % 4)));
    }
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(Forms, BenchWire, testing::Values(WireForm::json, WireForm::binary),
                         [](const auto& form) {
                           return form.param == WireForm::json ? "Json" : "Binary";
                         });

TEST_P(BenchWire, PublishesAreReadByTheCodec) {
  for (const std::size_t size : {32UL, 128UL, 1000UL, 70'000UL}) {
    for (const std::size_t count : {1UL, 3UL}) {
      Payloads payloads(size, 7);
      std::vector<std::string_view> events;
      for (std::size_t i = 0; i < count; ++i) events.push_back(payloads.stamped(42));
      std::string frame;
      append_publish(GetParam(), 1'000'000'123, "bench/x", events, 0x12345678, frame);
      const auto message = decode_client(GetParam(), unmasked(frame));
      ASSERT_TRUE(message.has_value()) << message.error().text;
      const auto& publish = std::get<Publish>(*message);
      EXPECT_EQ(publish.id, 1'000'000'123U);
      EXPECT_EQ(publish.topic, "bench/x");
      EXPECT_FALSE(publish.producer || publish.expected_last || !publish.content_type.empty());
      ASSERT_EQ(publish.events.size(), count);
      for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(publish.events[i].data, events[i]);
        EXPECT_EQ(publish.events[i].data.size(), size);
        auto event = publish.events[i];
        EXPECT_TRUE(check_event(event, Payload::json, 1 << 20).has_value());
        EXPECT_EQ(stamp_of(event.data), 42);
      }
    }
  }
}

TEST_P(BenchWire, AnswersAreReadAsTheCodecWritesThem) {
  std::string bytes;
  const Published answer{.id = 1'000'000'007,
                         .topic = "bench/x",
                         .epoch = Epoch{123456789},
                         .offsets = {Offset{41}, Offset{44}},
                         .duplicate = false};
  append_frame(GetParam(), ServerMessage(answer), Payload::json, bytes);
  FrameView frame;
  ASSERT_EQ(read_frame(bytes.data(), bytes.data() + bytes.size(), frame),
            bytes.data() + bytes.size());
  Ack ack;
  ASSERT_TRUE(read_ack(GetParam(), frame, ack));
  EXPECT_EQ(ack.id, 1'000'000'007U);
  EXPECT_EQ(ack.first, 41U);
  EXPECT_EQ(ack.last, 43U);

  bytes.clear();
  auto duplicate = answer;
  duplicate.duplicate = true;
  append_frame(GetParam(), ServerMessage(duplicate), Payload::json, bytes);
  read_frame(bytes.data(), bytes.data() + bytes.size(), frame);
  EXPECT_FALSE(read_ack(GetParam(), frame, ack)) << "a duplicate is no ordinary answer";
}

TEST_P(BenchWire, EventsAreRecognisedWithTheirOffsetAndStamp) {
  const auto name = TopicName::parse("bench/x").value();
  const EventFramer framer(frame_form(GetParam()), name, Payload::json);
  const EventPattern pattern(GetParam(), "bench/x");
  const EventPattern other(GetParam(), "bench/y");
  Payloads payloads(128, 7);
  for (const std::uint64_t offset :
       {1UL, 9UL, 10UL, 99'999'999UL, 100'000'000UL, 123'456'789'012UL}) {
    const auto data = payloads.stamped(4711);
    const EventView event{
        .offset = {offset}, .time = {1'790'000'000'000}, .key = {}, .headers = {}, .data = data};
    std::string bytes(framer.size(event), '\0');
    framer.write(event, bytes.data());
    FrameView frame;
    ASSERT_NE(read_frame(bytes.data(), bytes.data() + bytes.size(), frame), nullptr);
    EXPECT_TRUE(pattern.matches(frame));
    EXPECT_FALSE(other.matches(frame));
    const Expected right(offset);
    EXPECT_TRUE(pattern.has_offset(frame, right)) << offset;
    EXPECT_FALSE(pattern.has_offset(frame, Expected(offset + 1))) << offset;
    EXPECT_FALSE(pattern.has_offset(frame, Expected(offset * 10))) << offset;
    EXPECT_EQ(pattern.stamp(frame, right.digits()), 4711);
  }
}

TEST(BenchExpected, CountsUpThroughEveryCarry) {
  Expected next(1);
  for (std::uint64_t n = 1; n < 200'000; ++n, next.advance()) {
    ASSERT_EQ(next.value(), n);
    auto text = std::to_string(n) + ",\"time\":1790000000000";
    ASSERT_TRUE(next.in_json(text.c_str())) << n;
    ++text[text.find(',') - 1];
    ASSERT_FALSE(next.in_json(text.c_str())) << n;
  }
  Expected far(99'999'998);  // from the first word of eight digits into the second
  for (std::uint64_t n = 99'999'998; n < 100'000'020; ++n, far.advance()) {
    ASSERT_TRUE(far.in_json((std::to_string(n) + ",\"time\":1790000000000").c_str())) << n;
  }
}

TEST(BenchFrames, AreReadOnlyWhenWhole) {
  for (const std::size_t size : {0UL, 125UL, 126UL, 65'535UL, 65'536UL}) {
    std::string bytes(kMaxFrameHeader, '\0');
    const auto header = static_cast<std::size_t>(
        write_frame_header(WireForm::json, size, bytes.data()) - bytes.data());
    bytes.resize(header);
    bytes.append(size, 'x');
    FrameView frame;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, header - 1, bytes.size() - 1}) {
      if (cut >= bytes.size()) continue;
      EXPECT_EQ(read_frame(bytes.data(), bytes.data() + cut, frame), nullptr) << size << " " << cut;
    }
    EXPECT_NE(read_frame(bytes.data(), bytes.data() + bytes.size(), frame), nullptr);
    EXPECT_EQ(frame.size, size);
  }
}

TEST(BenchFeed, FollowsTheSlowestSubscriber) {
  Feed feed(WireForm::json, "bench/x");
  feed.track(100, 3, 8);
  feed.moved(100, 104);
  feed.moved(100, 102);
  EXPECT_EQ(feed.lowest(), 100U);
  feed.moved(100, 101);
  EXPECT_EQ(feed.lowest(), 101U);
  feed.moved(101, 108);
  EXPECT_EQ(feed.lowest(), 102U);
  EXPECT_EQ(feed.deliveries(), 4U + 2 + 1 + 7);
}

TEST(BenchHistogram, PercentilesAreWithinTwoPercent) {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 100'000; ++i) histogram.record(i * 1000);
  const auto near = [](std::uint64_t value, double expected) {
    EXPECT_NEAR(static_cast<double>(value), expected, expected * 0.02);
  };
  near(histogram.percentile(50), 50e6);
  near(histogram.percentile(99), 99e6);
  near(histogram.percentile(99.9), 99.9e6);
  EXPECT_EQ(histogram.percentile(100), 100'000'000U);
  EXPECT_EQ(histogram.max(), 100'000'000U);
}

}  // namespace
}  // namespace tidemark::tools::bench
