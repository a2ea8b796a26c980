// A topic's settings as options of a command line, and as people read them.
// tools/: for the subcommands create and set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// What is not given stays as it is.
struct SettingOptions {
  std::string durability;
  std::string max_age;
  std::optional<std::uint64_t> max_bytes;
  std::optional<std::uint64_t> max_events;
  std::optional<bool> keep_latest;

  [[nodiscard]] bool any() const;
};

void add_setting_options(CLI::App& command, SettingOptions& options);
/// For a subcommand's callback: throws CLI::ValidationError if it is no topic's name.
void check_topic_name(const std::string& topic);

/// Milliseconds of a --max-age; 0: it is not given, or "0".
[[nodiscard]] std::uint64_t max_age_ms(const SettingOptions& options);

/// The body that PUT takes for these settings of a topic that is described by `topic`. Retention is
/// replaced as a whole there, so what is not given is taken from what the topic has.
[[nodiscard]] boost::json::object merged_settings(const SettingOptions& options,
                                                  const boost::json::object& topic);

/// "7d", "1h30m", "250ms": what parse_duration_ms reads.
[[nodiscard]] std::string duration_text(std::uint64_t ms);

}  // namespace tidemark::tools
