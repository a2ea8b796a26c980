// Segment by segment, from the left; `**` can only be last, so nothing is tried twice.
// broker/access/: see topic_pattern.hpp.
#include "broker/access/topic_pattern.hpp"

#include <algorithm>
#include <optional>

#include "broker/access/printable.hpp"

namespace tidemark::broker {
namespace {

/// Next segment of `rest`; takes it and its '/' off.
std::string_view next_segment(std::string_view& rest) {
  const auto end = rest.find('/');
  const auto segment = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return segment;
}

/// What is wrong with a segment; `last`: nothing follows it.
std::optional<std::string> segment_fault(std::string_view segment, bool last) {
  if (segment.empty()) return "has an empty segment";
  if (segment == "*") return std::nullopt;
  if (segment == "**") {
    if (last) return std::nullopt;
    return "has ** before its end; only the last segment may be **";
  }
  if (segment.find('*') != std::string_view::npos) {
    return "has a * beside other characters; * stands for one whole segment";
  }
  if (segment == "." || segment == "..") return "has a segment that no topic's name has";
  const bool literal = std::ranges::all_of(segment, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._~-").find(c) != std::string_view::npos;
  });
  if (!literal) return "has a character that is in no topic's name";
  return std::nullopt;
}

std::optional<std::string> pattern_fault(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > TopicPattern::max_bytes) {
    return "is longer than " + std::to_string(TopicPattern::max_bytes) + " bytes";
  }
  if (text.back() == '/') return "has an empty segment";
  auto rest = text;
  while (!rest.empty()) {
    const auto segment = next_segment(rest);
    if (auto fault = segment_fault(segment, rest.empty())) return fault;
  }
  return std::nullopt;
}

}  // namespace

std::variant<TopicPattern, PatternFault> TopicPattern::parse(std::string_view text) {
  if (const auto fault = pattern_fault(text)) return PatternFault{shown(text) + " " + *fault};
  return TopicPattern(std::string(text));
}

bool TopicPattern::matches(std::string_view name) const {
  std::string_view wanted = text_;
  while (!wanted.empty()) {
    const auto segment = next_segment(wanted);
    if (segment == "**") return true;
    if (name.empty()) return false;
    const auto given = next_segment(name);
    if (segment != "*" && segment != given) return false;
  }
  return name.empty();
}

std::variant<TopicPatterns, PatternFault> TopicPatterns::parse(
    const std::vector<std::string>& texts) {
  if (texts.size() > max_count) {
    return PatternFault{"more than " + std::to_string(max_count) + " patterns"};
  }
  TopicPatterns out;
  for (std::string_view text : texts) {
    const bool denies = text.starts_with('!');
    auto parsed = TopicPattern::parse(denies ? text.substr(1) : text);
    if (auto* fault = std::get_if<PatternFault>(&parsed)) return std::move(*fault);
    (denies ? out.denied_ : out.allowed_).push_back(std::get<TopicPattern>(std::move(parsed)));
  }
  return out;
}

TopicPatterns TopicPatterns::all() { return std::get<TopicPatterns>(parse({"**"})); }

bool TopicPatterns::contains(std::string_view name) const {
  const auto fits = [&](const TopicPattern& pattern) { return pattern.matches(name); };
  return std::ranges::any_of(allowed_, fits) && std::ranges::none_of(denied_, fits);
}

bool TopicPatterns::contains_all() const {
  return denied_.empty() && std::ranges::any_of(allowed_, &TopicPattern::fits_all);
}

}  // namespace tidemark::broker
