// JSON text checked once, then read as slices of itself.
// protocol/: json_codec walks messages with it, types checks payloads with it. There is no tree, so
// values reach subscribers byte for byte as they were published and decoding hardly allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

struct JsonCheck {
  std::optional<std::string> fault;  ///< a sentence saying what is wrong and where; none if right
  std::size_t depth = 0;             ///< how many containers deep it goes
};

/// Checks that `text` is one JSON value: RFC 8259, UTF-8, at most `max_depth` containers deep,
/// numbers within IEEE double, surrogates in pairs. Keys may repeat.
[[nodiscard]] JsonCheck check_json(std::string_view text, std::size_t max_depth);

/// How many containers deep `text` goes. Pre: valid.
[[nodiscard]] std::size_t json_depth(std::string_view text);

/// Appends the content of a JSON string to `out`. Pre: `quoted` is a valid JSON string.
void append_unquoted(std::string_view quoted, std::string& out);

/// A place in valid JSON text. Every slice lives as long as the text.
/// Pre of everything: the text has passed json_fault, and the calls fit what is there.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view valid)
      : at_(valid.data()), end_(valid.data() + valid.size()) {
    skip_space();
  }

  /// First character of the value at hand: { [ " t f n - or a digit.
  [[nodiscard]] char peek() const { return *at_; }
  /// The value at hand; moves past it.
  std::string_view take();
  /// Moves into the object or array at hand.
  void enter() { ++at_; }
  /// Moves to the next member's value and gives its key, quoted and as it stands; past the object's
  /// end if there is none.
  std::optional<std::string_view> next_member();
  /// Moves to the next item; past the array's end and false if there is none.
  bool next_item() { return next(']'); }

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool next(char close);

  const char* at_;
  const char* end_;
};

}  // namespace tidemark
