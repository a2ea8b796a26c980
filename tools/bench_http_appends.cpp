// Durable appends over HTTP per second, and how long their answers take.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>

#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{30};

// All the appenders of a stream: each asks again as soon as it is answered.
class Appenders {
 public:
  Appenders(Broker& broker, const Stream& stream, const HttpAppendOptions& options)
      : shared_{.stream = stream,
                .lanes = options.connections,
                .per_append = options.per_append,
                .payloads = Payloads(stream.size, 3)} {
    for (std::size_t lane = 0; lane < options.connections; ++lane) {
      auto& one = appenders_.emplace_back(std::make_unique<Appender>(shared_, lane));
      one->join(broker, loop_);
    }
  }

  void begin() {
    for (const auto& one : appenders_) {
      one->append();
      loop_.flush(*one);
    }
  }
  void run_for(std::chrono::nanoseconds duration) {
    turn_for(loop_, duration, [] { return kLongestTurn; });
  }
  void end() {
    shared_.running = false;
    const auto idle = [](const auto& one) { return one->idle(); };
    if (!loop_.run_until([&] { return std::ranges::all_of(appenders_, idle); }, kPatience)) {
      throw BenchError("appends are not answered");
    }
  }
  [[nodiscard]] Appender::Shared& shared() { return shared_; }

 private:
  Appender::Shared shared_;
  Loop loop_;
  std::vector<std::unique_ptr<Appender>> appenders_;
};

}  // namespace

Report http_appends(const Common& common, const HttpAppendOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  const auto stream = create_stream(broker, options.type, common.size);
  Appenders appenders(broker, stream, options);
  auto& shared = appenders.shared();
  progress.say("warming up");
  appenders.begin();
  appenders.run_for(common.warm_up);
  shared.latency = {};
  progress.say("measuring");
  const auto before = shared.appends;
  const Cost cost(broker);
  appenders.run_for(common.duration);
  const auto spent = cost.spent();
  const auto appended = static_cast<double>(shared.appends - before);
  const auto latency = shared.latency;
  appenders.end();
  progress.say("reading it back");
  check_stream(broker, stream, options.connections, shared.events);

  Report report{.mode = "http-appends",
                .setting = http_setting(common, broker, common.size),
                .rows = {},
                .faults = {}};
  report.setting.text("content_type", "stream of", std::string(content_type(options.type)));
  report.setting.number("connections", "connections", static_cast<double>(options.connections));
  report.setting.number("per_append", "events an append", static_cast<double>(options.per_append));
  Row row;
  put_rates(row, "appends", "durable appends", appended, spent);
  row.number("events_per_second", "events/s",
             appended * static_cast<double>(options.per_append) / spent.seconds);
  row.latency("append", "answer after", latency);
  put_generator(row, spent);
  put_threads(row, spent);
  report.rows.push_back(std::move(row));
  return report;
}

}  // namespace tidemark::tools::bench
