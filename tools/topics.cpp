// Asked over HTTP; a page of topics at a time.
// tools/: see topics.hpp.
#include "tools/topics.hpp"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/types.hpp"
#include "tools/broker_http.hpp"
#include "tools/exit_code.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

bool keeps_latest(const json::object& topic) {
  const auto* value = topic.if_contains("keep_latest");
  return value != nullptr && value->is_bool() && value->get_bool();
}

// ---- topics ----

const std::vector<TextColumn>& columns() {
  static const std::vector<TextColumn> all{{"NAME"},       {"EPOCH", true},  {"EARLIEST", true},
                                           {"HEAD", true}, {"EVENTS", true}, {"CONTENT TYPE"},
                                           {"DURABILITY"}, {"LATEST"}};
  return all;
}

std::vector<std::string> row_of(const json::object& topic) {
  const auto earliest = number_of(topic, "earliest");
  const auto head = number_of(topic, "head");
  return {printable(text_of(topic, "name")),
          std::to_string(number_of(topic, "epoch")),
          std::to_string(earliest),
          std::to_string(head),
          grouped(head + 1 - std::min(earliest, head + 1)),
          printable(text_of(topic, "content_type")),
          printable(text_of(topic, "durability")),
          keeps_latest(topic) ? "yes" : "no"};
}

std::string table_of(const std::vector<json::object>& topics) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& topic : topics) rows.push_back(row_of(topic));
  return text_table(STDOUT_FILENO, columns(), rows);
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

int list_topics(const BrokerChoice& broker, const std::string& pattern, bool as_json) {
  std::vector<json::object> topics;
  const auto failure =
      for_each_topic(broker, literal_start(pattern), [&](const json::object& topic) {
        if (fits(pattern, text_of(topic, "name"))) topics.push_back(topic);
        return true;
      });
  if (failure) return report(*failure);
  if (as_json) {
    json::array all(topics.begin(), topics.end());
    static_cast<void>(
        write_all(STDOUT_FILENO, json::serialize(json::object{{"topics", all}}) + "\n"));
    return kOk;
  }
  const bool plain_name = pattern.find_first_of("*?") == std::string::npos;
  if (topics.empty() && plain_name) {
    complain(unknown_topic_text(broker, pattern));
    return kRefused;
  }
  if (topics.empty()) {
    note(pattern == "*"
             ? "there are no topics yet; the first event makes one: tidemark pub TOPIC DATA"
             : "no topic fits " + pattern);
    return kOk;
  }
  static_cast<void>(write_all(STDOUT_FILENO, table_of(topics)));
  return kOk;
}

// ---- create and delete ----

struct CreateOptions {
  BrokerChoice broker;
  std::string topic;
  std::string content_type;
  std::string durability;
  std::string max_age;
  std::uint64_t max_bytes = 0;
  std::uint64_t max_events = 0;
  std::optional<bool> keep_latest;
  bool json = false;
};

json::object settings_of(const CreateOptions& options) {
  json::object out;
  if (!options.content_type.empty()) out["content_type"] = options.content_type;
  if (!options.durability.empty()) out["durability"] = options.durability;
  json::object retention;
  if (const auto age = parse_duration_ms(options.max_age)) retention["max_age_ms"] = *age;
  if (options.max_bytes > 0) retention["max_bytes"] = options.max_bytes;
  if (options.max_events > 0) retention["max_events"] = options.max_events;
  if (!retention.empty()) out["retention"] = retention;
  if (options.keep_latest) out["keep_latest"] = *options.keep_latest;
  return out;
}

int create_topic(const CreateOptions& options) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "PUT", "/v1/topics/" + options.topic,
                                  json::serialize(settings_of(options)), answer);
  if (failure) return report(*failure);
  if (options.json) {
    static_cast<void>(write_all(STDOUT_FILENO, json::serialize(answer.body) + "\n"));
  } else {
    const bool created = answer.status == 201;
    static_cast<void>(
        write_all(STDOUT_FILENO, options.topic + (created ? " created\n" : " changed\n")));
  }
  return kOk;
}

int delete_topic(const BrokerChoice& broker, const std::string& topic, bool sure) {
  if (!sure) {
    if (!is_terminal(STDIN_FILENO)) {
      complain("deleting a topic cannot be undone; --yes says that you mean it");
      return kUsage;
    }
    std::cerr << "Delete " << topic << " with all its events? [y/N] " << std::flush;
    std::string typed;
    std::getline(std::cin, typed);
    if (typed != "y" && typed != "yes") return kIncomplete;
  }
  HttpAnswer answer;
  const auto failure = ask_broker(broker, "DELETE", "/v1/topics/" + topic, {}, answer);
  if (failure) return report(*failure, broker, topic);
  static_cast<void>(write_all(STDOUT_FILENO, topic + " deleted\n"));
  return kOk;
}

void check_topic(const std::string& topic) {
  const auto name = TopicName::parse(topic);
  if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
}

void declare_create(CLI::App& command, CreateOptions& options) {
  command.add_option("TOPIC", options.topic, "Its name")->required();
  command.add_option("--content-type", options.content_type, "What its events are; never changes")
      ->type_name("TYPE");
  command.add_option("--durability", options.durability, "synced or buffered")
      ->check(CLI::IsMember({"synced", "buffered"}));
  command.add_option("--max-age", options.max_age, "Forget events older than this: 12h, 7d")
      ->check([](const std::string& text) {
        return parse_duration_ms(text) ? "" : "not a time like 12h or 7d: " + text;
      });
  command.add_option("--max-bytes", options.max_bytes, "Keep about so much")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--max-events", options.max_events, "Keep so many");
  // A function, since an optional that is bound would be false where the flag is not given.
  command.add_flag_function(
      "--keep-latest,!--no-keep-latest",
      [&options](std::int64_t count) { options.keep_latest = count > 0; },
      "Keep the newest event of every key; a topic can begin to while it is empty");
  command.add_flag("--json", options.json, "Print the topic as JSON");
  add_broker_options(command, options.broker);
  command.footer(std::string("\nA topic there is already is changed.\n\n") + kExitCodes);
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
  struct Options {
    BrokerChoice broker;
    std::string pattern = "*";
    bool json = false;
  };
  auto* command = app.add_subcommand("topics", "List topics");
  const auto options = std::make_shared<Options>();
  command->add_option("PATTERN", options->pattern, "Only those that fit: orders/*, quoted");
  command->add_flag("--json", options->json, "Print them as JSON");
  add_broker_options(*command, options->broker);
  command->footer(std::string("\n") + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    run = [options] { return list_topics(options->broker, options->pattern, options->json); };
  });
}

void add_create(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("create", "Create a topic, or change its settings");
  const auto options = std::make_shared<CreateOptions>();
  declare_create(*command, *options);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic(options->topic);
    run = [options] { return create_topic(*options); };
  });
}

void add_delete(CLI::App& app, std::function<int()>& run) {
  struct Options {
    BrokerChoice broker;
    std::string topic;
    bool sure = false;
  };
  auto* command = app.add_subcommand("delete", "Delete a topic with all its events");
  const auto options = std::make_shared<Options>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  command->add_flag("--yes", options->sure, "Do not ask");
  add_broker_options(*command, options->broker);
  command->footer(std::string("\n") + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic(options->topic);
    run = [options] { return delete_topic(options->broker, options->topic, options->sure); };
  });
}

}  // namespace tidemark::tools
