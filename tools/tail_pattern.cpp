// Many topics on one subscription; each line says which one it is of.
// tools/: see tail_pattern.hpp.
#include "tools/tail_pattern.hpp"

#include <string>
#include <unordered_map>
#include <utility>

#include "tools/tail_run.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace {

class PatternTail final : public TailRun {
 public:
  using TailRun::TailRun;

 private:
  asio::awaitable<void> follow() override {
    auto subscription = client().subscribe_pattern(options().topic, wanted());
    while (!done()) {
      if ((!subscription.ready() || printer().full()) && !printer().flush()) break;
      auto next = co_await subscription.next();
      if (!next) {
        ended(next.error());
        break;
      }
      printer().set_content_type(next->content_type);
      if (!epochs_.contains(next->topic)) learn(subscription);
      std::visit([&](const auto& message) { handle(next->topic, message); }, next->delivery);
    }
    static_cast<void>(printer().flush());
  }

  client::PatternOptions wanted() const {
    client::PatternOptions out;
    out.start = start_of(options());
    out.on_gap = gap_answer(options());
    out.state = options().state;
    out.filter = filter_of(options());
    return out;
  }

  // Epochs of topics that are new to us; afterwards notices, gaps and states tell of others.
  void learn(const client::PatternSubscription& subscription) {
    for (const auto& [topic, position] : subscription.positions()) {
      epochs_.try_emplace(topic, position.epoch);
    }
  }

  void handle(const std::string& topic, const Event& event) { take(event, epochs_[topic]); }

  void handle(const std::string& topic, const Gap& gap) {
    epochs_[topic] = gap.epoch;
    take(topic, gap,
         gap_answer(options()) == OnGap::state ? "the state" : std::to_string(gap.earliest.value));
  }

  void handle(const std::string& topic, const State& state) {
    epochs_[topic] = state.position.epoch;
    take(state);
  }

  void handle(const std::string& topic, const EpochNotice& notice) {
    epochs_[topic] = notice.epoch;
    take(notice);
  }

  void handle(const std::string& /*topic*/, const CaughtUp& /*message*/) {}

  // The others go on.
  void handle(const std::string& topic, const client::TopicEnded& end) {
    if (end.deleted) epochs_.erase(topic);
    warn(topic + ": " + end.why.text);
  }

  std::unordered_map<std::string, Epoch> epochs_;
};

}  // namespace

int tail_pattern(const TailOptions& options) { return PatternTail(options).run(); }

}  // namespace tidemark::tools
