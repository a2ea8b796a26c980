// Settings for topics that are created without any: name patterns and what they stand for.
// broker/: configuration for storage::DefaultSettings; the daemon's command line is written in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/committer.hpp"

namespace tidemark::broker {

/// Does a topic's name fit a pattern? `*` stands for any characters of one segment, a segment `**`
/// for any number of segments, also none. Time: the product of the lengths at most.
[[nodiscard]] bool matches_topic(std::string_view pattern, std::string_view name);

struct TopicRule {
  std::string pattern;
  storage::TopicSettings settings;
};

/// A sentence saying what is wrong.
struct SettingsFault {
  std::string text;
};

/// Reads "pattern=key:value,key:value"; what it doesn't name is as in `base`. Keys: durability
/// (synced, buffered), max_age (as parse_duration), max_bytes (as parse_bytes), max_events,
/// content_type.
[[nodiscard]] std::variant<TopicRule, SettingsFault> parse_topic_rule(
    std::string_view text, const storage::TopicSettings& base);

/// "7d", "12h", "30m", "45s", "250ms"; "0" is no limit. nullopt: none of these, or too large.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "1GiB", "64MiB", "16KiB", "1GB", "500MB", "10kB", "4096". nullopt: none of these, or too large.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// Digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

/// The first rule that fits, else `base`.
[[nodiscard]] storage::DefaultSettings topic_defaults(std::vector<TopicRule> rules,
                                                      storage::TopicSettings base);

}  // namespace tidemark::broker
