// Create, asked over HTTP.
// tools/: see topic_changes.hpp; the others are in topic_set, topic_trim and topic_delete.
#include "tools/topic_changes.hpp"

#include <memory>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "tools/broker_http.hpp"
#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"
#include "tools/topic_settings.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

struct CreateOptions {
  BrokerChoice broker;
  std::string topic;
  std::string content_type;
  SettingOptions settings;
  bool json = false;
};

int create_topic(const CreateOptions& options) {
  auto settings = merged_settings(options.settings, {});
  if (!options.content_type.empty()) settings["content_type"] = options.content_type;
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "PUT", "/v1/topics/" + options.topic,
                                  json::serialize(settings), answer);
  if (failure) return report(*failure);
  const bool created = answer.status == 201;
  const auto said = options.json ? json::serialize(answer.body)
                                 : options.topic + (created ? " created" : " changed");
  return write_all(STDOUT_FILENO, said + "\n") ? kOk : kFailed;
}

}  // namespace

void add_create(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("create", "Create a topic, or change its settings");
  const auto options = std::make_shared<CreateOptions>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  command->add_option("--content-type", options->content_type, "What its events are; never changes")
      ->type_name("TYPE");
  add_setting_options(*command, options->settings);
  command->add_flag("--json", options->json, "Print the topic as JSON");
  add_broker_options(*command, options->broker);
  command->footer(
      std::string("\nA topic there is already is changed: its limits of retention "
                  "become those given, all of them; tidemark set leaves the others.\n\n") +
      kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic_name(options->topic);
    run = [options] { return create_topic(*options); };
  });
}

}  // namespace tidemark::tools
