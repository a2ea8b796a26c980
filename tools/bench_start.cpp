// How long a start takes with a full log, and what the log takes on the disk.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

// The broker has listened; it is ready once it also answers a publish.
double first_answer_seconds(Broker& broker, const Common& common, const std::string& topic,
                            Faults& faults) {
  const auto began = now_ns();
  fill(broker, common.form, topic, 1, common.size, faults);
  return static_cast<double>(now_ns() - began) / 1e9;
}

}  // namespace

Report start(const Common& common, const StartOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  if (!broker.owned()) throw BenchError("bench start needs a broker of its own");
  Faults faults;
  const auto base = fresh_topic(broker);
  const auto fill_all = [&](std::uint64_t events, const std::string& what) {
    for (std::size_t i = 0; i < options.topics; ++i) {
      progress.say(what + ", topic " + std::to_string(i + 1) + " of " +
                   std::to_string(options.topics));
      fill(broker, common.form, topic_of(base, i), events / options.topics, common.size, faults);
    }
  };
  fill_all(options.events, "filling");

  Report report{.mode = "start", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("events", "events", static_cast<double>(options.events));
  report.setting.number("topics", "topics", static_cast<double>(options.topics));
  report.setting.number("fresh", "published before each kill", static_cast<double>(options.fresh));
  auto events = static_cast<double>(options.events);
  for (std::size_t round = 0; round < options.rounds; ++round) {
    fill_all(options.fresh, "publishing before a kill");
    events += static_cast<double>(options.fresh);
    broker.kill();
    const double killed = broker.start().count();
    const double answered = first_answer_seconds(broker, common, topic_of(base, 0), faults);
    const double stopped = broker.stop().count();
    // Nothing runs now, and a clean stop has left nothing in the write-ahead log.
    const auto tables = static_cast<double>(broker.disk_bytes(".sst"));
    const double clean = broker.start().count();
    Row row;
    row.number("round", "round", static_cast<double>(round + 1));
    row.number("start_after_kill_seconds", "start after kill", killed, "s");
    row.number("first_answer_seconds", "then answered", answered, "s");
    row.number("clean_stop_seconds", "clean stop", stopped, "s");
    row.number("start_after_stop_seconds", "start after stop", clean, "s");
    row.number("bytes_per_event", "on disk per event", tables / events, "B");
    report.rows.push_back(std::move(row));
  }
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
