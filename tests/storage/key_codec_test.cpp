// Stored values: golden bytes of every version that has been written, and what is refused.
// tests/: the unit key_codec; FORMAT.md describes the fields.
#include "storage/key_codec.hpp"

#include <array>

#include <gtest/gtest.h>

namespace tidemark::storage {
namespace {

TopicMeta meta_of_version_1() {
  TopicMeta meta;
  meta.id = {7};
  meta.name = "a/b";
  meta.settings = {
      .durability = Durability::buffered,
      .retention = {.max_events = 1, .max_bytes = 2, .max_age = std::chrono::milliseconds(3)},
      .content_type = "text/plain",
      .ttl = {},
      .expires_at = {}};
  meta.created = {1000};
  meta.lineage = {{{5}, {1}}, {{6}, {9}}};
  meta.earliest = {4};
  meta.trim_cause = 2;
  meta.incident = 8;
  return meta;
}

TopicMeta meta_of_version_2() {
  TopicMeta meta = meta_of_version_1();
  meta.settings.ttl = std::chrono::seconds(60);
  meta.closed = true;
  meta.last_sequence = "s1";
  meta.origin = Origin{
      .source = "src", .id = {3}, .inherited = {8}, .requested = {7}, .sub_offset = 1, .depth = 2};
  meta.forks = 4;
  meta.gone = true;
  meta.used = {2000};
  return meta;
}

TopicMeta meta_of_version_3() {
  TopicMeta meta = meta_of_version_2();
  meta.settings.keep_latest = true;
  meta.keys = 258;
  return meta;
}

/// Bytes from pairs of hexadecimal digits; blanks are passed over.
std::string bytes(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    out.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return out;
}

constexpr std::string_view kVersion1Fields =
    "0700000000000000 0300000000000000612f62 01 0100000000000000 0200000000000000"
    "0300000000000000 0a00000000000000746578742f706c61696e e803000000000000 0200000000000000"
    "0500000000000000 0100000000000000 0600000000000000 0900000000000000 0400000000000000"
    "02 0800000000000000";

constexpr std::string_view kVersion2Fields =
    // ttl, no expiry, closed, sequence
    "00 3c00000000000000 01 01 02000000000000007331"
    // origin
    "00 0300000000000000737263 0300000000000000 0800000000000000 0700000000000000"
    "0100000000000000 02000000"
    // forks, gone, used
    "0400000000000000 01 d007000000000000";

TEST(KeyCodec, MetadataOfVersion1IsStillRead) {
  const auto meta = decode_value<TopicMeta>(bytes("01 01" + std::string(kVersion1Fields)));
  ASSERT_TRUE(meta);
  EXPECT_EQ(*meta, meta_of_version_1());
}

TEST(KeyCodec, MetadataOfVersion2IsStillRead) {
  const auto meta = decode_value<TopicMeta>(
      bytes("02 01" + std::string(kVersion1Fields) + std::string(kVersion2Fields)));
  ASSERT_TRUE(meta);
  EXPECT_EQ(*meta, meta_of_version_2());
}

TEST(KeyCodec, MetadataIsWrittenAsVersion3) {
  const std::string golden =
      bytes("03 01" + std::string(kVersion1Fields) + std::string(kVersion2Fields) +
            // keep latest, keys
            "01 0201000000000000");
  EXPECT_EQ(encode_value(meta_of_version_3()), golden);
  const auto read = decode_value<TopicMeta>(golden);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, meta_of_version_3());
}

TEST(KeyCodec, LaterVersionIsToldFromDamage) {
  std::string value = encode_value(meta_of_version_3());
  value[0] = 4;
  EXPECT_EQ(decode_value<TopicMeta>(value).errc(), Errc::store_newer_format);
  value[0] = 0;
  EXPECT_EQ(decode_value<TopicMeta>(value).errc(), Errc::corrupt_record);
}

TEST(KeyCodec, CutOrProlongedMetadataIsCorrupt) {
  const std::string value = encode_value(meta_of_version_3());
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto read = decode_value<TopicMeta>(std::string_view(value).substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.errc(), Errc::corrupt_record) << size;
  }
  EXPECT_EQ(decode_value<TopicMeta>(value + '\0').errc(), Errc::corrupt_record);
}

// 20 bytes must not ask for 512 MiB: no length is believed before the bytes are there.
TEST(KeyCodec, LengthsBeyondTheBytesAreCorrupt) {
  for (const auto* claimed :
       {"0000002000000000", "0000000000000080", "ffffffffffffffff", "0400000000000000"}) {
    const auto run = bytes("01 01" + std::string(claimed) + "616263");
    EXPECT_EQ(decode_value<RunRecord>(run).errc(), Errc::corrupt_record) << claimed;
    const auto parts = bytes("01 01" + std::string(claimed));
    EXPECT_EQ(decode_value<std::vector<OriginPart>>(parts).errc(), Errc::corrupt_record) << claimed;
  }
}

TEST(KeyCodec, WhatIsNoBooleanEnumeratorOrByteOrderIsCorrupt) {
  const std::string golden = encode_value(meta_of_version_3());
  ASSERT_TRUE(decode_value<TopicMeta>(golden));
  // Byte order, durability, the cause of the last trim, closed, and whether there is an expiry.
  constexpr std::array<std::size_t, 5> kPlaces{1, 21, 120, 139, 138};
  for (const std::size_t at : kPlaces) {
    for (const char wrong : {'\x07', '\xff'}) {
      auto value = golden;
      ASSERT_LE(static_cast<unsigned char>(value[at]), 2) << at;
      value[at] = wrong;
      EXPECT_EQ(decode_value<TopicMeta>(value).errc(), Errc::corrupt_record) << at;
    }
  }
}

TEST(KeyCodec, OriginPartsHaveTheirGoldenBytes) {
  const std::vector<OriginPart> parts{{.topic = {1}, .last = {5}}, {.topic = {2}, .last = {9}}};
  const std::string golden = bytes(
      "01 01 0200000000000000 0100000000000000 0500000000000000 0200000000000000"
      "0900000000000000");
  EXPECT_EQ(encode_value(parts), golden);
  const auto read = decode_value<std::vector<OriginPart>>(golden);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, parts);
}

}  // namespace
}  // namespace tidemark::storage
