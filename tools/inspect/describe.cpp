// One topic, section after section.
// tools/inspect/: see describe.hpp.
#include "tools/inspect/describe.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/types.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/pager.hpp"
#include "tools/inspect/source.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
What there is to know: the history with its epochs, what is in it, what retention keeps and has
dropped, who publishes to it with which sequence, which named cursors read it and how far behind
they are. A broker also tells who follows it now and what of it is in memory; who publishes and reads
it only to who may manage it. From files cursors are as they were last written, about a second ago.
--json prints one object, with lists of producers and cursors in it.

Examples:
  tidemark describe orders
  tidemark describe orders --data /var/lib/tidemark --all
  tidemark describe orders --json | jq .lineage)";

constexpr std::size_t kMostRows = 20;

struct DescribeOptions {
  SourceChoice source;
  std::string topic;
  bool all = false;
  bool json = false;
  bool no_pager = false;
};

using Objects = std::vector<json::object>;

/// Name and value, one below the other.
class Facts {
 public:
  void add(const std::string& name, const std::string& value) { rows_.emplace_back(name, value); }
  [[nodiscard]] std::string text() const {
    std::size_t width = 0;
    for (const auto& [name, value] : rows_) width = std::max(width, name.size());
    std::string out;
    for (const auto& [name, value] : rows_) {
      out += paint(STDOUT_FILENO, Colour::dim, pad(name, width)) + "  " + value + "\n";
    }
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

std::string heading(const std::string& text) {
  return "\n" + paint(STDOUT_FILENO, Colour::bold, text) + "\n";
}

Objects objects_in(const json::object& object, const char* member) {
  Objects out;
  const auto* const list = object.if_contains(member);
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& each : list->get_array()) {
    if (each.is_object()) out.push_back(each.get_object());
  }
  return out;
}

// ---- sections ----

std::string events_text(const json::object& topic) {
  const auto earliest = number_of(topic, "earliest");
  const auto head = number_of(topic, "head");
  if (head == 0) return "none yet";
  if (earliest > head) return "none retained; the last was " + std::to_string(head);
  return grouped(head + 1 - earliest) + ", " + std::to_string(earliest) + " to " +
         std::to_string(head);
}

/// A GapCause's name as words; a name that is not known yet as it is.
std::string cause_text(const std::string& cause) {
  if (cause == "count") return "the limit of events";
  if (cause == "bytes" || cause == "age") return "the limit of " + cause;
  if (cause == "trimmed") return "a trim";
  if (cause == "corrupt") return "damage";
  return printable(cause);
}

std::string dropped_text(const json::object& topic) {
  const auto dropped = object_in(topic, "dropped");
  const auto events = number_of(dropped, "events");
  if (events == 0) return "nothing";
  const auto cause = cause_text(text_of(dropped, "cause"));
  return "events 1 to " + std::to_string(events) +
         (cause.empty() ? "" : ", the last of them by " + cause);
}

/// Nothing of a topic without events, or where there are none to tell.
std::string times_text(const json::object& topic) {
  if (!topic.contains("newest")) return {};
  // Damage at the beginning hides its time.
  return (topic.contains("oldest") ? time_text(topic, "oldest") : "unreadable") + " to " +
         time_text(topic, "newest");
}

std::string life_text(const json::object& topic) {
  std::string out = "created " + time_text(topic, "created");
  if (const auto ttl = number_of(topic, "ttl_seconds"); ttl > 0)
    out += ", expires after " + time_behind(ttl * 1000) + " without use";
  if (topic.contains("expires_at")) out += ", expires " + time_text(topic, "expires_at");
  if (flag_of(topic, "closed")) out += ", closed: it takes no more events";
  return out;
}

std::string facts_of(const json::object& topic) {
  Facts facts;
  facts.add("topic", printable(text_of(topic, "name")));
  facts.add("content type", printable(text_of(topic, "content_type")));
  facts.add("durability", printable(text_of(topic, "durability")));
  facts.add("life", life_text(topic));
  facts.add("events", events_text(topic));
  if (const auto times = times_text(topic); !times.empty()) facts.add("times", times);
  if (topic.contains("bytes")) facts.add("on disk", size_behind(number_of(topic, "bytes")));
  if (topic.contains("memory_bytes"))
    facts.add("in memory", size_behind(number_of(topic, "memory_bytes")));
  facts.add("retention", retention_text(topic));
  facts.add("dropped", dropped_text(topic));
  if (flag_of(topic, "keep_latest"))
    facts.add("keys", "the newest event of each of " + counted(number_of(topic, "keys"), "key"));
  if (const auto fork = object_in(topic, "fork"); !fork.empty())
    facts.add("fork", "of " + printable(text_of(fork, "source")) + " after event " +
                          std::to_string(number_of(fork, "offset")));
  if (const auto forks = number_of(topic, "forks"); forks > 0)
    facts.add("forks", counted(forks, "fork") + " of it");
  if (topic.contains("subscribers"))
    facts.add("subscribers", grouped(number_of(topic, "subscribers")));
  return facts.text();
}

std::string history_of(const json::object& topic) {
  const auto starts = objects_in(topic, "lineage");
  if (starts.empty()) return {};
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto first = number_of(starts[i], "first");
    // Behind its last event; what is still written has none yet.
    const auto end =
        i + 1 < starts.size() ? number_of(starts[i + 1], "first") : number_of(topic, "head") + 1;
    rows.push_back({std::to_string(number_of(starts[i], "epoch")), std::to_string(first),
                    end <= first ? "–" : std::to_string(end - 1)});
  }
  return heading("history") +
         text_table(STDOUT_FILENO, {{"EPOCH", true}, {"FIRST", true}, {"LAST", true}}, rows);
}

