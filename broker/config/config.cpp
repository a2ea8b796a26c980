// The configuration as a whole: reading, resolving, comparing.
// broker/config/: see config.hpp.
#include "broker/config/config.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/config/option_table.hpp"

namespace tidemark::broker::config {
namespace {

void put_value(const Option& option, const Given& given, Settings& settings, Faults& faults) {
  if (option.kind != Kind::texts && given.texts.size() != 1) {
    faults.push_back({given.source, option.key, "is one value"});
  } else if (auto fault = option.put(given.texts, settings); !fault.empty()) {
    faults.push_back({given.source, option.key, std::move(fault)});
  }
}

void put_entry(const Section& section, const GivenEntry& entry, Settings& settings,
               Faults& faults) {
  section.begin(settings);
  for (const auto& field : section.fields) {
    const auto given = entry.fields.find(field.name());
    if (given != entry.fields.end()) {
      put_value(field, given->second, settings, faults);
    } else if (field.required) {
      faults.push_back({entry.source, section.key, std::string(field.name()) + " is missing"});
    }
  }
}

/// What stands in two entries although it names one.
void check_unique(const Section& section, const std::vector<GivenEntry>& entries, Faults& faults) {
  std::map<std::string, const Given*> seen;
  for (const auto& entry : entries) {
    const auto given = entry.fields.find(section.unique);
    if (given == entry.fields.end()) continue;
    const auto [first, is_new] = seen.emplace(given->second.texts.front(), &given->second);
    if (is_new) continue;
    const auto& before = first->second->source;
    faults.push_back({given->second.source, section.key + "." + section.unique,
                      in_quotes(first->first) + " stands there twice, first in " + before.place});
  }
}

void put_section(const Section& section, const Assignments& given, Settings& settings,
                 Faults& faults) {
  const auto entries = given.entries.find(section.key);
  if (entries == given.entries.end()) return;
  for (const auto& entry : entries->second) put_entry(section, entry, settings, faults);
  if (!section.unique.empty()) check_unique(section, entries->second, faults);
}

std::vector<Texts> texts_of(const Assignments& given, const Section& section) {
  std::vector<Texts> out;
  const auto entries = given.entries.find(section.key);
  if (entries == given.entries.end()) return out;
  for (const auto& entry : entries->second) {
    for (const auto& [name, value] : entry.fields) {
      out.push_back(value.texts);
      out.back().push_back(name);
    }
    out.emplace_back();  // where one ends
  }
  return out;
}

const Texts& texts_of(const Assignments& given, const Option& option) {
  const Given* const value = given.find(option.key);
  return value == nullptr ? option.standard : value->texts;
}

template <class Map>
void keep(const std::string& key, const Map& now, Map& next) {
  const auto was = now.find(key);
  if (was == now.end()) {
    next.erase(key);
  } else {
    next[key] = was->second;
  }
}

}  // namespace

Settings resolve(const Assignments& given, Faults& faults) {
  Settings settings;
  for (const auto& option : options()) {
    const Given* const value = given.find(option.key);
    put_value(option, value == nullptr ? Given{option.standard, {}} : *value, settings, faults);
  }
  for (const auto& section : sections()) put_section(section, given, settings, faults);
  check_rules(settings, given, faults);
  return settings;
}

Complaints told(Faults faults) {
  std::ranges::stable_sort(faults, {}, [](const Fault& fault) {
    return std::tuple(fault.source.kind, fault.source.line);
  });
  Complaints out;
  for (const auto& fault : faults) {
    auto line = fault.line();
    if (std::ranges::find(out, line) == out.end()) out.push_back(std::move(line));
  }
  return out;
}

std::variant<Config, Complaints> read_config(const Inputs& inputs) {
  Faults faults;
  Config config;
  if (!inputs.file.empty()) config.given = read_file(inputs.file, faults);
  config.given.overlay(read_environment(inputs.environment, faults));
  config.given.overlay(read_flags(inputs.flags, faults));
  config.settings = resolve(config.given, faults);
  if (!faults.empty()) return told(std::move(faults));
  return config;
}

std::variant<Change, Complaints> change(const Config& now, const Config& next) {
  Change out{.applied = {}, .waiting = {}, .config = next};
  const auto note = [&](const std::string& key, bool reloadable) {
    (reloadable ? out.applied : out.waiting).push_back(key);
    return reloadable;
  };
  for (const auto& option : options()) {
    if (texts_of(now.given, option) == texts_of(next.given, option)) continue;
    if (note(option.key, option.reloadable)) continue;
    keep(option.key, now.given.values, out.config.given.values);
  }
  for (const auto& section : sections()) {
    if (texts_of(now.given, section) == texts_of(next.given, section)) continue;
    if (note(section.key, section.reloadable)) continue;
    keep(section.key, now.given.entries, out.config.given.entries);
  }
  Faults faults;
  out.config.settings = resolve(out.config.given, faults);
  if (!faults.empty()) return told(std::move(faults));
  return out;
}

}  // namespace tidemark::broker::config
