// Which topic names a pattern means.
// protocol/: see topic_pattern.hpp.
#include "protocol/topic_pattern.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace tidemark {
namespace {

/// Next piece of `rest` up to `mark`; takes both off.
std::string_view cut(std::string_view& rest, char mark) {
  const auto end = rest.find(mark);
  const auto piece = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return piece;
}

bool matches_segment(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one; it takes more if the rest fails
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string_view> segments(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) out.push_back(cut(text, '/'));
  return out;
}

}  // namespace

bool matches_topic(std::string_view pattern, std::string_view name) {
  // The same walk as within a segment, with whole segments for characters.
  const auto wanted = segments(pattern);
  const auto given = segments(name);
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;
  std::size_t taken = 0;
  while (t < given.size()) {
    if (p < wanted.size() && wanted[p] == "**") {
      star = p++;
      taken = t;
    } else if (p < wanted.size() && matches_segment(wanted[p], given[t])) {
      ++p;
      ++t;
    } else if (star) {
      p = *star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < wanted.size() && wanted[p] == "**") ++p;
  return p == wanted.size();
}

}  // namespace tidemark
