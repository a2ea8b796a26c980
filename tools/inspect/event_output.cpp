// The five formats.
// tools/inspect/: see event_output.hpp.
#include "tools/inspect/event_output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "protocol/base64.hpp"
#include "protocol/codec.hpp"
#include "protocol/json_text.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kLeastData = 20;  // columns, on however narrow a terminal

struct Column {
  std::string_view head;
  std::size_t width = 0;
  bool right = false;
};

// By EventField. The widths of what has no bound are what others get of it.
constexpr std::array<Column, 8> kColumns{{{"OFFSET", 8, true},
                                          {"TIME", 23, false},
                                          {"EPOCH", 16, true},
                                          {"TOPIC", 20, false},
                                          {"KEY", 12, false},
                                          {"HEADERS", 24, false},
                                          {"BYTES", 8, true},
                                          {"DATA", 40, false}}};

const Column& column_of(EventField field) { return kColumns.at(static_cast<std::size_t>(field)); }

bool cuts(EventField field) {
  return field == EventField::topic || field == EventField::key || field == EventField::headers ||
         field == EventField::data;
}

std::string headers_text(const HeadersView& headers) {
  std::string out;
  for (const auto& header : headers) {
    if (!out.empty()) out += ' ';
    out += printable(header.name) + "=" + printable(header.value);
  }
  return out;
}

void append_headers(std::string& out, const HeadersView& headers) {
  out += '{';
  bool first = true;
  for (const auto& header : headers) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, header.name);
    out += ':';
    append_json_string(out, header.value);
  }
  out += '}';
}

void append_data(std::string& out, std::string_view data, Payload payload) {
  if (payload == Payload::json) {
    out.append("\"data\":").append(data);
  } else if (payload == Payload::text) {
    out += "\"data\":";
    append_json_string(out, data);
  } else {
    out += "\"data_base64\":\"";
    const auto at = out.size();
    out.resize(at + base64_size(data.size()));
    write_base64(data, out.data() + at);
    out += '"';
  }
}

}  // namespace

EventOutput::EventOutput(Options options)
    : options_(std::move(options)), terminal_(is_terminal(options_.fd)) {}

void EventOutput::event(const EventView& event, Epoch epoch) {
  switch (options_.format) {
    case ShowFormat::table:
      return row(event, epoch);
    case ShowFormat::json:
    case ShowFormat::ndjson:
      return object(event, epoch);
    case ShowFormat::raw:
      out_.append(event.data).append(1, '\n');
      return;
    case ShowFormat::hex:
      return dump(event);
  }
}

void EventOutput::gap(const Gap& gap) {
  if (options_.format != ShowFormat::json && options_.format != ShowFormat::ndjson) return;
  begin_object();
  encode(WireForm::json, GapNotice{options_.topic, gap}, Payload::bytes, out_);
  if (options_.format == ShowFormat::ndjson) out_ += '\n';
}

void EventOutput::end() {
  if (options_.format == ShowFormat::json) out_ += begun_ ? "\n]\n" : "[]\n";
  if (options_.format == ShowFormat::table && begun_ == false) table_head();
}

// ---- JSON ----

void EventOutput::begin_object() {
  if (options_.format == ShowFormat::json) out_ += begun_ ? ",\n" : "[\n";
  begun_ = true;
}

void EventOutput::object(const EventView& event, Epoch epoch) {
  begin_object();
  out_ += "{\"type\":\"event\"";
  for (const auto field : options_.fields) member(field, event, epoch);
  out_ += options_.format == ShowFormat::ndjson ? "}\n" : "}";
}

