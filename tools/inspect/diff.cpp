// Reads what changed, then what was before it.
// tools/inspect/: see diff.hpp.
#include "tools/inspect/diff.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "protocol/base64.hpp"
#include "protocol/event_match.hpp"
#include "protocol/json_text.hpp"
#include "tools/inspect/event_range.hpp"
#include "tools/inspect/latest_diff.hpp"
#include "tools/inspect/pager.hpp"
#include "tools/inspect/source.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/json_values.hpp"
#include "tools/tail_options.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
The state at an offset is the newest event of each key up to it. A and B are offsets, or times
(2026-11-22T17:20:00Z, 10m, 2h: the last event until then). What is shown of each key that has an
event behind A and up to B: added, changed, same (published anew with the same data), removed (by a
tombstone), or set, where retention has dropped what was before.

Examples:
  tidemark diff prices 1000 2000
  tidemark diff prices 2h 1h --key 'EUR*'
  tidemark diff prices 1000 2000 --data /var/lib/tidemark --json)";

constexpr std::size_t kDataColumns = 60;

struct DiffOptions {
  SourceChoice source;
  std::string topic;
  std::string from;
  std::string to;
  std::vector<std::string> keys;
  bool json = false;
  bool no_pager = false;
};

void append_value(std::string& out, const KeyValue& value, Payload payload) {
  out += "{\"offset\":" + std::to_string(value.offset.value) +
         ",\"time\":" + std::to_string(value.time.ms);
  if (payload == Payload::json) {
    out += ",\"data\":" + value.data;
  } else if (payload == Payload::text) {
    out += ",\"data\":";
    append_json_string(out, value.data);
  } else {
    out += ",\"data_base64\":\"";
    const auto at = out.size();
    out.resize(at + base64_size(value.data.size()));
    write_base64(value.data, out.data() + at);
    out += '"';
  }
  out += '}';
}

class Diff {
 public:
  explicit Diff(const DiffOptions& options)
      : options_(options), match_(filter_of(options.keys, {})) {}

  int run() {
    auto opened = Source::open(options_.source);
    if (!opened) return report(opened.error());
    auto& source = **opened;
    boost::json::object about;
    if (const auto failure = source.topic(options_.topic, about)) return report(*failure);
    payload_ = payload_of(text_of(about, "content_type"));
    for (const auto& [text, place] :
         {std::pair(&options_.from, &a_), std::pair(&options_.to, &b_)}) {
      const auto failure = resolve_place(source, options_.topic, about, *text, *place);
      if (failure) return report(*failure);
    }
    if (a_ > b_) {
      complain("A is offset " + std::to_string(a_.value) + ", which is behind B, offset " +
               std::to_string(b_.value));
      return kUsage;
    }
    const Offset earliest{std::max<std::uint64_t>(number_of(about, "earliest"), 1)};
    if (const int code = read(source, earliest); code != kOk) return code;
    const int printed = print(diff_->changes(whole_ && earliest == Offset{1}));
    if (printed != kOk) return printed;
    return damaged_ || source.damaged() ? kDamaged : kOk;
  }

 private:
  int read(Source& source, Offset earliest) {
    diff_.emplace(payload_);
    if (a_.next() < earliest) {
      warn("events " + std::to_string(a_.value + 1) + "–" + std::to_string(earliest.value - 1) +
           " are gone: what they changed is not shown");
    }
    const EventRange behind{.from = std::max(a_.next(), earliest), .to = b_};
    if (behind.from <= behind.to) {
      const auto failure = source.read(
          options_.topic, behind, visitor([this](const EventView& e) { return diff_->change(e); }));
      if (failure) return report(*failure);
    }
    if (!full_ && earliest <= a_) {
      const auto failure =
          source.read(options_.topic, {.from = earliest, .to = a_},
                      visitor([this](const EventView& e) { return diff_->before(e); }));
      if (failure) return report(*failure);
    }
    if (!full_) return kOk;
    complain("more has changed than can be held in memory; take a shorter stretch, or --key");
    return kFailed;
  }

