// From words on a command line to what the client library takes.
// tools/: see tail_options.hpp.
#include "tools/tail_options.hpp"

#include <algorithm>
#include <chrono>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tools/connection_notes.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
Where to begin: by default with the next event (with --no-follow: with the earliest), else after an
offset, at a time, a number of events back, with the topic's state, or where a named cursor is. A
TIME is RFC 3339 (2026-11-22T17:20:00Z), a date, milliseconds since 1970, or a time ago: 90s, 10m,
2h, 3d.

A TOPIC with a * in it is a pattern: all topics that match are followed, those created later too. *
stands for characters of one segment, ** for any number of segments; quote it for the shell.

It goes on over lost connections and restarts of the broker by itself, with the next event. Events
that are no longer there are told on stderr; --on-gap fail ends with 4 instead.

With --cursor the broker keeps the place: what has been printed is acknowledged about once a second
and at the end, and the next tail with the same name goes on behind it. With a pattern each topic
has a cursor of that name.

Ctrl-C ends it with 0, or with 5 if --limit or --no-follow asked for more than came.

Examples:
  tidemark tail syslog --after 42
  tidemark tail orders --from 2h --format json | jq .data
  tidemark tail orders --last 10 --no-follow
  tidemark tail prices --state --key 'EUR*'
  tidemark tail 'rooms/*' --header kind=alarm
  tidemark tail orders --cursor device-7 --from earliest)";

Timestamp now_of_system() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

void declare_start(CLI::App& command, TailOptions& options) {
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
  auto* last = command.add_option("--last", options.last, "Begin with the Nth last event")
                   ->type_name("N")
                   ->check(CLI::Range(std::uint64_t{0}, kMaxInteger))
                   ->excludes(after)
                   ->excludes(from);
  command
      .add_flag("--state", options.state, "Begin with the topic's state, then everything after it")
      ->excludes(after)
      ->excludes(from)
      ->excludes(last);
  command
      .add_option("--cursor", options.cursor,
                  "Go on behind what this named cursor has, if there is one, and move it")
      ->type_name("NAME")
      ->check([](const std::string& text) {
        const auto good = check_cursor_name(text);
        return good ? std::string() : good.error().message();
      });
}

}  // namespace

void add_filter_options(CLI::App& command, std::vector<std::string>& keys,
                        std::vector<std::string>& headers) {
  command
      .add_option("--key", keys,
                  "Only events with this key, or that begin so if it ends in *; may be repeated")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  command
      .add_option("--header", headers,
                  "Only events with this header; may be repeated: of the same name any of the "
                  "values, of different names all of them")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
}

void declare_tail(CLI::App& command, TailOptions& options) {
  command.add_option("TOPIC", options.topic, "What to follow; with a * all topics that match")
      ->required();
  declare_start(command, options);
  add_filter_options(command, options.keys, options.headers);
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
                  "If events are gone: earliest (say so and go on; the default), state (say so and "
                  "begin anew with the state; the default with --state) or fail")
      ->check(CLI::IsMember({"earliest", "state", "fail"}));
  command.add_flag("--wait", options.wait, "Wait for a topic that does not exist yet");
  command.add_flag("-q,--quiet", options.quiet, "Say nothing but errors and gaps");
  add_broker_options(command, options.broker);
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

void check_tail(const TailOptions& options) {
  auto name = options.topic;
  // A pattern is a name but for its asterisks.
  std::ranges::replace(name, '*', 'x');
  const auto parsed = TopicName::parse(name);
  if (!parsed) {
    const Errc code = options.is_pattern() ? Errc::invalid_pattern : parsed.errc();
    throw CLI::ValidationError("TOPIC", std::string(info(code).text));
  }
  if (!options.is_pattern()) return;
  const auto of_one = [](const char* option, bool given) {
    if (given) throw CLI::ValidationError(option, "is for one topic, not for a pattern");
  };
  of_one("--after", options.after.has_value());
  of_one("--no-follow", options.no_follow);
}

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

OnGap gap_answer(const TailOptions& options) {
  if (options.on_gap == "fail") return OnGap::fail;
  if (options.on_gap == "state") return OnGap::state;
  if (options.on_gap == "earliest") return OnGap::earliest;
  return options.state ? OnGap::state : OnGap::earliest;
}

Filter filter_of(const std::vector<std::string>& keys, const std::vector<std::string>& headers) {
  Filter out{.keys = keys, .headers = {}};
  for (const auto& text : headers) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0) {
      throw CLI::ValidationError("--header", "must be NAME=VALUE: " + text);
    }
    const auto name = text.substr(0, at);
    const auto same = std::ranges::find(out.headers, name, &Filter::Match::name);
    auto& match = same != out.headers.end()
                      ? *same
                      : out.headers.emplace_back(Filter::Match{.name = name, .values = {}});
    match.values.push_back(text.substr(at + 1));
  }
  return out;
}

Filter filter_of(const TailOptions& options) { return filter_of(options.keys, options.headers); }

Format format_of(const TailOptions& options) {
  if (options.format == "raw") return Format::raw;
  if (options.format == "json") return Format::json;
  if (options.format == "table") return Format::table;
  return is_terminal(STDOUT_FILENO) ? Format::table : Format::raw;
}

client::ClientOptions client_of(const TailOptions& options) {
  client::ClientOptions out;
  out.url = options.broker.server;
  out.credential = credential_of(options.broker);
  out.trust = trust_of(options.broker);
  out.on_status = ConnectionNotes(options.quiet);
  // Somebody is watching: a broker that is back, or a topic that has come, should not take long.
  out.backoff_max = client::milliseconds(3'000);
  return out;
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

}  // namespace tidemark::tools
