// A storm of newcomers on one topic: how often the application is asked, how soon all are live.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

#include "tools/bench_hook.hpp"
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{120};
constexpr std::int64_t kMemoryEvery = 50'000'000;

// What the joiners have in common.
struct Storm {
  Storm(WireForm form, std::string name) : pattern(form, name), topic(std::move(name)) {}

  const EventPattern pattern;
  const std::string topic;
  std::size_t live = 0;  ///< joiners that have the state and everything after it
  std::uint64_t deliveries = 0;
  Histogram until_state;
  Histogram until_live;
  std::vector<std::uint64_t> states;  ///< positions of the states they were given
};

// Begins with the state. Every event must be the one after it, else take() throws.
class Joiner final : public WebSocketPeer {
 public:
  Joiner(WireForm form, Storm& storm) : WebSocketPeer(form), storm_(storm) {}

  void ask(Loop& loop) {
    asked_at_ = now_ns();
    Subscribe message{.id = 1, .topic = storm_.topic};
    message.state = true;
    append_message(form(), message, mask(), out());
    loop.flush(*this);
  }

  std::size_t take(const char* bytes, std::size_t size) override {
    const char* at = bytes;
    FrameView frame;
    while (const char* const next = read_frame(at, bytes + size, frame)) {
      at = next;
      if (storm_.pattern.matches(frame)) {
        event(frame);
      } else if (!control(frame)) {
        other(frame);
      }
    }
    return static_cast<std::size_t>(at - bytes);
  }

  [[nodiscard]] std::uint64_t position() const { return next_.value() - 1; }
  [[nodiscard]] bool live() const { return live_; }

 private:
  void event(const FrameView& frame) {
    if (!has_state_) throw BenchError("an event came before the state");
    if (!storm_.pattern.has_offset(frame, next_)) {
      throw BenchError("a joiner was not sent event " + std::to_string(next_.value()) +
                       " when it was due: " + std::string(frame.text().substr(0, 80)));
    }
    next_.advance();
    ++storm_.deliveries;
  }

  void other(const FrameView& frame) {
    auto message = decode_server(form(), frame.text());
    if (!message) throw BenchError("the broker sent nonsense: " + message.error().text);
    if (const auto* failure = std::get_if<Failure>(&*message)) {
      throw BenchError("the broker answers " + std::string(info(failure->code).name) + ": " +
                       failure->text);
    }
    if (const auto* answer = std::get_if<Subscribed>(&*message)) {
      promised_ = answer->position.offset;
    } else if (const auto* part = std::get_if<State>(&*message)) {
      state(*part);
    } else if (std::holds_alternative<CaughtUp>(*message)) {
      caught_up();
    } else {
      throw BenchError("the broker sent a message of kind " + std::to_string(message->index()) +
                       " that nobody asked for");
    }
  }

  void state(const State& part) {
    if (has_state_ || !part.first || !part.last || !part.bundle) {
      throw BenchError("the state is not one bundle, once");
    }
    if (part.position.offset != promised_) {
      throw BenchError("the state is of another position than the subscription");
    }
    // What the hook wrote into it: the last event that its data reflects.
    const auto reflects = stamp_of(*part.bundle);
    if (reflects < 0 || static_cast<std::uint64_t>(reflects) < part.position.offset.value) {
      throw BenchError("a state that reflects event " + std::to_string(reflects) +
                       " was given out as of " + std::to_string(part.position.offset.value));
    }
    has_state_ = true;
    next_.set(part.position.offset.value + 1);
    storm_.states.push_back(part.position.offset.value);
    storm_.until_state.record(now_ns() - asked_at_);
  }

  void caught_up() {
    if (!has_state_) throw BenchError("a joiner is live without a state");
    if (std::exchange(live_, true)) return;
    ++storm_.live;
    storm_.until_live.record(now_ns() - asked_at_);
  }

  Storm& storm_;
  Offset promised_;
  Expected next_;
  std::int64_t asked_at_ = 0;
  bool has_state_ = false;
  bool live_ = false;
};

