// The query of a route: parameters it knows, each once at most.
// broker/: see query.hpp.
#include "broker/query.hpp"

#include <algorithm>
#include <utility>

#include "broker/topic_defaults.hpp"

namespace tidemark::broker {

Query::Query(std::string_view target, std::initializer_list<std::string_view> known) {
  for (auto& [name, value] : parameters(cut_target(target).query)) {
    const bool fine = std::ranges::find(known, name) != known.end();
    if (!fine && fault_.empty()) fault_ = "there is no parameter of that name here";
    if (fine && find(name) && fault_.empty()) fault_ = name + " is there twice";
    all_.push_back({std::move(name), std::move(value)});
  }
}

std::optional<std::string> Query::find(std::string_view name) const {
  const auto found = std::ranges::find(all_, name, &Parameter::name);
  return found == all_.end() ? std::nullopt : std::optional(found->value);
}

std::optional<std::size_t> Query::limit() const {
  const auto text = find("limit");
  if (!text) return kListDefault;
  const auto limit = parse_count(*text);
  if (!limit || *limit == 0 || *limit > kListMost) return std::nullopt;
  return static_cast<std::size_t>(*limit);
}

}  // namespace tidemark::broker
