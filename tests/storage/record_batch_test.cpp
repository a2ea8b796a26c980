// Record batches: golden bytes, round trips, and every way of damaging one.
// tests/: the unit record_batch; the golden bytes are the example in storage/FORMAT.md.
#include "storage/record_batch.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidemark::storage {
namespace {

constexpr TopicId kTopic{7};

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); ++i) {
    if (hex[i] == ' ') continue;
    out.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    ++i;
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out.push_back("0123456789abcdef"[b >> 4]);
    out.push_back("0123456789abcdef"[b & 15]);
  }
  return out;
}

NewEvent event(std::string data, std::string key = {}, std::vector<Header> headers = {}) {
  NewEvent e;
  e.data = std::move(data);
  e.key = std::move(key);
  e.headers = std::move(headers);
  return e;
}

const BatchHeader kHeader{
    .epoch = {5}, .first = {42}, .count = 0, .time = {1000}, .bytes_before = 300};

std::vector<NewEvent> example_events() {
  return {event("{\"a\":1}"), event("2", "k"), event("", "", {{"h", "vv"}})};
}

std::string build(const std::vector<NewEvent>& events, BatchHeader header = kHeader,
                  TopicId topic = kTopic) {
  BatchBuilder builder;
  for (const auto& e : events) builder.add(e);
  return builder.finish(topic, header);
}

// FORMAT.md, "Example".
const char* const kGolden =
    "01 25 02 "
    "01 0500000000000000 2a00000000000000 03000000 e803000000000000 2c01000000000000 "
    "0800 0c00 "
    "00 7b2261223a317d "
    "01 01 6b 32 "
    "02 07 01000200 68 7676 "
    "d664142c69fed4ed";

// The value with the checksum that FORMAT.md asks for, written anew from its words.
std::string sealed(std::string value, std::uint64_t topic = 7, std::uint64_t first = 42) {
  std::string key;
  for (const auto number : {topic, first})
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  value.resize(value.size() - 8);
  const auto sum =
      XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
  for (int shift = 0; shift < 64; shift += 8) value.push_back(static_cast<char>(sum >> shift));
  return value;
}

TEST(RecordBatch, ChecksumIsTheOneOfTheFormatDocument) {
  const std::string value = build(example_events());
  EXPECT_EQ(sealed(value), value);
}

TEST(RecordBatch, WritesTheBytesOfTheFormatDocument) {
  EXPECT_EQ(to_hex(build(example_events())), to_hex(from_hex(kGolden)));
}

TEST(RecordBatch, ReadsTheBytesOfTheFormatDocument) {
  const std::string value = from_hex(kGolden);
  const auto batch = BatchView::parse(kTopic, {42}, value);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->header().epoch, Epoch{5});
  EXPECT_EQ(batch->header().first, Offset{42});
  EXPECT_EQ(batch->header().time, Timestamp{1000});
  EXPECT_EQ(batch->header().bytes_before, 300U);
  EXPECT_EQ(batch->count(), 3U);
  EXPECT_EQ(batch->end(), Offset{45});
  EXPECT_EQ(batch->stored_bytes(), value.size());
  EXPECT_EQ(batch->event(0).data, "{\"a\":1}");
  EXPECT_EQ(batch->event(1).key, "k");
  EXPECT_EQ(batch->event(1).offset, Offset{43});
  const auto last = batch->event(2);
  EXPECT_EQ(last.data, "");
  ASSERT_FALSE(last.headers.empty());
  EXPECT_EQ(*last.headers.begin(), (HeaderView{.name = "h", .value = "vv"}));
}

TEST(RecordBatch, PeekReadsTheHeaderAlone) {
  const auto header = peek_header(from_hex(kGolden));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->first, Offset{42});
  EXPECT_EQ(header->count, 3U);
  EXPECT_EQ(header->bytes_before, 300U);
}

