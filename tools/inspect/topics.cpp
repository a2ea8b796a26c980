// What there is, of a broker or of files.
// tools/inspect/: see topics.hpp.
#include "tools/inspect/topics.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>

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
Examples:
  tidemark topics
  tidemark topics 'orders/*' --long
  tidemark topics --data /var/lib/tidemark
  tidemark topics --json | jq -r '.topics[].name')";

struct TopicsOptions {
  SourceChoice source;
  std::string pattern = "*";
  bool wide = false;
  bool json = false;
  bool no_pager = false;
};

const std::vector<TextColumn>& columns(bool wide) {
  static const std::vector<TextColumn> few{{"NAME"},       {"EPOCH", true},  {"EARLIEST", true},
                                           {"HEAD", true}, {"EVENTS", true}, {"CONTENT TYPE"},
                                           {"DURABILITY"}, {"LATEST"}};
  static const std::vector<TextColumn> all = [] {
    auto more = few;
    more.insert(more.end(), {{"BYTES", true}, {"RETENTION"}, {"CREATED"}});
    return more;
  }();
  return wide ? all : few;
}

std::vector<std::string> row_of(const json::object& topic, bool wide) {
  const auto earliest = number_of(topic, "earliest");
  const auto head = number_of(topic, "head");
  std::vector<std::string> out{printable(text_of(topic, "name")),
                               std::to_string(number_of(topic, "epoch")),
                               std::to_string(earliest),
                               std::to_string(head),
                               grouped(head + 1 - std::min(earliest, head + 1)),
                               printable(text_of(topic, "content_type")),
                               printable(text_of(topic, "durability")),
                               flag_of(topic, "keep_latest") ? "yes" : "no"};
  if (!wide) return out;
  out.push_back(topic.contains("bytes") ? size_behind(number_of(topic, "bytes")) : "–");
  out.push_back(retention_text(topic));
  out.push_back(time_text(topic, "created"));
  return out;
}

std::string table_of(const std::vector<json::object>& topics, bool wide) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& topic : topics) rows.push_back(row_of(topic, wide));
  return text_table(STDOUT_FILENO, columns(wide), rows);
}

/// What every name that fits begins with, so that the broker need not tell of others. Empty also
/// for a pattern with characters that are in no name.
std::string literal_start(const std::string& pattern) {
  auto start = pattern.substr(0, pattern.find_first_of("*?"));
  const bool may_be_name = std::ranges::all_of(start, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._~-/").find(c) != std::string_view::npos;
  });
  return may_be_name ? start : std::string();
}

/// A name that is none, with the one that may be meant.
int no_such_topic(Source& source, const std::string& name) {
  if (!TopicName::parse(name)) {
    complain("there is no topic " + printable(name) + ": no topic can be called so");
    return kRefused;
  }
  json::object ignored;
  const auto failure = source.topic(name, ignored);
  return failure ? report(*failure) : kOk;
}

int print(const std::vector<json::object>& topics, const TopicsOptions& options) {
  if (options.json) {
    json::object all;
    all["topics"] = json::array(topics.begin(), topics.end());
    return print_json(all);
  }
  const auto table = table_of(topics, options.wide);
  const Pager pager(!options.no_pager);
  return print_out(table);
}

int list_topics(const TopicsOptions& options) {
  auto opened = Source::open(options.source);
  if (!opened) return report(opened.error());
  auto& source = **opened;
  const auto& pattern = options.pattern;
  std::vector<json::object> topics;
  const auto failure = source.topics(literal_start(pattern), [&](const json::object& topic) {
    if (fits(pattern, text_of(topic, "name"))) topics.push_back(topic);
    return true;
  });
  // What was told before it failed is worth having.
  if (failure && topics.empty()) return report(*failure);
  if (topics.empty() && !options.json) {
    if (pattern.find_first_of("*?") == std::string::npos) return no_such_topic(source, pattern);
    note(pattern == "*"
             ? "there are no topics yet; the first event makes one: tidemark pub TOPIC DATA"
             : "no topic fits " + printable(pattern));
    return kOk;
  }
  const int printed = print(topics, options);
  if (failure) return report(*failure);
  return printed == kOk && source.damaged() ? kDamaged : printed;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::optional<std::size_t> star;
  std::size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star) {
      p = *star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void add_topics(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("topics", "List topics");
  const auto options = std::make_shared<TopicsOptions>();
  command->add_option("PATTERN", options->pattern, "Only those that fit: orders/*, quoted");
  command->add_flag("--long", options->wide, "Also bytes, retention and when they were created");
  command->add_flag("--json", options->json, "Print them as JSON");
  add_pager_option(*command, options->no_pager);
  add_source_options(*command, options->source);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_source(options->source);
    run = [options] {
      std::signal(SIGPIPE, SIG_IGN);
      return list_topics(*options);
    };
  });
}

}  // namespace tidemark::tools
