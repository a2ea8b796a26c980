// Validation by Boost.JSON's parser without a tree; slices by looking for brackets and quotes.
// protocol/: see json_slices.hpp.
#include "protocol/json_slices.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>

#include "protocol/eight_bytes.hpp"

namespace tidemark {
namespace {

using boost::json::error_code;
using boost::json::string_view;

// Takes every value and keeps none; only numbers no double can hold are refused.
struct Checker {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open(); }
  bool on_object_end(std::size_t, error_code&) { return close(); }
  bool on_array_begin(error_code&) { return open(); }
  bool on_array_end(std::size_t, error_code&) { return close(); }
  bool on_key_part(string_view, std::size_t, error_code&) { return true; }
  bool on_key(string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double value, string_view, error_code& ec) {
    if (std::isfinite(value)) return true;
    ec = boost::json::error::exponent_overflow;
    return false;
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

  bool open() {
    deepest = std::max(deepest, ++depth);
    return true;
  }
  bool close() {
    --depth;
    return true;
  }

  std::size_t depth = 0;
  std::size_t deepest = 0;
};

// Past the JSON string that begins at `at`. Eight bytes at a time: most strings are names of up to
// eight bytes, and a loop over their bytes mispredicts its end nearly every time.
const char* past_string(const char* at, const char* end) {
  ++at;
  while (end - at >= 8) {
    const auto eight = eight_bytes::load(at);
    const auto found = eight_bytes::equal(eight, '"') | eight_bytes::equal(eight, '\\');
    if (found == 0) {
      at += 8;
      continue;
    }
    at += eight_bytes::first(found);
    if (*at == '"') return at + 1;
    at += 2;
  }
  for (; *at != '"'; ++at) {
    if (*at == '\\') ++at;
  }
  return at + 1;
}

const char* past_container(const char* at, const char* end) {
  for (std::size_t depth = 0;;) {
    switch (*at) {
      case '"':
        at = past_string(at, end);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (--depth == 0) return at + 1;
        break;
      default:
        break;
    }
    ++at;
  }
}

const char* past_scalar(const char* at, const char* end) {
  constexpr std::string_view kEnds = ",]} \t\n\r";
  while (at != end && kEnds.find(*at) == std::string_view::npos) ++at;
  return at;
}

const char* past_value(const char* at, const char* end) {
  switch (*at) {
    case '"':
      return past_string(at, end);
    case '{':
    case '[':
      return past_container(at, end);
    default:
      return past_scalar(at, end);
  }
}

std::uint32_t hex4(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + 4, value, 16);
  return value;
}

void append_utf8(std::uint32_t c, std::string& out) {
  const auto tail = [&](int shift) {
    out.push_back(static_cast<char>(0x80U | (c >> shift & 0x3fU)));
  };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0U | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0U | c >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0U | c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// Appends what the escape at the start of `text` means; returns its length.
std::size_t append_escape(std::string_view text, std::string& out) {
  switch (text[1]) {
    case 'b':
      out.push_back('\b');
      return 2;
    case 'f':
      out.push_back('\f');
      return 2;
    case 'n':
      out.push_back('\n');
      return 2;
    case 'r':
      out.push_back('\r');
      return 2;
    case 't':
      out.push_back('\t');
      return 2;
    case 'u':
      break;
    default:
      out.push_back(text[1]);
      return 2;
  }
  const std::uint32_t unit = hex4(text.substr(2));
  if (unit < 0xd800 || unit > 0xdfff) {
    append_utf8(unit, out);
    return 6;
  }
  const std::uint32_t low = hex4(text.substr(8));
  append_utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
  return 12;
}

}  // namespace

JsonCheck check_json(std::string_view text, std::size_t max_depth) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<Checker> parser(options);
  error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && read < text.size()) ec = boost::json::error::extra_data;
  if (!ec) return {std::nullopt, parser.handler().deepest};
  return {"not valid JSON at byte " + std::to_string(read) + ": " + ec.message(), 0};
}

std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    if (*at == '"') {
      at = past_string(at, end);
      continue;
    }
    if (*at == '{' || *at == '[') deepest = std::max(deepest, ++depth);
    if (*at == '}' || *at == ']') --depth;
    ++at;
  }
  return deepest;
}

void append_unquoted(std::string_view quoted, std::string& out) {
  auto text = quoted.substr(1, quoted.size() - 2);
  for (;;) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    text.remove_prefix(append_escape(text, out));
  }
}

std::string_view JsonCursor::take() {
  const char* const from = at_;
  at_ = past_value(at_, end_);
  return {from, at_};
}

std::optional<std::string_view> JsonCursor::next_member() {
  if (!next('}')) return std::nullopt;
  const char* const from = at_;
  at_ = past_string(at_, end_);
  const std::string_view key(from, at_);
  skip_space();
  ++at_;  // the colon
  skip_space();
  return key;
}

bool JsonCursor::next(char close) {
  skip_space();
  const char c = *at_;
  if (c == ',' || c == close) ++at_;
  skip_space();
  return c != close;
}

}  // namespace tidemark
