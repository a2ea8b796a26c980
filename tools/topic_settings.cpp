// Options, and the body of a PUT.
// tools/: see topic_settings.hpp.
#include "tools/topic_settings.hpp"

#include <array>

#include <CLI/CLI.hpp>

#include "protocol/types.hpp"
#include "tools/json_values.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace json = boost::json;

namespace {

std::string check_age(const std::string& text) {
  return text == "0" || parse_duration_ms(text) ? "" : "not a time like 12h or 7d: " + text;
}

json::object retention_of(const json::object& topic) {
  const auto* kept = topic.if_contains("retention");
  return kept != nullptr && kept->is_object() ? kept->get_object() : json::object();
}

}  // namespace

bool SettingOptions::any() const {
  return !durability.empty() || !max_age.empty() || max_bytes || max_events || keep_latest;
}

void add_setting_options(CLI::App& command, SettingOptions& options) {
  command.add_option("--durability", options.durability, "synced or buffered")
      ->check(CLI::IsMember({"synced", "buffered"}));
  command
      .add_option("--max-age", options.max_age,
                  "Forget events older than this: 12h, 7d; 0 is no limit")
      ->check(check_age);
  command.add_option("--max-bytes", options.max_bytes, "Keep about so much; 0 is no limit")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--max-events", options.max_events, "Keep so many; 0 is no limit");
  // A function, since an optional that is bound would be false where the flag is not given.
  command.add_flag_function(
      "--keep-latest,!--no-keep-latest",
      [&options](std::int64_t count) { options.keep_latest = count > 0; },
      "Keep the newest event of every key; a topic can begin to while it is empty");
}

void check_topic_name(const std::string& topic) {
  const auto name = TopicName::parse(topic);
  if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
}

std::uint64_t max_age_ms(const SettingOptions& options) {
  return static_cast<std::uint64_t>(parse_duration_ms(options.max_age).value_or(0));
}

json::object merged_settings(const SettingOptions& options, const json::object& topic) {
  json::object out;
  if (!options.durability.empty()) out["durability"] = options.durability;
  if (options.keep_latest) out["keep_latest"] = *options.keep_latest;
  if (options.max_age.empty() && !options.max_bytes && !options.max_events) return out;
  const auto kept = retention_of(topic);
  out["retention"] = {{"max_events", options.max_events.value_or(number_of(kept, "max_events"))},
                      {"max_bytes", options.max_bytes.value_or(number_of(kept, "max_bytes"))},
                      {"max_age_ms", options.max_age.empty() ? number_of(kept, "max_age_ms")
                                                             : max_age_ms(options)}};
  return out;
}

std::string duration_text(std::uint64_t ms) {
  struct Unit {
    std::uint64_t ms;
    const char* name;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}}};
  std::string out;
  for (const auto& unit : kUnits) {
    if (ms < unit.ms) continue;
    out += std::to_string(ms / unit.ms) + unit.name;
    ms %= unit.ms;
  }
  return out.empty() ? "0" : out;
}

}  // namespace tidemark::tools
