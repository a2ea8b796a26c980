// Names of fields, and reading a list of them.
// tools/inspect/: see event_fields.hpp.
#include "tools/inspect/event_fields.hpp"

#include <algorithm>
#include <array>

#include "protocol/suggestion.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

constexpr std::array<std::string_view, 8> kNames{"offset", "time",    "epoch", "topic",
                                                 "key",    "headers", "size",  "data"};

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const auto comma = text.find(',');
    out.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string_view name_of(EventField field) { return kNames.at(static_cast<std::size_t>(field)); }

std::vector<EventField> parse_fields(std::string_view text, std::string& fault) {
  std::vector<EventField> out;
  for (const auto word : split(text)) {
    const auto* const found = std::ranges::find(kNames, word);
    if (found == kNames.end()) {
      const std::vector<std::string> names(kNames.begin(), kNames.end());
      fault = "there is no field " + printable(word) + did_you_mean(word, names);
      return {};
    }
    const auto field = static_cast<EventField>(found - kNames.begin());
    if (std::ranges::find(out, field) != out.end()) {
      fault = "the field " + std::string(word) + " is there twice";
      return {};
    }
    out.push_back(field);
  }
  return out;
}

std::vector<EventField> table_fields() {
  return {EventField::offset, EventField::time, EventField::key, EventField::data};
}

std::vector<EventField> json_fields() {
  return {EventField::epoch, EventField::topic,   EventField::offset, EventField::time,
          EventField::key,   EventField::headers, EventField::data};
}

}  // namespace tidemark::tools
