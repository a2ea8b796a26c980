// One subscription, printed; the client does the resuming.
// tools/: see tail.hpp.
#include "tools/tail.hpp"

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "protocol/client/client.hpp"
#include "tools/broker_http.hpp"
#include "tools/connection_notes.hpp"
#include "tools/event_printer.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace {

constexpr const char* kFooter = R"(
Where to begin: by default with the next event (with --no-follow: with the earliest), else after an
offset, at a time, or a number of events back. A TIME is RFC 3339 (2026-11-22T17:20:00Z), a date,
milliseconds since 1970, or a time ago: 90s, 10m, 2h, 3d.

It goes on over lost connections and restarts of the broker by itself, with the next event. Events
that are no longer there are told on stderr; --on-gap fail ends with 4 instead.

Ctrl-C ends it with 0, or with 5 if --limit or --no-follow asked for more than came.

Examples:
  tidemark tail syslog --after 42
  tidemark tail orders --from 2h --format json | jq .data
  tidemark tail orders --last 10 --no-follow)";

struct TailOptions {
  BrokerChoice broker;
  std::string topic;
  std::optional<std::uint64_t> after;
  std::uint64_t epoch = 0;
  std::string from;
  std::optional<std::uint64_t> last;
  std::uint64_t limit = 0;
  bool no_follow = false;
  std::string format;
  std::string on_gap = "earliest";
  bool wait = false;
  bool quiet = false;
};

Timestamp now_of_system() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

/// Throws for a --from that is none.
Start start_of(const TailOptions& options) {
  if (options.after) return StartAfter{{{options.epoch}, {*options.after}}};
  if (options.last) return StartLast{*options.last};
  if (options.from == "now") return StartNow{};
  if (options.from == "earliest") return StartEarliest{};
  if (options.from.empty()) return options.no_follow ? Start(StartEarliest{}) : Start(StartNow{});
  const auto time = parse_time(options.from, now_of_system());
  if (!time) {
    throw CLI::ValidationError("--from",
                               "must be earliest, now or a time like "
                               "2026-11-22T17:20:00Z, 10m or 3d: " +
                                   options.from);
  }
  return StartTime{*time};
}

Format format_of(const TailOptions& options) {
  if (options.format == "raw") return Format::raw;
  if (options.format == "json") return Format::json;
  if (options.format == "table") return Format::table;
  return is_terminal(STDOUT_FILENO) ? Format::table : Format::raw;
}

std::string gap_text(const Gap& gap) {
  std::string range = gap.lost.count() == 1 ? "event " + std::to_string(gap.lost.first.value)
                                            : "events " + std::to_string(gap.lost.first.value) +
                                                  "–" + std::to_string(gap.lost.end.value - 1);
  switch (gap.cause) {
    case GapCause::count:
    case GapCause::bytes:
    case GapCause::age:
      return range + " are gone: retention by " + std::string(to_string(gap.cause));
    case GapCause::trimmed:
      return range + " are gone: trimmed by request";
    case GapCause::epoch:
      return range + " are of a history that has ended; this is epoch " +
             std::to_string(gap.epoch.value);
    case GapCause::ahead:
      return range + " are not there: the topic ends at " + std::to_string(gap.head.value);
    case GapCause::corrupt:
      return range + " are damaged on the broker's disk";
  }
  return range;
}

/// One run of the subcommand. All on one thread.
class Tail {
 public:
  Tail(TailOptions options, Start start)
      : options_(std::move(options)),
        printer_(format_of(options_), STDOUT_FILENO),
        signals_(io_, SIGINT, SIGTERM),
        client_(io_.get_executor(), client_options(options_)),
        start_(start) {}

  int run() {
    std::signal(SIGPIPE, SIG_IGN);
    signals_.async_wait([this](boost::system::error_code error, int /*signal*/) {
      if (!error) interrupt();
    });
    std::exception_ptr failed;
    asio::co_spawn(io_, whole(), [this, &failed](std::exception_ptr thrown) {
      failed = std::move(thrown);
      signals_.cancel();
    });
    io_.run();
    if (failed) std::rethrow_exception(failed);
    return code_;
  }

