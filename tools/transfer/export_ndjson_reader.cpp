// The form for people and pipes, read: a line at a time, events of one time together.
// tools/transfer/: see export_reader.hpp and EXPORT.md.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/json_slices.hpp"
#include "storage/producers.hpp"
#include "tools/transfer/export_fields.hpp"
#include "tools/transfer/export_forms.hpp"
#include "tools/transfer/export_order.hpp"

namespace tidemark::tools {
namespace {

using Kind = ExportFault::Kind;

constexpr std::uint64_t kVersion = 1;
// An event of limits::event_bytes whose characters are all escaped is 96 MiB long.
constexpr std::size_t kMaxLine = std::size_t{128} << 20;
constexpr std::size_t kMaxDepth = limits::json_depth + 1;  // a payload is in its event
constexpr std::size_t kMaxEpochs = 1'000'000;
constexpr std::uint64_t kAny = UINT64_MAX;

Timestamp time_of(JsonFields& in, std::string_view name) {
  return {static_cast<std::int64_t>(in.number(name))};
}

Position position_of(JsonFields& in) {
  return {.epoch = {in.number("epoch")}, .offset = {in.number("offset")}};
}

ExportItem head_of(JsonFields& in) { return ExportHead{.time = time_of(in, "time")}; }

storage::Durability durability_of(JsonFields& in) {
  const auto text = in.text("durability");
  if (text != "synced" && text != "buffered") in.fail("\"durability\" is neither of the two");
  return text == "buffered" ? storage::Durability::buffered : storage::Durability::synced;
}

storage::RetentionPolicy retention_of(JsonFields& in) {
  const auto object = in.find("retention");
  if (object.empty()) {
    in.fail("\"retention\" is missing");
    return {};
  }
  JsonFields fields(object);
  storage::RetentionPolicy out;
  out.max_events = fields.number("max_events", kAny);
  out.max_bytes = fields.number("max_bytes", kAny);
  out.max_age = std::chrono::milliseconds(static_cast<std::int64_t>(fields.number("max_age_ms")));
  if (fields.fault()) in.fail(*fields.fault());
  return out;
}

std::vector<storage::EpochStart> lineage_of(JsonFields& in) {
  std::vector<storage::EpochStart> out;
  for (const auto each : in.list("lineage", kMaxEpochs)) {
    JsonFields fields(each);
    out.push_back({.epoch = {fields.number("epoch")}, .first = {fields.number("first")}});
    if (fields.fault()) in.fail(*fields.fault());
  }
  return out;
}

ExportItem topic_of(JsonFields& in) {
  ExportTopic topic;
  auto& settings = topic.settings;
  topic.name = in.text("topic");
  settings.content_type = in.text("content_type");
  settings.durability = durability_of(in);
  settings.retention = retention_of(in);
  if (in.has("ttl_seconds"))
    settings.ttl = std::chrono::seconds(static_cast<std::int64_t>(in.number("ttl_seconds")));
  if (in.has("expires_at")) settings.expires_at = time_of(in, "expires_at");
  settings.keep_latest = in.flag("keep_latest");
  topic.closed = in.flag("closed");
  topic.created = time_of(in, "created");
  topic.earliest = {in.number("earliest")};
  topic.head = {in.number("head")};
  topic.last_sequence = in.optional_text("last_sequence");
  topic.lineage = lineage_of(in);
  return topic;
}

ExportItem event_of(JsonFields& in) {
  ExportEvents item;
  const auto [epoch, offset] = position_of(in);
  item.epoch = epoch;
  item.first = offset;
  item.time = time_of(in, "time");
  item.events.push_back(in.event());
  return item;
}

ExportItem gap_of(JsonFields& in) {
  ExportGap gap;
  gap.offsets.first = {in.number("first")};
  gap.offsets.end = {in.number("end")};
  gap.why = in.text("why");
  return gap;
}

ExportItem key_of(JsonFields& in) {
  ExportKey key;
  key.offset = {in.number("offset")};
  key.time = time_of(in, "time");
  key.event = in.event();
  key.key = key.event.key;
  return key;
}

ExportItem producer_of(JsonFields& in) {
  ExportProducer producer;
  auto& state = producer.state;
  producer.id = in.text("producer");
  state.epoch = in.number("epoch", kAny);
  state.last_sequence = in.number("sequence", kAny);
  state.last_used = time_of(in, "last_used");
  for (const auto each : in.list("runs", storage::kMaxProducerRuns)) {
    JsonFields fields(each);
    state.runs.push_back({.sequence = fields.number("sequence", kAny),
                          .requests = fields.number("requests", kAny),
                          .first = {fields.number("first")},
                          .events = fields.number("events", kAny)});
    if (fields.fault()) in.fail(*fields.fault());
  }
  return producer;
}

ExportItem cursor_of(JsonFields& in) {
  ExportCursor cursor;
  cursor.name = in.text("cursor");
  cursor.cursor.position = position_of(in);
  cursor.cursor.created = time_of(in, "created");
  cursor.cursor.acknowledged = time_of(in, "acknowledged");
  return cursor;
}

ExportItem state_of(JsonFields& in) {
  ExportState item;
  item.state.position = position_of(in);
  item.state.stored = time_of(in, "stored");
  item.state.content_type = in.text("content_type");
  Form form = Form::raw;
  item.state.data = in.data(form);
  if (form == Form::json && payload_of(item.state.content_type) != Payload::json)
    in.fail("a state that is no JSON has \"data_base64\"");
  return item;
}

ExportItem end_of(JsonFields& in) {
  return ExportEnd{.topics = in.number("topics", kAny), .events = in.number("events", kAny)};
}

struct Line {
  std::string_view type;
  ExportItem (*read)(JsonFields&);
  bool of_topic;  ///< it names the topic that it belongs to
};

constexpr std::array kLines{Line{"event", event_of, true},   Line{"export", head_of, false},
                            Line{"topic", topic_of, false},  Line{"gap", gap_of, true},
                            Line{"key", key_of, true},       Line{"producer", producer_of, true},
                            Line{"cursor", cursor_of, true}, Line{"state", state_of, true},
                            Line{"end", end_of, false}};

bool full(const ExportEvents& item, std::size_t bytes) {
  return item.events.size() == storage::kMaxBatchEvents || bytes >= storage::kMaxBatchBytes;
}

// Whether the event belongs to the same item.
bool joins(const ExportEvents& item, const ExportEvents& event) {
  return event.epoch == item.epoch && event.time == item.time &&
         event.first.value == item.first.value + item.events.size();
}

class NdjsonExportReader final : public ExportReader {
 public:
  using Next = boost::system::result<std::optional<ExportItem>, ExportFault>;

