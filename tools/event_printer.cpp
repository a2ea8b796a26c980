// The three formats.
// tools/: see event_printer.hpp.
#include "tools/event_printer.hpp"

#include <algorithm>
#include <utility>

#include "protocol/codec.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kTopicColumns = 20;
constexpr std::size_t kOffsetColumns = 8;
constexpr std::size_t kTimeColumns = 23;
constexpr std::size_t kKeyColumns = 12;
constexpr std::size_t kBlank = 2;  // between columns
constexpr std::size_t kLeastData = 20;

}  // namespace

EventPrinter::EventPrinter(Format format, int fd, Topics topics)
    : format_(format), fd_(fd), topics_(topics), terminal_(is_terminal(fd)) {}

void EventPrinter::event(const Event& event, Epoch epoch) {
  if (format_ == Format::raw) {
    raw_line(event.topic, event.data);
  } else if (format_ == Format::table) {
    table_row({event.topic, event.offset, local_time(event.time), event.key, event.data});
  } else {
    const auto begin = out_.size();
    line(event, payload_);
    constexpr std::string_view kType = R"({"type":"event")";
    out_.insert(begin + kType.size(), ",\"epoch\":" + std::to_string(epoch.value));
  }
}

void EventPrinter::state(const State& state) {
  if (format_ == Format::json) return line(state, payload_);
  const bool raw = format_ == Format::raw;
  if (state.bundle) {
    raw ? raw_line(state.topic, *state.bundle)
        : table_row({state.topic, state.position.offset, "state", {}, *state.bundle});
  }
  for (const auto& entry : state.entries) {
    raw ? raw_line(state.topic, entry.data)
        : table_row({state.topic, entry.offset, local_time(entry.time), entry.key, entry.data});
  }
}

void EventPrinter::gap(const std::string& topic, const Gap& gap) {
  if (format_ == Format::json) line(GapNotice{topic, gap}, Payload::bytes);
}

void EventPrinter::epoch(const EpochNotice& notice) {
  if (format_ == Format::json) line(notice, Payload::bytes);
}

void EventPrinter::line(const ServerMessage& message, Payload payload) {
  encode(WireForm::json, message, payload, out_);
  out_ += '\n';
}

void EventPrinter::raw_line(std::string_view topic, std::string_view data) {
  if (topics_ == Topics::many) out_.append(topic).append(1, '\t');
  out_.append(data).append(1, '\n');
}

void EventPrinter::table_head() {
  if (std::exchange(head_printed_, true)) return;
  std::string head = topics_ == Topics::many ? pad("TOPIC", kTopicColumns) + "  " : "";
  head += pad("OFFSET", kOffsetColumns, true) + "  " + pad("TIME", kTimeColumns) + "  " +
          pad("KEY", kKeyColumns) + "  DATA";
  out_ += paint(fd_, Colour::bold, head) + "\n";
}

void EventPrinter::table_row(const Shown& shown) {
  table_head();
  const bool many = topics_ == Topics::many;
  const auto topic = many ? pad(cut(printable(shown.topic), kTopicColumns), kTopicColumns) : "";
  std::string data = printable(shown.data);
  if (terminal_) {
    const std::size_t used = kOffsetColumns + kTimeColumns + kKeyColumns + 3 * kBlank +
                             (many ? kTopicColumns + kBlank : 0);
    const std::size_t width = terminal_width(fd_);
    data = cut(data, width > used + kLeastData ? width - used : kLeastData);
  }
  out_ += topic + (many ? "  " : "") +
          pad(std::to_string(shown.offset.value), kOffsetColumns, true) + "  " +
          paint(fd_, Colour::dim, pad(shown.time, kTimeColumns)) + "  " +
          pad(cut(printable(shown.key), kKeyColumns), kKeyColumns) + "  " + data + "\n";
}

bool EventPrinter::flush() {
  if (out_.empty()) return true;
  const bool written = write_all(fd_, out_);
  out_.clear();
  return written;
}

}  // namespace tidemark::tools
