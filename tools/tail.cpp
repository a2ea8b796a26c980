// One topic, printed; with a named cursor the broker is told how far.
// tools/: see tail.hpp. A pattern is tail_pattern's.
#include "tools/tail.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tools/tail_pattern.hpp"
#include "tools/tail_run.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace {

// Often enough that little comes twice after a kill, seldom enough to cost the broker nothing.
constexpr std::chrono::seconds kAcknowledgeEvery{1};
// A broker that is away must not hold up who wants to leave.
constexpr std::chrono::seconds kLastWordsTake{3};

class TopicTail final : public TailRun {
 public:
  explicit TopicTail(TailOptions asked)
      : TailRun(std::move(asked)), acknowledge_at_(io()), patience_(io()) {}

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
    static_cast<void>(flush());
    auto last = depart();
    co_await std::move(last);
    acknowledge_at_.cancel();
    patience_.cancel();
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

  // What has been printed is what may be acknowledged. False if nobody reads any more.
  bool flush() {
    if (!printer().flush()) return false;
    if (!state_is_partial_) printed_to_ = position_;
    if (owes() && !std::exchange(acknowledge_armed_, true)) {
      acknowledge_at_.expires_after(kAcknowledgeEvery);
      acknowledge_at_.async_wait([this](boost::system::error_code error) {
        acknowledge_armed_ = false;
        if (!error) asio::co_spawn(io(), acknowledge(), [](const std::exception_ptr&) {});
      });
    }
    return true;
  }

  [[nodiscard]] bool owes() const {
    return !options().cursor.empty() && printed_to_.epoch != Epoch{} &&
           printed_to_ != acknowledged_;
  }

  asio::awaitable<void> acknowledge() {
    if (!owes() || !subscription_) co_return;
    const Position position = printed_to_;
    auto asked = subscription_->acknowledge(position);
    auto moved = co_await std::move(asked);
    if (moved) {
      acknowledged_ = position;
    } else if (!client::passes(moved.error().code) && moved.error().code != Errc::cancelled &&
               moved.error().code != Errc::connection_lost) {
      complain("the cursor " + options().cursor + " cannot be moved: " + moved.error().text);
      fail(kRefused);
    }
  }

  asio::awaitable<void> depart() override {
    if (!owes()) co_return;
    patience_.expires_after(kLastWordsTake);
    patience_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      warn("the broker could not be told where the cursor " + options().cursor + " is now");
      fail(kIncomplete);
    });
    auto last = acknowledge();
    co_await std::move(last);
    patience_.cancel();
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
  asio::steady_timer acknowledge_at_;
  bool acknowledge_armed_ = false;
  asio::steady_timer patience_;
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
