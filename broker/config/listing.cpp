// All values in force, as a file that could be read again.
// broker/config/: see listing() in config.hpp.
#include <algorithm>

#include "broker/config/config.hpp"
#include "broker/config/option_table.hpp"

namespace tidemark::broker::config {
namespace {

std::string origin_of(const Source& source) {
  return source.kind == Source::Kind::standard ? "default" : source.place;
}

void add_line(const Option& option, const Given& given, std::string& out) {
  if (option.hidden) {
    out += "# " + std::string(option.name()) + " is not shown";
  } else {
    out += std::string(option.name()) + " = " + literal(option.kind, given.texts);
  }
  out += "  # " + origin_of(given.source) + "\n";
}

void add_entry(const Section& section, const GivenEntry& entry, std::string& out) {
  out += "\n[[" + section.key + "]]  # " + origin_of(entry.source) + "\n";
  for (const auto& field : section.fields) {
    const auto given = entry.fields.find(field.name());
    if (given != entry.fields.end()) add_line(field, given->second, out);
  }
}

}  // namespace

std::string listing(const Assignments& given) {
  std::string out;
  std::string table;
  for (const auto& option : options()) {
    if (option.table() != table) {
      table = option.table();
      out += "\n[" + table + "]\n";
    }
    const Given* const value = given.find(option.key);
    add_line(option, value == nullptr ? Given{option.standard, {}} : *value, out);
  }
  for (const auto& section : sections()) {
    const auto entries = given.entries.find(section.key);
    if (entries == given.entries.end()) continue;
    for (const auto& entry : entries->second) add_entry(section, entry, out);
  }
  return out;
}

}  // namespace tidemark::broker::config