TEST(RecordBatch, SizeOfARecordIsWhatTheBuilderWrites) {
  for (const auto& e : {event("x"), event(std::string(300, 'd'), std::string(200, 'k')),
                        event("", "key", {{"n", "v"}, {"n2", std::string(4000, 'v')}})}) {
    const std::string value = build({e});
    const auto batch = BatchView::parse(kTopic, {42}, value);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->records().size(), record_size(e));
  }
}

TEST(RecordBatch, EventsOfOneSizeNeedNoIndex) {
  const std::string data(128, 'd');
  const std::string value = build(std::vector<NewEvent>(64, event(data)));
  EXPECT_LE(value.size(), 64 * 129 + 48U);
  const auto batch = BatchView::parse(kTopic, {42}, value);
  ASSERT_TRUE(batch);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(batch->event(i).data, data);
}

TEST(RecordBatch, BuilderStopsAtItsLimits) {
  BatchBuilder many;
  for (std::size_t i = 0; i < kMaxBatchEvents; ++i) {
    ASSERT_TRUE(many.fits(event("x")));
    many.add(event("x"));
  }
  EXPECT_FALSE(many.fits(event("x")));

  BatchBuilder big;
  big.add(event("x"));
  EXPECT_TRUE(big.fits(event(std::string(kMaxBatchBytes - 3, 'b'))));
  EXPECT_FALSE(big.fits(event(std::string(kMaxBatchBytes - 2, 'b'))));
}

TEST(RecordBatch, LargeEventStandsAlone) {
  BatchBuilder builder;
  const std::string data(3 << 20, 'b');
  ASSERT_TRUE(builder.fits(event(data)));
  builder.add(event(data));
  EXPECT_FALSE(builder.fits(event("")));
  const std::string value = builder.finish(kTopic, kHeader);
  const auto batch = BatchView::parse(kTopic, {42}, value);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->event(0).data, data);
  EXPECT_EQ(builder.count(), 0U);
  EXPECT_TRUE(builder.fits(event(data)));
}

TEST(RecordBatch, RandomBatchesComeBack) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto text = [&](std::size_t max) {
    std::string s(random() % (max + 1), ' ');
    for (char& c : s) c = static_cast<char>(random() & 0xFF);
    return s;
  };
  for (int round = 0; round < 200; ++round) {
    BatchBuilder builder;
    std::vector<NewEvent> events;
    for (std::size_t n = 1 + random() % 300; n > 0; --n) {
      std::vector<Header> headers;
      for (auto h = random() % 3; h > 0; --h) headers.push_back({"n" + text(100), text(300)});
      auto e = event(text(300), random() % 2 != 0 ? text(200) : "", headers);
      if (!builder.fits(e)) break;
      builder.add(e);
      events.push_back(std::move(e));
    }
    const std::string value = builder.finish(kTopic, kHeader);
    const auto batch = BatchView::parse(kTopic, {42}, value);
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->count(), events.size());
    for (std::uint32_t i = 0; i < batch->count(); ++i) {
      const auto read = batch->event(i);
      ASSERT_EQ(read.offset.value, 42 + i);
      ASSERT_EQ(read.time, kHeader.time);
      ASSERT_EQ(read.data, events[i].data);
      ASSERT_EQ(read.key, events[i].key);
      std::vector<Header> headers;
      for (const auto header : read.headers)
        headers.push_back({std::string(header.name), std::string(header.value)});
      ASSERT_EQ(headers, events[i].headers);
    }
  }
}

TEST(RecordBatch, EveryFlippedBitIsFound) {
  const std::string value = build(example_events());
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(BatchView::parse(kTopic, {42}, damaged)) << "bit " << bit;
  }
}

TEST(RecordBatch, EveryTruncationIsFound) {
  const std::string value = build(example_events());
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto batch = BatchView::parse(kTopic, {42}, std::string_view(value).substr(0, size));
    ASSERT_FALSE(batch) << size;
    EXPECT_EQ(batch.errc(), Errc::corrupt_record);
  }
  EXPECT_FALSE(BatchView::parse(kTopic, {42}, value + '\0'));
}

