// Fan-out over event streams: one publisher, many connections that each check every event.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>
#include <cmath>

#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMostOpen = std::size_t{1} << 16;
constexpr std::size_t kMostBatchBytes = std::size_t{256} << 10;
constexpr std::size_t kMostBatch = 1000;  // events an append may hold anywhere

// What the subscribers have in common: the feed knows how far each is, and here is when every event
// in flight was due, since another server's events can't be told to say it.
struct Shared {
  const Stream& stream;
  Feed feed;
  std::vector<std::int64_t> due = std::vector<std::int64_t>(2 * kMostOpen);

  [[nodiscard]] std::int64_t& due_of(std::uint64_t number) { return due[number % due.size()]; }
};

class SseSubscriber final : public HttpPeer {
 public:
  SseSubscriber(Shared& shared, std::uint64_t first)
      : shared_(shared), events_(shared.stream.size, first), counted_(first) {}

  void subscribe() { ask({.target = read_target(shared_.stream, from_, "sse")}); }

  std::size_t take(const char* bytes, std::size_t size) override {
    const auto used = HttpPeer::take(bytes, size);
    if (events_.next() != counted_) delivered();
    return used;
  }

 private:
  void answer_begins(const AnswerHead& head) override { expect(head, {200}); }
  void answer_bytes(std::string_view piece) override {
    events_.take(piece);
    if (subscribed_ || !events_.up_to_date()) return;
    subscribed_ = true;
    ++shared_.feed.subscribed;
  }
  // The server may end a long one: then it goes on where it was, on the same connection.
  void answer_ends() override {
    if (events_.position().empty()) throw BenchError("an event stream ended before it began");
    from_ = events_.position();
    subscribe();
  }

  void delivered() {
    auto& feed = shared_.feed;
    if (feed.stamps != Stamps::none) {
      const auto now = now_ns();
      const auto last = events_.next() - 1;
      const auto first = feed.stamps == Stamps::all ? counted_ : last;
      for (auto n = first; n <= last; ++n) feed.latency.record(now - shared_.due_of(n));
    }
    feed.moved(counted_, events_.next());
    counted_ = events_.next();
  }

  Shared& shared_;
  EventStream events_;
  std::string from_ = "now";
  std::uint64_t counted_;
  bool subscribed_ = false;
};

// Where events are published: over a WebSocket as fanout() does, each on its own and any number in
// flight, or by HTTP appends, of which one is in flight with all that came together.
class Outlet {
 public:
  virtual ~Outlet() = default;
  [[nodiscard]] virtual bool takes_more() const = 0;
  virtual void add(std::string_view event, std::int64_t due) = 0;
  virtual void flush() = 0;
  [[nodiscard]] virtual bool idle() const = 0;
};

class WebSocketOutlet final : public Outlet {
 public:
  WebSocketOutlet(Broker& broker, Loop& loop, WireForm form, const Stream& stream, Faults& faults)
      : loop_(loop), topic_(stream.path.substr(stream.path.rfind('/') + 1)), peer_(form, faults) {
    peer_.connect(broker.host(), broker.port());
    loop.add(peer_);
  }
  [[nodiscard]] bool takes_more() const override { return true; }
  void add(std::string_view event, std::int64_t due) override {
    peer_.publish(topic_, {&event, 1}, due);
  }
  void flush() override { loop_.flush(peer_); }
  [[nodiscard]] bool idle() const override { return peer_.in_flight() == 0; }

 private:
  Loop& loop_;
  std::string topic_;
  Publisher peer_;
};

class AppendOutlet final : public Outlet {
 public:
  AppendOutlet(const Broker& broker, Loop& loop, const Stream& stream)
      : broker_(broker), loop_(loop), line_(stream) {}
  [[nodiscard]] bool takes_more() const override {
    return idle() && line_.count < kMostBatch && line_.body.size() < kMostBatchBytes;
  }
  void add(std::string_view event, std::int64_t) override {
    line_.body.push_back(line_.count++ == 0 ? '[' : ',');
    line_.body.append(event);
  }
  void flush() override {
    if (line_.count == 0) return;
    line_.join(broker_, loop_);
    line_.send();
    loop_.flush(line_);
  }
  [[nodiscard]] bool idle() const override { return line_.unanswered() == 0; }

 private:
  struct Line final : HttpPeer {
    explicit Line(const Stream& to) : stream(to) {}
    void send() {
      body.push_back(']');
      ask({.method = "POST",
           .target = stream.path,
           .content_type = content_type(stream.type),
           .body = body});
      body.clear();
      count = 0;
    }
    void answer_begins(const AnswerHead& head) override { expect(head, {200, 204}); }
    void answer_bytes(std::string_view) override {}
    void answer_ends() override {}

    const Stream& stream;
    std::string body;
    std::size_t count = 0;
  };

  const Broker& broker_;
  Loop& loop_;
  Line line_;
};

