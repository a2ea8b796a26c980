// Reading a stream from its beginning over HTTP, answer after answer.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

using From = HttpCatchupOptions::From;

constexpr std::chrono::seconds kPatience{300};
constexpr std::size_t kBytesSize = 1024;       // of an event, unless asked for
constexpr std::uint64_t kJsonPerAppend = 500;  // while filling
// An append of bytes is one event, so the appends must be many at a time to share their syncs.
constexpr std::size_t kBytesLanes = 64;

struct Pass {
  Cost::Spent spent;
  std::uint64_t bytes = 0;
  std::uint64_t answers = 0;
  double cold_share = 0;  ///< of the files that was out of the page cache when it began
};

Pass read_all(Broker& broker, const Stream& stream, const Filling& filling,
              const HttpCatchupOptions& options) {
  Pass pass;
  if (options.from != From::memory) {
    broker.stop();
    if (options.from == From::disk) pass.cold_share = 1 - broker.drop_page_cache();
    broker.start();
  }
  Loop loop;
  std::size_t done = 0;
  std::vector<std::unique_ptr<CatchupReader>> readers;
  for (std::size_t i = 0; i < options.readers; ++i) {
    auto& one = readers.emplace_back(
        std::make_unique<CatchupReader>(stream, filling.lanes, filling.events, done));
    one->join(broker, loop);
  }
  const Cost cost(broker);
  for (const auto& one : readers) {
    one->begin();
    loop.flush(*one);
  }
  if (!loop.run_until([&] { return done == options.readers; }, kPatience)) {
    throw BenchError("only " + std::to_string(done) + " readers have read everything");
  }
  pass.spent = cost.spent();
  for (const auto& one : readers) {
    pass.bytes += one->bytes();
    pass.answers += one->answers();
  }
  return pass;
}

Row row_of(const Pass& pass, std::size_t number, double events) {
  const auto megabytes = static_cast<double>(pass.bytes) / 1e6;
  Row row;
  row.number("pass", "pass", static_cast<double>(number));
  row.number("seconds", "seconds", pass.spent.seconds, "s");
  row.number("mb_per_second", "MB/s", megabytes / pass.spent.seconds);
  if (pass.spent.cpu_seconds > 0) {
    row.number("mb_per_cpu_second", "MB per server-CPU-second", megabytes / pass.spent.cpu_seconds);
  }
  put_rates(row, "events", "events", events, pass.spent);
  put_generator(row, pass.spent);
  row.number("answers", "answers", static_cast<double>(pass.answers));
  return row;
}

const char* name_of(From from) {
  if (from == From::memory) return "memory";
  return from == From::cache ? "the page cache, after a restart" : "the disk, after a restart";
}

}  // namespace

Report http_catchup(const Common& common, const HttpCatchupOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  const bool json = options.type == StreamType::json;
  const auto size = common.size_given || json ? common.size : kBytesSize;
  const auto stream = create_stream(broker, options.type, size);
  Filling filling{
      .events = options.events, .lanes = json ? 1 : kBytesLanes, .per_append = options.per_append};
  if (filling.per_append == 0) filling.per_append = json ? kJsonPerAppend : 1;
  const Cost cost(broker);
  fill_stream(broker, stream, filling,
              [&](std::uint64_t n) { progress.say("filling: " + std::to_string(n)); });
  const auto filled = cost.spent();

  Report report{.mode = "http-catchup",
                .setting = http_setting(common, broker, size),
                .rows = {},
                .faults = {}};
  report.setting.text("content_type", "stream of", std::string(content_type(options.type)));
  report.setting.number("readers", "readers", static_cast<double>(options.readers));
  report.setting.number("events", "events", static_cast<double>(options.events));
  report.setting.number("per_append", "events an append", static_cast<double>(filling.per_append));
  report.setting.text("from", "read from", name_of(options.from));
  report.setting.number("fill_events_per_second", "filled with, events/s",
                        static_cast<double>(options.events) / filled.seconds);
  for (std::size_t i = 0; i < options.passes; ++i) {
    progress.say("reading, pass " + std::to_string(i + 1));
    const auto pass = read_all(broker, stream, filling, options);
    auto row = row_of(pass, i + 1, static_cast<double>(options.events * options.readers));
    if (options.from == From::disk) {
      row.number("cold_percent", "of the files not in memory", 100 * pass.cold_share, "%");
    }
    report.rows.push_back(std::move(row));
  }
  return report;
}

}  // namespace tidemark::tools::bench
