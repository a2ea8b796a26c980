// Healthy clients beside idle and hostile ones: their latency before, during and after.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>
#include <optional>

#include "tools/bench_attackers.hpp"
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{90};
constexpr std::size_t kMostOpen = std::size_t{1} << 16;
// What those who never read are sent: more than the sockets of both sides hold.
constexpr std::uint64_t kBaitEvents = 4096;
constexpr std::size_t kBaitBytes = 4096;
constexpr std::int64_t kMemoryEvery = 100'000'000;

// Connections with one subscription each, to which nothing happens until the end. If the broker
// closes one, or it misses the last event, that throws.
class IdleCrowd {
 public:
  IdleCrowd(Broker& broker, const Common& common, Loop& loop, Faults& faults)
      : broker_(broker),
        loop_(loop),
        form_(common.form),
        feed_(common.form, fresh_topic(broker)),
        publisher_(common.form, faults) {
    publisher_.connect(broker.host(), broker.port());
    loop_.add(publisher_);
    publish();
  }

  void join(std::size_t count, const std::function<void()>& each) {
    for (std::size_t i = 0; i < count; ++i) {
      auto& one = idle_.emplace_back(std::make_unique<Subscriber>(form_, feed_));
      one->connect(broker_.host(), broker_.port());
      loop_.add(*one);
      one->subscribe(loop_, StartNow{});
      each();
    }
    if (!loop_.run_until([&] { return feed_.subscribed == idle_.size(); }, kPatience)) {
      throw BenchError("subscribing takes too long");
    }
  }

  /// One event for all of them.
  void wake() {
    const auto before = feed_.deliveries();
    publish();
    const auto all = before + idle_.size();
    if (!loop_.run_until([&] { return feed_.deliveries() >= all; }, kPatience)) {
      throw BenchError(std::to_string(all - feed_.deliveries()) +
                       " idle connections heard nothing");
    }
  }

 private:
  void publish() {
    const auto acked = publisher_.acked();
    const auto data = payloads_.stamped(now_ns());
    publisher_.publish(feed_.topic(), {&data, 1}, now_ns());
    loop_.flush(publisher_);
    if (!loop_.run_until([&] { return publisher_.acked() > acked; }, kPatience)) {
      throw BenchError("the broker does not answer a publish");
    }
  }

  Broker& broker_;
  Loop& loop_;
  WireForm form_;
  Feed feed_;
  Publisher publisher_;
  Payloads payloads_{Payloads::least_bytes, 3};
  std::vector<std::unique_ptr<Subscriber>> idle_;
};

// The healthy clients, driven at their rate whatever happens beside them.
class Healthy {
 public:
  Healthy(Broker& broker, const Common& common, const HostileOptions& options, Faults& faults)
      : broker_(broker),
        common_(common),
        options_(options),
        rig_(broker, common, fresh_topic(broker), options.subscribers, kMostOpen, faults) {}

  [[nodiscard]] Loop& loop() { return rig_.loop(); }

  /// One turn, so that they do not fall behind while others are being connected.
  void turn(std::chrono::nanoseconds longest) {
    const auto due = rig_.publish_due(options_.rate, began_);
    const auto wait = std::chrono::nanoseconds(std::max<std::int64_t>(0, due - now_ns()));
    rig_.loop().turn(std::min(longest, wait));
    const auto now = now_ns();
    if (now < memory_due_) return;
    memory_due_ = now + kMemoryEvery;
    if (const auto bytes = broker_.memory()) memory_ = std::max(memory_, *bytes);
  }

  /// What becomes of them for so long.
  Row measure(const std::string& phase, std::chrono::nanoseconds duration) {
    drive_for(common_.warm_up);
    auto& feed = rig_.feed();
    feed.latency = {};
    feed.stamps = Stamps::all;
    rig_.publisher().latency = {};
    memory_ = memory_due_ = 0;
    const auto before = feed.deliveries();
    const Cost cost(broker_);
    drive_for(duration);
    const auto spent = cost.spent();
    Row row;
    row.text("phase", "phase", phase);
    row.number("deliveries_per_second", "deliveries/s",
               static_cast<double>(feed.deliveries() - before) / spent.seconds);
    latency(row, "latency", "delivery", feed.latency);
    latency(row, "publish", "publish", rig_.publisher().latency);
    row.number("memory_mib", "memory, at most", static_cast<double>(memory_) / (1U << 20U), "MiB");
    row.number("cpu_percent", "server CPU", 100 * spent.cpu_seconds / spent.seconds, "%");
    return row;
  }