void EventOutput::member(EventField field, const EventView& event, Epoch epoch) {
  const auto name = [this](std::string_view text) {
    out_.append(",\"").append(text).append("\":");
  };
  switch (field) {
    case EventField::offset:
      name("offset");
      return append_number(out_, event.offset.value);
    case EventField::time:
      name("time");
      out_ += std::to_string(event.time.ms);
      return;
    case EventField::epoch:
      name("epoch");
      return append_number(out_, epoch.value);
    case EventField::topic:
      name("topic");
      return append_json_string(out_, options_.topic);
    case EventField::key:
      if (event.key.empty()) return;
      name("key");
      return append_json_string(out_, event.key);
    case EventField::headers:
      if (event.headers.empty()) return;
      name("headers");
      return append_headers(out_, event.headers);
    case EventField::size:
      name("size");
      return append_number(out_, event.data.size());
    case EventField::data:
      out_ += ',';
      return append_data(out_, event.data, options_.payload);
  }
}

// ---- the table ----

void EventOutput::table_head() {
  begun_ = true;
  std::string head;
  for (const auto field : options_.fields) {
    const auto& column = column_of(field);
    const bool last = field == options_.fields.back();
    head += last && !column.right ? std::string(column.head)
                                  : pad(column.head, column.width, column.right);
    if (!last) head += "  ";
  }
  out_ += paint(options_.fd, Colour::bold, head) + "\n";
}

std::string EventOutput::cell(EventField field, const EventView& event, Epoch epoch) const {
  switch (field) {
    case EventField::offset:
      return std::to_string(event.offset.value);
    case EventField::time:
      return local_time(event.time);
    case EventField::epoch:
      return std::to_string(epoch.value);
    case EventField::topic:
      return printable(options_.topic);
    case EventField::key:
      return printable(event.key);
    case EventField::headers:
      return headers_text(event.headers);
    case EventField::size:
      return std::to_string(event.data.size());
    case EventField::data:
      return printable(event.data);
  }
  return {};
}

void EventOutput::row(const EventView& event, Epoch epoch) {
  if (!begun_) table_head();
  const std::size_t width = terminal_ ? terminal_width(options_.fd) : 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < options_.fields.size(); ++i) {
    const auto field = options_.fields[i];
    const auto& column = column_of(field);
    const bool last = i + 1 == options_.fields.size();
    std::string text = cell(field, event, epoch);
    // The last column has the rest of a terminal's line, and of what is no terminal all it needs.
    const std::size_t most = !last                       ? column.width
                             : !terminal_                ? text.size()
                             : width > used + kLeastData ? width - used
                                                         : kLeastData;
    if (cuts(field)) text = cut(text, most);
    if (!last || column.right) text = pad(text, column.width, column.right);
    out_ += field == EventField::time ? paint(options_.fd, Colour::dim, text) : text;
    out_ += last ? "\n" : "  ";
    used += column.width + 2;
  }
}

// ---- bytes ----

void append_hex_dump(std::string& out, std::string_view bytes) {
  constexpr std::size_t kLine = 16;
  std::array<char, 24> text{};
  for (std::size_t at = 0; at < bytes.size(); at += kLine) {
    const auto line = bytes.substr(at, kLine);
    std::snprintf(text.data(), text.size(), "%08zx ", at);
    out += text.data();
    for (std::size_t i = 0; i < kLine; ++i) {
      if (i == kLine / 2) out += ' ';
      if (i < line.size()) {
        std::snprintf(text.data(), text.size(), " %02x", static_cast<unsigned char>(line[i]));
        out += text.data();
      } else {
        out += "   ";
      }
    }
    out += "  |";
    for (const char c : line) out += c >= 0x20 && c < 0x7f ? c : '.';
    out += "|\n";
  }
}

void EventOutput::dump(const EventView& event) {
  std::string head = std::to_string(event.offset.value) + "  " + local_time(event.time);
  if (!event.key.empty()) head += "  key " + printable(event.key);
  if (!event.headers.empty()) head += "  " + headers_text(event.headers);
  head += "  " + grouped(event.data.size()) + (event.data.size() == 1 ? " byte" : " bytes");
  out_ += paint(options_.fd, Colour::bold, head) + "\n";
  append_hex_dump(out_, event.data);
}

bool EventOutput::flush() {
  if (out_.empty()) return true;
  const bool written = write_all(options_.fd, out_);
  out_.clear();
  return written;
}

}  // namespace tidemark::tools
