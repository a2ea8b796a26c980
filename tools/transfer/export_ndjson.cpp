// The form for people and pipes, written: a JSON object a line.
// tools/transfer/: see export_writer.hpp and EXPORT.md.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/base64.hpp"
#include "protocol/json_slices.hpp"
#include "protocol/json_text.hpp"
#include "tools/transfer/export_forms.hpp"

namespace tidemark::tools {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Whether JSON can stand in a line and be read from it byte for byte: line feeds would end the
// line, and blanks around it would not be its own.
bool stands_in_line(std::string_view json) {
  return !json.empty() && !is_blank(json.front()) && !is_blank(json.back()) &&
         json.find('\n') == std::string_view::npos;
}

class NdjsonExportWriter final : public ExportWriter {
 public:
  void resume(std::uint64_t /*items*/, const ExportTopic* topic) override {
    if (topic != nullptr) set_topic(*topic);
  }
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

  void set_topic(const ExportTopic& topic);
  void begin_events(Epoch epoch, Timestamp time);
  void put_event(const EventView& event);
  void put_content(const HeadersView& headers, std::string_view data);
  void put_data(std::string_view data, Payload payload);
  void put_base64(std::string_view bytes);
  /// `{"type":"…","topic":"…"`.
  void begin(std::string_view type);
  void number(std::string_view name, std::uint64_t value);
  void time(std::string_view name, Timestamp time);
  void text(std::string_view name, std::string_view value);
  void flag(std::string_view name, bool value);
  void position(Position position);
  void end_line() { buffer_ += "}\n"; }
  std::string_view packed(const NewEvent& event);

