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

constexpr std::size_t kOffsetColumns = 8;
constexpr std::size_t kTimeColumns = 23;
constexpr std::size_t kKeyColumns = 12;
constexpr std::size_t kBlanks = 6;
constexpr std::size_t kLeastData = 20;

}  // namespace

EventPrinter::EventPrinter(Format format, int fd)
    : format_(format), fd_(fd), terminal_(is_terminal(fd)) {}

void EventPrinter::event(const Event& event, Epoch epoch) {
  if (format_ == Format::raw) {
    out_.append(event.data).append(1, '\n');
  } else if (format_ == Format::table) {
    table_row(event);
  } else {
    const auto begin = out_.size();
    line(event, payload_);
    constexpr std::string_view kType = R"({"type":"event")";
    out_.insert(begin + kType.size(), ",\"epoch\":" + std::to_string(epoch.value));
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

void EventPrinter::table_row(const Event& event) {
  if (!std::exchange(head_printed_, true)) {
    const std::string head = pad("OFFSET", kOffsetColumns, true) + "  " +
                             pad("TIME", kTimeColumns) + "  " + pad("KEY", kKeyColumns) + "  DATA";
    out_ += paint(fd_, Colour::bold, head) + "\n";
  }
  std::string data = printable(event.data);
  if (terminal_) {
    const std::size_t used = kOffsetColumns + kTimeColumns + kKeyColumns + kBlanks;
    const std::size_t width = terminal_width(fd_);
    data = cut(data, width > used + kLeastData ? width - used : kLeastData);
  }
  out_ += pad(std::to_string(event.offset.value), kOffsetColumns, true) + "  " +
          paint(fd_, Colour::dim, local_time(event.time)) + "  " +
          pad(cut(printable(event.key), kKeyColumns), kKeyColumns) + "  " + data + "\n";
}

bool EventPrinter::flush() {
  if (out_.empty()) return true;
  const bool written = write_all(fd_, out_);
  out_.clear();
  return written;
}

}  // namespace tidemark::tools
