// Durable publishes per second, and how long their answers take.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <cmath>

#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMostInFlight = 10'000;  // of all, when they are due by the clock

// Which offsets of a topic have been answered: in the end all of them, each once.
class Answered {
 public:
  void add(const Ack& ack, Faults& faults) {
    if (ack.last >= seen_.size()) seen_.resize(std::max(seen_.size() * 2, ack.last + 1));
    for (auto offset = ack.first; offset <= ack.last; ++offset) {
      if (seen_[offset]) faults.add("offset " + std::to_string(offset) + " was given twice");
      seen_[offset] = true;
      ++count_;
    }
    last_ = std::max(last_, ack.last);
  }
  [[nodiscard]] std::uint64_t missing() const { return last_ - count_; }

 private:
  std::vector<bool> seen_;
  std::uint64_t count_ = 0;
  std::uint64_t last_ = 0;
};

class Publishers {
 public:
  Publishers(Broker& broker, const Common& common, const PublishOptions& options, Faults& faults)
      : options_(options), payloads_(common.size, 3), answered_(options.topics) {
    const auto base = fresh_topic(broker);
    for (std::size_t i = 0; i < options.connections; ++i) {
      const auto topic = i % options.topics;
      auto& one = publishers_.emplace_back(std::make_unique<Publisher>(common.form, faults));
      one->on_ack = [this, topic, &faults](const Ack& ack) { answered_[topic].add(ack, faults); };
      one->connect(broker.host(), broker.port());
      loop_.add(*one);
      topics_.push_back(topic_of(base, topic, options.topics));
    }
  }

  void turn(std::int64_t began) {
    std::int64_t wait = 50'000'000;
    if (options_.rate > 0) {
      wait = std::clamp<std::int64_t>(publish_due(began) - now_ns(), 0, wait);
    } else {
      for (std::size_t i = 0; i < publishers_.size(); ++i) top_up(i);
    }
    loop_.turn(std::chrono::nanoseconds(wait));
  }

  void settle() {
    const auto done = [&] {
      return std::ranges::all_of(publishers_, [](const auto& p) { return p->in_flight() == 0; });
    };
    if (!loop_.run_until(done, kPatience)) throw BenchError("publishes are not answered");
  }

  [[nodiscard]] std::uint64_t acked() const {
    std::uint64_t sum = 0;
    for (const auto& one : publishers_) sum += one->acked();
    return sum;
  }
  [[nodiscard]] std::uint64_t missing() const {
    std::uint64_t sum = 0;
    for (const auto& one : answered_) sum += one.missing();
    return sum;
  }
  void forget_latency() {
    for (const auto& one : publishers_) one->latency = {};
  }
  [[nodiscard]] Histogram latency() const {
    Histogram all;
    for (const auto& one : publishers_) all.merge(one->latency);
    return all;
  }

 private:
  void publish_one(std::size_t index, std::int64_t due) {
    batch_.clear();
    for (std::size_t i = 0; i < options_.batch; ++i) batch_.push_back(payloads_.stamped(due));
    publishers_[index]->publish(topics_[index], batch_, due);
  }

  void top_up(std::size_t index) {
    auto& one = *publishers_[index];
    if (one.in_flight() >= options_.in_flight) return;
    const auto now = now_ns();
    while (one.in_flight() < options_.in_flight) publish_one(index, now);
    loop_.flush(one);
  }

  std::int64_t publish_due(std::int64_t began) {
    const auto due_of = [&](std::uint64_t n) {
      return began + std::llround(static_cast<double>(n) * 1e9 / options_.rate);
    };
    while (due_of(sent_) <= now_ns() && sent_ - acked() < kMostInFlight) {
      const auto index = sent_ % publishers_.size();
      publish_one(index, due_of(sent_));
      loop_.flush(*publishers_[index]);
      ++sent_;
    }
    return due_of(sent_);
  }

  PublishOptions options_;
  Payloads payloads_;
  Loop loop_;
  std::vector<Answered> answered_;
  std::vector<std::string> topics_;  ///< by connection
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::string_view> batch_;
  std::uint64_t sent_ = 0;
};

}  // namespace

Report publish(const Common& common, const PublishOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  Publishers publishers(broker, common, options, faults);
  const auto began = now_ns();
  const auto run_for = [&](std::chrono::nanoseconds duration) {
    const auto until = now_ns() + duration.count();
    while (now_ns() < until) {
      if (interrupted()) throw BenchError("interrupted");
      publishers.turn(began);
    }
  };
  progress.say("warming up");
  run_for(common.warm_up);
  publishers.forget_latency();
  progress.say("measuring");
  const auto before = publishers.acked();
  const Cost cost(broker);
  run_for(common.duration);
  const auto spent = cost.spent();
  const auto acked = static_cast<double>(publishers.acked() - before);
  const auto latency = publishers.latency();
  publishers.settle();
  if (publishers.missing() != 0) {
    faults.add(std::to_string(publishers.missing()) + " offsets were given to nobody");
  }

  Report report{.mode = "publish", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("connections", "connections", static_cast<double>(options.connections));
  if (options.rate > 0) {
    report.setting.number("rate", "publishes/s asked for", options.rate);
  } else {
    report.setting.number("in_flight", "in flight, each", static_cast<double>(options.in_flight));
  }
  report.setting.number("batch", "events a publish", static_cast<double>(options.batch));
  report.setting.number("topics", "topics", static_cast<double>(options.topics));
  Row row;
  put_rates(row, "acked", "acknowledged publishes", acked, spent);
  row.number("events_per_second", "events/s",
             acked * static_cast<double>(options.batch) / spent.seconds);
  row.latency("ack", "answer after", latency);
  put_threads(row, spent);
  report.rows.push_back(std::move(row));
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