// The configuration that names the hook, in a folder of its own that goes with it.
class HookConfig {
 public:
  HookConfig(const fs::path& parent, const HookServer& hook) {
    auto pattern = (fs::absolute(parent) / "tidemark-bench-config-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw BenchError("no temporary directory at " + pattern);
    }
    folder_ = pattern;
    std::ofstream(file()) << "[[state]]\npattern = \"**\"\nhook = \"http://127.0.0.1:"
                          << hook.port() << "/state?topic={topic}\"\nallow-private = true\n";
  }
  ~HookConfig() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  HookConfig(const HookConfig&) = delete;
  HookConfig& operator=(const HookConfig&) = delete;

  [[nodiscard]] std::string file() const { return (folder_ / "tidemark.toml").string(); }

 private:
  fs::path folder_;
};

class StormRig {
 public:
  StormRig(Broker& broker, const Common& common, const StateOptions& options, Faults& faults,
           std::atomic<std::uint64_t>& written)
      : broker_(broker),
        options_(options),
        written_(written),
        payloads_(common.size, 7),
        storm_(common.form, fresh_topic(broker)),
        publisher_(common.form, faults) {
    publisher_.connect(broker.host(), broker.port());
    loop_.add(publisher_);
    publish_one(now_ns());
    loop_.flush(publisher_);
    wait_for([&] { return publisher_.acked() == 1; }, "the first publish");
    for (std::size_t i = 0; i < options.joiners; ++i) {
      auto& one = joiners_.emplace_back(std::make_unique<Joiner>(common.form, storm_));
      one->connect(broker.host(), broker.port());
      loop_.add(*one);
    }
  }

  /// All ask, and are waited for until they are live.
  void run(Progress& progress) {
    began_ = now_ns();
    const auto until = began_ + std::chrono::nanoseconds(kPatience).count();
    while (storm_.live < joiners_.size()) {
      if (interrupted()) throw BenchError("interrupted");
      if (now_ns() > until) {
        throw BenchError(std::to_string(joiners_.size() - storm_.live) +
                         " newcomers are not live after " + std::to_string(kPatience.count()) +
                         " s");
      }
      turn();
      progress.say(std::to_string(storm_.live) + " of " + std::to_string(joiners_.size()) +
                   " newcomers are live");
    }
    all_live_after_ = now_ns() - began_;
  }

  /// Everything published is everywhere.
  void settle() {
    const auto last = [&] { return publisher_.last_offset(); };
    wait_for([&] { return publisher_.in_flight() == 0; }, "the last publish");
    wait_for(
        [&] {
          return std::ranges::all_of(joiners_,
                                     [&](const auto& one) { return one->position() == last(); });
        },
        "the last event at every newcomer");
  }

  Row row(const HookServer& hook, const Cost::Spent& spent) const {
    Row out;
    out.number("hook_requests", "requests to the hook", static_cast<double>(hook.requests()));
    out.number("all_live_ms", "all live after", static_cast<double>(all_live_after_) / 1e6, "ms");
    out.latency("state", "asked until the state", storm_.until_state);
    out.latency("live", "asked until live", storm_.until_live);
    const auto [oldest, newest] = std::ranges::minmax(storm_.states);
    out.number("states_from", "states as of", static_cast<double>(oldest));
    out.number("states_to", "  to", static_cast<double>(newest));
    out.number("deliveries", "events delivered", static_cast<double>(storm_.deliveries));
    out.latency("publish", "publish", publisher_.latency);
    out.number("memory_mib", "memory, at most", static_cast<double>(memory_) / (1U << 20U), "MiB");
    if (spent.cpu_seconds > 0) {
      out.number("cpu_us_per_joiner", "server CPU per newcomer",
                 1e6 * spent.cpu_seconds / static_cast<double>(joiners_.size()), "us");
    }
    put_generator(out, spent);
    return out;
  }

