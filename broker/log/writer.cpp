// Where events become lines: see writer.hpp.
// broker/log/: a line is written under the lock, so that lines are whole and in order.
#include "broker/log/writer.hpp"

#include <exception>
#include <utility>

#include "broker/log/log_format.hpp"

namespace tidemark::broker::log {

Writer::Writer(Sink sink, Clocks clocks) : sink_(std::move(sink)), clocks_(std::move(clocks)) {}

void Writer::event(Level level, std::string_view name, std::span<const Field> fields) {
  if (!enabled(level)) return;
  try {
    const std::lock_guard lock(mutex_);
    const auto now = clocks_.steady();
    write_sums(gate_.take_sums(now));
    if (gate_.admit(name, level, now)) write(level, name, fields);
  } catch (const std::exception&) {
    // Out of memory or no stderr: whoever logs has something else to do than to fail of it.
  }
}

void Writer::report(Level level, std::string_view name, std::span<const Field> fields) {
  if (!enabled(level)) return;
  try {
    const std::lock_guard lock(mutex_);
    write(level, name, fields);
  } catch (const std::exception&) {
    // As above.
  }
}

void Writer::flush_suppressed() {
  try {
    const std::lock_guard lock(mutex_);
    write_sums(gate_.take_sums(clocks_.steady()));
  } catch (const std::exception&) {
    // As above.
  }
}

Sink Writer::exchange_sink(Sink sink) {
  const std::lock_guard lock(mutex_);
  write_sums(gate_.take_all_sums());
  gate_ = {};
  return std::exchange(sink_, std::move(sink));
}

void Writer::write(Level level, std::string_view name, std::span<const Field> fields) {
  sink_(level, format_line(format_, clocks_.wall(), level, name, fields));
}

void Writer::write_sums(const std::vector<FloodGate::Sum>& sums) {
  for (const auto& sum : sums) {
    const Field suppressed("suppressed", sum.count);
    write(sum.level, sum.name, {&suppressed, 1});
  }
}

}  // namespace tidemark::broker::log
