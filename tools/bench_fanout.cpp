// Fan-out: one topic or a few, many subscribers; also what a connection takes of memory.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>
#include <cmath>

#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kSubscribeTimeout{60};
constexpr std::chrono::seconds kSettleTimeout{30};
constexpr std::size_t kMostOpen = std::size_t{1} << 16;

std::uint64_t deliveries_of(const std::vector<std::unique_ptr<FanoutRig>>& rigs) {
  std::uint64_t sum = 0;
  for (const auto& rig : rigs) sum += rig->feed().deliveries();
  return sum;
}

std::uint64_t published_of(const std::vector<std::unique_ptr<FanoutRig>>& rigs) {
  std::uint64_t sum = 0;
  for (const auto& rig : rigs) sum += rig->published();
  return sum;
}

// One turn of every rig; a rig has its own loop, so with several none may wait long.
void drive(const std::vector<std::unique_ptr<FanoutRig>>& rigs, const FanoutOptions& options,
           std::int64_t began) {
  constexpr std::int64_t longest = 50'000'000;
  const bool alone = rigs.size() == 1;
  for (const auto& rig : rigs) {
    std::int64_t wait = alone ? longest : 0;
    if (options.rate > 0) {
      const auto due = rig->publish_due(options.rate / static_cast<double>(rigs.size()), began);
      wait = std::clamp<std::int64_t>(due - now_ns(), 0, wait);
    } else {
      rig->publish_window(options.window);
    }
    rig->loop().turn(std::chrono::nanoseconds(wait));
  }
}

void drive_for(const std::vector<std::unique_ptr<FanoutRig>>& rigs, const FanoutOptions& options,
               std::int64_t began, std::chrono::nanoseconds duration) {
  const auto until = now_ns() + duration.count();
  while (now_ns() < until) {
    if (interrupted()) throw BenchError("interrupted");
    drive(rigs, options, began);
  }
}

double kib(std::optional<std::uint64_t> after, std::optional<std::uint64_t> before,
           std::size_t connections) {
  if (!after || !before || connections == 0) return 0;
  return (static_cast<double>(*after) - static_cast<double>(*before)) / 1024 /
         static_cast<double>(connections);
}

}  // namespace

FanoutRig::FanoutRig(Broker& broker, const Common& common, const std::string& topic,
                     std::size_t subscribers, std::size_t most_open, Faults& faults)
    : common_(common),
      most_open_(most_open),
      payloads_(common.size, 2),
      feed_(common.form, topic),
      publisher_(common.form, faults) {
  publisher_.connect(broker.host(), broker.port());
  loop_.add(publisher_);
  publish_one(now_ns());
  loop_.flush(publisher_);
  const auto patient = [&](const std::function<bool()>& done, const std::string& what) {
    if (!loop_.run_until(done, kSubscribeTimeout)) throw BenchError(what + " takes too long");
  };
  patient([&] { return publisher_.acked() == 1; }, "the first publish");
  base_ = publisher_.last_offset();
  published_ = 0;
  for (std::size_t i = 0; i < subscribers; ++i) {
    auto& one = subscribers_.emplace_back(std::make_unique<Subscriber>(common.form, feed_));
    one->connect(broker.host(), broker.port());
    loop_.add(*one);
    one->subscribe(loop_, StartNow{});
    if (i % 256 == 0) loop_.turn(std::chrono::nanoseconds(0));
  }
  patient([&] { return feed_.subscribed == subscribers; }, "subscribing");
  feed_.track(base_, subscribers, most_open);
}

void FanoutRig::publish_one(std::int64_t due) {
  const auto data = payloads_.stamped(due);
  publisher_.publish(feed_.topic(), {&data, 1}, due);
  ++published_;
}

void FanoutRig::publish_window(std::size_t window) {
  const auto now = now_ns();
  const auto before = published_;
  while (open() < window) publish_one(now);
  if (published_ != before) loop_.flush(publisher_);
}

std::int64_t FanoutRig::publish_due(double rate, std::int64_t began) {
  const auto due_of = [&](std::uint64_t n) {
    return began + std::llround(static_cast<double>(n) * 1e9 / rate);
  };
  const auto before = published_;
  // What does not fit stays due: its latency counts from when it should have been sent.
  while (due_of(published_) <= now_ns() && open() < most_open_) publish_one(due_of(published_));
  if (published_ != before) loop_.flush(publisher_);
  return due_of(published_);
}