 private:
  [[nodiscard]] std::int64_t due_of(std::uint64_t n, double per_second) const {
    return began_ + std::llround(static_cast<double>(n) * 1e9 / per_second);
  }

  // Whoever is due asks, what is due is published, and what has come is read.
  void turn() {
    const auto now = now_ns();
    std::int64_t next = now + std::chrono::nanoseconds(kLongestTurn).count();
    const double joins_per_second =
        static_cast<double>(joiners_.size()) / std::max(options_.within_seconds, 1e-9);
    for (; asked_ < joiners_.size(); ++asked_) {
      if (const auto due = due_of(asked_, joins_per_second); due > now) {
        next = std::min(next, due);
        break;
      }
      joiners_[asked_]->ask(loop_);
    }
    while (due_of(published_, options_.rate) <= now) publish_one(due_of(published_, options_.rate));
    loop_.flush(publisher_);
    next = std::min(next, due_of(published_, options_.rate));
    loop_.turn(std::chrono::nanoseconds(std::max<std::int64_t>(0, next - now_ns())));
    watch_memory();
  }

  void publish_one(std::int64_t due) {
    // The application's data is changed first, and then the change is published.
    ++written_;
    const auto data = payloads_.stamped(due);
    publisher_.publish(storm_.topic, {&data, 1}, due);
    ++published_;
  }

  void watch_memory() {
    const auto now = now_ns();
    if (now < memory_due_) return;
    memory_due_ = now + kMemoryEvery;
    if (const auto bytes = broker_.memory()) memory_ = std::max(memory_, *bytes);
  }

  void wait_for(const std::function<bool()>& done, const std::string& what) {
    if (!loop_.run_until(done, kPatience)) throw BenchError(what + " takes too long");
  }

  Broker& broker_;
  const StateOptions options_;
  std::atomic<std::uint64_t>& written_;
  Payloads payloads_;
  Loop loop_;
  Storm storm_;
  Publisher publisher_;
  std::vector<std::unique_ptr<Joiner>> joiners_;
  std::size_t asked_ = 0;
  std::uint64_t published_ = 0;
  std::int64_t began_ = 0;
  std::int64_t all_live_after_ = 0;
  std::uint64_t memory_ = 0;
  std::int64_t memory_due_ = 0;
};

}  // namespace

Report state(const Common& common, const StateOptions& options) {
  if (!common.broker.server.empty()) {
    throw BenchError("bench state needs a broker of its own: it is told where the hook is");
  }
  Progress progress(common.progress);
  std::atomic<std::uint64_t> written{0};
  Payloads bundles(options.bundle_bytes, 6);
  const HookServer hook({.delay = std::chrono::milliseconds(std::llround(options.delay_ms)),
                         .bundle = [&](const std::string& /*target*/) {
                           return std::string(
                               bundles.stamped(static_cast<std::int64_t>(written.load())));
                         }});
  const HookConfig config(common.broker.data_parent, hook);
  auto with_hook = common.broker;
  with_hook.arguments.insert(with_hook.arguments.end(), {"--config", config.file()});
  Broker broker(with_hook);
  Faults faults;
  progress.say("connecting " + std::to_string(options.joiners) + " newcomers");
  StormRig rig(broker, common, options, faults, written);

  Report report{.mode = "state", .setting = setting(common, broker), .rows = {}, .faults = {}};
  report.setting.number("joiners", "newcomers", static_cast<double>(options.joiners));
  report.setting.number("within_seconds", "who ask within", options.within_seconds, "s");
  report.setting.number("hook_delay_ms", "the hook takes", options.delay_ms, "ms");
  report.setting.number("bundle_bytes", "a state, bytes",
                        static_cast<double>(options.bundle_bytes));
  report.setting.number("rate", "events/s asked for", options.rate);
  const Cost cost(broker);
  rig.run(progress);
  const auto spent = cost.spent();
  progress.say("waiting for the last events");
  rig.settle();
  report.rows.push_back(rig.row(hook, spent));
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