  template <class Take>
  EventVisitor visitor(Take take) {
    return {.event =
                [this, take](const EventView& event, Epoch) {
                  if (!match_.passes(event)) return true;
                  full_ = !take(event);
                  return !full_;
                },
            .gap =
                [this](const Gap& gap) {
                  warn(gap_text(gap));
                  whole_ = false;
                  damaged_ = damaged_ || gap.cause == GapCause::corrupt;
                }};
  }

  [[nodiscard]] int print(const std::vector<KeyChange>& changes) {
    const Pager pager(!options_.no_pager && !options_.json);
    return print_out(options_.json ? json_of(changes) : table_of(changes));
  }

  [[nodiscard]] std::string json_of(const std::vector<KeyChange>& changes) const {
    std::string out = "{\"topic\":";
    append_json_string(out, options_.topic);
    out += ",\"from\":" + std::to_string(a_.value) + ",\"to\":" + std::to_string(b_.value) +
           ",\"changes\":[";
    for (const auto& change : changes) {
      if (&change != &changes.front()) out += ',';
      out += "\n{\"key\":";
      append_json_string(out, change.key);
      out.append(",\"change\":\"").append(to_string(change.kind)).append("\",\"before\":");
      if (change.before) {
        append_value(out, *change.before, payload_);
      } else {
        out += "null";
      }
      out += ",\"after\":";
      if (change.after.tombstone) {
        out += "null";
      } else {
        append_value(out, change.after, payload_);
      }
      out += '}';
    }
    return out + "]}\n";
  }

  [[nodiscard]] std::string table_of(const std::vector<KeyChange>& changes) const {
    std::vector<std::vector<std::string>> rows;
    for (const auto& change : changes) {
      const auto before =
          change.before ? cut(printable(change.before->data), kDataColumns / 2) : std::string("–");
      const auto after = change.after.tombstone ? std::string("–")
                                                : cut(printable(change.after.data), kDataColumns);
      rows.push_back({cut(printable(change.key), kDataColumns), std::string(to_string(change.kind)),
                      std::to_string(change.after.offset.value), local_time(change.after.time),
                      before, after});
    }
    const std::string head =
        "state of " + options_.topic + " at " + std::to_string(b_.value) + " against " +
        std::to_string(a_.value) + ": " +
        (changes.empty()       ? "no key has changed"
         : changes.size() == 1 ? "1 key has changed"
                               : grouped(changes.size()) + " keys have changed") +
        "\n";
    if (rows.empty()) return head;
    return head +
           text_table(STDOUT_FILENO,
                      {{"KEY"}, {"CHANGE"}, {"OFFSET", true}, {"TIME"}, {"BEFORE"}, {"AFTER"}},
                      rows);
  }

  const DiffOptions& options_;
  const EventMatch match_;
  Payload payload_ = Payload::bytes;
  std::optional<LatestDiff> diff_;
  Offset a_;
  Offset b_;
  bool whole_ = true;
  bool full_ = false;
  bool damaged_ = false;
};

}  // namespace

void add_diff(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand(
      "diff", "Show what changed in the newest event of each key between two offsets");
  const auto options = std::make_shared<DiffOptions>();
  command->add_option("TOPIC", options->topic, "Whose keys")->required();
  command->add_option("A", options->from, "The state before: an offset, or a time")
      ->required()
      ->check(check_place);
  command->add_option("B", options->to, "The state after: an offset, or a time")
      ->required()
      ->check(check_place);
  command
      ->add_option("--key", options->keys,
                   "Only this key, or those that begin so if it ends in *; may be repeated")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  command->add_flag("--json", options->json, "Print the changes as JSON");
  add_pager_option(*command, options->no_pager);
  add_source_options(*command, options->source);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_source(options->source);
    const auto name = TopicName::parse(options->topic);
    if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
    run = [options] {
      std::signal(SIGPIPE, SIG_IGN);
      return Diff(*options).run();
    };
  });
}

}  // namespace tidemark::tools
