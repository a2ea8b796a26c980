// Everything that can be configured: the whole table, and looking things up in it.
// broker/config/: see option_table.hpp; the parts are in table_*.cpp.
#include "broker/config/option_table.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace tidemark::broker::config {
namespace {

template <class T>
void take(std::vector<T>& all, std::vector<T> more) {
  all.insert(all.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
}

bool begins_with_table(std::string_view key, std::string_view table) {
  return key.size() > table.size() && key.starts_with(table) && key[table.size()] == '.';
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const auto& option : options()) keys.push_back(option.key);
  for (const auto& section : sections()) keys.push_back(section.key);
  return keys;
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> all = [] {
    std::vector<Option> out;
    take(out, network_options());
    take(out, store_options());
    take(out, limit_options());
    take(out, state_options());
    take(out, access_options());
    take(out, log_options());
    // What is in no table has to come before the first table, in a file.
    std::ranges::stable_partition(out, [](const Option& o) { return o.table().empty(); });
    return out;
  }();
  return all;
}

const std::vector<Section>& sections() {
  static const std::vector<Section> all = [] {
    auto out = topic_sections();
    take(out, state_sections());
    take(out, access_sections());
    return out;
  }();
  return all;
}

const Option* find_option(std::string_view key) {
  const auto found = std::ranges::find(options(), key, &Option::key);
  return found == options().end() ? nullptr : &*found;
}

const Section* find_section(std::string_view key) {
  const auto found = std::ranges::find(sections(), key, &Section::key);
  return found == sections().end() ? nullptr : &*found;
}

bool is_table(std::string_view key) {
  return std::ranges::any_of(all_keys(),
                             [&](const auto& known) { return begins_with_table(known, key); });
}

std::vector<std::string> names_in(std::string_view table) {
  std::set<std::string> names;
  for (const auto& key : all_keys()) {
    if (!table.empty() && !begins_with_table(key, table)) continue;
    const auto rest = table.empty() ? key : key.substr(table.size() + 1);
    names.insert(rest.substr(0, rest.find('.')));
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> names_of(const Section& section) {
  std::vector<std::string> names;
  for (const auto& field : section.fields) names.emplace_back(field.name());
  return names;
}

}  // namespace tidemark::broker::config
