// Changes settings of a topic there is, or shows what would change and what that would cost.
// tools/: see topic_changes.hpp.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "tools/broker_http.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/topic_changes.hpp"
#include "tools/topic_loss.hpp"
#include "tools/topic_settings.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
What is not given stays as it is. Retention that keeps less is carried out within moments, and what
it drops is gone: --dry-run says what that would be. A topic can begin to keep the newest event of
every key only while it is empty; --no-keep-latest forgets those that are kept beside the log.

Examples:
  tidemark set orders --max-age 30d
  tidemark set orders --max-events 100000 --dry-run
  tidemark set logs/app --durability buffered --max-bytes 1GB)";

struct SetOptions {
  BrokerChoice broker;
  std::string topic;
  SettingOptions settings;
  bool dry_run = false;
  bool json = false;
};

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kOk : kFailed; }

json::object object_of(const json::object& object, const char* name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : json::object();
}

// ---- what changes ----

struct Change {
  const char* name;  ///< as JSON has it
  std::string shown;
  json::value before;
  json::value after;
  std::string before_text;
  std::string after_text;
};

std::string limit_text(const std::string& name, std::uint64_t limit) {
  if (limit == 0) return "no limit";
  if (name == "max_age_ms") return duration_text(limit);
  return name == "max_bytes" ? size_behind(limit) : grouped(limit);
}

void add_limits(const json::object& topic, const json::object& settings, std::vector<Change>& out) {
  if (!settings.contains("retention")) return;
  const auto before = object_of(topic, "retention");
  const auto after = object_of(settings, "retention");
  constexpr std::pair<const char*, const char*> kLimits[] = {
      {"max_age_ms", "max-age"}, {"max_bytes", "max-bytes"}, {"max_events", "max-events"}};
  for (const auto& [name, shown] : kLimits) {
    const auto was = number_of(before, name);
    const auto is = number_of(after, name);
    if (was == is) continue;
    out.push_back({name, shown, was, is, limit_text(name, was), limit_text(name, is)});
  }
}

std::vector<Change> changes_of(const json::object& topic, const json::object& settings) {
  std::vector<Change> out;
  if (settings.contains("durability")) {
    const auto was = text_of(topic, "durability");
    const auto is = text_of(settings, "durability");
    if (was != is) {
      out.push_back(
          {"durability", "durability", json::string(was), json::string(is), printable(was), is});
    }
  }
  add_limits(topic, settings, out);
  if (settings.contains("keep_latest")) {
    const bool was = flag_of(topic, "keep_latest");
    const bool is = flag_of(settings, "keep_latest");
    if (was != is) {
      out.push_back({"keep_latest", "keep-latest", was, is, was ? "yes" : "no", is ? "yes" : "no"});
    }
  }
  return out;
}

std::string text_of(const std::vector<Change>& changes) {
  std::string out;
  for (const auto& change : changes) {
    out +=
        "  " + pad(change.shown, 10) + "  " + change.before_text + " → " + change.after_text + "\n";
  }
  return out;
}

json::object object_of(const std::vector<Change>& changes) {
  json::object out;
  for (const auto& change : changes) {
    out[change.name] = json::object{{"before", change.before}, {"after", change.after}};
  }
  return out;
}

// ---- what it costs ----

/// The first of `from` to `end` that `test` holds for; `end` if it does for none. Pre: once true,
/// true to the end.
template <class Test>
Offset first_that(Offset from, Offset end, const Test& test) {
  while (from < end) {
    const Offset middle{from.value + (end.value - from.value) / 2};
    if (test(middle)) {
      end = middle;
    } else {
      from = middle.next();
    }
  }
  return from;
}

/// As retention has it (see trim_point): whole batches, and the one that the limit runs through
/// stays.
Offset keep_by_bytes(const TopicLook& look, std::uint64_t most) {
  const auto earliest = look.earliest();
  const auto end = look.head().next();
  if (earliest >= end) return earliest;
  const auto from = [&](Offset offset) { return look.bytes_from(offset); };
  const auto whole = from(earliest);
  if (!whole || *whole < most) return earliest;
  const auto within =
      first_that(earliest, end, [&](Offset offset) { return from(offset).value_or(0) < most; });
  if (within <= earliest) return earliest;
  const auto rest = from({within.value - 1}).value_or(0);
  return first_that(earliest, within,
                    [&](Offset offset) { return from(offset).value_or(0) <= rest; });
}

