// Settings for topics that are created without any: name patterns and what they stand for.
// broker/: configuration for storage::DefaultSettings, and how its quantities are written.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/topic_pattern.hpp"
#include "storage/committer.hpp"

namespace tidemark::broker {

using tidemark::matches_topic;

struct TopicRule {
  std::string pattern;
  storage::TopicSettings settings;
};

/// "7d", "12h", "30m", "45s", "250ms"; "0" is no limit. nullopt: none of these, or too large.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "1GiB", "64MiB", "16KiB", "1GB", "500MB", "10kB", "4096". nullopt: none of these, or too large.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// Digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

/// The first rule that fits, else `base`.
[[nodiscard]] storage::DefaultSettings topic_defaults(std::vector<TopicRule> rules,
                                                      storage::TopicSettings base);

/// Defaults that may be replaced while they are in use. Threads: any.
class LiveDefaults {
 public:
  explicit LiveDefaults(storage::DefaultSettings defaults);
  void replace(storage::DefaultSettings defaults);
  /// For the committer's options: whatever the defaults are when it is called. May outlive this.
  [[nodiscard]] storage::DefaultSettings follow() const;

 private:
  struct Current {
    std::mutex mutex;
    std::shared_ptr<const storage::DefaultSettings> defaults;
  };
  std::shared_ptr<Current> current_;
};

}  // namespace tidemark::broker
