// Reading a topic from its beginning: what a resume after weeks or a new projection costs.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{300};

struct Pass {
  Cost::Spent spent;
  double cold_share = 1;  ///< of the files that was out of the page cache when it began
};

Pass read_all(Broker& broker, const Common& common, const CatchupOptions& options,
              const std::string& topic, std::uint64_t head) {
  Pass pass;
  if (options.cold) {
    broker.stop();
    pass.cold_share = 1 - broker.drop_page_cache();
    broker.start();
  }
  Loop loop;
  Feed feed(common.form, topic);
  feed.target = head;
  std::vector<std::unique_ptr<Subscriber>> readers;
  for (std::size_t i = 0; i < options.readers; ++i) {
    auto& one = readers.emplace_back(std::make_unique<Subscriber>(common.form, feed));
    one->connect(broker.host(), broker.port());
    loop.add(*one);
  }
  const Cost cost(broker);
  for (const auto& one : readers) one->subscribe(loop, StartEarliest{});
  if (!loop.run_until([&] { return feed.reached == options.readers; }, kPatience)) {
    throw BenchError("only " + std::to_string(feed.reached) + " readers have read everything");
  }
  pass.spent = cost.spent();
  return pass;
}

}  // namespace

Report catchup(const Common& common, const CatchupOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  const auto topic = fresh_topic(broker);
  const Cost filling(broker);
  const auto head = fill(broker, common.form, topic, options.events, common.size, faults,
                         [&](std::uint64_t n) { progress.say("filling: " + std::to_string(n)); });
  const auto filled = filling.spent();

  Report report{.mode = "catchup", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("readers", "readers", static_cast<double>(options.readers));
  report.setting.number("events", "events", static_cast<double>(options.events));
  report.setting.text("cache", "read from", options.cold ? "the disk, after a restart" : "memory");
  report.setting.number("fill_events_per_second", "filled with, events/s",
                        static_cast<double>(options.events) / filled.seconds);
  for (std::size_t i = 0; i < options.passes; ++i) {
    progress.say("reading, pass " + std::to_string(i + 1));
    const auto pass = read_all(broker, common, options, topic, head);
    const auto delivered = static_cast<double>(options.events * options.readers);
    Row row;
    row.number("pass", "pass", static_cast<double>(i + 1));
    row.number("seconds", "seconds", pass.spent.seconds, "s");
    put_rates(row, "events", "events", delivered, pass.spent);
    if (options.cold) {
      row.number("cold_percent", "of the files not in memory", 100 * pass.cold_share, "%");
    }
    report.rows.push_back(std::move(row));
  }
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
