// Scalars, and the sentences of what is wrong.
// protocol/: see json_fields.hpp.
#include "protocol/json_fields.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

namespace tidemark {
namespace {

constexpr std::size_t kLongestQuote = 40;
constexpr std::size_t kTypingErrors = 2;

// Levenshtein's distance, row by row.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0U : 1U);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

}  // namespace

std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> known) {
  std::optional<std::string_view> best;
  if (name.size() > kLongestQuote) return best;
  std::size_t least = kTypingErrors + 1;
  for (const auto candidate : known) {
    const std::size_t d = distance(name, candidate);
    // A word changed wholly is no typing error.
    if (d < least && d < candidate.size()) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

std::string in_quotes(std::string_view text) {
  if (text.size() <= kLongestQuote) return '"' + std::string(text) + '"';
  std::size_t cut = kLongestQuote;
  while (cut > 0 && is_continuation(text[cut])) --cut;
  return '"' + std::string(text.substr(0, cut)) + "…\"";
}

void JsonReading::fail(Errc code, std::string text) {
  if (!fault_) fault_ = DecodeError{code, std::string(object_) + ": " + text, 0};
}

void JsonReading::must_be(std::string_view what) {
  fail(Errc::malformed_message, in_quotes(field_) + " must be " + std::string(what));
}

std::string JsonReading::text() {
  std::string out;
  if (!begins('"', "a string")) return out;
  const auto slice = cursor_.take();
  append_unquoted(slice, out);
  return out;
}

std::uint64_t JsonReading::integer(std::uint64_t most) {
  std::uint64_t value = 0;
  if (fault_) return value;
  const auto slice = cursor_.take();
  const auto* const end = slice.data() + slice.size();
  const auto [stop, error] = std::from_chars(slice.data(), end, value);
  if (error == std::errc{} && stop == end && value <= most) return value;
  must_be("an integer from 0 to " + std::to_string(most));
  return 0;
}

bool JsonReading::boolean() {
  if (fault_) return false;
  const auto slice = cursor_.take();
  if (slice != "true" && slice != "false") must_be("true or false");
  return slice == "true";
}

bool JsonReading::begins(char open, std::string_view what) {
  if (fault_) return false;
  if (cursor_.peek() != open) {
    must_be(what);
    return false;
  }
  if (open != '"') cursor_.enter();
  return true;
}

std::string_view JsonReading::plain_key(std::string_view key) {
  const auto inner = key.substr(1, key.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner;
  key_.clear();
  append_unquoted(key, key_);
  return key_;
}

void JsonReading::unknown_field(std::string_view key, std::span<const std::string_view> known) {
  if (unknown_ == Unknown::skip) {
    cursor_.take();
    return;
  }
  std::string text = "there is no field " + in_quotes(key);
  if (const auto meant = nearest(key, known)) text += "; did you mean " + in_quotes(*meant) + "?";
  fail(Errc::malformed_message, std::move(text));
}

void JsonReading::missing_field(std::string_view key) {
  fail(Errc::malformed_message, in_quotes(key) + " is missing");
}

void JsonReading::repeated_field(std::string_view key) {
  fail(Errc::malformed_message, in_quotes(key) + " is given twice");
}

}  // namespace tidemark
