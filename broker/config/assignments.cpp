// What was given, as written: in the environment and as flags.
// broker/config/: see assignments.hpp; files are read in config_file.cpp.
#include "broker/config/assignments.hpp"

#include <algorithm>
#include <optional>

#include "broker/config/option_table.hpp"
#include "protocol/suggestion.hpp"

namespace tidemark::broker::config {
namespace {

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(mark), text.size());
    auto piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (piece.starts_with(' ')) piece.remove_prefix(1);
    while (piece.ends_with(' ') || piece.ends_with('\r')) piece.remove_suffix(1);
    if (!piece.empty()) out.emplace_back(piece);
  }
  return out;
}

/// "field:value,field:value", as the flag's one line has them; '_' is as good as '-'.
void read_fields(const Section& section, const std::string& text, GivenEntry& entry,
                 Faults& faults) {
  for (const auto& piece : split(text, ',')) {
    const auto colon = piece.find(':');
    auto name = piece.substr(0, colon);
    std::ranges::replace(name, '_', '-');
    const Option* const field = section.field(name);
    if (field == nullptr || colon == std::string::npos) {
      faults.push_back({entry.source, section.key,
                        in_quotes(piece) + " is no field:value" +
                            (field == nullptr ? did_you_mean(name, names_of(section)) : "")});
    } else if (!entry.fields.emplace(name, Given{{piece.substr(colon + 1)}, entry.source}).second) {
      faults.push_back({entry.source, section.key, name + " stands there twice"});
    }
  }
}

/// "PATTERN=…", see Section::line; nullopt if it is not even that.
std::optional<GivenEntry> read_line(const Section& section, const std::string& line,
                                    const Source& source, Faults& faults) {
  const auto equals = line.find('=');
  if (equals == std::string::npos || equals == 0) {
    const auto form = section.line == "*" ? std::string("field:value,…") : "NUMBER";
    faults.push_back({source, section.key, in_quotes(line) + " is not PATTERN=" + form});
    return std::nullopt;
  }
  GivenEntry entry{.source = source, .fields = {}};
  entry.fields.emplace("pattern", Given{{line.substr(0, equals)}, source});
  const auto rest = line.substr(equals + 1);
  if (section.line == "*") {
    read_fields(section, rest, entry, faults);
  } else {
    entry.fields.emplace(section.line, Given{{rest}, source});
  }
  return entry;
}

void read_lines(const Section& section, const Texts& lines, const Source& source, Assignments& into,
                Faults& faults) {
  auto& entries = into.entries[section.key];
  for (const auto& line : lines) {
    if (auto entry = read_line(section, line, source, faults)) entries.push_back(std::move(*entry));
  }
}

}  // namespace

std::string Fault::line() const {
  std::string out = source.place;
  if (source.kind == Source::Kind::file && !key.empty()) out += ": " + shown_key(key);
  if (source.kind == Source::Kind::standard) out = shown_key(key);
  return out.empty() ? text : out + ": " + text;
}

void Assignments::overlay(Assignments higher) {
  for (auto& [key, given] : higher.values) values[key] = std::move(given);
  for (auto& [key, given] : higher.entries) entries[key] = std::move(given);
}

const Given* Assignments::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

Source Assignments::source_of(std::string_view key) const {
  const Given* const given = find(key);
  return given == nullptr ? Source{} : given->source;
}

Assignments read_environment(const Variables& environment, Faults& faults) {
  Assignments out;
  for (const auto& [name, value] : environment) {
    const Source source{Source::Kind::environment, name};
    const auto option = std::ranges::find(options(), name, &Option::variable);
    if (option != options().end()) {
      const bool list = option->kind == Kind::texts;
      out.values[option->key] = {list ? split(value, ',') : Texts{value}, source};
    }
    const auto section = std::ranges::find(sections(), name, &Section::variable);
    if (section != sections().end() && !section->line.empty()) {
      read_lines(*section, split(value, '\n'), source, out, faults);
    }
  }
  return out;
}

std::vector<std::string> doubtful_variables(const Variables& environment) {
  // Of the command lines; and what container managers set for a service of this name.
  static const std::vector<std::string> known{"TIDEMARK_CONFIG", "TIDEMARK_TOKEN",
                                              "TIDEMARK_SERVER", "TIDEMARK_TEST_ECHO",
                                              "TIDEMARK_PORT"};
  std::vector<std::string> names;
  for (const auto& option : options()) names.push_back(option.variable());
  for (const auto& section : sections()) {
    if (!section.line.empty()) names.push_back(section.variable());
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("TIDEMARK_") || std::ranges::find(known, name) != known.end()) continue;
    if (std::ranges::find(names, name) != names.end()) continue;
    // Letters that all of them have in common must not make them alike.
    const auto near = closest(name.substr(9), [&] {
      std::vector<std::string> ends;
      for (const auto& n : names) ends.push_back(n.substr(9));
      return ends;
    }());
    if (near) out.push_back(name + " is no option, did you mean TIDEMARK_" + *near + "?");
  }
  return out;
}

Assignments read_flags(const Flags& flags, Faults& faults) {
  Assignments out;
  for (const auto& [key, texts] : flags) {
    if (const Option* const option = find_option(key)) {
      out.values[key] = {texts, {Source::Kind::flag, option->flag()}};
    } else if (const Section* const section = find_section(key)) {
      read_lines(*section, texts, {Source::Kind::flag, section->flag()}, out, faults);
    }
  }
  return out;
}

}  // namespace tidemark::broker::config
