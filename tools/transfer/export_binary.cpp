// The binary form, written: frames with a checksum each, records as they are stored.
// tools/transfer/: see export_writer.hpp and EXPORT.md.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/transfer/export_forms.hpp"
#include "tools/transfer/export_layout.hpp"

namespace tidemark::tools {

namespace export_layout {

std::uint64_t checksum(std::uint64_t number, std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), number);
}

void put_text(std::string& out, std::string_view text) {
  put(out, text.size(), 4);
  out += text;
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}

std::string_view Fields::take(std::uint64_t bytes) {
  good_ = good_ && bytes <= left_.size();
  if (!good_) return {};
  const auto taken = left_.substr(0, static_cast<std::size_t>(bytes));
  left_.remove_prefix(taken.size());
  return taken;
}

std::uint64_t Fields::integer(int bytes) {
  const auto taken = take(static_cast<std::uint64_t>(bytes));
  std::uint64_t value = 0;
  for (std::size_t i = taken.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(taken[i - 1]);
  return value;
}

std::uint64_t Fields::integer_to(std::uint64_t most) {
  const auto value = integer();
  good_ = good_ && value <= most;
  return good_ ? value : 0;
}

std::string_view Fields::text() { return take(integer(4)); }

std::uint64_t Fields::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = integer(1);
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  good_ = false;
  return 0;
}

}  // namespace export_layout

namespace {

using export_layout::Frame;
using export_layout::put;
using export_layout::put_text;
using export_layout::put_varint;

// A clock that stood before 1970 is no reason to write what no reader takes.
std::uint64_t ms_of(Timestamp time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.ms, 0));
}

class BinaryExportWriter final : public ExportWriter {
 public:
  void resume(std::uint64_t items, const ExportTopic* /*topic*/) override { number_ = items; }
  void write(const ExportItem& item) override {
    std::visit([this](const auto& each) { put_item(each); }, item);
  }
  void write(const storage::BatchView& batch, Offset from) override;

 private:
  void put_item(const ExportHead& head);
  void put_item(const ExportTopic& topic);
  void put_item(const ExportEvents& events);
  void put_item(const ExportGap& gap);
  void put_item(const ExportKey& key);
  void put_item(const ExportProducer& producer);
  void put_item(const ExportCursor& cursor);
  void put_item(const ExportState& state);
  void put_item(const ExportEnd& end);

  void begin(Frame type);
  void finish();
  void begin_events(const storage::BatchHeader& header);

  std::uint64_t number_ = 0;
  std::size_t frame_ = 0;  ///< where the frame under way begins in the buffer
};

void BinaryExportWriter::begin(Frame type) {
  frame_ = buffer_.size();
  buffer_.push_back(static_cast<char>(type));
  buffer_.append(4, '\0');
}

void BinaryExportWriter::finish() {
  const std::size_t size = buffer_.size() - frame_ - export_layout::kFrameHead;
  TIDEMARK_ENSURE(size <= export_layout::kMaxPayload, "what is exported fits a frame");
  for (std::size_t i = 0; i < 4; ++i)
    buffer_[frame_ + 1 + i] = static_cast<char>(size >> (8 * i) & 0xFF);
  put(buffer_, export_layout::checksum(number_++, std::string_view(buffer_).substr(frame_)));
}

void BinaryExportWriter::put_item(const ExportHead& head) {
  buffer_ += export_layout::kMagic;
  buffer_.push_back(static_cast<char>(export_layout::kVersion));
  begin(Frame::head);
  put(buffer_, ms_of(head.time));
  finish();
}

void BinaryExportWriter::put_item(const ExportTopic& topic) {
  const auto& settings = topic.settings;
  const auto& retention = settings.retention;
  begin(Frame::topic);
  put_text(buffer_, topic.name);
  put_text(buffer_, settings.content_type);
  const unsigned flags = (settings.durability == storage::Durability::buffered ? 1U : 0U) |
                         (settings.keep_latest ? 2U : 0U) | (topic.closed ? 4U : 0U) |
                         (settings.ttl ? 8U : 0U) | (settings.expires_at ? 16U : 0U);
  put(buffer_, flags, 1);
  put(buffer_, retention.max_events);
  put(buffer_, retention.max_bytes);
  put(buffer_, static_cast<std::uint64_t>(retention.max_age.count()));
  put(buffer_, settings.ttl ? static_cast<std::uint64_t>(settings.ttl->count()) : 0);
  put(buffer_, settings.expires_at ? ms_of(*settings.expires_at) : 0);
  put(buffer_, ms_of(topic.created));
  put(buffer_, topic.earliest.value);
  put(buffer_, topic.head.value);
  put_text(buffer_, topic.last_sequence);
  put(buffer_, topic.lineage.size(), 4);
  for (const auto& start : topic.lineage) {
    put(buffer_, start.epoch.value);
    put(buffer_, start.first.value);
  }
  finish();
}

