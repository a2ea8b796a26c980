// A JSON object read member by member, with a sentence about what is wrong with it.
// broker/: for the small bodies of the API; publishes go through protocol/'s decoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace tidemark::broker {

/// The object a body holds; else nullopt, and why in `fault`.
[[nodiscard]] std::optional<boost::json::object> parse_object(std::string_view body,
                                                              std::string& fault);

/// The members of an object, each to be taken once; what is left over is a fault. The first stays.
class JsonMembers {
 public:
  /// `where`: what error texts call the object.
  JsonMembers(boost::json::object object, std::string where)
      : object_(std::move(object)), where_(std::move(where)) {}

  // nullopt: not there, or a fault
  std::optional<std::uint64_t> integer(std::string_view name);  ///< from 0 to kMaxInteger
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<boost::json::object> object(std::string_view name);

  void fault(std::string_view name, std::string_view text);
  /// A sentence, or empty if nothing was wrong and nothing is left.
  std::string finish();

 private:
  std::optional<boost::json::value> take(std::string_view name);

  boost::json::object object_;
  std::string where_;
  std::string fault_;
};

}  // namespace tidemark::broker
