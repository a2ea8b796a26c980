// Forgets a topic's oldest events, or shows which would go.
// tools/: see topic_changes.hpp.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "tools/broker_http.hpp"
#include "tools/exit_code.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"
#include "tools/topic_changes.hpp"
#include "tools/topic_loss.hpp"
#include "tools/topic_settings.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
Readers who have not read what is forgotten are told which events they miss. Offsets are never
given again: the topic goes on where it was. --dry-run says exactly which events would go and whose
they are, and forgets nothing.

Examples:
  tidemark trim orders --before 1187 --dry-run
  tidemark trim orders --before 2026-11-01T00:00:00Z --yes
  tidemark trim orders --older-than 30d --yes
  tidemark trim orders --keep-last 1000 --yes)";

struct TrimOptions {
  BrokerChoice broker;
  std::string topic;
  std::string before;
  std::string older_than;
  std::optional<std::uint64_t> keep_last;
  bool sure = false;
  bool dry_run = false;
  bool json = false;
};

Timestamp now() {
  using std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kOk : kFailed; }

// ---- which ----

/// The first event to keep; not before the first there is, nor behind the end.
Failure find_keep(const TrimOptions& options, TopicLook& look, Offset& keep) {
  const auto end = look.head().next();
  keep = {1};
  if (options.keep_last) {
    keep = {end.value - std::min(*options.keep_last, end.value - 1)};
  } else {
    const bool age = !options.older_than.empty();
    const auto place = parse_place(options.before, now());
    std::optional<Timestamp> time;
    if (age) time = parse_time(options.older_than, now());
    if (!age && place) time = place->time;
    if (time) {
      if (auto failure = look.source->offset_at(look.name(), *time, keep)) return failure;
    } else if (place && place->offset) {
      keep = *place->offset;
    }
  }
  keep = std::clamp(keep, std::min(look.earliest(), end), end);
  return std::nullopt;
}

/// Nothing if the topic begins there already.
bool is_nothing(const TopicLook& look, Offset keep) { return keep <= look.earliest(); }

int say_nothing(const TrimOptions& options, const TopicLook& look) {
  const auto earliest = look.earliest();
  if (options.json) {
    return print(json::serialize(json::object{{"topic", options.topic},
                                              {"dry_run", options.dry_run},
                                              {"earliest", earliest.value},
                                              {"dropped", 0}}) +
                 "\n");
  }
  note(look.head() < earliest ? options.topic + " holds no events"
                              : "nothing to forget: " + options.topic + " begins with event " +
                                    std::to_string(earliest.value) + " already");
  return kOk;
}

// ---- doing it ----

int show_loss(const TrimOptions& options, TopicLook& look, Offset keep) {
  TopicLoss loss;
  if (const auto failure = find_trim_loss(look, keep, loss)) return report(*failure);
  if (options.json) return print(json::serialize(loss_object(loss)) + "\n");
  const auto code = print(loss_text(loss));
  note("nothing has been forgotten");
  return code;
}

int forget(const TrimOptions& options, const TopicLook& look, Offset keep) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "POST", "/v1/topics/" + options.topic + "/trim",
                                  json::serialize(json::object{{"keep", keep.value}}), answer);
  if (failure) return report(*failure, options.broker, options.topic);
  // Retention may have been there in between: then some of these are its own.
  const auto earliest = number_of(answer.body, "earliest");
  const auto dropped = earliest - std::min(look.earliest().value, earliest);
  if (options.json) {
    answer.body["dropped"] = dropped;
    return print(json::serialize(answer.body) + "\n");
  }
  return print(options.topic + " has lost " + grouped(dropped) +
               (dropped == 1 ? " event" : " events") + " and begins with event " +
               std::to_string(earliest) + "\n");
}

int trim_topic(const TrimOptions& options) {
  if (!options.dry_run && !may_go_on(options.sure, "forgetting events")) return kUsage;
  TopicLook look;
  if (const auto failure = look_at(options.broker, options.topic, look)) return report(*failure);
  Offset keep;
  if (const auto failure = find_keep(options, look, keep)) return report(*failure);
  if (is_nothing(look, keep)) return say_nothing(options, look);
  if (options.dry_run) return show_loss(options, look, keep);
  if (!options.sure) {
    TopicLoss loss;
    if (const auto failure = find_trim_loss(look, keep, loss)) return report(*failure);
    std::cerr << loss_text(loss);
    if (!confirmed("Forget them?")) return kIncomplete;
  }
  return forget(options, look, keep);
}

std::string check_age(const std::string& text) {
  return parse_duration_ms(text) ? "" : "not a time like 12h or 7d: " + text;
}

void check_which(const TrimOptions& options) {
  const int given = (options.before.empty() ? 0 : 1) + (options.older_than.empty() ? 0 : 1) +
                    (options.keep_last ? 1 : 0);
  if (given != 1) {
    throw CLI::ValidationError(
        "trim", "one of --before, --older-than and --keep-last says what is to be forgotten");
  }
}

}  // namespace

void add_trim(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("trim", "Forget a topic's oldest events");
  const auto options = std::make_shared<TrimOptions>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  command
      ->add_option("--before", options->before,
                   "Forget what is before this event: its offset, or a time as tail --from has it")
      ->type_name("PLACE")
      ->check(check_place);
  command->add_option("--older-than", options->older_than, "Forget what is older: 12h, 7d")
      ->type_name("AGE")
      ->check(check_age);
  command->add_option("--keep-last", options->keep_last, "Forget all but so many")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{0}, kMaxInteger));
  command->add_flag("--yes", options->sure, "Do not ask");
  command->add_flag("--dry-run", options->dry_run, "Show what would go, and forget nothing");
  command->add_flag("--json", options->json, "Print what is gone, or would go, as JSON");
  add_broker_options(*command, options->broker);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic_name(options->topic);
    check_which(*options);
    run = [options] { return trim_topic(*options); };
  });
}

}  // namespace tidemark::tools
