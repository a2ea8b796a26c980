// What all measurements report in the same way.
// tools/: see bench_modes.hpp.
#include "tools/bench_modes.hpp"

#include <ctime>
#include <unistd.h>

namespace tidemark::tools::bench {

namespace {

// Of this process, all threads.
double own_cpu_seconds() { return process_cpu_seconds(::getpid()).value_or(0); }

Row setting_of(const Common& common, const Broker& broker) {
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
  Row row;
  row.text("date", "date", date);
  row.text("machine", "machine", machine());
  if (broker.owned()) {
    row.text("server_cores", "broker on core", core_list(common.broker.server_cores));
    row.text("client_cores", "generator on core", core_list(common.broker.client_cores));
    row.text("file_system", "data on", broker.file_system());
  } else {
    row.text("server", "broker", common.broker.server);
  }
  return row;
}

}  // namespace

Row setting(const Common& common, const Broker& broker) {
  auto row = setting_of(common, broker);
  row.text("wire", "wire form", std::string(subprotocol(common.form)));
  row.number("size_bytes", "event data, bytes", static_cast<double>(common.size));
  return row;
}

Row http_setting(const Common& common, const Broker& broker, std::size_t size) {
  auto row = setting_of(common, broker);
  row.number("size_bytes", "event data, bytes", static_cast<double>(size));
  return row;
}

Cost::Cost(const Broker& broker)
    : broker_(broker), began_(now_ns()), cpu_(broker.cpu()), own_cpu_(own_cpu_seconds()) {}

Cost::Spent Cost::spent() const {
  Spent out{.seconds = static_cast<double>(now_ns() - began_) / 1e9,
            .cpu_seconds = 0,
            .own_cpu_seconds = own_cpu_seconds() - own_cpu_,
            .threads = {}};
  const auto now = broker_.cpu();
  if (!cpu_ || !now) return out;
  out.cpu_seconds = now->seconds - cpu_->seconds;
  for (const auto& [name, seconds] : now->threads) {
    const auto before = cpu_->threads.find(name);
    out.threads[name] = seconds - (before == cpu_->threads.end() ? 0 : before->second);
  }
  return out;
}

void put_rates(Row& row, const std::string& key, const std::string& label, double count,
               const Cost::Spent& spent) {
  row.number(key + "_per_second", label + "/s", count / spent.seconds);
  if (spent.cpu_seconds <= 0) return;
  row.number(key + "_per_cpu_second", label + " per server-CPU-second", count / spent.cpu_seconds);
  row.number("cpu_percent", "server CPU", 100 * spent.cpu_seconds / spent.seconds, "%");
}

void put_threads(Row& row, const Cost::Spent& spent) {
  for (const auto& [name, seconds] : spent.threads) {
    const double percent = 100 * seconds / spent.seconds;
    if (percent >= 1) row.number("thread_" + name + "_percent", "  thread " + name, percent, "%");
  }
}

void put_load(Row& setting, const FanLoad& load) {
  setting.number("subscribers", "subscribers", static_cast<double>(load.subscribers));
  if (load.rate > 0) {
    setting.number("rate", "events/s asked for", load.rate);
  } else {
    setting.number("window", "window, events", static_cast<double>(load.window));
  }
}

void put_generator(Row& row, const Cost::Spent& spent) {
  row.number("generator_cpu_percent", "generator CPU", 100 * spent.own_cpu_seconds / spent.seconds,
             "%");
}

void put_memory(Row& row, const std::string& key, const std::string& label,
                std::optional<std::uint64_t> after, std::optional<std::uint64_t> before,
                std::size_t count) {
  if (!after || !before || count == 0) return;
  const auto bytes = static_cast<double>(*after) - static_cast<double>(*before);
  row.number(key, label, bytes / 1024 / static_cast<double>(count), "KiB");
}

void turn_for(Loop& loop, std::chrono::nanoseconds duration,
              const std::function<std::chrono::nanoseconds()>& each) {
  const auto until = now_ns() + duration.count();
  while (now_ns() < until) {
    if (interrupted()) throw BenchError("interrupted");
    loop.turn(each());
  }
}

}  // namespace tidemark::tools::bench
