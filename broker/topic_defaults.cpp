// Settings for topics that are created without any: name patterns and what they stand for.
// broker/: see topic_defaults.hpp.
#include "broker/topic_defaults.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace tidemark::broker {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurations{
    Unit{"ms", 1},        Unit{"s", 1'000},      Unit{"m", 60'000},
    Unit{"h", 3'600'000}, Unit{"d", 86'400'000}, Unit{"w", 7 * 86'400'000ULL},
};
constexpr std::array kSizes{
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"KiB", 1ULL << 10},
    Unit{"MiB", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
    Unit{"TiB", 1ULL << 40},
};

template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(std::string_view text,
                                            const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (number == 0 && unit.empty()) return 0;
  for (const auto& known : units) {
    if (known.name != unit) continue;
    if (number > kMaxInteger / known.factor) return std::nullopt;
    return number * known.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto ms = parse_quantity(text, kDurations);
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_quantity(text, kSizes);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse_quantity(text, std::array{Unit{"", 1}});
}

storage::DefaultSettings topic_defaults(std::vector<TopicRule> rules, storage::TopicSettings base) {
  return [rules = std::move(rules), base = std::move(base)](const TopicName& name) {
    for (const auto& rule : rules) {
      if (matches_topic(rule.pattern, name.str())) return rule.settings;
    }
    return base;
  };
}

LiveDefaults::LiveDefaults(storage::DefaultSettings defaults)
    : current_(std::make_shared<Current>()) {
  replace(std::move(defaults));
}

void LiveDefaults::replace(storage::DefaultSettings defaults) {
  auto next = std::make_shared<const storage::DefaultSettings>(std::move(defaults));
  const std::lock_guard lock(current_->mutex);
  current_->defaults = std::move(next);
}

storage::DefaultSettings LiveDefaults::follow() const {
  return [current = current_](const TopicName& name) {
    std::shared_ptr<const storage::DefaultSettings> defaults;
    {
      const std::lock_guard lock(current->mutex);
      defaults = current->defaults;
    }
    return (*defaults)(name);
  };
}

}  // namespace tidemark::broker