  /// Goes on until `done`; false if that does not come.
  bool drive_until(const std::function<bool()>& done) {
    const auto until = now_ns() + std::chrono::nanoseconds(kPatience).count();
    while (!done() && now_ns() < until) drive_for(std::chrono::milliseconds(100));
    return done();
  }
  void settle() { rig_.settle(); }

 private:
  void drive_for(std::chrono::nanoseconds duration) {
    const auto until = now_ns() + duration.count();
    while (now_ns() < until) {
      if (interrupted()) throw BenchError("interrupted");
      turn(kLongestTurn);
    }
  }

  static void latency(Row& row, const std::string& key, const std::string& label,
                      const Histogram& ns) {
    row.number(key + "_p50_ms", label + " p50", static_cast<double>(ns.percentile(50)) / 1e6, "ms");
    row.number(key + "_p99_ms", label + " p99", static_cast<double>(ns.percentile(99)) / 1e6, "ms");
    row.number(key + "_max_ms", label + " max", static_cast<double>(ns.max()) / 1e6, "ms");
  }

  Broker& broker_;
  const Common& common_;
  const HostileOptions& options_;
  FanoutRig rig_;
  const std::int64_t began_ = now_ns();
  std::uint64_t memory_ = 0;
  std::int64_t memory_due_ = 0;
};

void put_outcomes(Report& report, const std::vector<AttackOutcome>& outcomes) {
  for (const auto& outcome : outcomes) {
    const auto& attack = outcome.attack;
    std::string said = std::to_string(outcome.made) + " connections, " +
                       std::to_string(outcome.ended) + " ended by the broker, " +
                       pretty(static_cast<double>(outcome.bytes)) + "B sent";
    if (outcome.refused > 0) said += ", " + std::to_string(outcome.refused) + " not let in";
    report.setting.text("attack_" + attack.key, "  " + attack.name, std::move(said));
    if (outcome.made == 0) {
      report.faults.push_back(attack.name + ": no connection came about, so nothing was tried");
    } else if (attack.must_end && outcome.ended == 0) {
      report.faults.push_back(attack.name + ": the broker let them be");
    }
  }
}

std::vector<AttackOutcome> under_attack(Broker& broker, Healthy& healthy, Report& report,
                                        const Common& common, const HostileOptions& options) {
  Faults faults;
  AttackTarget target{.host = broker.host() + ":" + std::to_string(broker.port()),
                      .topic = fresh_topic(broker),
                      .flood = options.flood};
  fill(broker, common.form, target.topic, kBaitEvents, kBaitBytes, faults);
  Attackers attackers(loopback_only(broker.host()), broker.port(), all_attacks(target),
                      options.hostile);
  const auto seconds = std::chrono::duration<double>(options.attack_seconds);
  report.rows.push_back(healthy.measure(
      "under attack", std::chrono::duration_cast<std::chrono::nanoseconds>(seconds)));
  // Some limits are times: they have come by then, or do not exist.
  healthy.drive_until([&] { return attackers.all_were_bounded(); });
  return attackers.outcomes();
}

}  // namespace

Report hostile(const Common& common, const HostileOptions& options) {
  Progress progress(common.progress);
  if (!common.broker.server.empty()) {
    const auto& server = common.broker.server;
    (void)loopback_only(server.substr(0, server.rfind(':')));
  }
  Broker broker(common.broker);
  Faults faults;
  Report report{.mode = "hostile", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("subscribers", "subscribers", static_cast<double>(options.subscribers));
  report.setting.number("rate", "events/s asked for", options.rate);
  report.setting.number("idle", "idle connections", static_cast<double>(options.idle));
  report.setting.number("hostile", "hostile connections", static_cast<double>(options.hostile));
  report.setting.number("flood", "a flood's bytes/s", options.flood);

  Healthy healthy(broker, common, options, faults);
  IdleCrowd idle(broker, common, healthy.loop(), faults);
  progress.say("healthy clients alone");
  report.rows.push_back(healthy.measure("alone", common.duration));
  progress.say("connecting " + std::to_string(options.idle) + " idle ones");
  idle.join(options.idle, [&] { healthy.turn(std::chrono::nanoseconds(0)); });
  report.rows.push_back(healthy.measure("beside idle ones", common.duration));
  progress.say("under attack");
  const auto outcomes = under_attack(broker, healthy, report, common, options);
  progress.say("afterwards");
  report.rows.push_back(healthy.measure("afterwards", common.duration));
  idle.wake();
  healthy.settle();
  report.faults = faults.described();
  put_outcomes(report, outcomes);
  return report;
}

}  // namespace tidemark::tools::bench
