// Asked over HTTP; a page of cursors at a time.
// tools/: see cursors.hpp.
#include "tools/cursors.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/types.hpp"
#include "tools/broker_http.hpp"
#include "tools/json_values.hpp"
#include "tools/position_text.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
A cursor is a name under which the broker keeps how far somebody has read a topic: a device, a
person, a service. tidemark tail --cursor NAME makes and moves one. Those marked "about to fall off"
are so far behind that retention soon drops what they have not read; those marked "lost" have been
overtaken.

Examples:
  tidemark cursors
  tidemark cursors list --topic orders --json | jq '.cursors[] | select(.falling)'
  tidemark cursors show orders device-7
  tidemark cursors set orders device-7 --offset 42 --force
  tidemark cursors delete orders device-7)";

struct CursorOptions {
  BrokerChoice broker;
  std::string topic;
  std::string prefix;
  std::string cursor;
  std::string offset;
  bool force = false;
  bool json = false;
};

std::string target_of(const CursorOptions& options) {
  return "/v1/cursors/" + options.topic + "?cursor=" + percent_encoded(options.cursor);
}

// ---- how they are shown ----

const std::vector<TextColumn>& columns() {
  static const std::vector<TextColumn> all{
      {"TOPIC"},      {"CURSOR"},     {"OFFSET", true}, {"EVENTS BEHIND", true},
      {"SIZE", true}, {"TIME", true}, {"ACKNOWLEDGED"}, {""}};
  return all;
}

json::object lag_of(const json::object& cursor) {
  const auto* lag = cursor.if_contains("lag");
  return lag != nullptr && lag->is_object() ? lag->get_object() : json::object();
}

// Something a person should look at before it is too late.
std::string mark_of(const json::object& cursor, const json::object& lag) {
  if (const auto lost = number_of(lag, "lost"); lost > 0) {
    return paint(STDOUT_FILENO, Colour::red, "lost " + grouped(lost));
  }
  if (flag_of(cursor, "falling")) {
    return paint(STDOUT_FILENO, Colour::yellow, "about to fall off");
  }
  return {};
}

std::string moment_of(const json::object& cursor, const char* name) {
  const auto text = text_of(cursor, name);
  const auto time = parse_time(text, {});
  return time ? local_time(*time) : printable(text);
}

std::vector<std::string> row_of(const json::object& cursor) {
  const auto lag = lag_of(cursor);
  return {printable(text_of(cursor, "topic")),         printable(text_of(cursor, "cursor")),
          std::to_string(number_of(cursor, "offset")), grouped(number_of(lag, "events")),
          size_behind(number_of(lag, "bytes")),        time_behind(number_of(lag, "time_ms")),
          moment_of(cursor, "acknowledged"),           mark_of(cursor, lag)};
}

int print_json(const json::object& object) {
  return write_all(STDOUT_FILENO, json::serialize(object) + "\n") ? kOk : kFailed;
}

int print_table(const std::vector<json::object>& cursors) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& cursor : cursors) rows.push_back(row_of(cursor));
  return write_all(STDOUT_FILENO, text_table(STDOUT_FILENO, columns(), rows)) ? kOk : kFailed;
}

// ---- list ----

std::string page_target(const CursorOptions& options, const std::string& after) {
  std::string out = "/v1/cursors?limit=1000";
  if (!options.topic.empty()) out += "&topic=" + options.topic;
  if (!options.prefix.empty()) out += "&prefix=" + percent_encoded(options.prefix);
  if (!after.empty()) out += "&after=" + percent_encoded(after);
  return out;
}

std::optional<HttpFailure> for_each_cursor(const CursorOptions& options,
                                           std::vector<json::object>& out) {
  std::string after;
  do {
    HttpAnswer answer;
    if (auto failure = ask_broker(options.broker, "GET", page_target(options, after), {}, answer)) {
      return failure;
    }
    const auto* cursors = answer.body.if_contains("cursors");
    if (cursors == nullptr || !cursors->is_array()) {
      return HttpFailure{kFailed, "the answer holds no cursors; is this a Tidemark broker?", {}};
    }
    for (const auto& cursor : cursors->get_array()) {
      if (cursor.is_object()) out.push_back(cursor.get_object());
    }
    after = text_of(answer.body, "next");
  } while (!after.empty());
  return std::nullopt;
}

