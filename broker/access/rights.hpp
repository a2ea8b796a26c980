// The three rights, and the topics each holds for.
// broker/access/: what an identity carries and tokens claim.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "broker/access/access_rules.hpp"
#include "broker/access/topic_pattern.hpp"

namespace tidemark::broker {

enum class Right : std::uint8_t { publish, subscribe, manage };

/// "publish", "subscribe", "manage".
[[nodiscard]] std::string_view name_of(Right right);

struct Rights {
  TopicPatterns publish;
  TopicPatterns subscribe;
  TopicPatterns manage;

  [[nodiscard]] const TopicPatterns& of(Right right) const;
  [[nodiscard]] bool empty() const {
    return publish.empty() && subscribe.empty() && manage.empty();
  }

  static Rights all();
  /// The fault's text names the right: `subscribe: "a//b" has an empty segment`.
  static std::variant<Rights, PatternFault> parse(const Grants& grants);
};

}  // namespace tidemark::broker
