// The binary form, read: every frame by its checksum, every field by its bounds.
// tools/transfer/: see export_reader.hpp and EXPORT.md.
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/transfer/export_forms.hpp"
#include "tools/transfer/export_layout.hpp"
#include "tools/transfer/export_order.hpp"

namespace tidemark::tools {
namespace {

using export_layout::Fields;
using export_layout::Frame;
using Kind = ExportFault::Kind;
using Decoded = std::optional<ExportItem>;

Timestamp time_of(Fields& in) { return {static_cast<std::int64_t>(in.integer_to(kMaxInteger))}; }
Offset offset_of(Fields& in) { return {in.integer_to(kMaxInteger)}; }
Epoch epoch_of(Fields& in) { return {in.integer_to(kMaxInteger)}; }
std::string text_of(Fields& in) { return std::string(in.text()); }

NewEvent event_of(const EventView& view) {
  NewEvent event{.data = std::string(view.data), .key = std::string(view.key), .headers = {}};
  for (const auto& header : view.headers)
    event.headers.push_back({std::string(header.name), std::string(header.value)});
  return event;
}

Decoded head_of(Fields& in) { return ExportHead{.time = time_of(in)}; }

Decoded topic_of(Fields& in) {
  ExportTopic topic;
  auto& settings = topic.settings;
  topic.name = text_of(in);
  settings.content_type = text_of(in);
  const auto flags = in.integer(1);
  if (flags > 31) return std::nullopt;
  settings.durability =
      (flags & 1U) != 0 ? storage::Durability::buffered : storage::Durability::synced;
  settings.keep_latest = (flags & 2U) != 0;
  topic.closed = (flags & 4U) != 0;
  settings.retention.max_events = in.integer();
  settings.retention.max_bytes = in.integer();
  settings.retention.max_age =
      std::chrono::milliseconds(static_cast<std::int64_t>(in.integer_to(kMaxInteger)));
  const std::chrono::seconds ttl(static_cast<std::int64_t>(in.integer_to(kMaxInteger)));
  const Timestamp expires_at = time_of(in);
  if ((flags & 8U) != 0) settings.ttl = ttl;
  if ((flags & 16U) != 0) settings.expires_at = expires_at;
  topic.created = time_of(in);
  topic.earliest = offset_of(in);
  topic.head = offset_of(in);
  topic.last_sequence = text_of(in);
  const auto epochs = in.integer(4);
  if (epochs > in.left() / 16) return std::nullopt;
  for (std::uint64_t i = 0; i < epochs; ++i) {
    const Epoch epoch = epoch_of(in);
    topic.lineage.push_back({.epoch = epoch, .first = offset_of(in)});
  }
  return topic;
}

Decoded events_of(Fields& in) {
  ExportEvents item;
  item.epoch = epoch_of(in);
  item.first = offset_of(in);
  item.time = time_of(in);
  const auto count = in.integer(4);
  if (count == 0 || count > export_layout::kMaxFrameEvents || count > in.left())
    return std::nullopt;
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(count));
  for (auto& size : sizes) size = in.varint();
  item.events.reserve(sizes.size());
  for (const auto size : sizes) {
    const auto record = storage::parse_record(in.take(size), item.first, item.time);
    if (!record) return std::nullopt;
    item.events.push_back(event_of(*record));
  }
  return item;
}

Decoded gap_of(Fields& in) {
  ExportGap gap;
  gap.offsets.first = offset_of(in);
  gap.offsets.end = offset_of(in);
  gap.why = text_of(in);
  return gap;
}

Decoded key_of(Fields& in) {
  ExportKey key;
  key.offset = offset_of(in);
  key.time = time_of(in);
  const auto record = storage::parse_record(in.rest(), key.offset, key.time);
  if (!record) return std::nullopt;
  key.event = event_of(*record);
  key.key = key.event.key;
  return key;
}

Decoded producer_of(Fields& in) {
  ExportProducer producer;
  auto& state = producer.state;
  producer.id = text_of(in);
  state.epoch = in.integer();
  state.last_sequence = in.integer();
  state.last_used = time_of(in);
  const auto runs = in.integer(4);
  if (runs > in.left() / 32) return std::nullopt;
  for (std::uint64_t i = 0; i < runs; ++i) {
    storage::ProducerState::Run run;
    run.sequence = in.integer();
    run.requests = in.integer();
    run.first = offset_of(in);
    run.events = in.integer();
    state.runs.push_back(run);
  }
  return producer;
}

Decoded cursor_of(Fields& in) {
  ExportCursor cursor;
  cursor.name = text_of(in);
  cursor.cursor.position.epoch = epoch_of(in);
  cursor.cursor.position.offset = offset_of(in);
  cursor.cursor.created = time_of(in);
  cursor.cursor.acknowledged = time_of(in);
  return cursor;
}

Decoded state_of(Fields& in) {
  ExportState item;
  item.state.position.epoch = epoch_of(in);
  item.state.position.offset = offset_of(in);
  item.state.stored = time_of(in);
  item.state.content_type = text_of(in);
  item.state.data = text_of(in);
  return item;
}

Decoded end_of(Fields& in) {
  ExportEnd end;
  end.topics = in.integer();
  end.events = in.integer();
  return end;
}

Decoded fields_of(Frame type, Fields& in) {
  switch (type) {
    case Frame::head:
      return head_of(in);
    case Frame::topic:
      return topic_of(in);
    case Frame::events:
      return events_of(in);
    case Frame::gap:
      return gap_of(in);
    case Frame::key:
      return key_of(in);
    case Frame::producer:
      return producer_of(in);
    case Frame::cursor:
      return cursor_of(in);
    case Frame::state:
      return state_of(in);
    case Frame::end:
      return end_of(in);
  }
  return std::nullopt;
}

// The item of a frame whose checksum is right; it may be nonsense all the same.
Decoded decode(Frame type, std::string_view payload) {
  Fields in(payload);
  auto item = fields_of(type, in);
  return in.whole() ? std::move(item) : std::nullopt;
}

class BinaryExportReader final : public ExportReader {
 public:
  using Next = boost::system::result<std::optional<ExportItem>, ExportFault>;