class SseRig {
 public:
  SseRig(Broker& broker, const Common& common, const SseOptions& options, Faults& faults)
      : options_(options),
        payloads_(common.size, 2),
        stream_(create_stream(broker, StreamType::json, common.size)),
        shared_{.stream = stream_, .feed = Feed(common.form, stream_.path)} {
    if (options.appends) {
      outlet_ = std::make_unique<AppendOutlet>(broker, loop_, stream_);
    } else {
      outlet_ = std::make_unique<WebSocketOutlet>(broker, loop_, common.form, stream_, faults);
    }
    publish(1, now_ns());  // so that the server has made what a stream needs
    wait([&] { return outlet_->idle(); }, "the first event");
    before_ = broker.memory();
    for (std::size_t i = 0; i < options.subscribers; ++i) subscribe(broker, i);
    wait([&] { return shared_.feed.subscribed == options_.subscribers; }, "subscribing");
    subscribed_ = broker.memory();
    shared_.feed.track(published_, options.subscribers, kMostOpen);
  }

  /// Publishes what is due or what the window allows and hears what comes, for so long.
  void run_for(std::chrono::nanoseconds duration) {
    turn_for(loop_, duration, [this] {
      if (options_.rate > 0) return publish_due();
      const auto now = open();
      if (now < options_.window) publish(options_.window - now, now_ns());
      return kLongestTurn;
    });
  }
  void settle() {
    wait([&] { return open() == 0 && outlet_->idle(); },
         std::to_string(open()) + " events' arrival everywhere");
  }
  void measure_from_now() {
    shared_.feed.latency = {};
    shared_.feed.stamps = options_.rate > 0 ? Stamps::all : Stamps::last;
  }
  [[nodiscard]] Feed& feed() { return shared_.feed; }
  [[nodiscard]] std::uint64_t published() const { return published_; }
  void put_memory_of(Row& row) const {
    put_memory(row, "kib_per_connection", "memory of an idle subscriber", subscribed_, before_,
               options_.subscribers);
  }

 private:
  void subscribe(Broker& broker, std::size_t index) {
    auto& one = subscribers_.emplace_back(std::make_unique<SseSubscriber>(shared_, published_));
    one->join(broker, loop_);
    one->subscribe();
    loop_.flush(*one);
    if (index % 256 == 0) loop_.turn(std::chrono::nanoseconds(0));
  }

  void publish(std::uint64_t count, std::int64_t due) {
    for (; count > 0 && outlet_->takes_more(); --count) publish_one(due);
    outlet_->flush();
  }
  void publish_one(std::int64_t due) {
    shared_.due_of(published_) = due;
    outlet_->add(payloads_.stamped(static_cast<std::int64_t>(published_)), due);
    ++published_;
  }
  // What does not fit stays due: its latency counts from when it should have been sent.
  std::chrono::nanoseconds publish_due() {
    if (began_ == 0) began_ = now_ns();
    const auto due_of = [this](std::uint64_t n) {
      return began_ + std::llround(static_cast<double>(n) * 1e9 / options_.rate);
    };
    const auto now = now_ns();
    while (due_of(due_) <= now && takes_more()) publish_one(due_of(due_++));
    outlet_->flush();
    if (!takes_more()) return kLongestTurn;  // an answer or a delivery ends the turn
    return std::clamp(std::chrono::nanoseconds(due_of(due_) - now_ns()),
                      std::chrono::nanoseconds(0), kLongestTurn);
  }
  [[nodiscard]] bool takes_more() const { return open() < kMostOpen && outlet_->takes_more(); }
  [[nodiscard]] std::uint64_t open() const { return published_ - shared_.feed.lowest(); }
  void wait(const std::function<bool()>& done, const std::string& what) {
    if (!loop_.run_until(done, kPatience)) throw BenchError(what + " takes too long");
  }

  SseOptions options_;
  Payloads payloads_;
  Stream stream_;
  Shared shared_;
  Loop loop_;
  std::unique_ptr<Outlet> outlet_;
  std::vector<std::unique_ptr<SseSubscriber>> subscribers_;
  std::uint64_t published_ = 0;
  std::uint64_t due_ = 0;  ///< events that were due by the clock
  std::int64_t began_ = 0;
  std::optional<std::uint64_t> before_, subscribed_;
};

}  // namespace

Report sse(const Common& common, const SseOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  Faults faults;
  progress.say("connecting " + std::to_string(options.subscribers) + " subscribers");
  SseRig rig(broker, common, options, faults);
  progress.say("warming up");
  rig.run_for(common.warm_up);
  rig.measure_from_now();
  progress.say("measuring");
  const auto delivered_before = rig.feed().deliveries();
  const auto published_before = rig.published();
  const Cost cost(broker);
  rig.run_for(common.duration);
  const auto spent = cost.spent();
  const auto delivered = static_cast<double>(rig.feed().deliveries() - delivered_before);
  const auto published = static_cast<double>(rig.published() - published_before);
  progress.say("waiting for the last ones");
  rig.settle();

  Report report{.mode = "sse",
                .setting = http_setting(common, broker, common.size),
                .rows = {},
                .faults = {}};
  put_load(report.setting, options);
  report.setting.text("publisher", "published by", options.appends ? "HTTP appends" : "WebSocket");
  Row row;
  put_rates(row, "deliveries", "deliveries", delivered, spent);
  row.number("events_per_second", "events/s", published / spent.seconds);
  row.latency("latency", options.rate > 0 ? "latency from due time" : "latency, sampled",
              rig.feed().latency);
  rig.put_memory_of(row);
  put_generator(row, spent);
  put_threads(row, spent);
  report.rows.push_back(std::move(row));
  report.faults = faults.described();
  return report;
}

}  // namespace tidemark::tools::bench
