// Rules that hold between fields.
// protocol/: see subscribe_rules.hpp.
#include "protocol/subscribe_rules.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "protocol/json_fields.hpp"

namespace tidemark {
namespace {

// Sorted, since ten thousand topics compared with each other would be a weapon.
std::optional<std::string_view> repeated_topic(const std::vector<TopicPosition>& positions) {
  std::vector<std::string_view> topics;
  topics.reserve(positions.size());
  for (const auto& p : positions) topics.push_back(p.topic);
  std::ranges::sort(topics);
  const auto twin = std::ranges::adjacent_find(topics);
  if (twin == topics.end()) return std::nullopt;
  return *twin;
}

std::optional<std::string> positions_fault(const Subscribe& message, const GivenFields& given) {
  if (!given.pattern) return "\"positions\" needs a \"pattern\"; with a topic it is \"after\"";
  if (given.start) {
    return "\"positions\" and \"after\", \"from\", \"last\" or \"time\" exclude each other";
  }
  if (const auto topic = repeated_topic(*message.positions)) {
    return "\"positions\" has " + in_quotes(*topic) + " twice";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> not_one_target(bool has_topic, bool has_pattern) {
  if (has_topic && has_pattern) return "\"topic\" and \"pattern\" exclude each other";
  if (!has_topic && !has_pattern) return "\"topic\" or \"pattern\" is missing";
  return std::nullopt;
}

std::optional<std::string> contradiction(const Subscribe& message, const GivenFields& given) {
  if (auto fault = not_one_target(given.topic, given.pattern)) return fault;
  if (message.state && given.start) {
    return "\"state\" and \"after\", \"from\", \"last\" or \"time\" exclude each other";
  }
  if (message.state_if_behind && !message.state_if_behind->events &&
      !message.state_if_behind->bytes) {
    return "\"state_if_behind\" needs \"events\" or \"bytes\"";
  }
  return message.positions ? positions_fault(message, given) : std::nullopt;
}

}  // namespace tidemark
