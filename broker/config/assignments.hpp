// What was given, as written, and where: before anybody knows whether it is any good.
// broker/config/: files, environment and flags become these, and config makes settings of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/option.hpp"

namespace tidemark::broker::config {

/// Where a value was written. What comes later in this list wins.
struct Source {
  enum class Kind : std::uint8_t { standard, file, environment, flag };
  Kind kind = Kind::standard;
  std::string place;  ///< "tidemark.toml:12", "TIDEMARK_LISTEN", "--listen"; empty: the default
  std::uint32_t line = 0;  ///< of a file
  bool operator==(const Source&) const = default;
};

/// Something wrong. In one line: "tidemark.toml:12: [max] connections: \"many\" is no number".
struct Fault {
  Source source;
  std::string key;  ///< told if it was written in a file; empty: it is about the whole
  std::string text;
  [[nodiscard]] std::string line() const;
};
using Faults = std::vector<Fault>;

struct Given {
  Texts texts;
  Source source;
};

/// One table of a section.
struct GivenEntry {
  Source source;
  std::map<std::string, Given, std::less<>> fields;  ///< by Option::name
};

struct Assignments {
  std::map<std::string, Given, std::less<>> values;                     ///< by Option::key
  std::map<std::string, std::vector<GivenEntry>, std::less<>> entries;  ///< by Section::key

  /// Takes over what `higher` has; a list or a section as a whole.
  void overlay(Assignments higher);
  [[nodiscard]] const Given* find(std::string_view key) const;
  /// Where the value is from; the default if it was not given.
  [[nodiscard]] Source source_of(std::string_view key) const;
};

using Variables = std::vector<std::pair<std::string, std::string>>;

/// A configuration file, read whole. Faults: it cannot be read, is no TOML (only the first of
/// these), names what there is not, or has a table for a value or the other way about. Paths in it
/// are relative to the folder it is in.
[[nodiscard]] Assignments read_file(const std::string& path, Faults& faults);
/// The same of a text, told as if it stood in `path`.
[[nodiscard]] Assignments read_text(const std::string& text, const std::string& path,
                                    Faults& faults);

/// Variables that begin with TIDEMARK_ and name an option; others are not ours. Lists are separated
/// by commas, entries of sections stand on lines of their own.
[[nodiscard]] Assignments read_environment(const Variables& environment, Faults& faults);
/// Those that begin with TIDEMARK_ and almost name an option: a sentence for each.
[[nodiscard]] std::vector<std::string> doubtful_variables(const Variables& environment);

/// By key, as often as it was given.
using Flags = std::vector<std::pair<std::string, Texts>>;
[[nodiscard]] Assignments read_flags(const Flags& flags, Faults& faults);

}  // namespace tidemark::broker::config
