// One thing that can be configured: its name in a file, as a flag and in the environment.
// broker/config/: the table is made of these; files, flags, environment and help are derived.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/settings.hpp"

namespace tidemark::broker::config {

enum class Kind : std::uint8_t { text, path, address, flag, count, bytes, time, choice, texts };

/// A value as written, whatever it was written in: one text, or for Kind::texts any number.
using Texts = std::vector<std::string>;

struct Option {
  std::string key;  ///< as in the file, tables joined by dots: "max.connections"
  Kind kind = Kind::text;
  Texts standard;  ///< the default, as it would be written
  std::string help;
  bool reloadable = false;
  bool required = false;             ///< of an entry's fields: there is no default
  std::vector<std::string> choices;  ///< of Kind::choice
  /// Shown by name only: what stands there is nobody's business who may read a listing.
  bool hidden = false;
  /// Stores the value; what is wrong with it, or empty. Pre: one text unless Kind::texts.
  std::function<std::string(const Texts&, Settings&)> put;

  [[nodiscard]] std::string_view table() const;  ///< "max", or empty
  [[nodiscard]] std::string_view name() const;   ///< "connections"
  [[nodiscard]] std::string flag() const;        ///< "--max-connections"
  [[nodiscard]] std::string variable() const;    ///< "TIDEMARK_MAX_CONNECTIONS"
  [[nodiscard]] std::string shown() const;       ///< "[max] connections"
};

/// Any number of tables of one key, as [[topic-defaults]].
struct Section {
  std::string key;
  std::string help;
  bool reloadable = false;
  std::vector<Option>
      fields;          ///< their keys are "topic-defaults.pattern"; they fill the last entry
  std::string unique;  ///< the field no two entries have alike, or empty
  std::function<void(Settings&)> begin;  ///< adds an entry
  /// The field that stands after "PATTERN=" in one line, "*" for "field:value,…"; empty: entries
  /// stand in the file only.
  std::string line;

  [[nodiscard]] const Option* field(std::string_view name) const;
  [[nodiscard]] std::string flag() const;
  [[nodiscard]] std::string variable() const;
};

/// "max.connections" → "[max] connections"; "listen" → "listen".
[[nodiscard]] std::string shown_key(std::string_view key);
/// `text` in quotes, escaped; not at all if it looks like a key or a token somebody has put in the
/// wrong place.
[[nodiscard]] std::string in_quotes(std::string_view text);
/// As it would stand in a file: 12, "64MiB", ["a", "b"].
[[nodiscard]] std::string literal(Kind kind, const Texts& texts);

// ---- making them ----

/// Where a value of type T is kept.
template <class T>
using Place = std::function<T&(Settings&)>;

/// Least and greatest; told in the option's own unit.
struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

[[nodiscard]] Option text_option(std::string key, std::string standard, Place<std::string> place,
                                 std::string help);
[[nodiscard]] Option path_option(std::string key, Place<std::filesystem::path> place,
                                 std::string help);
[[nodiscard]] Option flag_option(std::string key, Place<bool> place, std::string help);
[[nodiscard]] Option texts_option(std::string key, Place<std::vector<std::string>> place,
                                  std::string help);
/// `put` gets one of `choices`, and the first is the default.
[[nodiscard]] Option choice_option(std::string key, std::vector<std::string> choices,
                                   std::function<void(const std::string&, Settings&)> put,
                                   std::string help);
[[nodiscard]] Option number_option(Kind kind, std::string key, std::string standard, Bounds bounds,
                                   std::function<void(std::uint64_t, Settings&)> put,
                                   std::string help);

template <class T>
Option count_option(std::string key, std::string standard, Bounds bounds, T& (*place)(Settings&),
                    std::string help) {
  return number_option(
      Kind::count, std::move(key), std::move(standard), bounds,
      [place](std::uint64_t n, Settings& s) { place(s) = static_cast<T>(n); }, std::move(help));
}
template <class T>
Option bytes_option(std::string key, std::string standard, Bounds bounds, T& (*place)(Settings&),
                    std::string help) {
  return number_option(
      Kind::bytes, std::move(key), std::move(standard), bounds,
      [place](std::uint64_t n, Settings& s) { place(s) = static_cast<T>(n); }, std::move(help));
}
/// Bounds in milliseconds. T: a duration; what is less than one of its units is refused.
template <class T>
Option time_option(std::string key, std::string standard, Bounds bounds, T& (*place)(Settings&),
                   std::string help) {
  return number_option(
      Kind::time, std::move(key), std::move(standard), bounds,
      [place](std::uint64_t ms, Settings& s) {
        place(s) = std::chrono::duration_cast<T>(std::chrono::milliseconds(ms));
      },
      std::move(help));
}

/// The same option with another check: `check` sees each text first.
[[nodiscard]] Option checked(Option option, std::function<std::string(const std::string&)> check);
/// The same, changeable by reading the configuration again.
[[nodiscard]] Option live(Option option);
/// The same, true unless something else is said.
[[nodiscard]] Option on(Option option);
[[nodiscard]] Option needed(Option option);
[[nodiscard]] Option unshown(Option option);

}  // namespace tidemark::broker::config
