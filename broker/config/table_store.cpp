// The table's part about the log: where it is, how durable, how long events are kept.
// broker/config/: see option_table.hpp; with the settings of topics by name.
#include "broker/config/option_table.hpp"
#include "storage/settings.hpp"

namespace tidemark::broker::config {
namespace {

using storage::Durability;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;
constexpr std::uint64_t kCentury = 100ULL * 366 * 86'400'000;

storage::TopicSettings& rule(Settings& s) { return s.topic_rules.back().settings; }

Durability durability_named(const std::string& text) {
  return text == "buffered" ? Durability::buffered : Durability::synced;
}

std::string check_content_type(const std::string& text) {
  return valid_content_type(text) ? "" : in_quotes(text) + " is no content type";
}

std::vector<Option> retention() {
  return {
      live(time_option(
          "retention.age", "0", {0, kCentury},
          +[](Settings & s) -> auto& { return s.topic_base.retention.max_age; },
          "Topics created from now on keep events this long, as in 7d; 0: for ever")),
      live(bytes_option(
          "retention.bytes", "0", {},
          +[](Settings & s) -> auto& { return s.topic_base.retention.max_bytes; },
          "Topics created from now on keep this much; 0: no limit")),
      live(count_option(
          "retention.events", "0", {},
          +[](Settings & s) -> auto& { return s.topic_base.retention.max_events; },
          "Topics created from now on keep this many events; 0: no limit")),
  };
}

Section topic_defaults_section() {
  Section out{
      .key = "topic-defaults",
      .help =
          "Other defaults for topics by name; the first pattern that fits wins. What "
          "an entry leaves out is as for all topics",
      .reloadable = true,
      .unique = "pattern",
      .begin =
          [](Settings& s) { s.topic_rules.push_back({.pattern = {}, .settings = s.topic_base}); },
      .line = "*"};
  out.fields = {
      checked(needed(text_option(
                  "topic-defaults.pattern", "logs/**",
                  [](Settings & s) -> auto& { return s.topic_rules.back().pattern; },
                  "* stands for characters of one segment, ** for any number of segments")),
              check_pattern),
      choice_option(
          "topic-defaults.durability", {"synced", "buffered"},
          [](const std::string& text, Settings& s) { rule(s).durability = durability_named(text); },
          "As durability"),
      time_option(
          "topic-defaults.max-age", "7d", {0, kCentury},
          +[](Settings & s) -> auto& { return rule(s).retention.max_age; }, "As [retention] age"),
      bytes_option(
          "topic-defaults.max-bytes", "1GiB", {},
          +[](Settings & s) -> auto& { return rule(s).retention.max_bytes; },
          "As [retention] bytes"),
      count_option(
          "topic-defaults.max-events", "0", {},
          +[](Settings & s) -> auto& { return rule(s).retention.max_events; },
          "As [retention] events"),
      flag_option(
          "topic-defaults.keep-latest", [](Settings & s) -> auto& { return rule(s).keep_latest; },
          "As keep-latest"),
      checked(text_option(
                  "topic-defaults.content-type", "application/json",
                  [](Settings & s) -> auto& { return rule(s).content_type; },
                  "Of topics created without one"),
              check_content_type),
  };
  return out;
}

Section topics_of_section() {
  Section out{.key = "max.topics-of",
              .help = "How many topics there may be whose names match a pattern",
              .reloadable = true,
              .unique = "pattern",
              .begin = [](Settings& s) { s.topics_of.emplace_back(); },
              .line = "topics"};
  out.fields = {
      checked(needed(text_option(
                  "max.topics-of.pattern", "users/**",
                  [](Settings & s) -> auto& { return s.topics_of.back().pattern; },
                  "As in [[topic-defaults]]")),
              check_pattern),
      needed(count_option(
          "max.topics-of.topics", "10000", {},
          +[](Settings & s) -> auto& { return s.topics_of.back().topics; }, "How many")),
  };
  return out;
}

}  // namespace

std::string check_pattern(const std::string& text) {
  const bool gap = text.empty() || text.starts_with('/') || text.ends_with('/') ||
                   text.find("//") != std::string::npos;
  return gap ? in_quotes(text) + " is no pattern such as logs/** or user-*/inbox" : "";
}

std::vector<Option> store_options() {
  std::vector<Option> out{
      path_option(
          "data", [](Settings & s) -> auto& { return s.data; },
          "Directory of the log; created if there is none. Has to be given"),
      path_option(
          "backups", [](Settings & s) -> auto& { return s.server.backups; },
          "Directory of backups; created with the first. Without it: backups, in that of the log"),
      live(choice_option(
          "durability", {"synced", "buffered"},
          [](const std::string& text, Settings& s) {
            s.topic_base.durability = durability_named(text);
          },
          "When an event is shown and acknowledged: synced (on disk) or buffered (with the "
          "operating system, on disk within flush-interval); of topics created from now on")),
      live(flag_option(
          "keep-latest", [](Settings & s) -> auto& { return s.topic_base.keep_latest; },
          "Topics created from now on keep the newest event of every key, whatever retention "
          "drops")),
      time_option(
          "flush-interval", "100ms", {1, 60'000},
          +[](Settings & s) -> auto& { return s.store.committer.flush_interval; },
          "Buffered events reach the disk within this time"),
      bytes_option(
          "ring-bytes", "256MiB", {kMiB, kTiB},
          +[](Settings & s) -> auto& { return s.store.committer.ring_total_bytes; },
          "Memory for the newest events of all topics"),
      bytes_option(
          "cache-bytes", "256MiB", {kMiB, kTiB},
          +[](Settings & s) -> auto& { return s.store.segment_cache_bytes; },
          "Memory for older events being read"),
  };
  for (auto& option : retention()) out.push_back(std::move(option));
  return out;
}

std::vector<Section> topic_sections() { return {topic_defaults_section(), topics_of_section()}; }

}  // namespace tidemark::broker::config