void FanoutRig::settle() {
  if (!loop_.run_until([&] { return settled(); }, kSettleTimeout)) {
    throw BenchError(std::to_string(open()) + " events are missing at the slowest subscriber, " +
                     std::to_string(publisher_.in_flight()) + " answers at the publisher");
  }
}

Report fanout(const Common& common, const FanoutOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  const auto base = fresh_topic(broker);
  std::vector<std::unique_ptr<FanoutRig>> rigs;
  const auto make_rig = [&](std::size_t index, std::size_t subscribers) {
    rigs.push_back(std::make_unique<FanoutRig>(broker, common,
                                               topic_of(base, index, options.topics), subscribers,
                                               std::max(options.window, kMostOpen), faults));
  };
  progress.say("connecting " + std::to_string(options.subscribers) + " subscribers");
  const auto rest = options.subscribers % options.topics;
  for (std::size_t i = 0; i < options.topics; ++i) {
    make_rig(i, options.subscribers / options.topics + (i < rest ? 1 : 0));
  }
  progress.say("warming up");
  const auto began = now_ns();
  drive_for(rigs, options, began, common.warm_up);
  for (const auto& rig : rigs) {
    rig->feed().latency = {};
    rig->feed().stamps = options.rate > 0 ? Stamps::all : Stamps::last;
  }
  progress.say("measuring");
  const auto delivered_before = deliveries_of(rigs);
  const auto published_before = published_of(rigs);
  const Cost cost(broker);
  drive_for(rigs, options, began, common.duration);
  const auto spent = cost.spent();
  const auto delivered = static_cast<double>(deliveries_of(rigs) - delivered_before);
  const auto published = static_cast<double>(published_of(rigs) - published_before);
  progress.say("waiting for the last ones");
  Histogram latency;
  for (const auto& rig : rigs) {
    rig->settle();
    latency.merge(rig->feed().latency);
  }

  Report report{.mode = "fanout", .setting = setting(common, broker), .rows = {}, .faults = {}};
  put_load(report.setting, options);
  report.setting.number("topics", "topics", static_cast<double>(options.topics));
  Row row;
  put_rates(row, "deliveries", "deliveries", delivered, spent);
  row.number("events_per_second", "events/s", published / spent.seconds);
  row.latency("latency", options.rate > 0 ? "latency from due time" : "latency, sampled", latency);
  put_threads(row, spent);
  report.rows.push_back(std::move(row));
  report.faults = faults.described();
  return report;
}

// Under load the broker also grows by what it keeps of the events. A second broker that is given
// the same events and one subscriber shows how much that is.
Report memory(const Common& common, const MemoryOptions& options) {
  Progress progress(common.progress);
  Faults faults;
  struct Seen {
    std::optional<std::uint64_t> before, idle, loaded;
  };
  Row about;
  const auto run = [&](std::size_t connections) {
    progress.say("memory with " + std::to_string(connections) + " connections");
    Broker broker(common.broker);
    about = setting(common, broker);
    Seen seen;
    { FanoutRig first(broker, common, fresh_topic(broker), 1, options.window, faults); }
    seen.before = broker.memory();
    FanoutRig rig(broker, common, fresh_topic(broker), connections, options.window, faults);
    seen.idle = broker.memory();
    while (rig.published() < options.events) {
      if (interrupted()) throw BenchError("interrupted");
      rig.publish_window(options.window);
      rig.loop().turn(std::chrono::milliseconds(50));
    }
    seen.loaded = broker.memory();
    rig.settle();
    return seen;
  };
  const auto one = run(1);
  const auto many = run(options.connections);

  Report report{.mode = "memory", .setting = about, .rows = {}, .faults = faults.described()};
  report.setting.number("connections", "connections", static_cast<double>(options.connections));
  report.setting.number("events", "events", static_cast<double>(options.events));
  report.setting.number("window", "window, events", static_cast<double>(options.window));
  Row row;
  row.number("idle_kib_per_connection", "idle, per connection",
             kib(many.idle, many.before, options.connections), "KiB");
  row.number("load_kib_per_connection", "under load, per connection",
             kib(many.loaded, one.loaded, options.connections - 1), "KiB");
  row.number("empty_mib", "without connections", kib(many.before, 0, 1024), "MiB");
  row.number("loaded_mib", "under load, in all", kib(many.loaded, 0, 1024), "MiB");
  report.rows.push_back(std::move(row));
  return report;
}

}  // namespace tidemark::tools::bench
