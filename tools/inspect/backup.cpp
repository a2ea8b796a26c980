// A running broker is asked for a backup, over HTTP; the copy is on its machine.
// tools/inspect/: see backup.hpp.
#include "tools/inspect/backup.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "tools/broker_http.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"
#include "tools/times.hpp"
#include "tools/topic_loss.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
A backup is a copy of the whole log as it is at one moment, made while the broker goes on. It is a
directory on the broker's machine, below what its option backups says; copy it elsewhere. Files that
have not changed share their space with the log until the log lets go of them. It is restored by
tidemark restore, or by starting tidemarkd on a copy of it: every topic then opens a new epoch, so
that clients who have seen more are told. Of a broker that does not run a plain copy of its data
directory will do: see restore --plain-copy.

Examples:
  tidemark backup create
  tidemark backup create before-upgrade
  tidemark backup list --json | jq -r '.backups[].path'
  tidemark backup delete before-upgrade --yes)";

/// A large log is copied at the speed of its disk if it can't be linked.
constexpr std::chrono::seconds kPatience = std::chrono::hours(4);
constexpr std::size_t kMostName = 64;

struct BackupOptions {
  BrokerChoice broker;
  std::string name;
  bool sure = false;
  bool json = false;
};

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kOk : kFailed; }

std::string moment_of(const json::object& backup) {
  const auto text = text_of(backup, "created");
  const auto time = parse_time(text, {});
  return time ? local_time(*time) : printable(text);
}

// ---- create ----

std::string said_of(const json::object& backup) {
  const auto topics = number_of(backup, "topics");
  const auto path = printable(text_of(backup, "path"));
  return printable(text_of(backup, "name")) + ": " + size_behind(number_of(backup, "bytes")) +
         " of " + grouped(topics) + (topics == 1 ? " topic in " : " topics in ") + path + "\n";
}

int create_backup(const BackupOptions& options) {
  json::object body;
  if (!options.name.empty()) body["name"] = options.name;
  if (is_terminal(STDERR_FILENO)) note("the broker makes a backup, and goes on serving meanwhile");
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker,
                                  HttpAsk{.method = "POST",
                                          .target = "/v1/backups",
                                          .body = json::serialize(body),
                                          .fields = {},
                                          .patience = kPatience},
                                  answer);
  if (failure) return report(*failure);
  if (options.json) return print(json::serialize(answer.body) + "\n");
  return print(said_of(answer.body));
}

// ---- list ----

int list_backups(const BackupOptions& options) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "GET", "/v1/backups", {}, answer);
  if (failure) return report(*failure);
  if (options.json) return print(json::serialize(answer.body) + "\n");
  const auto* backups = answer.body.if_contains("backups");
  if (backups == nullptr || !backups->is_array()) {
    complain("the answer holds no backups; is this a Tidemark broker?");
    return kFailed;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& value : backups->get_array()) {
    if (!value.is_object()) continue;
    const auto& backup = value.get_object();
    rows.push_back({printable(text_of(backup, "name")), moment_of(backup),
                    grouped(number_of(backup, "topics")), size_behind(number_of(backup, "bytes")),
                    printable(text_of(backup, "path"))});
  }
  if (rows.empty()) {
    note("there are no backups; this makes one: tidemark backup create");
    return kOk;
  }
  const std::vector<TextColumn> columns{
      {"NAME"}, {"CREATED"}, {"TOPICS", true}, {"SIZE", true}, {"PATH"}};
  return print(text_table(STDOUT_FILENO, columns, rows));
}

// ---- delete ----

int delete_backup(const BackupOptions& options) {
  if (!options.sure) {
    if (!is_terminal(STDIN_FILENO)) {
      complain("deleting a backup cannot be undone; --yes says that you mean it");
      return kUsage;
    }
    if (!confirmed("Delete the backup " + options.name + "?")) return kIncomplete;
  }
  HttpAnswer answer;
  const auto target = "/v1/backups?name=" + percent_encoded(options.name);
  const auto failure = ask_broker(options.broker, "DELETE", target, {}, answer);
  return failure ? report(*failure) : print(options.name + " deleted\n");
}

// ---- the command line ----

std::string check_name(const std::string& name) {
  constexpr std::string_view kAlso = "._-";
  const bool good = std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kAlso.find(c) != std::string_view::npos;
  });
  if (good && !name.empty() && name.size() <= kMostName && name.front() != '.') return "";
  return "a backup's name is 1 to 64 letters, digits and . _ -, and does not begin with a dot: " +
         printable(name);
}

using Options = std::shared_ptr<BackupOptions>;
using Work = int (*)(const BackupOptions&);

void finish(CLI::App& command, const Options& options, Work work, std::function<int()>& run) {
  add_broker_options(command, options->broker);
  command.footer(std::string("\n") + kExitCodes);
  command.callback([options, work, &run] {
    check_broker(options->broker);
    run = [options, work] { return work(*options); };
  });
}

}  // namespace

void add_backup(CLI::App& app, std::function<int()>& run) {
  auto* backup = app.add_subcommand("backup", "Copy the log of a running broker");
  backup->require_subcommand(1);
  backup->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  const auto options = std::make_shared<BackupOptions>();

  auto* create =
      backup->add_subcommand("create", "Make one; interrupted, the broker still finishes it");
  create->add_option("NAME", options->name, "What it is called; without one, the time now")
      ->check(check_name);
  create->add_flag("--json", options->json, "Print what there is to know of it as JSON");
  finish(*create, options, create_backup, run);

  auto* list = backup->add_subcommand("list", "List those there are");
  list->add_flag("--json", options->json, "Print them as JSON");
  finish(*list, options, list_backups, run);

  auto* remove = backup->add_subcommand("delete", "Delete one");
  remove->add_option("NAME", options->name, "What it is called")->required()->check(check_name);
  remove->add_flag("--yes", options->sure, "Do not ask");
  finish(*remove, options, delete_backup, run);
}

}  // namespace tidemark::tools
