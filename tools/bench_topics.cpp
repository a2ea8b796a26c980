// What a publish and a delivery cost as topics become many and a log becomes long.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::size_t kTopicsPerConnection = 500;

// Publishes to topics in turn, each followed by one of a few connections.
class TopicsRig {
 public:
  TopicsRig(Broker& broker, const Common& common, const TopicsOptions& options, Faults& faults)
      : broker_(broker),
        common_(common),
        options_(options),
        faults_(faults),
        base_(fresh_topic(broker)),
        payloads_(common.size, 4),
        publisher_(common.form, faults) {
    publisher_.connect(broker.host(), broker.port());
    loop_.add(publisher_);
  }

  // Creates topics up to `count`, and follows those that will be active.
  void grow(std::size_t count) {
    for (; topics_ < count; ++topics_) {
      publish_to(topics_);
      if (publisher_.in_flight() >= options_.in_flight) answered_below(options_.in_flight / 2);
    }
    answered_below(1);
    const std::size_t wanted = options_.active == 0 ? count : std::min(count, options_.active);
    while (followed_ < wanted) {
      const auto some = std::min(kTopicsPerConnection, wanted - followed_);
      auto& one = readers_.emplace_back(
          std::make_unique<ManySubscriber>(common_.form, base_, followed_, some, faults_));
      one->connect(broker_.host(), broker_.port());
      loop_.add(*one);
      one->subscribe(loop_);
      followed_ += some;
      wait([&] { return one->ready(); }, "subscribing");
    }
  }

  Row measure() {
    const auto run_for = [&](std::chrono::nanoseconds duration) {
      const auto until = now_ns() + duration.count();
      while (now_ns() < until) {
        if (interrupted()) throw BenchError("interrupted");
        while (publisher_.in_flight() < options_.in_flight) publish_to(next_++ % followed_);
        loop_.flush(publisher_);
        loop_.turn(std::chrono::milliseconds(50));
      }
    };
    run_for(common_.warm_up);
    publisher_.latency = {};
    const auto before = publisher_.acked();
    const Cost cost(broker_);
    run_for(common_.duration);
    const auto spent = cost.spent();
    const auto acked = static_cast<double>(publisher_.acked() - before);
    answered_below(1);
    wait([&] { return delivered() + topics_ == publisher_.acked(); }, "the last delivery");

    Row row;
    row.number("topics", "topics", static_cast<double>(topics_));
    row.number("active", "in use", static_cast<double>(followed_));
    row.number("events_per_second", "events/s", acked / spent.seconds);
    row.number("cpu_us_per_event", "CPU per publish + delivery", 1e6 * spent.cpu_seconds / acked,
               "us");
    row.number("ack_p99_ms", "answer p99",
               static_cast<double>(publisher_.latency.percentile(99)) / 1e6, "ms");
    row.number("memory_mib", "broker memory",
               static_cast<double>(broker_.memory().value_or(0)) / (1 << 20), "MiB");
    return row;
  }

 private:
  void publish_to(std::size_t topic) {
    const auto now = now_ns();
    const auto data = payloads_.stamped(now);
    publisher_.publish(topic_of(base_, topic), {&data, 1}, now);
  }
  void answered_below(std::size_t count) {
    loop_.flush(publisher_);
    wait([&] { return publisher_.in_flight() < count; }, "an answer");
  }
  void wait(const std::function<bool()>& done, const std::string& what) {
    if (!loop_.run_until(done, kPatience)) throw BenchError(what + " takes too long");
  }
  [[nodiscard]] std::uint64_t delivered() const {
    std::uint64_t sum = 0;
    for (const auto& one : readers_) sum += one->deliveries();
    return sum;
  }

  Broker& broker_;
  const Common& common_;
  const TopicsOptions& options_;
  Faults& faults_;
  std::string base_;
  Payloads payloads_;
  Loop loop_;
  Publisher publisher_;
  std::vector<std::unique_ptr<ManySubscriber>> readers_;
  std::size_t topics_ = 0;
  std::size_t followed_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace

Report topics(const Common& common, const TopicsOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  TopicsRig rig(broker, common, options, faults);
  Report report{.mode = "topics", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("in_flight", "publishes in flight", static_cast<double>(options.in_flight));
  std::size_t count = std::min<std::size_t>(options.topics, 1);
  while (true) {
    progress.say("with " + std::to_string(count) + " topics");
    rig.grow(count);
    report.rows.push_back(rig.measure());
    if (count == options.topics) break;
    count = std::min(count * 10, options.topics);
  }
  report.faults = faults.described();
  return report;
}

Report growth(const Common& common, const GrowthOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  const auto topic = fresh_topic(broker);
  Report report{.mode = "growth", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("subscribers", "subscribers", static_cast<double>(options.subscribers));
  report.setting.number("window", "window, events", static_cast<double>(options.window));
  std::uint64_t head = 0;
  for (std::uint64_t step = options.from;; step = std::min(step * 5, options.to)) {
    // What the measurements publish counts too, so a small step may be there already.
    const std::uint64_t missing = step > head ? step - head : 0;
    const Cost filling(broker);
    if (missing > 0) {
      head = fill(broker, common.form, topic, missing, common.size, faults,
                  [&](std::uint64_t n) { progress.say("filling: " + std::to_string(n)); });
    }
    const auto fill_cost = filling.spent();
    const auto filled = static_cast<double>(std::max<std::uint64_t>(missing, 1));

    progress.say("measuring with " + std::to_string(head) + " events");
    FanoutRig rig(broker, common, topic, options.subscribers, options.window, faults);
    const auto until = now_ns() + common.duration.count();
    const Cost cost(broker);
    while (now_ns() < until && !interrupted()) {
      rig.publish_window(options.window);
      rig.loop().turn(std::chrono::milliseconds(50));
    }
    const auto spent = cost.spent();
    const auto delivered = static_cast<double>(rig.feed().deliveries());
    rig.settle();
    Row row;
    row.number("log_events", "events in the log", static_cast<double>(head));
    row.number("fill_events_per_second", "filled, events/s", filled / fill_cost.seconds);
    row.number("fill_cpu_us_per_event", "CPU per event filled",
               1e6 * fill_cost.cpu_seconds / filled, "us");
    row.number("deliveries_per_cpu_second", "deliveries per server-CPU-second",
               spent.cpu_seconds > 0 ? delivered / spent.cpu_seconds : 0);
    row.number("memory_mib", "broker memory",
               static_cast<double>(broker.memory().value_or(0)) / (1 << 20), "MiB");
    report.rows.push_back(std::move(row));
    head = rig.publisher().last_offset();
    if (step >= options.to) break;
  }
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