int list_cursors(const CursorOptions& options) {
  std::vector<json::object> cursors;
  if (const auto failure = for_each_cursor(options, cursors)) {
    return report(*failure, options.broker, options.topic);
  }
  if (options.json) {
    return print_json({{"cursors", json::array(cursors.begin(), cursors.end())}});
  }
  if (cursors.empty()) {
    note(options.topic.empty() && options.prefix.empty()
             ? "there are no cursors; this makes one: tidemark tail TOPIC --cursor NAME"
             : "there are no such cursors");
    return kOk;
  }
  return print_table(cursors);
}

// ---- one ----

int show_cursor(const CursorOptions& options) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "GET", target_of(options), {}, answer);
  if (failure) return report(*failure, options.broker, options.topic);
  return options.json ? print_json(answer.body) : print_table({answer.body});
}

int set_cursor(const CursorOptions& options) {
  json::object body;
  const auto position = parse_position(options.offset);
  if (position && std::holds_alternative<Offset>(*position)) {
    body["offset"] = std::get<Offset>(*position).value;
  } else {
    body["after"] = options.offset;
  }
  HttpAnswer answer;
  const auto target = target_of(options) + (options.force ? "&force=true" : "");
  const auto failure = ask_broker(options.broker, "PUT", target, json::serialize(body), answer);
  if (failure) return report(*failure, options.broker, options.topic);
  if (options.json) return print_json(answer.body);
  const auto said = options.cursor + " is at offset " +
                    std::to_string(number_of(answer.body, "offset")) + " of " + options.topic;
  return write_all(STDOUT_FILENO, printable(said) + "\n") ? kOk : kFailed;
}

int delete_cursor(const CursorOptions& options) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "DELETE", target_of(options), {}, answer);
  if (failure) return report(*failure, options.broker, options.topic);
  const auto said = options.cursor + " of " + options.topic + " deleted";
  return write_all(STDOUT_FILENO, printable(said) + "\n") ? kOk : kFailed;
}

// ---- unread ----

struct UnreadOptions {
  BrokerChoice broker;
  std::string topic;
  std::string after;
  std::string cursor;
  bool json = false;
};

int print_unread(const UnreadOptions& options) {
  const auto target = "/v1/unread/" + options.topic +
                      (options.cursor.empty() ? "?after=" + options.after
                                              : "?cursor=" + percent_encoded(options.cursor));
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "GET", target, {}, answer);
  if (failure) return report(*failure, options.broker, options.topic);
  if (options.json) return print_json(answer.body);
  if (const auto lost = number_of(answer.body, "lost"); lost > 0) {
    warn(grouped(lost) + " of them are gone");
  }
  const auto unread = std::to_string(number_of(answer.body, "unread"));
  return write_all(STDOUT_FILENO, unread + "\n") ? kOk : kFailed;
}

// ---- the command lines ----

std::string check_token(const std::string& text) {
  const auto position = parse_position(text);
  return position && std::holds_alternative<Position>(*position)
             ? ""
             : "no token of a position, as Stream-Next-Offset has it: " + text;
}

void check_topic(const std::string& topic, const char* option = "TOPIC") {
  const auto name = TopicName::parse(topic);
  if (!name) throw CLI::ValidationError(option, name.error().message());
}

void check_cursor(const std::string& cursor, const char* option = "CURSOR") {
  const auto good = check_cursor_name(cursor);
  if (!good) throw CLI::ValidationError(option, good.error().message());
}

using Options = std::shared_ptr<CursorOptions>;

void declare_list(CLI::App& command, const Options& options) {
  command.add_option("--topic", options->topic, "Only those of this topic")->type_name("TOPIC");
  command.add_option("--prefix", options->prefix, "Only those of topics whose name begins so")
      ->type_name("TEXT");
  command.add_flag("--json", options->json, "Print them as JSON");
  add_broker_options(command, options->broker);
}

