// Values with a checksum: golden bytes, and that no damage is served.
// tests/: the unit checked_value; FORMAT.md has the example of a latest record.
#include "storage/checked_value.hpp"

#include <gtest/gtest.h>

#include "storage/key_codec.hpp"

namespace tidemark::storage {
namespace {

using namespace std::string_literals;

const std::string kKey = latest_key({7}, "k");
const std::string kLatest =
    "\x01"
    "\x2a\0\0\0\0\0\0\0"
    "\xe8\x03\0\0\0\0\0\0"
    "\x01\x01k2"
    "\x7d\xb1\xf9\x45\x5c\x75\x9a\x89"s;

const std::string kStateKey = topic_key({7});
const std::string kState =
    "\x01\x01"
    "\x05\0\0\0\0\0\0\0"
    "\x2a\0\0\0\0\0\0\0"
    "\xe8\x03\0\0\0\0\0\0"
    "\x0a\0\0\0\0\0\0\0text/plain"
    "\x02\0\0\0\0\0\0\0hi"
    "\x63\xa9\x9d\x45\x14\xd0\x1b\xbb"s;

const std::string kCursorKey = cursor_key({7}, "c");
const std::string kCursor =
    "\x01\x01"
    "\x05\0\0\0\0\0\0\0"
    "\x2a\0\0\0\0\0\0\0"
    "\xe8\x03\0\0\0\0\0\0"
    "\xd0\x07\0\0\0\0\0\0"
    "\x2c\x0f\xfd\x8a\xca\x4c\xa4\xeb"s;

StoredState state() {
  return {.position = {.epoch = {5}, .offset = {42}},
          .stored = {1000},
          .content_type = "text/plain",
          .data = "hi"};
}

TEST(CheckedValue, ALatestRecordHasTheBytesOfTheExample) {
  NewEvent event;
  event.key = "k";
  event.data = "2";
  std::string record;
  append_record(record, event);
  EXPECT_EQ(encode_latest(kKey, {.offset = {42}, .time = {1000}, .record = record}), kLatest);
  const auto read = decode_latest(kKey, kLatest);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->offset, Offset{42});
  EXPECT_EQ(read->time, Timestamp{1000});
  EXPECT_EQ(read->record, record);
}

TEST(CheckedValue, AStateHasItsGoldenBytes) {
  EXPECT_EQ(encode_state(kStateKey, state()), kState);
  const auto read = decode_state(kStateKey, kState);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, state());
}

TEST(CheckedValue, ACursorHasItsGoldenBytes) {
  const StoredCursor cursor{
      .position = {.epoch = {5}, .offset = {42}}, .created = {1000}, .acknowledged = {2000}};
  EXPECT_EQ(encode_cursor(kCursorKey, cursor), kCursor);
  const auto read = decode_cursor(kCursorKey, kCursor);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, cursor);
  EXPECT_EQ(decode_cursor(cursor_key({7}, "d"), kCursor).errc(), Errc::corrupt_record);
}

TEST(CheckedValue, EveryFlippedBitIsFound) {
  for (std::size_t i = 0; i < 8 * kLatest.size(); ++i) {
    std::string damaged = kLatest;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
    EXPECT_FALSE(decode_latest(kKey, damaged)) << i;
  }
  for (std::size_t i = 0; i < 8 * kState.size(); ++i) {
    std::string damaged = kState;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
    EXPECT_FALSE(decode_state(kStateKey, damaged)) << i;
  }
}

TEST(CheckedValue, WhatIsCutOrProlongedIsDamaged) {
  for (std::size_t size = 0; size < kLatest.size(); ++size)
    EXPECT_EQ(decode_latest(kKey, kLatest.substr(0, size)).errc(), Errc::corrupt_record) << size;
  EXPECT_EQ(decode_latest(kKey, kLatest + '\0').errc(), Errc::corrupt_record);
  for (std::size_t size = 0; size < kState.size(); ++size)
    EXPECT_EQ(decode_state(kStateKey, kState.substr(0, size)).errc(), Errc::corrupt_record) << size;
  EXPECT_EQ(decode_state(kStateKey, kState + '\0').errc(), Errc::corrupt_record);
}

TEST(CheckedValue, UnderAnotherKeyItDoesNotVerify) {
  EXPECT_EQ(decode_latest(latest_key({7}, "l"), kLatest).errc(), Errc::corrupt_record);
  EXPECT_EQ(decode_latest(latest_key({8}, "k"), kLatest).errc(), Errc::corrupt_record);
  EXPECT_EQ(decode_state(topic_key({8}), kState).errc(), Errc::corrupt_record);
}

TEST(CheckedValue, ALaterVersionIsToldFromDamage) {
  std::string later = kLatest;
  later[0] = 2;
  EXPECT_EQ(decode_latest(kKey, later).errc(), Errc::store_newer_format);
  later = kState;
  later[0] = 2;
  EXPECT_EQ(decode_state(kStateKey, later).errc(), Errc::store_newer_format);
}

}  // namespace
}  // namespace tidemark::storage