/// The first event that retention of these limits keeps, as far as it can be known from here.
Failure find_keep(TopicLook& look, const json::object& retention, Offset& keep) {
  const auto end = look.head().next();
  keep = look.earliest();
  if (keep >= end) return std::nullopt;
  if (const auto most = number_of(retention, "max_events");
      most > 0 && most < end.value - keep.value) {
    keep = {end.value - most};
  }
  if (const auto most = number_of(retention, "max_bytes"); most > 0) {
    keep = std::max(keep, keep_by_bytes(look, most));
  }
  if (const auto age = number_of(retention, "max_age_ms"); age > 0) {
    using std::chrono::system_clock;
    const auto since = system_clock::now().time_since_epoch();
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    const auto most = static_cast<std::int64_t>(std::min(age, kMaxInteger));
    Offset young;
    const Timestamp oldest{std::max<std::int64_t>(now - most, 0)};
    if (auto failure = look.source->offset_at(look.name(), oldest, young)) return failure;
    keep = std::max(keep, std::min(young, end));
  }
  return std::nullopt;
}

/// Nothing but what the new limits drop that those there are do not.
Failure find_loss(TopicLook& look, const json::object& settings, TopicLoss& loss) {
  if (!settings.contains("retention")) return std::nullopt;
  Offset keep;
  if (auto failure = find_keep(look, object_of(settings, "retention"), keep)) return failure;
  return find_trim_loss(look, keep, loss);
}

// ---- doing it ----

/// What the broker would say of it.
bool would_be_refused(const json::object& topic, const std::vector<Change>& changes) {
  const bool begins = std::ranges::any_of(changes, [](const Change& change) {
    return std::string_view(change.name) == "keep_latest" && change.after == json::value(true);
  });
  return begins && (number_of(topic, "head") > 0 || topic.contains("fork"));
}

int show_changes(const SetOptions& options, TopicLook& look, const json::object& settings,
                 const std::vector<Change>& changes) {
  if (would_be_refused(look.topic, changes)) {
    return report(HttpFailure{kRefused, std::string(info(Errc::needs_empty_topic).text), {}});
  }
  TopicLoss loss;
  if (const auto failure = find_loss(look, settings, loss)) return report(*failure);
  if (options.json) {
    json::object out{{"topic", options.topic}, {"dry_run", true}, {"changes", object_of(changes)}};
    if (!loss.events.empty()) out["loss"] = loss_object(loss);
    return print(json::serialize(out) + "\n");
  }
  auto text = printable(options.topic) + " would change:\n" + text_of(changes);
  if (!loss.events.empty()) text += "retention would then drop events:\n" + loss_text(loss);
  const bool forgets = std::ranges::any_of(changes, [](const Change& change) {
    return std::string_view(change.name) == "keep_latest" && change.after == json::value(false);
  });
  if (const auto keys = number_of(look.topic, "keys"); forgets && keys > 0) {
    text += "the newest events of " + grouped(keys) + " keys would be forgotten\n";
  }
  const auto code = print(text);
  note("nothing has been changed");
  return code;
}

int change(const SetOptions& options, const json::object& settings,
           const std::vector<Change>& changes) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "PUT", "/v1/topics/" + options.topic,
                                  json::serialize(settings), answer);
  if (failure) return report(*failure);
  if (answer.status == 201) {
    warn(options.topic + " was deleted meanwhile, and has been made anew with these settings");
  }
  if (options.json) return print(json::serialize(answer.body) + "\n");
  return print(printable(options.topic) + " changed\n" + text_of(changes));
}

int set_topic(const SetOptions& options) {
  TopicLook look;
  if (const auto failure = look_at(options.broker, options.topic, look)) return report(*failure);
  const auto settings = merged_settings(options.settings, look.topic);
  const auto changes = changes_of(look.topic, settings);
  if (changes.empty()) {
    if (!options.json) note(options.topic + " has these settings already");
    if (!options.json) return kOk;
    return print(json::serialize(options.dry_run ? json::object{{"topic", options.topic},
                                                                {"dry_run", true},
                                                                {"changes", json::object()}}
                                                 : look.topic) +
                 "\n");
  }
  if (options.dry_run) return show_changes(options, look, settings, changes);
  return change(options, settings, changes);
}

}  // namespace

void add_set(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("set", "Change settings of a topic there is");
  const auto options = std::make_shared<SetOptions>();
  command->add_option("TOPIC", options->topic, "Its name")->required();
  add_setting_options(*command, options->settings);
  command->add_flag("--dry-run", options->dry_run,
                    "Show what would change and what retention would drop, and change nothing");
  command->add_flag("--json", options->json, "Print the topic, or what would change, as JSON");
  add_broker_options(*command, options->broker);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_broker(options->broker);
    check_topic_name(options->topic);
    if (!options->settings.any()) {
      throw CLI::ValidationError("set", "no setting is given; --help names them");
    }
    run = [options] { return set_topic(*options); };
  });
}

}  // namespace tidemark::tools
