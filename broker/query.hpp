// The query of a route: parameters it knows, each once at most.
// broker/: what the routes of the API begin with; url_text splits and decodes.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/url_text.hpp"

namespace tidemark::broker {

inline constexpr std::size_t kListDefault = 100;
inline constexpr std::size_t kListMost = 1'000;
inline constexpr std::string_view kLimitFault = "\"limit\" must be an integer from 1 to 1000";

class Query {
 public:
  /// `target`: a request's; `known`: names of parameters.
  Query(std::string_view target, std::initializer_list<std::string_view> known);

  /// A sentence about a parameter that is not known, or is there twice; or empty.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// How long a page may be: `limit`, or kListDefault; nullopt: kLimitFault.
  [[nodiscard]] std::optional<std::size_t> limit() const;

 private:
  std::vector<Parameter> all_;
  std::string fault_;
};

}  // namespace tidemark::broker
