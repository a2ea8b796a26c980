// The record batch: version, header, offset index, flat records, checksum. See FORMAT.md.
// storage/: the committer builds batches, readers parse them.
#include "storage/record_batch.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cereal_bytes.hpp"

namespace tidemark::storage {

template <class Archive>
void serialize(Archive& archive, BatchHeader& header) {
  archive(header.epoch.value, header.first.value, header.count, header.time.ms,
          header.bytes_before);
}

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kPrelude = 3;  // version, length of the header, width of an index entry
constexpr std::size_t kChecksum = 8;
constexpr std::size_t kIndexWidth = 2;
constexpr std::size_t kMaxIndexed = 0xFFFF;  // what an index entry can say
constexpr std::uint8_t kHasKey = 1;
constexpr std::uint8_t kHasHeaders = 2;
constexpr std::size_t kHeaderSize = 37;  // cereal's byte for the byte order, and five integers

static_assert(kMaxBatchBytes <= kMaxIndexed, "every batch of several events has 16-bit ends");

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::uint32_t load_u16(const char* at) {
  const auto* p = reinterpret_cast<const unsigned char*>(at);
  return static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8;
}

void append_u16(std::string& out, std::uint32_t value) {
  out.push_back(static_cast<char>(value & 0xFF));
  out.push_back(static_cast<char>(value >> 8 & 0xFF));
}

void append_u64(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::uint64_t load_u64(const char* at) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

std::size_t varint_size(std::size_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void append_varint(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes a varint off the front; nullopt if it is cut, longer than 32 bits or not the shortest form.
std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 5 && i < bytes.size(); ++i) {
    const std::uint8_t b = byte_at(bytes, i);
    value |= static_cast<std::uint64_t>(b & 0x7F) << (7 * i);
    if ((b & 0x80) != 0) continue;
    if ((b == 0 && i > 0) || value > 0xFFFFFFFF) return std::nullopt;
    bytes.remove_prefix(i + 1);
    return static_cast<std::size_t>(value);
  }
  return std::nullopt;
}

// Takes a length and that many bytes off the front.
std::optional<std::string_view> take_field(std::string_view& bytes) {
  const auto size = take_varint(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  const auto field = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  return field;
}

struct RecordFields {
  std::string_view key;
  std::string_view headers;
  std::string_view data;
};

// The one reader of a record's shape; what it refuses, the builder never writes.
std::optional<RecordFields> split_record(std::string_view record) {
  if (record.empty()) return std::nullopt;
  const std::uint8_t flags = byte_at(record, 0);
  record.remove_prefix(1);
  if (flags == 0) return RecordFields{.key = {}, .headers = {}, .data = record};
  if ((flags & ~(kHasKey | kHasHeaders)) != 0) return std::nullopt;
  RecordFields fields;
  if ((flags & kHasKey) != 0) {
    const auto key = take_field(record);
    if (!key || key->empty()) return std::nullopt;
    fields.key = *key;
  }
  if ((flags & kHasHeaders) != 0) {
    const auto headers = take_field(record);
    if (!headers || headers->empty() || !HeadersView::valid(*headers)) return std::nullopt;
    fields.headers = *headers;
  }
  fields.data = record;
  return fields;
}

EventView view_of(const RecordFields& fields, Offset offset, Timestamp time) {
  return {.offset = offset,
          .time = time,
          .key = fields.key,
          .headers = HeadersView(fields.headers),
          .data = fields.data};
}

std::size_t packed_size(const std::vector<Header>& headers) {
  std::size_t size = 0;
  for (const auto& header : headers) size += 4 + header.name.size() + header.value.size();
  return size;
}

// Topic and offset are not in the bytes' own place, so they go in as the seed: a batch that is
// found under another key does not verify.
std::uint64_t checksum(TopicId topic, Offset first, std::string_view bytes) {
  std::array<unsigned char, 16> key{};
  for (std::size_t i = 0; i < 8; ++i) {
    key[i] = static_cast<unsigned char>(topic.value >> (56 - 8 * i));
    key[8 + i] = static_cast<unsigned char>(first.value >> (56 - 8 * i));
  }
  const auto seed = XXH3_64bits(key.data(), key.size());
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// The parts of a value by its lengths alone; nothing is believed yet.
struct Layout {
  std::string_view header;
  std::size_t index_width = 0;
  std::string_view rest;  ///< index and records
};

Result<Layout> split_value(std::string_view value) {
  if (value.empty()) return Errc::corrupt_record;
  if (byte_at(value, 0) > kVersion) return Errc::store_newer_format;
  if (byte_at(value, 0) != kVersion || value.size() < kPrelude + kChecksum)
    return Errc::corrupt_record;
  const std::size_t header_size = byte_at(value, 1);
  const std::size_t width = byte_at(value, 2);
  const auto body = value.substr(kPrelude, value.size() - kPrelude - kChecksum);
  if (header_size > body.size() || (width != 0 && width != kIndexWidth))
    return Errc::corrupt_record;
  return Layout{.header = body.substr(0, header_size),
                .index_width = width,
                .rest = body.substr(header_size)};
}

Result<BatchHeader> decode_header(std::string_view bytes) {
  BatchHeader header;
  if (!read_cereal(bytes, header) || header.count == 0 || header.first.value == 0)
    return Errc::corrupt_record;
  return header;
}

}  // namespace

std::size_t record_size(const NewEvent& event) {
  std::size_t size = 1 + event.data.size();
  if (!event.key.empty()) size += varint_size(event.key.size()) + event.key.size();
  if (!event.headers.empty()) {
    const std::size_t packed = packed_size(event.headers);
    size += varint_size(packed) + packed;
  }
  return size;
}

void append_record(std::string& out, const NewEvent& event) {
  const auto flags = (event.key.empty() ? 0 : kHasKey) | (event.headers.empty() ? 0 : kHasHeaders);
  out.push_back(static_cast<char>(flags));
  if (!event.key.empty()) {
    append_varint(out, event.key.size());
    out += event.key;
  }
  if (!event.headers.empty()) {
    append_varint(out, packed_size(event.headers));
    for (const auto& header : event.headers)
      pack_header(out, {.name = header.name, .value = header.value});
  }
  out += event.data;
}

Result<EventView> parse_record(std::string_view record, Offset offset, Timestamp time) {
  const auto fields = split_record(record);
  if (!fields) return Errc::corrupt_record;
  return view_of(*fields, offset, time);
}

EventView decode_record(std::string_view record, Offset offset, Timestamp time) {
  const auto fields = split_record(record);
  TIDEMARK_ENSURE(fields.has_value(), "only records of a parsed batch are decoded");
  return view_of(*fields, offset, time);
}

bool BatchBuilder::fits(const NewEvent& event) const {
  if (count_ == 0) return true;
  return count_ < kMaxBatchEvents && records_.size() + record_size(event) <= kMaxBatchBytes;
}

void BatchBuilder::add(const NewEvent& event) {
  TIDEMARK_ENSURE(fits(event), "a full batch takes no more events");
  append_record(records_, event);
  ends_.push_back(static_cast<std::uint32_t>(records_.size()));
  ++count_;
}

std::string BatchBuilder::finish(TopicId topic, BatchHeader header) {
  TIDEMARK_ENSURE(count_ > 0, "an empty batch is never stored");
  header.count = count_;
  // Records of one size need no index: two bytes an event saved for sensor readings and the like.
  const std::size_t size = ends_.front();
  bool uniform = true;
  for (std::size_t i = 0; uniform && i < ends_.size(); ++i) uniform = ends_[i] == (i + 1) * size;
  const std::size_t width = uniform ? 0 : kIndexWidth;
  std::string out;
  out.reserve(kPrelude + kHeaderSize + width * count_ + records_.size() + kChecksum);
  out.push_back(static_cast<char>(kVersion));
  out.push_back(0);
  out.push_back(static_cast<char>(width));
  append_cereal(out, header);
  out[1] = static_cast<char>(out.size() - kPrelude);
  if (!uniform) {
    TIDEMARK_ENSURE(records_.size() <= kMaxIndexed, "ends fit their index");
    for (std::size_t i = 0; i + 1 < ends_.size(); ++i) append_u16(out, ends_[i]);
  }
  out += records_;
  append_u64(out, checksum(topic, header.first, out));
  records_.clear();
  ends_.clear();
  count_ = 0;
  return out;
}

Result<BatchView> BatchView::parse(TopicId topic, Offset first, std::string_view value) {
  const auto layout = split_value(value);
  if (!layout) return layout.errc();
  const auto checked = value.substr(0, value.size() - kChecksum);
  if (checksum(topic, first, checked) != load_u64(value.data() + checked.size()))
    return Errc::corrupt_record;
  const auto header = decode_header(layout->header);
  if (!header || header->first != first) return Errc::corrupt_record;

  BatchView view;
  view.header_ = *header;
  view.value_ = value;
  const std::size_t index_size = (std::size_t{header->count} - 1) * layout->index_width;
  if (index_size > layout->rest.size()) return Errc::corrupt_record;
  view.index_ = layout->rest.substr(0, index_size);
  view.records_ = layout->rest.substr(index_size);
  if (view.index_.empty() && view.records_.size() % header->count != 0) return Errc::corrupt_record;
  std::uint32_t begin = 0;
  for (std::uint32_t i = 0; i < header->count; ++i) {
    const std::uint32_t end = view.record_end(i);
    if (end <= begin || end > view.records_.size()) return Errc::corrupt_record;
    if (view.records_[begin] != 0 && !split_record(view.records_.substr(begin, end - begin)))
      return Errc::corrupt_record;
    begin = end;
  }
  return view;
}

std::uint32_t BatchView::record_end(std::uint32_t i) const {
  if (i + 1 == header_.count) return static_cast<std::uint32_t>(records_.size());
  if (!index_.empty()) return load_u16(index_.data() + std::size_t{i} * kIndexWidth);
  return static_cast<std::uint32_t>(records_.size() / header_.count * (i + 1));
}

EventView BatchView::event(std::uint32_t i) const {
  TIDEMARK_ENSURE(i < header_.count, "an event of this batch");
  const std::uint32_t begin = i == 0 ? 0 : record_end(i - 1);
  return decode_record(records_.substr(begin, record_end(i) - begin), {header_.first.value + i},
                       header_.time);
}

BatchView BatchView::prefix(std::uint32_t count) const {
  TIDEMARK_ENSURE(count > 0 && count <= header_.count, "a prefix of this batch");
  BatchView view = *this;
  view.records_ = records_.substr(0, record_end(count - 1));
  view.header_.count = count;
  return view;
}

Result<BatchHeader> peek_header(std::string_view value) {
  const auto layout = split_value(value);
  if (!layout) return layout.errc();
  return decode_header(layout->header);
}

}  // namespace tidemark::storage
