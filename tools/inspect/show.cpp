// Reads a stretch of a topic and prints what fits.
// tools/inspect/: see show.hpp.
#include "tools/inspect/show.hpp"

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/regex.hpp>

#include "protocol/event_match.hpp"
#include "storage/log.hpp"
#include "tools/inspect/event_output.hpp"
#include "tools/inspect/event_range.hpp"
#include "tools/inspect/pager.hpp"
#include "tools/inspect/source.hpp"
#include "tools/inspect/store_failure.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/json_values.hpp"
#include "tools/tail_options.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
Prints events there are and ends; tail follows. A TIME is RFC 3339 (2026-11-22T17:20:00Z), a date,
milliseconds since 1970, or a time ago: 90s, 10m, 2h, 3d. It is looked up, not searched for, so
--from 2h of a log of months is as quick as its end.

Filters pass an event that fits all kinds given: one of the keys, all of the headers, the producer,
the pattern somewhere in its data. FIELDS of a table and of JSON are offset, time, epoch, topic, key,
headers, size, data.

Events that are gone are told on stderr, and as objects in json and ndjson.

Examples:
  tidemark show orders --from 1180 --to 1190
  tidemark show orders --from 2h --key 'customer-7*' --match '"state": *"failed"'
  tidemark show orders --last 1 --format hex
  tidemark show orders --data /var/lib/tidemark --producer outbox-3 --fields offset,time,size
  tidemark show orders --format ndjson | jq .data)";

struct ShowOptions {
  SourceChoice source;
  std::string topic;
  RangeOptions range;
  std::vector<std::string> keys;
  std::vector<std::string> headers;
  std::string producer;
  std::string match;
  std::uint64_t limit = 0;
  std::string fields;
  std::string format;
  bool no_pager = false;
};

ShowFormat format_of(const std::string& name) {
  if (name == "json") return ShowFormat::json;
  if (name == "ndjson") return ShowFormat::ndjson;
  if (name == "raw") return ShowFormat::raw;
  if (name == "hex") return ShowFormat::hex;
  if (name == "table") return ShowFormat::table;
  return is_terminal(STDOUT_FILENO) ? ShowFormat::table : ShowFormat::raw;
}

/// What passes. Throws boost::regex_error of a pattern that is none.
class Passing {
 public:
  explicit Passing(const ShowOptions& options) : match_(filter_of(options.keys, options.headers)) {
    if (!options.match.empty()) pattern_.emplace(options.match, boost::regex::perl);
  }
  void only(std::vector<OffsetRange> ranges) { ranges_ = std::move(ranges); }

  /// Throws std::runtime_error of a pattern that takes too long on this event.
  [[nodiscard]] bool operator()(const EventView& event) const {
    if (ranges_ && !in_ranges(event.offset)) return false;
    if (!match_.passes(event)) return false;
    return !pattern_ || boost::regex_search(event.data.begin(), event.data.end(), *pattern_);
  }

 private:
  [[nodiscard]] bool in_ranges(Offset offset) const {
    for (const auto& range : *ranges_) {
      if (offset >= range.first && offset < range.end) return true;
    }
    return false;
  }

  EventMatch match_;
  std::optional<boost::regex> pattern_;
  std::optional<std::vector<OffsetRange>> ranges_;
};

HttpFailure refusal(ExitCode exit, std::string text) {
  return {.exit = exit, .text = std::move(text), .code = {}};
}

/// The offsets that are remembered of a producer, oldest first.
Failure ranges_of(Source& source, const ShowOptions& options, std::vector<OffsetRange>& out) {
  auto* const log = source.log();
  if (log == nullptr) {
    return refusal(kUsage,
                   "--producer is for files, with --data: a broker does not tell whose its "
                   "events are");
  }
  const auto name = TopicName::parse(options.topic);
  const auto topic = log->load(*name);
  if (!topic) return failure_of(topic.errc(), "reading " + options.topic);
  if (!*topic) return failure_of(Errc::unknown_topic, "reading " + options.topic);
  const auto producer = log->producer((*topic)->meta.id, options.producer);
  if (!producer) return failure_of(producer.errc(), "reading the producers of " + options.topic);
  if (!*producer) {
    return refusal(kRefused, options.topic + " knows no producer " + printable(options.producer));
  }
  for (const auto& run : (*producer)->runs) {
    out.push_back({run.first, {run.first.value + run.requests * run.events}});
  }
  return {};
}

class Show {
 public:
  explicit Show(const ShowOptions& options) : options_(options), passing_(options) {}

  int run() {
    auto opened = Source::open(options_.source);
    if (!opened) return report(opened.error());
    auto& source = **opened;
    if (const auto failure = prepare(source)) return report(*failure);
    const auto failure = source.read(options_.topic, range_, visitor());
    if (!ended_) output_->end();
    if (!ended_) static_cast<void>(put());
    pager_.reset();
    if (ended_) return *ended_;
    if (!trouble_.empty()) {
      complain(trouble_);
      return kFailed;
    }
    if (failure) return report(*failure);
    return damaged_ || source.damaged() ? kDamaged : kOk;
  }

