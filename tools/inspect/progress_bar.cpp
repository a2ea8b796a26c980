// The line is made by a pure function; the bar decides when it is drawn.
// tools/inspect/: see progress_bar.hpp.
#include "tools/inspect/progress_bar.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetween{100};
constexpr std::size_t kMaxCells = 30;
constexpr std::size_t kMinCells = 6;
constexpr std::size_t kMinDetail = 6;
// Before that a rate is a guess, and the time left a wild one.
constexpr milliseconds kFirstRate{200};
constexpr milliseconds kFirstLeft{1000};

double part_of(const ProgressView& view) {
  if (view.total == 0) return 0;
  return std::min(1.0, static_cast<double>(view.done) / static_cast<double>(view.total));
}

std::string bar(double part, std::size_t cells) {
  constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(part * static_cast<double>(cells) * 8);
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths.at(eighths % 8);
  return pad(out, cells);
}

std::string percent(double part) {
  // Rounded down: 100 % is said when it is done, not before.
  return pad(std::to_string(static_cast<int>(part * 100)), 3, true) + "%";
}

std::string rate(const ProgressView& view) {
  if (view.since < kFirstRate) return {};
  constexpr std::array<const char*, 4> kUnits{"B/s", "KiB/s", "MiB/s", "GiB/s"};
  double value = static_cast<double>(view.done) * 1000 / static_cast<double>(view.since.count());
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  const bool fraction = unit > 0 && value < 10;
  std::snprintf(text.data(), text.size(), "%.*f %s", fraction ? 1 : 0, value, kUnits.at(unit));
  return text.data();
}

std::string time_left(const ProgressView& view) {
  if (view.since < kFirstLeft || view.done == 0 || view.total <= view.done) return {};
  const double seconds = static_cast<double>(view.since.count()) / 1000 *
                         static_cast<double>(view.total - view.done) /
                         static_cast<double>(view.done);
  // Rounded up: "0 s left" would be said of what goes on.
  const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e9)) + 1;
  if (whole < 100) return std::to_string(whole) + " s left";
  const auto minutes = (whole + 59) / 60;
  if (minutes < 100) return std::to_string(minutes) + " min left";
  return std::to_string((minutes + 59) / 60) + " h left";
}

void append(std::string& line, std::string_view part) {
  if (part.empty()) return;
  if (!line.empty()) line += "  ";
  line += part;
}

}  // namespace

std::string progress_line(const ProgressView& view, std::size_t width) {
  if (width == 0) return {};
  std::string before(view.what);
  if (view.total > 0) append(before, percent(part_of(view)));
  std::string behind;
  append(behind, rate(view));
  append(behind, time_left(view));
  const std::size_t fixed = characters(before) + (behind.empty() ? 0 : 2 + characters(behind));
  std::string line = before;
  if (view.total > 0 && fixed + 1 + kMinCells <= width) {
    // A name beside it is worth more than a longer bar.
    const std::size_t wanted = view.detail.empty() ? kMaxCells : kMaxCells / 3;
    line += " " + bar(part_of(view), std::min(wanted, width - fixed - 1));
  }
  append(line, behind);
  const std::size_t used = characters(line);
  if (!view.detail.empty() && used + 2 + kMinDetail <= width)
    append(line, cut(printable(view.detail), width - used - 2));
  return cut(line, width);
}

ProgressBar::ProgressBar(std::string what, std::uint64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(is_terminal(STDERR_FILENO)),
      start_(Clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::at(std::uint64_t done, std::string_view detail) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (shown_ && now - drawn_ < kBetween) return;
  drawn_ = now;
  shown_ = true;
  // One column is left free: some terminals go to the next line when the last is written. Blanks
  // wipe away what was longer before, on terminals that know no escape codes too.
  const std::size_t width = terminal_width(STDERR_FILENO) - 1;
  const auto line = progress_line({.what = what_,
                                   .done = done,
                                   .total = total_,
                                   .since = std::chrono::duration_cast<milliseconds>(now - start_),
                                   .detail = detail},
                                  width);
  static_cast<void>(write_all(STDERR_FILENO, "\r" + pad(line, width)));
}

void ProgressBar::clear() {
  if (!shown_) return;
  shown_ = false;
  const std::string blanks(terminal_width(STDERR_FILENO) - 1, ' ');
  static_cast<void>(write_all(STDERR_FILENO, "\r" + blanks + "\r"));
}

}  // namespace tidemark::tools
