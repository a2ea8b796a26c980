// Topic names, patterns of both kinds and filters, against the words of their specification.
// tests/fuzz/: protocol/types, protocol/topic_pattern, broker/access/topic_pattern,
// protocol/event_match.
//
// An input is a pattern, a name and what follows, each up to a line feed.
#include <string>
#include <variant>
#include <vector>

#include "broker/access/topic_pattern.hpp"
#include "broker/event_filter.hpp"
#include "protocol/event_match.hpp"
#include "protocol/topic_pattern.hpp"
#include "protocol/types.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

std::vector<std::string> segments_of(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back().push_back(c);
    }
  }
  return out;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-/";
  if (text.size() > 255 || text.find_first_not_of(kAllowed) != std::string_view::npos) return false;
  for (const auto& segment : segments_of(text)) {
    if (segment.empty() || segment == "." || segment == "..") return false;
  }
  return true;
}

void check_name(std::string_view text) {
  const auto name = TopicName::parse(text);
  const bool reserved = segments_of(text).front() == "_tidemark";
  TIDEMARK_ENSURE(name.has_value() == (is_name(text) && !reserved), "a name is what is said of it");
  if (name) {
    TIDEMARK_ENSURE(name->str() == text, "a name is not changed");
    TIDEMARK_ENSURE(payload_of(text) <= Payload::bytes, "any text can be a content type");
  } else {
    TIDEMARK_ENSURE(name.errc() == Errc::invalid_topic || name.errc() == Errc::reserved_topic,
                    "a name is refused as such");
    TIDEMARK_ENSURE((name.errc() == Errc::reserved_topic) == (is_name(text) && reserved),
                    "only names of the broker's own are reserved");
  }
}

/// Fits(p, t): does what is left of the pattern fit what is left of the text? By all there is, from
/// the end: no cleverness, and so no mistakes of cleverness.
template <class List, class IsStar, class Fits>
bool fits_by_table(const List& pattern, const List& text, IsStar is_star, Fits fits) {
  std::vector<std::vector<char>> table(pattern.size() + 1, std::vector<char>(text.size() + 1, 0));
  table[pattern.size()][text.size()] = 1;
  for (std::size_t p = pattern.size(); p-- > 0;) {
    for (std::size_t t = text.size() + 1; t-- > 0;) {
      if (is_star(pattern[p])) {
        table[p][t] = table[p + 1][t] != 0 || (t < text.size() && table[p][t + 1] != 0) ? 1 : 0;
      } else {
        table[p][t] = t < text.size() && fits(pattern[p], text[t]) && table[p + 1][t + 1] != 0;
      }
    }
  }
  return table[0][0] != 0;
}

bool segment_fits(const std::string& pattern, const std::string& text) {
  return fits_by_table(
      pattern, text, [](char c) { return c == '*'; }, [](char a, char b) { return a == b; });
}

bool pattern_fits(std::string_view pattern, std::string_view name) {
  return fits_by_table(
      segments_of(pattern), segments_of(name), [](const auto& each) { return each == "**"; },
      segment_fits);
}

void check_patterns(std::string_view pattern, std::string_view name) {
  // What sessions and rules hand over: a pattern of topic characters and stars, and a name.
  std::string plain(pattern);
  for (auto& c : plain) c = c == '*' ? 'x' : c;
  const bool sane = !pattern.empty() && is_name(plain) && is_name(name);
  const bool fits = matches_topic(pattern, name);
  if (sane) TIDEMARK_ENSURE(fits == pattern_fits(pattern, name), "a pattern fits what it says");
  if (is_name(pattern) && is_name(name)) {
    TIDEMARK_ENSURE(fits == (pattern == name), "a name without stars fits itself alone");
  }
  const auto parsed = broker::TopicPattern::parse(pattern);
  if (const auto* const fault = std::get_if<broker::PatternFault>(&parsed)) {
    TIDEMARK_ENSURE(!fault->text.empty() && valid_utf8(fault->text), "a fault can be shown");
    return;
  }
  const auto& right = std::get<broker::TopicPattern>(parsed);
  TIDEMARK_ENSURE(right.str() == pattern && (sane || !is_name(name)), "a pattern of rights is one");
  if (is_name(name)) {
    TIDEMARK_ENSURE(right.matches(name) == pattern_fits(pattern, name),
                    "rights and subscriptions mean the same by a pattern");
  }
  if (right.fits_all()) TIDEMARK_ENSURE(right.matches(name), "** fits everything");
}

/// Allowed and denied in one list: a denied name is in no list, wherever the `!` stands.
void check_list(std::string_view pattern, std::string_view denied, std::string_view name) {
  const std::string no = "!" + std::string(denied);
  const auto both = broker::TopicPatterns::parse({std::string(pattern), no});
  const auto turned = broker::TopicPatterns::parse({no, std::string(pattern)});
  TIDEMARK_ENSURE(both.index() == turned.index(), "the order in a list makes no difference");
  const auto* const list = std::get_if<broker::TopicPatterns>(&both);
  if (list == nullptr || !is_name(name)) return;
  const bool in = list->contains(name);
  TIDEMARK_ENSURE(in == std::get<broker::TopicPatterns>(turned).contains(name),
                  "the order in a list makes no difference");
  if (pattern_fits(denied, name)) TIDEMARK_ENSURE(!in, "what is denied is denied");
}

bool key_passes(const std::vector<std::string>& keys, std::string_view key) {
  for (std::string_view each : keys) {
    const bool prefix = each.ends_with('*');
    if (prefix) each.remove_suffix(1);
    if (!key.empty() && (prefix ? key.starts_with(each) : key == each)) return true;
  }
  return keys.empty();
}

void check_filter(std::string_view first, std::string_view second, std::string_view value) {
  Filter filter;
  if (!first.empty()) filter.keys.emplace_back(first);
  if (!second.empty()) filter.keys.emplace_back(second);
  if (!broker::check_filter(filter)) return;
  const EventMatch match(filter);
  TIDEMARK_ENSURE(match.passes_all() == filter.empty(), "an empty filter lets all pass");
  for (const auto key : {first, second, value, std::string_view()}) {
    const EventView event{.offset = {1}, .time = {}, .key = key, .headers = {}, .data = {}};
    TIDEMARK_ENSURE(match.passes(event) == key_passes(filter.keys, key),
                    "a filter goes by its keys");
  }
  // The same by a header.
  Filter by_header;
  by_header.headers = {{.name = "h", .values = {std::string(first)}}};
  if (!broker::check_filter(by_header) || value.size() > limits::header_value_bytes) return;
  std::string packed;
  pack_header(packed, {.name = "h", .value = value});
  TIDEMARK_ENSURE(HeadersView::valid(packed), "what is packed is valid");
  const EventView event{
      .offset = {1}, .time = {}, .key = {}, .headers = HeadersView(packed), .data = {}};
  TIDEMARK_ENSURE(EventMatch(by_header).passes(event) == (first == value),
                  "a filter goes by a header's value");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): a program of its own
  auto rest = text_of(data, size);
  // Both are stopped at 255 bytes before they come here, and the table takes their product.
  const auto pattern = take_until(rest, '\n').substr(0, 300);
  const auto name = take_until(rest, '\n').substr(0, 300);
  check_name(pattern);
  check_name(name);
  check_patterns(pattern, name);
  check_list(pattern, rest.substr(0, 300), name);
  check_filter(pattern, rest, name);
  return 0;
}
