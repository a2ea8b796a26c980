// Where events become lines: level, floods, format, and a sink below.
// broker/log/: log.hpp has one on stderr; tests make their own with clocks of theirs.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>

#include "broker/log/flood_gate.hpp"
#include "broker/log/log.hpp"

namespace tidemark::broker::log {

/// Takes lines without their ends; called by one thread at a time.
using Sink = std::function<void(Level, std::string_view line)>;

struct Clocks {
  std::function<std::chrono::system_clock::time_point()> wall = std::chrono::system_clock::now;
  std::function<std::chrono::steady_clock::time_point()> steady = std::chrono::steady_clock::now;
};

/// Threads: any. Lock order: its mutex comes last; the sink is called under it and must not log.
class Writer {
 public:
  explicit Writer(Sink sink, Clocks clocks = {});

  void event(Level level, std::string_view name, std::span<const Field> fields);
  /// Without regard to floods.
  void report(Level level, std::string_view name, std::span<const Field> fields);
  [[nodiscard]] bool enabled(Level level) const { return level >= level_.load(); }
  [[nodiscard]] Level level() const { return level_; }
  void set_level(Level level) { level_ = level; }
  void set_format(Format format) { format_ = format; }
  /// Tells of what was suppressed in windows that are over.
  void flush_suppressed();
  /// Tells of all that was suppressed, then writes to `sink`; gives the one before.
  Sink exchange_sink(Sink sink);

 private:
  void write(Level level, std::string_view name, std::span<const Field> fields);
  void write_sums(const std::vector<FloodGate::Sum>& sums);

  std::atomic<Level> level_{Level::info};
  std::atomic<Format> format_{Format::automatic};
  std::mutex mutex_;
  Sink sink_;
  Clocks clocks_;
  FloodGate gate_;
};

}  // namespace tidemark::broker::log
