// Text of URLs: percent escapes, and the parameters of a query.
// broker/: what clients send in a request's target, read strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::broker {

/// Replaces every `%XX` by its byte, once; all else, `+` too, stays. nullopt: a `%` without two
/// hexadecimal digits behind it.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

/// A request's target, cut at its first `?`. Views into it.
struct Target {
  std::string_view path;
  std::string_view query;  ///< empty: none
};
[[nodiscard]] Target cut_target(std::string_view target);

/// One parameter of a query.
struct Parameter {
  std::string name;
  std::string value;  ///< empty also if there is no `=`
};

/// The parameters in their order, names and values percent-decoded. What holds a broken escape is
/// kept as it came: it is then nothing that is known.
[[nodiscard]] std::vector<Parameter> parameters(std::string_view query);

}  // namespace tidemark::broker