  explicit BinaryExportReader(ExportInput input) : input_(std::move(input)) {}

  Next next() override;
  [[nodiscard]] ExportForm form() const override { return ExportForm::binary; }
  [[nodiscard]] std::uint64_t whole_bytes() const override { return whole_bytes_; }

 private:
  [[nodiscard]] ExportFault fault(Kind kind, const std::string& what) const {
    return {.kind = kind, .text = "at byte " + std::to_string(input_.position()) + ": " + what};
  }
  /// Why there are fewer bytes than there should be.
  [[nodiscard]] ExportFault short_of(const std::string& what) const {
    return input_.failed() ? fault(Kind::unread, "it can't be read any further")
                           : fault(Kind::cut, what);
  }
  Next at_end();

  ExportInput input_;
  ExportOrder order_;
  std::uint64_t number_ = 0;
  std::uint64_t whole_bytes_ = 0;
};

BinaryExportReader::Next BinaryExportReader::at_end() {
  if (input_.want(1)) return fault(Kind::damaged, "something follows its end");
  if (input_.failed()) return short_of({});
  return std::optional<ExportItem>();
}

BinaryExportReader::Next BinaryExportReader::next() {
  using export_layout::kChecksum;
  using export_layout::kFrameHead;
  if (order_.part() == ExportOrder::Part::end) return at_end();
  if (!input_.want(kFrameHead)) {
    return short_of(input_.bytes().empty() ? "it was cut off before its end"
                                           : "it was cut off within an item");
  }
  Fields head(input_.bytes().substr(1, kFrameHead - 1));
  const auto size = static_cast<std::size_t>(head.integer(4));
  if (size > export_layout::kMaxPayload) return fault(Kind::damaged, "no item is as long as this");
  const std::size_t sealed = kFrameHead + size;
  if (!input_.want(sealed + kChecksum)) return short_of("it was cut off within an item");
  const auto frame = input_.bytes().substr(0, sealed);
  if (Fields(input_.bytes().substr(sealed, kChecksum)).integer() !=
      export_layout::checksum(number_, frame)) {
    return fault(Kind::damaged, "the checksum of item " + std::to_string(number_) + " is wrong");
  }
  auto item = decode(static_cast<Frame>(frame.front()), frame.substr(kFrameHead));
  if (!item) return fault(Kind::damaged, "an item does not say what it should");
  if (const auto wrong = order_.take(*item)) return fault(Kind::damaged, *wrong);
  input_.drop(sealed + kChecksum);
  ++number_;
  whole_bytes_ = input_.position();
  return item;
}

}  // namespace

std::unique_ptr<ExportReader> make_binary_reader(ExportInput input) {
  return std::make_unique<BinaryExportReader>(std::move(input));
}

}  // namespace tidemark::tools