 private:
  static client::ClientOptions client_options(const TailOptions& options) {
    client::ClientOptions out;
    out.url = options.broker.server;
    out.credential = credential_of(options.broker);
    out.trust = trust_of(options.broker);
    out.on_status = ConnectionNotes(options.quiet);
    // Somebody is watching: a broker that is back, or a topic that has come, should not take long.
    out.backoff_max = client::milliseconds(3'000);
    return out;
  }

  void interrupt() {
    interrupted_ = true;
    // Closing wakes whoever waits; a second signal finds the default action again.
    asio::co_spawn(io_, client_.close(), [](std::exception_ptr) {});
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }

  asio::awaitable<void> whole() {
    const auto connected = co_await client_.connect();
    if (!connected) {
      code_ = interrupted_ ? kIncomplete : complain_of(connected.error());
    } else {
      co_await follow();
    }
    if (!interrupted_) co_await client_.close();
  }

  asio::awaitable<void> follow() {
    client::SubscribeOptions options;
    options.start = start_;
    options.on_gap = options_.on_gap == "fail" ? OnGap::fail : OnGap::earliest;
    options.wait_for_topic = options_.wait;
    auto subscription = client_.subscribe(options_.topic, options);
    while (!done_) {
      if ((!subscription.ready() || printer_.full()) && !printer_.flush()) break;
      auto delivery = co_await subscription.next();
      if (!delivery) {
        ended(delivery.error());
        break;
      }
      printer_.set_content_type(subscription.content_type());
      position_ = subscription.position();
      std::visit([this](const auto& message) { handle(message); }, *delivery);
    }
    static_cast<void>(printer_.flush());
    say_position();
  }

  void handle(const Event& event) {
    printer_.event(event, position_.epoch);
    ++printed_;
    done_ = options_.limit > 0 && printed_ == options_.limit;
  }

  void handle(const Gap& gap) {
    printer_.gap(options_.topic, gap);
    const bool goes_on = options_.on_gap != "fail";
    warn(gap_text(gap) +
         (goes_on ? "; going on with " + std::to_string(position_.offset.next().value) : ""));
  }

  void handle(const EpochNotice& notice) {
    printer_.epoch(notice);
    if (options_.quiet) return;
    note("from event " + std::to_string(notice.first.value) + " on this is epoch " +
         std::to_string(notice.epoch.value));
  }

  // States are not asked for, and only a pattern's topics end by themselves.
  void handle(const State& /*part*/) {}
  void handle(const client::TopicEnded& /*message*/) {}

  void handle(const CaughtUp& /*message*/) { done_ = options_.no_follow; }

  void ended(const client::Refusal& refusal) {
    if (interrupted_) {
      const bool owing = options_.limit > 0 || options_.no_follow;
      code_ = owing ? kIncomplete : kOk;
      return;
    }
    code_ = kRefused;
    if (refusal.code == Errc::unknown_topic) {
      complain(unknown_topic_text(options_.broker, options_.topic));
      if (!options_.quiet) note("--wait waits until there is one");
    } else {
      const bool unknown = client::is_of_credential(refusal.code);
      complain(unknown ? refusal.text + kWhoAreYou : refusal.text);
    }
  }

  void say_position() const {
    if (!interrupted_ || options_.quiet || !is_terminal(STDERR_FILENO)) return;
    if (position_.epoch == Epoch{}) return;
    note("to go on from here: --after " + std::to_string(position_.offset.value) + " --epoch " +
         std::to_string(position_.epoch.value));
  }

  TailOptions options_;
  asio::io_context io_{1};
  EventPrinter printer_;
  asio::signal_set signals_;
  client::Client client_;
  Start start_;
  Position position_;
  std::uint64_t printed_ = 0;
  bool done_ = false;
  bool interrupted_ = false;
  int code_ = kOk;
};

void declare(CLI::App& command, TailOptions& options) {
  command.add_option("TOPIC", options.topic, "What to follow")->required();
  auto* after = command
                    .add_option("--after", options.after,
                                "Begin with the event after this offset, the last you have")
                    ->type_name("N")
                    ->check(CLI::Range(std::uint64_t{0}, kMaxInteger));
  command
      .add_option("--epoch", options.epoch, "The history the offset is of; else it isn't compared")
      ->type_name("E")
      ->needs(after);
  auto* from = command.add_option("--from", options.from, "earliest, now or a TIME, see below")
                   ->type_name("WHERE")
                   ->excludes(after);
  command.add_option("--last", options.last, "Begin with the Nth last event")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{0}, kMaxInteger))
      ->excludes(after)
      ->excludes(from);
  command.add_option("--limit", options.limit, "End after so many events")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kMaxInteger));
  command.add_flag("--no-follow", options.no_follow, "End when everything there is was printed");
  command
      .add_option("--format", options.format,
                  "raw (data and a line feed; the default in a pipe), json (an object a line), "
                  "or table (the default on a terminal)")
      ->check(CLI::IsMember({"raw", "json", "table"}));
  command.add_flag_callback(
      "--json", [&options] { options.format = "json"; }, "--format json");
  command
      .add_option("--on-gap", options.on_gap,
                  "If events are gone: earliest (say so and go on) or fail")
      ->check(CLI::IsMember({"earliest", "fail"}))
      ->capture_default_str();
  command.add_flag("--wait", options.wait, "Wait for a topic that does not exist yet");
  command.add_flag("-q,--quiet", options.quiet, "Say nothing but errors and gaps");
  add_broker_options(command, options.broker);
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

}  // namespace

void add_tail(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("tail", "Print a topic's events as they come");
  const auto options = std::make_shared<TailOptions>();
  declare(*command, *options);
  command->callback([options, &run] {
    check_broker(options->broker);
    const auto name = TopicName::parse(options->topic);
    if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
    const Start start = start_of(*options);
    run = [options, start] { return Tail(*options, start).run(); };
  });
}

}  // namespace tidemark::tools