/// A table, and how many more there are of `total`.
std::string rows_of(const std::string& title, const std::vector<TextColumn>& columns,
                    const Objects& objects, std::uint64_t total,
                    std::vector<std::string> (*row)(const json::object&)) {
  if (objects.empty()) return {};
  std::vector<std::vector<std::string>> rows;
  for (const auto& object : objects) rows.push_back(row(object));
  auto out = heading(title) + text_table(STDOUT_FILENO, columns, rows);
  if (total > rows.size())
    out += "… and " + grouped(total - rows.size()) + " more; --all shows them\n";
  return out;
}

std::vector<std::string> producer_row(const json::object& producer) {
  const bool known = producer.contains("last_offset") && !producer.at("last_offset").is_null();
  return {printable(text_of(producer, "producer")), std::to_string(number_of(producer, "epoch")),
          std::to_string(number_of(producer, "sequence")),
          known ? std::to_string(number_of(producer, "last_offset")) : "–",
          time_text(producer, "last_used")};
}

std::string state_of(const json::object& cursor) {
  const auto say = [](Colour colour, const std::string& text) {
    return paint(STDOUT_FILENO, colour, text);
  };
  if (!flag_of(cursor, "in_epoch")) return say(Colour::yellow, "of another history");
  const auto lost = number_of(object_in(cursor, "lag"), "lost");
  if (lost > 0) return say(Colour::red, counted(lost, "event") + " lost");
  return flag_of(cursor, "falling") ? say(Colour::yellow, "about to lose events") : "";
}

std::vector<std::string> cursor_row(const json::object& cursor) {
  const auto lag = object_in(cursor, "lag");
  return {printable(text_of(cursor, "cursor")),
          std::to_string(number_of(cursor, "offset")),
          grouped(number_of(lag, "events")),
          size_behind(number_of(lag, "bytes")),
          time_behind(number_of(lag, "time_ms")),
          time_text(cursor, "acknowledged"),
          state_of(cursor)};
}

// ---- the command ----

class Describe {
 public:
  explicit Describe(const DescribeOptions& options) : options_(options) {}

  int run() {
    auto opened = Source::open(options_.source);
    if (!opened) return report(opened.error());
    auto& source = **opened;
    if (const auto failure = source.topic(options_.topic, topic_)) return report(*failure);
    if (const auto failure = ask_who(source)) return report(*failure);
    const int printed = print();
    return printed == kOk && source.damaged() ? kDamaged : printed;
  }

 private:
  /// A broker tells who uses a topic only to whoever looks after it, and to them how many there
  /// are; one of an earlier version tells it to nobody.
  [[nodiscard]] bool told() const { return topic_.contains("producers"); }

  Failure ask_who(Source& source) {
    if (!told()) return {};
    const auto into = [this](Objects& all) {
      return [this, &all](const json::object& object) {
        all.push_back(object);
        return options_.all || options_.json || all.size() < kMostRows;
      };
    };
    if (auto failure = source.producers(options_.topic, into(producers_))) return failure;
    return source.cursors(options_.topic, into(cursors_));
  }

  int print() {
    if (options_.json) {
      if (told()) {
        topic_["producers"] = json::array(producers_.begin(), producers_.end());
        topic_["cursors"] = json::array(cursors_.begin(), cursors_.end());
      }
      return print_json(topic_);
    }
    {
      const Pager pager(!options_.no_pager);
      if (const int printed = print_out(text()); printed != kOk) return printed;
    }
    if (!told()) note("producers and cursors are told to who may manage the topic");
    return kOk;
  }

  [[nodiscard]] std::string text() const {
    return facts_of(topic_) + history_of(topic_) +
           rows_of(
               "producers",
               {{"PRODUCER"}, {"EPOCH", true}, {"SEQUENCE", true}, {"LAST EVENT", true}, {"USED"}},
               producers_, total("producers", producers_), producer_row) +
           rows_of("cursors",
                   {{"CURSOR"},
                    {"OFFSET", true},
                    {"BEHIND", true},
                    {"BYTES", true},
                    {"TIME", true},
                    {"ACKNOWLEDGED"},
                    {""}},
                   cursors_, total("cursors", cursors_), cursor_row);
  }

  /// One more may have come since they were counted.
  [[nodiscard]] std::uint64_t total(const char* member, const Objects& shown) const {
    return std::max<std::uint64_t>(number_of(topic_, member), shown.size());
  }

  const DescribeOptions& options_;
  json::object topic_;
  Objects producers_;
  Objects cursors_;
};

}  // namespace

void add_describe(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("describe", "Tell what there is to know of a topic");
  const auto options = std::make_shared<DescribeOptions>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  command->add_flag("--all", options->all, "Show every producer and cursor, not only the first 20");
  command->add_flag("--json", options->json, "Print it as JSON");
  add_pager_option(*command, options->no_pager);
  add_source_options(*command, options->source);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_source(options->source);
    const auto name = TopicName::parse(options->topic);
    if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
    run = [options] {
      std::signal(SIGPIPE, SIG_IGN);
      return Describe(*options).run();
    };
  });
}

}  // namespace tidemark::tools
