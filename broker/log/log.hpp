// What the broker says about itself: events with fields, a line each, on stderr.
// broker/log/: every room above storage speaks through this; spdlog is below.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace tidemark::broker::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error };

/// `automatic` is logfmt; where stderr is the journal each line begins with its priority, which
/// journald takes off.
enum class Format : std::uint8_t { automatic, logfmt, json };

/// One thing an event tells. Names are literals of lower case letters, digits and '_'. Nothing
/// secret and nothing of a payload may be a value; a client's text may, since it is escaped and
/// bounded when it is written. Lifetime: views; made for one call.
class Field {
 public:
  using Value =
      std::variant<std::string_view, std::int64_t, std::uint64_t, bool, std::chrono::microseconds>;

  Field(std::string_view name, std::string_view text) : name_(name), value_(text) {}
  Field(std::string_view name, const char* text) : Field(name, std::string_view(text)) {}
  Field(std::string_view name, const std::string& text) : Field(name, std::string_view(text)) {}
  /// Needs a template: whatever converts to bool would be taken for one.
  template <std::same_as<bool> Bool>
  Field(std::string_view name, Bool yes) : name_(name), value_(yes) {}
  template <std::integral Int>
  requires(!std::same_as<Int, bool>) Field(std::string_view name, Int number) : name_(name) {
    if constexpr (std::is_signed_v<Int>) {
      value_ = static_cast<std::int64_t>(number);
    } else {
      value_ = static_cast<std::uint64_t>(number);
    }
  }
  /// Written in milliseconds with three decimals, `_ms` added to the name.
  template <class Rep, class Period>
  Field(std::string_view name, std::chrono::duration<Rep, Period> time)
      : name_(name), value_(std::chrono::duration_cast<std::chrono::microseconds>(time)) {}

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  std::string_view name_;
  Value value_;
};

/// Writes a line, if the level is on. `name` is a literal, short and stable, as
/// "connection_refused". Floods: of a name at most kBurst lines are written a second, and then how
/// many were not, as `suppressed=1234`. Threads: any. Never throws; what cannot be written is lost.
void event(Level level, std::string_view name, std::initializer_list<Field> fields = {});

/// As event(), but never suppressed: for answers to what an operator has just asked for.
void report(Level level, std::string_view name, std::initializer_list<Field> fields = {});

/// Would event() write? For fields that cost something to make.
[[nodiscard]] bool enabled(Level level);

void set_level(Level level);
[[nodiscard]] Level level();
void set_format(Format format);

/// Tells of events that were suppressed up to about a second ago. Also done by whatever is logged
/// next; for when nothing is.
void flush_suppressed();

/// "trace", "debug", "info", "warn", "error".
[[nodiscard]] std::string_view name_of(Level level);
[[nodiscard]] std::optional<Level> level_named(std::string_view text);
/// "auto", "logfmt", "json".
[[nodiscard]] std::optional<Format> format_named(std::string_view text);

/// While it lives the lines come here and not to stderr. For tests; one at a time.
class Capture {
 public:
  /// The level is this until it ends.
  explicit Capture(Level level = Level::trace);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// What was written so far, without line ends. Threads: any.
  [[nodiscard]] std::vector<std::string> lines() const;
  /// All of them, each with its line end.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  Level level_before_;
};

}  // namespace tidemark::broker::log