void run_list(const Options& options, std::function<int()>& run) {
  check_broker(options->broker);
  if (!options->topic.empty()) check_topic(options->topic, "--topic");
  run = [options] { return list_cursors(*options); };
}

CLI::App* add_one(CLI::App& cursors, const char* name, const char* about, const Options& options,
                  int (*work)(const CursorOptions&), std::function<int()>& run) {
  auto* command = cursors.add_subcommand(name, about);
  command->add_option("TOPIC", options->topic, "What it reads")->required();
  command->add_option("CURSOR", options->cursor, "Its name")->required();
  command->callback([options, work, &run] {
    check_broker(options->broker);
    check_topic(options->topic);
    check_cursor(options->cursor);
    run = [options, work] { return work(*options); };
  });
  command->footer(std::string("\n") + kExitCodes);
  return command;
}

}  // namespace

std::string time_behind(std::uint64_t ms) {
  struct Unit {
    std::uint64_t ms;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits{
      {{86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}, {1'000, " s"}}};
  for (const auto& unit : kUnits) {
    if (ms >= unit.ms) return std::to_string(ms / unit.ms) + unit.name;
  }
  return std::to_string(ms) + " ms";
}

std::string size_behind(std::uint64_t bytes) {
  constexpr std::array<const char*, 4> kUnits{" KiB", " MiB", " GiB", " TiB"};
  constexpr double kStep = 1024;
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / kStep;
  std::size_t unit = 0;
  for (; value >= kStep && unit + 1 < kUnits.size(); ++unit) value /= kStep;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f" : "%.0f", value);
  return std::string(text) + kUnits.at(unit);
}

void add_cursors(CLI::App& app, std::function<int()>& run) {
  auto* cursors = app.add_subcommand("cursors", "Where named readers are, and how far behind");
  cursors->require_subcommand(0, 1);
  cursors->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  const auto options = std::make_shared<CursorOptions>();
  declare_list(*cursors, options);
  cursors->callback([cursors, options, &run] {
    if (cursors->get_subcommands().empty()) run_list(options, run);
  });

  auto* list = cursors->add_subcommand("list", "List them; what cursors alone does too");
  declare_list(*list, options);
  list->callback([options, &run] { run_list(options, run); });
  list->footer(std::string("\n") + kExitCodes);

  auto* show = add_one(*cursors, "show", "Show one", options, show_cursor, run);
  show->add_flag("--json", options->json, "Print it as JSON");
  add_broker_options(*show, options->broker);

  auto* set = add_one(*cursors, "set", "Move one forward, or make it", options, set_cursor, run);
  set->add_option("--offset", options->offset,
                  "The last event it is to have: its offset, or the token of its position")
      ->type_name("POSITION")
      ->required()
      ->check(check_position);
  set->add_flag("--force", options->force, "Also backward, which needs the right to manage");
  set->add_flag("--json", options->json, "Print where it is then as JSON");
  add_broker_options(*set, options->broker);

  auto* remove = add_one(*cursors, "delete", "Forget one", options, delete_cursor, run);
  add_broker_options(*remove, options->broker);
}

void add_unread(CLI::App& app, std::function<int()>& run) {
  auto* command =
      app.add_subcommand("unread", "Count what is new since a position, or to a cursor");
  const auto options = std::make_shared<UnreadOptions>();
  command->add_option("TOPIC", options->topic, "Whose events")->required();
  auto* after = command
                    ->add_option("--after", options->after,
                                 "The token of a position, as Stream-Next-Offset has it")
                    ->type_name("TOKEN")
                    ->check(check_token);
  command->add_option("--cursor", options->cursor, "A named cursor")
      ->type_name("NAME")
      ->excludes(after);
  command->add_flag("--json", options->json, "Print what there is to know as JSON");
  add_broker_options(*command, options->broker);
  command->footer(std::string("\n") + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic(options->topic);
    if (options->after.empty() && options->cursor.empty()) {
      throw CLI::ValidationError("unread", "--after or --cursor says since when");
    }
    if (!options->cursor.empty()) check_cursor(options->cursor, "--cursor");
    run = [options] { return print_unread(*options); };
  });
}

}  // namespace tidemark::tools