// ---- events ----

void BinaryExportWriter::begin_events(const storage::BatchHeader& header) {
  begin(Frame::events);
  put(buffer_, header.epoch.value);
  put(buffer_, header.first.value);
  put(buffer_, ms_of(header.time));
  put(buffer_, header.count, 4);
}

void BinaryExportWriter::write(const storage::BatchView& batch, Offset from) {
  const auto& header = batch.header();
  TIDEMARK_ENSURE(from >= header.first && from < batch.end(), "events of this batch");
  for (auto i = static_cast<std::uint32_t>(from.value - header.first.value); i < batch.count();) {
    const auto count = static_cast<std::uint32_t>(
        std::min<std::size_t>(batch.count() - i, export_layout::kMaxFrameEvents));
    begin_events({.epoch = header.epoch,
                  .first = {header.first.value + i},
                  .count = count,
                  .time = header.time});
    const std::uint32_t begin = i == 0 ? 0 : batch.record_end(i - 1);
    std::uint32_t end = begin;
    for (const std::uint32_t stop = i + count; i < stop; ++i) {
      const std::uint32_t next = batch.record_end(i);
      put_varint(buffer_, next - end);
      end = next;
    }
    buffer_ += batch.records().substr(begin, end - begin);
    finish();
  }
}

void BinaryExportWriter::put_item(const ExportEvents& item) {
  TIDEMARK_ENSURE(!item.events.empty(), "events are never none");
  for (std::size_t i = 0; i < item.events.size();) {
    const auto stop = std::min(item.events.size(), i + export_layout::kMaxFrameEvents);
    begin_events({.epoch = item.epoch,
                  .first = {item.first.value + i},
                  .count = static_cast<std::uint32_t>(stop - i),
                  .time = item.time});
    for (auto each = i; each < stop; ++each)
      put_varint(buffer_, storage::record_size(item.events[each]));
    for (; i < stop; ++i) storage::append_record(buffer_, item.events[i]);
    finish();
  }
}

void BinaryExportWriter::put_item(const ExportGap& gap) {
  begin(Frame::gap);
  put(buffer_, gap.offsets.first.value);
  put(buffer_, gap.offsets.end.value);
  put_text(buffer_, gap.why);
  finish();
}

// ---- what is beside them ----

void BinaryExportWriter::put_item(const ExportKey& key) {
  TIDEMARK_ENSURE(key.key == key.event.key && !key.key.empty(), "an event of its key");
  begin(Frame::key);
  put(buffer_, key.offset.value);
  put(buffer_, ms_of(key.time));
  storage::append_record(buffer_, key.event);
  finish();
}

void BinaryExportWriter::put_item(const ExportProducer& producer) {
  const auto& state = producer.state;
  begin(Frame::producer);
  put_text(buffer_, producer.id);
  put(buffer_, state.epoch);
  put(buffer_, state.last_sequence);
  put(buffer_, ms_of(state.last_used));
  put(buffer_, state.runs.size(), 4);
  for (const auto& run : state.runs) {
    put(buffer_, run.sequence);
    put(buffer_, run.requests);
    put(buffer_, run.first.value);
    put(buffer_, run.events);
  }
  finish();
}

void BinaryExportWriter::put_item(const ExportCursor& cursor) {
  begin(Frame::cursor);
  put_text(buffer_, cursor.name);
  put(buffer_, cursor.cursor.position.epoch.value);
  put(buffer_, cursor.cursor.position.offset.value);
  put(buffer_, ms_of(cursor.cursor.created));
  put(buffer_, ms_of(cursor.cursor.acknowledged));
  finish();
}

void BinaryExportWriter::put_item(const ExportState& item) {
  const auto& state = item.state;
  begin(Frame::state);
  put(buffer_, state.position.epoch.value);
  put(buffer_, state.position.offset.value);
  put(buffer_, ms_of(state.stored));
  put_text(buffer_, state.content_type);
  put_text(buffer_, state.data);
  finish();
}

void BinaryExportWriter::put_item(const ExportEnd& end) {
  begin(Frame::end);
  put(buffer_, end.topics);
  put(buffer_, end.events);
  finish();
}

}  // namespace

std::unique_ptr<ExportWriter> make_binary_writer() {
  return std::make_unique<BinaryExportWriter>();
}

}  // namespace tidemark::tools