  explicit NdjsonExportReader(ExportInput input) : input_(std::move(input)) {}

  /// Reads the first line, which says what the file is.
  std::optional<ExportFault> begin();
  Next next() override;
  [[nodiscard]] ExportForm form() const override { return ExportForm::ndjson; }
  [[nodiscard]] std::uint64_t whole_bytes() const override { return whole_bytes_; }

 private:
  /// An item out of one line.
  struct Read {
    ExportItem item;
    std::uint64_t end = 0;  ///< of the line, in the file
    std::uint64_t line = 0;
    std::size_t bytes = 0;
  };
  using ReadLine = boost::system::result<Read, ExportFault>;

  [[nodiscard]] ExportFault fault(Kind kind, const std::string& what, std::uint64_t line) const {
    return {.kind = kind, .text = "line " + std::to_string(line) + ": " + what};
  }
  [[nodiscard]] ExportFault no_line() const;
  ReadLine read_line();
  boost::system::result<ExportItem, ExportFault> parse(std::string_view line);
  std::optional<ExportFault> check_version(JsonFields& fields) const;
  void join(Read& read);
  Next at_end();

  ExportInput input_;
  ExportOrder order_;
  std::uint64_t line_ = 1;             ///< number of the line at hand
  std::string topic_;                  ///< of which the lines are that are read
  std::optional<Read> ahead_;          ///< read already, and not given yet
  std::optional<ExportFault> failed_;  ///< what reading ahead has come to, or what was told
  std::uint64_t whole_bytes_ = 0;
};

ExportFault NdjsonExportReader::no_line() const {
  if (input_.failed()) return fault(Kind::unread, "it can't be read any further", line_);
  if (input_.bytes().size() > kMaxLine) return fault(Kind::damaged, "no line is so long", line_);
  return fault(
      Kind::cut,
      input_.bytes().empty() ? "it was cut off before its end" : "it was cut off within this line",
      line_);
}

std::optional<ExportFault> NdjsonExportReader::check_version(JsonFields& fields) const {
  if (fields.text("format") != "tidemark")
    return fault(Kind::foreign, "it is no export of Tidemark", line_);
  const auto version = fields.number("version");
  if (fields.fault()) return fault(Kind::damaged, *fields.fault(), line_);
  if (version <= kVersion && version > 0) return std::nullopt;
  return fault(Kind::newer,
               "it is an export of version " + std::to_string(version) +
                   ", this Tidemark knows those up to version " + std::to_string(kVersion),
               line_);
}

boost::system::result<ExportItem, ExportFault> NdjsonExportReader::parse(std::string_view line) {
  const auto checked = check_json(line, kMaxDepth);
  if (checked.fault) return fault(Kind::damaged, "no JSON: " + *checked.fault, line_);
  JsonFields fields(line);
  const auto type = fields.text("type");
  const auto* const known = std::find_if(kLines.begin(), kLines.end(),
                                         [&](const Line& each) { return each.type == type; });
  if (fields.fault()) return fault(Kind::damaged, *fields.fault(), line_);
  if (known == kLines.end())
    return fault(Kind::damaged, "there is no such \"type\" in an export", line_);
  if (type == "export")
    if (auto wrong = check_version(fields)) return *wrong;
  if (known->of_topic && fields.text("topic") != topic_)
    fields.fail("it is not of the topic that it follows");
  auto item = known->read(fields);
  if (fields.fault()) return fault(Kind::damaged, *fields.fault(), line_);
  if (const auto* topic = std::get_if<ExportTopic>(&item)) topic_ = topic->name;
  return item;
}

NdjsonExportReader::ReadLine NdjsonExportReader::read_line() {
  const auto size = input_.find_line(kMaxLine);
  if (!size) return no_line();
  auto item = parse(input_.bytes().substr(0, *size));
  if (!item) return item.error();
  input_.drop(*size + 1);
  return Read{.item = std::move(*item), .end = input_.position(), .line = line_++, .bytes = *size};
}

std::optional<ExportFault> NdjsonExportReader::begin() {
  auto read = read_line();
  if (!read) {
    auto wrong = read.error();
    // Whatever else begins with a brace. A line that is cut may have been ours.
    if (wrong.kind == Kind::damaged)
      wrong = {.kind = Kind::foreign, .text = "it is no export of Tidemark"};
    return wrong;
  }
  if (!std::holds_alternative<ExportHead>(read->item))
    return ExportFault{.kind = Kind::foreign, .text = "it does not begin as an export does"};
  ahead_ = std::move(*read);
  return std::nullopt;
}

// Takes in the events that follow and are of the same moment, as far as they fit a batch.
void NdjsonExportReader::join(Read& read) {
  auto& item = std::get<ExportEvents>(read.item);
  while (!full(item, read.bytes)) {
    auto more = read_line();
    if (!more) {
      failed_ = more.error();
      return;
    }
    auto* event = std::get_if<ExportEvents>(&more->item);
    if (event == nullptr || !joins(item, *event)) {
      ahead_ = std::move(*more);
      return;
    }
    item.events.push_back(std::move(event->events.front()));
    read.end = more->end;
    read.bytes += more->bytes;
  }
}

NdjsonExportReader::Next NdjsonExportReader::at_end() {
  if (input_.want(1)) return fault(Kind::damaged, "something follows its end", line_);
  if (input_.failed()) return no_line();
  return std::optional<ExportItem>();
}

NdjsonExportReader::Next NdjsonExportReader::next() {
  if (order_.part() == ExportOrder::Part::end) return at_end();
  if (!ahead_ && failed_) return *failed_;
  if (!ahead_) {
    auto read = read_line();
    if (!read) {
      failed_ = read.error();
      return *failed_;
    }
    ahead_ = std::move(*read);
  }
  Read read = std::move(*ahead_);
  ahead_.reset();
  if (std::holds_alternative<ExportEvents>(read.item)) join(read);
  if (const auto wrong = order_.take(read.item)) {
    ahead_.reset();
    failed_ = fault(Kind::damaged, *wrong, read.line);
    return *failed_;
  }
  whole_bytes_ = read.end;
  return std::optional(std::move(read.item));
}

}  // namespace

boost::system::result<std::unique_ptr<ExportReader>, ExportFault> make_ndjson_reader(
    ExportInput input) {
  auto reader = std::make_unique<NdjsonExportReader>(std::move(input));
  if (auto wrong = reader->begin()) return std::move(*wrong);
  return std::unique_ptr<ExportReader>(std::move(reader));
}

}  // namespace tidemark::tools
