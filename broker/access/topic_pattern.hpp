// Patterns of topic names that rights are given for, and lists of them.
// broker/access/: a matcher without surprises; the time to match is bounded by the lengths.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/types.hpp"

namespace tidemark::broker {

/// What is wrong with a pattern: one clause.
struct PatternFault {
  std::string text;
};

/// A topic's name in which a segment may be `*` (any one segment) and the last one `**` (any number
/// of segments, none too: `rooms/**` fits `rooms`, `rooms/a` and `rooms/a/b`, not `roomservice`).
/// Everything else is literal; within a segment no `*` is special, or allowed.
class TopicPattern {
 public:
  static constexpr std::size_t max_bytes = limits::topic_name_bytes;

  static std::variant<TopicPattern, PatternFault> parse(std::string_view text);

  [[nodiscard]] bool matches(std::string_view name) const;
  [[nodiscard]] const std::string& str() const { return text_; }
  /// Does it fit every name?
  [[nodiscard]] bool fits_all() const { return text_ == "**"; }

 private:
  explicit TopicPattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A list of patterns, some behind `!`. A name is in it if a pattern without `!` fits and none with
/// `!` does, wherever they stand in the list.
class TopicPatterns {
 public:
  static constexpr std::size_t max_count = 256;

  static std::variant<TopicPatterns, PatternFault> parse(const std::vector<std::string>& texts);
  /// The list of `**`.
  static TopicPatterns all();

  [[nodiscard]] bool contains(std::string_view name) const;
  /// Every name there can be: `**`, and nothing taken away.
  [[nodiscard]] bool contains_all() const;
  [[nodiscard]] bool empty() const { return allowed_.empty(); }
  [[nodiscard]] const std::vector<TopicPattern>& allowed() const { return allowed_; }
  [[nodiscard]] const std::vector<TopicPattern>& denied() const { return denied_; }

 private:
  std::vector<TopicPattern> allowed_;
  std::vector<TopicPattern> denied_;
};

}  // namespace tidemark::broker
