// A JSON object read member by member, with a sentence about what is wrong with it.
// broker/: see json_members.hpp.
#include "broker/json_members.hpp"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "protocol/json_slices.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 8;  // settings nest twice

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

std::size_t members_in(const json::value& value) {
  std::size_t count = 0;
  if (const auto* const object = value.if_object()) {
    for (const auto& [name, member] : *object) count += 1 + members_in(member);
  } else if (const auto* const array = value.if_array()) {
    for (const auto& item : *array) count += members_in(item);
  }
  return count;
}

/// Pre: the text is valid, and goes no deeper than kMaxDepth.
std::size_t members_in(JsonCursor& text) {
  std::size_t count = 0;
  if (text.peek() == '{') {
    text.enter();
    while (text.next_member()) count += 1 + members_in(text);
  } else if (text.peek() == '[') {
    text.enter();
    while (text.next_item()) count += members_in(text);
  } else {
    text.take();
  }
  return count;
}

/// Boost.JSON keeps the last member of a name; who else reads the same text may keep the first.
bool repeats_a_name(std::string_view text, const json::value& parsed) {
  JsonCursor cursor(text);
  return members_in(cursor) != members_in(parsed);
}

}  // namespace

std::optional<json::object> parse_object(std::string_view body, std::string& fault) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  auto value = json::parse(view(body), error, {}, options);
  if (error) {
    fault = "the body is not JSON: " + error.message();
  } else if (!value.is_object()) {
    fault = "the body must be a JSON object";
  } else if (repeats_a_name(body, value)) {
    fault = "a name of the body is given twice";
  } else {
    return std::move(value.get_object());
  }
  return std::nullopt;
}

std::optional<std::uint64_t> JsonMembers::integer(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (!error && value->is_number() && number <= kMaxInteger) return number;
  fault(name, "must be an integer from 0 to 2^53 - 1");
  return std::nullopt;
}

std::optional<std::string> JsonMembers::text(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return std::string(std::string_view(value->get_string()));
  fault(name, "must be a string");
  return std::nullopt;
}

std::optional<bool> JsonMembers::boolean(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  fault(name, "must be true or false");
  return std::nullopt;
}

std::optional<json::object> JsonMembers::object(std::string_view name) {
  auto value = take(name);
  if (!value) return std::nullopt;
  if (value->is_object()) return std::move(value->get_object());
  fault(name, "must be an object");
  return std::nullopt;
}

void JsonMembers::fault(std::string_view name, std::string_view text) {
  if (!fault_.empty()) return;
  fault_ = where_ + ": \"" + std::string(name) + "\" " + std::string(text);
}

std::string JsonMembers::finish() {
  if (fault_.empty() && !object_.empty()) {
    fault(std::string_view(object_.begin()->key()), "is not a field of it");
  }
  return fault_;
}

std::optional<json::value> JsonMembers::take(std::string_view name) {
  const auto found = object_.find(view(name));
  if (found == object_.end()) return std::nullopt;
  json::value value = std::move(found->value());
  object_.erase(found);
  return value;
}

}  // namespace tidemark::broker