 private:
  Failure prepare(Source& source) {
    boost::json::object about;
    if (auto failure = source.topic(options_.topic, about)) return failure;
    if (auto failure = resolve_range(source, options_.topic, about, options_.range, range_)) {
      return failure;
    }
    if (!options_.producer.empty()) {
      std::vector<OffsetRange> ranges;
      if (auto failure = ranges_of(source, options_, ranges)) return failure;
      narrow(ranges);
      passing_.only(std::move(ranges));
    }
    const auto format = format_of(options_.format);
    pager_.emplace(!options_.no_pager);
    output_.emplace(EventOutput::Options{.format = format,
                                         .topic = options_.topic,
                                         .payload = payload_of(text_of(about, "content_type")),
                                         .fields = fields(format),
                                         .fd = STDOUT_FILENO});
    return {};
  }

  /// No further than what is asked for can be.
  void narrow(const std::vector<OffsetRange>& ranges) {
    Offset first{kMaxInteger};
    Offset end{1};
    for (const auto& range : ranges) {
      first = std::min(first, range.first);
      end = std::max(end, range.end);
    }
    range_.from = std::max(range_.from, first);
    range_.to = std::min(range_.to, Offset{end.value - 1});
  }

  [[nodiscard]] std::vector<EventField> fields(ShowFormat format) const {
    std::string fault;
    if (!options_.fields.empty()) return parse_fields(options_.fields, fault);
    return format == ShowFormat::table ? table_fields() : json_fields();
  }

  EventVisitor visitor() {
    return {.event = [this](const EventView& event, Epoch epoch) { return take(event, epoch); },
            .gap =
                [this](const Gap& gap) {
                  damaged_ = damaged_ || gap.cause == GapCause::corrupt;
                  warn(gap_text(gap));
                  output_->gap(gap);
                }};
  }

  bool take(const EventView& event, Epoch epoch) {
    try {
      if (!passing_(event)) return true;
    } catch (const std::runtime_error&) {
      trouble_ = "the pattern takes too long on event " + std::to_string(event.offset.value);
      return false;
    }
    output_->event(event, epoch);
    const bool last = ++shown_ == options_.limit;
    if (!output_->full()) return !last;
    return put() && !last;
  }

  /// Prints what there is; false: that is not possible any more.
  bool put() {
    if (output_->flush()) return true;
    ended_ = not_written();
    return false;
  }

  const ShowOptions& options_;
  Passing passing_;
  EventRange range_;
  std::optional<Pager> pager_;
  std::optional<EventOutput> output_;
  std::uint64_t shown_ = 0;
  bool damaged_ = false;
  std::optional<int> ended_;  ///< the exit code, once nothing can be printed any more
  std::string trouble_;
};

void declare(CLI::App& command, ShowOptions& options) {
  command.add_option("TOPIC", options.topic, "Whose events")->required();
  add_range_options(command, options.range);
  add_filter_options(command, options.keys, options.headers);
  command
      .add_option("--producer", options.producer,
                  "Only what is remembered of this producer; with --data alone")
      ->type_name("ID");
  command.add_option("--match", options.match, "Only events in whose data this fits somewhere")
      ->type_name("REGEX");
  command.add_option("--limit", options.limit, "End after so many events")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, kMaxInteger));
  command.add_option("--fields", options.fields, "Columns of a table, members of JSON, see below")
      ->type_name("FIELDS")
      ->check([](const std::string& text) {
        std::string fault;
        static_cast<void>(parse_fields(text, fault));
        return fault;
      });
  command
      .add_option("--format", options.format,
                  "table (the default on a terminal), raw (data and a line feed; the default in a "
                  "pipe), json (an array), ndjson (an object a line) or hex")
      ->check(CLI::IsMember({"table", "json", "ndjson", "raw", "hex"}));
  command.add_flag_callback(
      "--json", [&options] { options.format = "json"; }, "--format json");
  add_pager_option(command, options.no_pager);
  add_source_options(command, options.source);
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

/// What can only be judged once all is parsed.
void check(const ShowOptions& options) {
  check_source(options.source);
  const auto name = TopicName::parse(options.topic);
  if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
  try {
    static_cast<void>(Passing(options));
  } catch (const boost::regex_error& error) {
    throw CLI::ValidationError("--match", std::string("is no regular expression: ") + error.what());
  }
}

}  // namespace

void add_show(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("show", "Print events of a stretch of a topic");
  const auto options = std::make_shared<ShowOptions>();
  declare(*command, *options);
  command->callback([options, &run] {
    check(*options);
    run = [options] {
      std::signal(SIGPIPE, SIG_IGN);
      return Show(*options).run();
    };
  });
}

}  // namespace tidemark::tools
