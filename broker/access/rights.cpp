// One list of patterns for each right.
// broker/access/: see rights.hpp.
#include "broker/access/rights.hpp"

#include <utility>

namespace tidemark::broker {

std::string_view name_of(Right right) {
  switch (right) {
    case Right::publish:
      return "publish";
    case Right::subscribe:
      return "subscribe";
    case Right::manage:
      return "manage";
  }
  return "";
}

const TopicPatterns& Rights::of(Right right) const {
  switch (right) {
    case Right::publish:
      return publish;
    case Right::subscribe:
      return subscribe;
    case Right::manage:
      break;
  }
  return manage;
}

Rights Rights::all() {
  return {.publish = TopicPatterns::all(),
          .subscribe = TopicPatterns::all(),
          .manage = TopicPatterns::all()};
}

std::variant<Rights, PatternFault> Rights::parse(const Grants& grants) {
  Rights out;
  const auto read = [](Right right, const std::vector<std::string>& texts, TopicPatterns& into) {
    auto parsed = TopicPatterns::parse(texts);
    if (auto* list = std::get_if<TopicPatterns>(&parsed)) {
      into = std::move(*list);
      return std::string();
    }
    return std::string(name_of(right)) + ": " + std::get<PatternFault>(parsed).text;
  };
  for (auto fault : {read(Right::publish, grants.publish, out.publish),
                     read(Right::subscribe, grants.subscribe, out.subscribe),
                     read(Right::manage, grants.manage, out.manage)}) {
    if (!fault.empty()) return PatternFault{std::move(fault)};
  }
  return out;
}

}  // namespace tidemark::broker