  std::string topic_;  ///< as a JSON string
  Payload payload_ = Payload::bytes;
  std::string before_;   ///< of an event's line, what stands before the offset
  std::string between_;  ///< and behind it
  std::string packed_;
};

// ---- members ----

void NdjsonExportWriter::begin(std::string_view type) {
  buffer_.append(R"({"type":")").append(type).append(R"(","topic":)").append(topic_);
}

void NdjsonExportWriter::number(std::string_view name, std::uint64_t value) {
  buffer_.append(",\"").append(name).append("\":");
  append_number(buffer_, value);
}

// A clock that stood before 1970 is no reason to write what no reader takes.
void NdjsonExportWriter::time(std::string_view name, Timestamp time) {
  number(name, static_cast<std::uint64_t>(std::max<std::int64_t>(time.ms, 0)));
}

void NdjsonExportWriter::text(std::string_view name, std::string_view value) {
  buffer_.append(",\"").append(name).append("\":");
  append_json_string(buffer_, value);
}

void NdjsonExportWriter::flag(std::string_view name, bool value) {
  buffer_.append(",\"").append(name).append(value ? "\":true" : "\":false");
}

void NdjsonExportWriter::position(Position position) {
  number("epoch", position.epoch.value);
  number("offset", position.offset.value);
}

void NdjsonExportWriter::put_base64(std::string_view bytes) {
  buffer_ += ",\"data_base64\":\"";
  const std::size_t at = buffer_.size();
  buffer_.resize(at + base64_size(bytes.size()));
  write_base64(bytes, buffer_.data() + at);
  buffer_.push_back('"');
}

void NdjsonExportWriter::put_data(std::string_view data, Payload payload) {
  if (payload == Payload::json && stands_in_line(data)) {
    buffer_.append(",\"data\":").append(data);
  } else if (payload == Payload::text && valid_utf8(data)) {
    buffer_ += ",\"data\":";
    append_json_string(buffer_, data);
  } else {
    put_base64(data);
  }
}

// ---- the file and its topics ----

void NdjsonExportWriter::put_item(const ExportHead& head) {
  buffer_ += R"({"type":"export","format":"tidemark","version":1)";
  time("time", head.time);
  end_line();
}

void NdjsonExportWriter::set_topic(const ExportTopic& topic) {
  topic_.clear();
  append_json_string(topic_, topic.name);
  payload_ = payload_of(topic.settings.content_type);
}

void NdjsonExportWriter::put_item(const ExportTopic& topic) {
  const auto& settings = topic.settings;
  const auto& retention = settings.retention;
  set_topic(topic);
  begin("topic");
  text("content_type", settings.content_type);
  text("durability", settings.durability == storage::Durability::synced ? "synced" : "buffered");
  buffer_ += ",\"retention\":{\"max_events\":";
  append_number(buffer_, retention.max_events);
  number("max_bytes", retention.max_bytes);
  number("max_age_ms", static_cast<std::uint64_t>(retention.max_age.count()));
  buffer_ += "}";
  if (settings.ttl) number("ttl_seconds", static_cast<std::uint64_t>(settings.ttl->count()));
  if (settings.expires_at) time("expires_at", *settings.expires_at);
  flag("keep_latest", settings.keep_latest);
  flag("closed", topic.closed);
  time("created", topic.created);
  number("earliest", topic.earliest.value);
  number("head", topic.head.value);
  if (!topic.last_sequence.empty()) text("last_sequence", topic.last_sequence);
  buffer_ += ",\"lineage\":[";
  for (const auto& start : topic.lineage) {
    if (&start != &topic.lineage.front()) buffer_.push_back(',');
    buffer_ += "{\"epoch\":";
    append_number(buffer_, start.epoch.value);
    number("first", start.first.value);
    buffer_.push_back('}');
  }
  buffer_.push_back(']');
  end_line();
}

// ---- events ----

void NdjsonExportWriter::begin_events(Epoch epoch, Timestamp time) {
  before_ = R"({"type":"event","epoch":)";
  append_number(before_, epoch.value);
  before_.append(",\"topic\":").append(topic_).append(",\"offset\":");
  between_ = ",\"time\":";
  append_number(between_, static_cast<std::uint64_t>(std::max<std::int64_t>(time.ms, 0)));
}

void NdjsonExportWriter::put_content(const HeadersView& headers, std::string_view data) {
  if (!headers.empty()) {
    buffer_ += ",\"headers\":";
    char open = '{';
    for (const auto& header : headers) {
      buffer_.push_back(open);
      append_json_string(buffer_, header.name);
      buffer_.push_back(':');
      append_json_string(buffer_, header.value);
      open = ',';
    }
    buffer_.push_back('}');
  }
  put_data(data, payload_);
  end_line();
}

void NdjsonExportWriter::put_event(const EventView& event) {
  buffer_ += before_;
  append_number(buffer_, event.offset.value);
  buffer_ += between_;
  if (!event.key.empty()) text("key", event.key);
  put_content(event.headers, event.data);
}

void NdjsonExportWriter::write(const storage::BatchView& batch, Offset from) {
  const auto& header = batch.header();
  TIDEMARK_ENSURE(from >= header.first && from < batch.end(), "events of this batch");
  begin_events(header.epoch, header.time);
  const auto skipped = static_cast<std::uint32_t>(from.value - header.first.value);
  for (std::uint32_t i = skipped; i < batch.count(); ++i) put_event(batch.event(i));
}

std::string_view NdjsonExportWriter::packed(const NewEvent& event) {
  TIDEMARK_ENSURE(event.form == Form::raw, "only settled payloads are written");
  packed_.clear();
  for (const auto& header : event.headers)
    pack_header(packed_, {.name = header.name, .value = header.value});
  return packed_;
}

void NdjsonExportWriter::put_item(const ExportEvents& item) {
  begin_events(item.epoch, item.time);
  Offset offset = item.first;
  for (const auto& event : item.events) {
    put_event({.offset = offset,
               .time = item.time,
               .key = event.key,
               .headers = HeadersView(packed(event)),
               .data = event.data});
    offset = offset.next();
  }
}

void NdjsonExportWriter::put_item(const ExportGap& gap) {
  begin("gap");
  number("first", gap.offsets.first.value);
  number("end", gap.offsets.end.value);
  text("why", gap.why);
  end_line();
}

// ---- what is beside them ----

void NdjsonExportWriter::put_item(const ExportKey& key) {
  begin("key");
  text("key", key.key);
  number("offset", key.offset.value);
  time("time", key.time);
  put_content(HeadersView(packed(key.event)), key.event.data);
}

void NdjsonExportWriter::put_item(const ExportProducer& producer) {
  const auto& state = producer.state;
  begin("producer");
  text("producer", producer.id);
  number("epoch", state.epoch);
  number("sequence", state.last_sequence);
  time("last_used", state.last_used);
  buffer_ += ",\"runs\":[";
  for (const auto& run : state.runs) {
    if (&run != &state.runs.front()) buffer_.push_back(',');
    buffer_ += "{\"sequence\":";
    append_number(buffer_, run.sequence);
    number("requests", run.requests);
    number("first", run.first.value);
    number("events", run.events);
    buffer_.push_back('}');
  }
  buffer_.push_back(']');
  end_line();
}

void NdjsonExportWriter::put_item(const ExportCursor& cursor) {
  begin("cursor");
  text("cursor", cursor.name);
  position(cursor.cursor.position);
  time("created", cursor.cursor.created);
  time("acknowledged", cursor.cursor.acknowledged);
  end_line();
}

void NdjsonExportWriter::put_item(const ExportState& item) {
  const auto& state = item.state;
  begin("state");
  position(state.position);
  time("stored", state.stored);
  text("content_type", state.content_type);
  // What a state is nobody has checked when it was stored. Text is for base64 too: escaped it may
  // be six times as long, and a line has its bound.
  const bool json = payload_of(state.content_type) == Payload::json &&
                    !check_json(state.data, limits::json_depth).fault;
  put_data(state.data, json ? Payload::json : Payload::bytes);
  end_line();
}

void NdjsonExportWriter::put_item(const ExportEnd& end) {
  buffer_ += R"({"type":"end")";
  number("topics", end.topics);
  number("events", end.events);
  end_line();
}

}  // namespace

std::unique_ptr<ExportWriter> make_ndjson_writer() {
  return std::make_unique<NdjsonExportWriter>();
}

}  // namespace tidemark::tools
