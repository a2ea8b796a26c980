// One topic, printed; with a named cursor the broker is told how far.
// tools/: see tail.hpp. A pattern is tail_pattern's.
#include "tools/tail.hpp"

#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>

#include "tools/tail_pattern.hpp"
#include "tools/tail_run.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace {

class TopicTail final : public TailRun {
 public:
  using TailRun::TailRun;

 private:
  asio::awaitable<void> follow() override {
    subscription_.emplace(client().subscribe(options().topic, wanted()));
    while (!done()) {
      if ((!subscription_->ready() || printer().full()) && !flush()) break;
      auto delivery = co_await subscription_->next();
      if (!delivery) {
        ended(delivery.error());
        break;
      }
      printer().set_content_type(subscription_->content_type());
      position_ = subscription_->position();
      std::visit([this](const auto& message) { handle(message); }, *delivery);
    }
    auto settled = settle();
    co_await std::move(settled);
    say_position();
    subscription_.reset();
  }

  client::SubscribeOptions wanted() const {
    client::SubscribeOptions out;
    out.start = start_of(options());
    out.on_gap = gap_answer(options());
    out.state = options().state;
    out.filter = filter_of(options());
    out.cursor = options().cursor;
    out.wait_for_topic = options().wait;
    return out;
  }

  void handle(const Event& event) { take(event, position_.epoch); }

  void handle(const Gap& gap) {
    take(options().topic, gap,
         gap_answer(options()) == OnGap::state ? "the state"
                                               : std::to_string(position_.offset.next().value));
  }

  void handle(const State& state) {
    take(state);
    state_is_partial_ = !state.last;
  }

  void handle(const EpochNotice& notice) { take(notice); }

  void handle(const CaughtUp& /*message*/) {
    if (options().no_follow) finish();
  }

  void handle(const client::TopicEnded& /*only of a pattern*/) {}

  // ---- the named cursor ----

  void printed() override {
    if (!state_is_partial_) printed_to_ = position_;
  }

  [[nodiscard]] bool owes() const override {
    return !options().cursor.empty() && printed_to_.epoch != Epoch{} &&
           printed_to_ != acknowledged_;
  }

  asio::awaitable<void> acknowledge() override {
    if (!owes() || !subscription_) co_return;
    const Position position = printed_to_;
    auto asked = subscription_->acknowledge(position);
    auto moved = co_await std::move(asked);
    if (moved) {
      acknowledged_ = position;
    } else {
      refused(moved.error());
    }
  }

  void say_position() const {
    if (!interrupted() || options().quiet || !is_terminal(STDERR_FILENO)) return;
    if (position_.epoch == Epoch{}) return;
    note(options().cursor.empty()
             ? "to go on from here: --after " + std::to_string(position_.offset.value) +
                   " --epoch " + std::to_string(position_.epoch.value)
             : "to go on from here: --cursor " + options().cursor);
  }

  std::optional<client::Subscription> subscription_;
  Position position_;  ///< what next() has handed over
  bool state_is_partial_ = false;
  Position printed_to_;
  Position acknowledged_;
};

}  // namespace

void add_tail(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("tail", "Print events as they come, of a topic or of many");
  const auto options = std::make_shared<TailOptions>();
  declare_tail(*command, *options);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_tail(*options);
    // What they throw is about the command line too.
    static_cast<void>(start_of(*options));
    static_cast<void>(filter_of(*options));
    run = [options] {
      return options->is_pattern() ? tail_pattern(*options) : TopicTail(*options).run();
    };
  });
}

}  // namespace tidemark::tools
