// Deletes a topic, or shows what would go with it.
// tools/: see topic_changes.hpp.
#include <iostream>
#include <memory>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "tools/broker_http.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"
#include "tools/topic_changes.hpp"
#include "tools/topic_loss.hpp"
#include "tools/topic_settings.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
Whoever follows the topic is told that it is gone. A topic of the same name that comes later is
another one, with a history of its own. A topic with forks keeps the events they begin with until
they are gone too.

Examples:
  tidemark delete orders --dry-run
  tidemark delete orders --yes)";

struct DeleteOptions {
  BrokerChoice broker;
  std::string topic;
  bool sure = false;
  bool dry_run = false;
  bool json = false;
};

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kOk : kFailed; }

Failure find_loss(const DeleteOptions& options, TopicLoss& loss) {
  TopicLook look;
  if (auto failure = look_at(options.broker, options.topic, look)) return failure;
  return find_delete_loss(look, loss);
}

int show_loss(const DeleteOptions& options) {
  TopicLoss loss;
  if (const auto failure = find_loss(options, loss)) return report(*failure);
  if (options.json) return print(json::serialize(loss_object(loss)) + "\n");
  const auto code = print(loss_text(loss));
  note("nothing has been deleted");
  return code;
}

int delete_topic(const DeleteOptions& options) {
  if (options.dry_run) return show_loss(options);
  if (!may_go_on(options.sure, "deleting a topic")) return kUsage;
  if (!options.sure) {
    TopicLoss loss;
    if (const auto failure = find_loss(options, loss)) return report(*failure);
    std::cerr << loss_text(loss);
    if (!confirmed("Delete " + options.topic + " with all its events?")) return kIncomplete;
  }
  HttpAnswer answer;
  const auto failure =
      ask_broker(options.broker, "DELETE", "/v1/topics/" + options.topic, {}, answer);
  if (failure) return report(*failure, options.broker, options.topic);
  if (options.json) {
    return print(json::serialize(json::object{{"topic", options.topic}, {"deleted", true}}) + "\n");
  }
  return print(options.topic + " deleted\n");
}

}  // namespace

void add_delete(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("delete", "Delete a topic with all its events");
  const auto options = std::make_shared<DeleteOptions>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  command->add_flag("--yes", options->sure, "Do not ask");
  command->add_flag("--dry-run", options->dry_run, "Show what would go, and delete nothing");
  command->add_flag("--json", options->json, "Print what is gone, or would go, as JSON");
  add_broker_options(*command, options->broker);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic_name(options->topic);
    run = [options] { return delete_topic(*options); };
  });
}

}  // namespace tidemark::tools
