// Version, fields, checksum: see checked_value.hpp.
// storage/: the checksum is tied to the key, as that of a batch is.
#include "storage/checked_value.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/key_codec.hpp"

namespace tidemark::storage {

namespace {

constexpr std::size_t kChecksum = 8;
constexpr std::uint8_t kLatestVersion = 1;
constexpr std::size_t kLatestFields = 1 + 8 + 8;  // version, offset, time

void append_le64(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

std::uint64_t load_le64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

// The key is not among the bytes, so it goes in as the seed.
std::uint64_t checksum(std::string_view key, std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), XXH3_64bits(key.data(), key.size()));
}

void seal(std::string_view key, std::string& value) { append_le64(value, checksum(key, value)); }

// The value without its checksum, once that has been found right.
Result<std::string_view> unseal(std::string_view key, std::string_view value,
                                std::uint8_t version) {
  if (value.empty()) return Errc::corrupt_record;
  if (static_cast<std::uint8_t>(value.front()) > version) return Errc::store_newer_format;
  if (value.size() <= kChecksum) return Errc::corrupt_record;
  const auto bytes = value.substr(0, value.size() - kChecksum);
  if (checksum(key, bytes) != load_le64(value.substr(bytes.size()))) return Errc::corrupt_record;
  return bytes;
}

template <class T>
std::string encode_checked(std::string_view key, const T& fields) {
  std::string out = encode_value(fields);
  seal(key, out);
  return out;
}

template <class T>
Result<T> decode_checked(std::string_view key, std::string_view value) {
  const auto bytes = unseal(key, value, kValueVersion<T>);
  if (!bytes) return bytes.errc();
  return decode_value<T>(*bytes);
}

}  // namespace

std::string encode_latest(std::string_view key, const LatestRecord& latest) {
  TIDEMARK_ENSURE(!latest.record.empty(), "a key that is gone has no value");
  std::string out;
  out.reserve(kLatestFields + latest.record.size() + kChecksum);
  out.push_back(static_cast<char>(kLatestVersion));
  append_le64(out, latest.offset.value);
  append_le64(out, static_cast<std::uint64_t>(latest.time.ms));
  out += latest.record;
  seal(key, out);
  return out;
}

Result<LatestRecord> decode_latest(std::string_view key, std::string_view value) {
  const auto bytes = unseal(key, value, kLatestVersion);
  if (!bytes) return bytes.errc();
  if (bytes->front() == 0 || bytes->size() <= kLatestFields) return Errc::corrupt_record;
  return LatestRecord{.offset = {load_le64(bytes->substr(1))},
                      .time = {static_cast<std::int64_t>(load_le64(bytes->substr(9)))},
                      .record = bytes->substr(kLatestFields)};
}

std::string encode_state(std::string_view key, const StoredState& state) {
  return encode_checked(key, state);
}

Result<StoredState> decode_state(std::string_view key, std::string_view value) {
  return decode_checked<StoredState>(key, value);
}

std::string encode_cursor(std::string_view key, const StoredCursor& cursor) {
  return encode_checked(key, cursor);
}

Result<StoredCursor> decode_cursor(std::string_view key, std::string_view value) {
  return decode_checked<StoredCursor>(key, value);
}

}  // namespace tidemark::storage
