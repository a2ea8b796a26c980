// How far long work has come: a bar with rate and time left, on a terminal only.
// tools/inspect/: for verify, export, import, backup, restore and repair.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools {

/// Draws on stderr, at most ten times a second; nothing if that is no terminal.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  /// `what`: "verifying". `total` bytes; 0: not known, then there is no bar, only the rate.
  ProgressBar(std::string what, std::uint64_t total);
  /// Wipes it away.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void set_total(std::uint64_t total) { total_ = total; }
  /// `detail`: what it is at, such as a topic's name; may be hostile.
  void at(std::uint64_t done, std::string_view detail = {});
  /// Wipes it away before something else is printed; the next at() draws it again.
  void clear();

 private:
  std::string what_;
  std::uint64_t total_;
  bool shown_ = false;
  const bool terminal_;
  const Clock::time_point start_;
  Clock::time_point drawn_{};
};

/// One line of at most `width` columns: "verifying  41% ████▌      52 MiB/s  3 s left  orders".
struct ProgressView {
  std::string_view what;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::chrono::milliseconds since{0};
  std::string_view detail;
};
[[nodiscard]] std::string progress_line(const ProgressView& view, std::size_t width);

}  // namespace tidemark::tools
