// Long-polls that wait: what each takes of memory, and how soon one event answers them all.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::chrono::seconds kPatience{180};

// What the polls of a stream have in common.
struct Shared {
  const Broker& broker;
  Loop& loop;
  const Stream& stream;
  std::int64_t published_at = 0;
  std::size_t answered = 0;    ///< with the event of this round
  std::uint64_t timeouts = 0;  ///< answered with nothing, and asked again
  Histogram latency = {};
};

class Poll final : public HttpPeer {
 public:
  /// `first`: the number of the event that will answer it.
  Poll(Shared& shared, std::string offset, std::uint64_t first)
      : shared_(shared),
        offset_(std::move(offset)),
        body_(shared.stream.type, shared.stream.size, 1, first) {}

  /// Queues the request.
  void wait() { ask({.target = read_target(shared_.stream, offset_, "long-poll")}); }

 private:
  void answer_begins(const AnswerHead& head) override {
    expect(head, {200, 204});
    timed_out_ = head.status == 204;
    before_ = body_.count();
    offset_ = head.next_offset;
    if (!timed_out_) body_.begin();
  }
  void answer_bytes(std::string_view piece) override { body_.take(piece); }
  void answer_ends() override {
    if (timed_out_) {
      ++shared_.timeouts;
      return wait();
    }
    body_.end();
    if (body_.count() != before_ + 1) throw BenchError("a long-poll was answered with no event");
    shared_.latency.record(now_ns() - shared_.published_at);
    ++shared_.answered;
  }

  // A server may close what was idle while others were answered, just as we ask.
  bool asks_again() override {
    join(shared_.broker, shared_.loop);
    wait();
    shared_.loop.flush(*this);
    return true;
  }

  Shared& shared_;
  std::string offset_;
  EventBody body_;
  std::uint64_t before_ = 0;
  bool timed_out_ = false;
};

class PollRig {
 public:
  PollRig(Broker& broker, const Common& common, const LongPollOptions& options)
      : broker_(broker),
        count_(options.polls),
        payloads_(common.size, 5),
        stream_(create_stream(broker, StreamType::json, common.size)),
        shared_{.broker = broker, .loop = loop_, .stream = stream_},
        asker_(broker, loop_) {
    const auto tail = append();
    wait_until_quiet();
    before_ = broker.memory();
    for (std::size_t i = 0; i < count_; ++i) {
      auto& one = polls_.emplace_back(std::make_unique<Poll>(shared_, tail, published_));
      one->join(broker, loop_);
    }
    wait_until_quiet();
    connected_ = broker.memory();
  }

  // Everyone waits, one event comes, everyone has it.
  Row round(std::size_t number) {
    shared_.answered = 0;
    shared_.timeouts = 0;
    shared_.latency = {};
    for (const auto& one : polls_) {
      one->join(broker_, loop_);
      one->wait();
      loop_.flush(*one);
    }
    wait_until_quiet();
    const auto waiting = broker_.memory();
    asker_.renew();
    const Cost cost(broker_);
    shared_.published_at = now_ns();
    append();
    if (!loop_.run_until([&] { return shared_.answered == count_; }, kPatience)) {
      throw BenchError(std::to_string(count_ - shared_.answered) + " long-polls are not answered");
    }
    const auto spent = cost.spent();
    Row row;
    row.number("round", "round", static_cast<double>(number));
    put_memory(row, "kib_per_poll", "memory of a waiting poll", waiting, before_, count_);
    put_memory(row, "kib_per_connection", "of it idle connection", connected_, before_, count_);
    row.number("all_answered_ms", "until the last answer", spent.seconds * 1e3, "ms");
    row.latency("answer", "answer after", shared_.latency);
    if (spent.cpu_seconds > 0) {
      row.number("cpu_us_per_answer", "CPU per answer",
                 1e6 * spent.cpu_seconds / static_cast<double>(count_), "us");
    }
    put_generator(row, spent);
    row.number("timeouts", "polls that timed out", static_cast<double>(shared_.timeouts));
    return row;
  }

 private:
  std::string append() {
    const auto body = payloads_.stamped(static_cast<std::int64_t>(published_++));
    return asker_
        .ask_now({.method = "POST",
                  .target = stream_.path,
                  .content_type = content_type(stream_.type),
                  .body = body})
        .next_offset;
  }

  // A server does not say when it has taken in every request: it has when it rests. What comes
  // later than that would be answered all the same, so nothing but the figures depends on it.
  void wait_until_quiet() {
    constexpr std::chrono::milliseconds look{100};
    constexpr double resting = 0.1;  // of a core
    for (auto left = kPatience / look; left > 0; --left) {
      const Cost cost(broker_);
      turn_for(loop_, look, [] { return kLongestTurn; });
      const auto spent = cost.spent();
      if (spent.cpu_seconds < resting * spent.seconds) return;
    }
    throw BenchError("the server does not come to rest");
  }

  Broker& broker_;
  std::size_t count_;
  Payloads payloads_;
  Stream stream_;
  Loop loop_;
  Shared shared_;
  Asker asker_;
  std::vector<std::unique_ptr<Poll>> polls_;
  std::uint64_t published_ = 0;
  std::optional<std::uint64_t> before_, connected_;
};

}  // namespace

Report long_polls(const Common& common, const LongPollOptions& options) {
  Progress progress(common.progress);
  Broker broker(common.broker);
  progress.say("connecting " + std::to_string(options.polls) + " long-polls");
  PollRig rig(broker, common, options);
  Report report{.mode = "long-polls",
                .setting = http_setting(common, broker, common.size),
                .rows = {},
                .faults = {}};
  report.setting.number("polls", "long-polls", static_cast<double>(options.polls));
  for (std::size_t i = 0; i < options.rounds; ++i) {
    progress.say("round " + std::to_string(i + 1));
    report.rows.push_back(rig.round(i + 1));
  }
  return report;
}

}  // namespace tidemark::tools::bench