TEST(RecordBatch, BatchOfAnotherTopicOrOffsetIsRefused) {
  const std::string value = build(example_events());
  EXPECT_FALSE(BatchView::parse({8}, {42}, value));
  EXPECT_FALSE(BatchView::parse(kTopic, {41}, value));
  EXPECT_TRUE(BatchView::parse(kTopic, {42}, value));
}

TEST(RecordBatch, LaterVersionIsToldApartFromDamage) {
  std::string value = build(example_events());
  value[0] = 2;
  EXPECT_EQ(BatchView::parse(kTopic, {42}, value).errc(), Errc::store_newer_format);
  EXPECT_EQ(peek_header(value).errc(), Errc::store_newer_format);
  value[0] = 0;
  EXPECT_EQ(BatchView::parse(kTopic, {42}, value).errc(), Errc::corrupt_record);
}

TEST(RecordBatch, PeekSurvivesRandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string value = build(example_events());
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = value;
    for (auto n = 1 + random() % 4; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const auto header = peek_header(bytes);
    EXPECT_TRUE(!header || header->count > 0);
  }
}

TEST(RecordBatch, PrefixHoldsTheFirstEventsAlone) {
  for (const bool same_size : {false, true}) {
    auto events = example_events();
    if (same_size) events.assign(3, events[0]);
    const std::string value = build(events);
    const auto batch = BatchView::parse(kTopic, {42}, value);
    ASSERT_TRUE(batch);
    for (std::uint32_t count = 1; count <= 3; ++count) {
      const auto prefix = batch->prefix(count);
      EXPECT_EQ(prefix.count(), count);
      EXPECT_EQ(prefix.end(), Offset{42 + count});
      EXPECT_EQ(prefix.records().size(), batch->record_end(count - 1));
      for (std::uint32_t i = 0; i < count; ++i) {
        EXPECT_EQ(prefix.event(i).data, batch->event(i).data);
        EXPECT_EQ(prefix.event(i).offset, batch->event(i).offset);
      }
      EXPECT_EQ(prefix.record_end(count - 1), prefix.records().size());
      EXPECT_EQ(prefix.stored_bytes(), value.size());
    }
  }
}

TEST(RecordBatch, WrongShapeIsCorruptThoughItsChecksumIsRight) {
  constexpr std::size_t kIndex = 3 + 37;
  constexpr std::size_t kRecords = kIndex + 4;
  struct Damage {
    const char* what;
    std::size_t at;
    char byte;
  };
  const Damage damages[] = {
      {"an unknown flag", kRecords, 4},
      {"a key longer than its record", kRecords + 8 + 1, 3},
      {"a key of no bytes", kRecords + 8 + 1, 0},
      {"a varint of two bytes for one", kRecords + 8 + 1, '\x80'},
      {"headers longer than their record", kRecords + 12 + 1, 8},
      {"headers that end inside a header", kRecords + 12 + 1, 6},
      {"a header longer than the headers", kRecords + 12 + 2, 9},
      {"an end before its begin", kIndex + 2, 8},
      {"an end past the records", kIndex + 3, 1},
      {"more events than records", kIndex - 20, 4},
      {"no events", kIndex - 20, 0},
      {"another first offset", kIndex - 28, 41},
      {"an index entry of one byte", 2, 1},
      {"no index for records of several sizes", 2, 0},
      {"a header shorter than its fields", 1, 36},
  };
  const std::string value = build(example_events());
  ASSERT_TRUE(BatchView::parse(kTopic, {42}, sealed(value)));
  for (const auto& damage : damages) {
    std::string wrong = value;
    ASSERT_NE(wrong[damage.at], damage.byte) << damage.what;
    wrong[damage.at] = damage.byte;
    const auto batch = BatchView::parse(kTopic, {42}, sealed(wrong));
    ASSERT_FALSE(batch) << damage.what;
    EXPECT_EQ(batch.errc(), Errc::corrupt_record) << damage.what;
  }
}

}  // namespace
}  // namespace tidemark::storage
