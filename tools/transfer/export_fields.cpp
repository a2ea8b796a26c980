// Slices of a line, by name.
// tools/transfer/: see export_fields.hpp.
#include "tools/transfer/export_fields.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/base64.hpp"
#include "protocol/json_slices.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kMaxMembers = 32;

std::string unquoted(std::string_view quoted) {
  std::string out;
  append_unquoted(quoted, out);
  return out;
}

}  // namespace

JsonFields::JsonFields(std::string_view json) {
  JsonCursor at(json);
  if (at.peek() != '{') {
    fail("it is no object");
    return;
  }
  at.enter();
  while (const auto quoted = at.next_member()) {
    const auto name = quoted->substr(1, quoted->size() - 2);
    const auto value = at.take();
    if (has(name)) fail(name, "stands twice");
    if (members_.size() == kMaxMembers) fail("it has too many members");
    if (fault_) return;
    members_.emplace_back(name, value);
  }
}

void JsonFields::fail(std::string_view name, std::string_view what) {
  fail("\"" + std::string(name) + "\" " + std::string(what));
}

std::string_view JsonFields::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, [](const auto& each) { return each.first; });
  return found == members_.end() ? std::string_view() : found->second;
}

std::string JsonFields::text(std::string_view name) {
  const auto value = find(name);
  if (value.starts_with('"')) return unquoted(value);
  fail(name, value.empty() ? "is missing" : "is no string");
  return {};
}

std::string JsonFields::optional_text(std::string_view name) {
  return has(name) ? text(name) : std::string();
}

std::uint64_t JsonFields::number(std::string_view name, std::uint64_t most) {
  const auto value = find(name);
  std::uint64_t out = 0;
  const char* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, out);
  if (!value.empty() && read.ec == std::errc() && read.ptr == end && out <= most) return out;
  fail(name, value.empty() ? "is missing" : "is no whole number within its bounds");
  return 0;
}

bool JsonFields::flag(std::string_view name) {
  const auto value = find(name);
  if (value != "true" && value != "false") fail(name, "is neither true nor false");
  return value == "true";
}

std::vector<std::string_view> JsonFields::list(std::string_view name, std::size_t most) {
  std::vector<std::string_view> out;
  const auto value = find(name);
  if (!value.starts_with('[')) {
    fail(name, value.empty() ? "is missing" : "is no list");
    return out;
  }
  JsonCursor at(value);
  at.enter();
  while (at.next_item()) {
    if (out.size() == most) {
      fail(name, "is too long");
      return out;
    }
    out.push_back(at.take());
  }
  return out;
}

std::vector<Header> JsonFields::headers() {
  std::vector<Header> out;
  const auto value = find("headers");
  if (value.empty()) return out;
  if (!value.starts_with('{')) {
    fail("headers", "is no object");
    return out;
  }
  JsonCursor at(value);
  at.enter();
  while (const auto name = at.next_member()) {
    const auto content = at.take();
    if (!content.starts_with('"') || out.size() == limits::headers) {
      fail("headers", "is not what an event can have");
      return out;
    }
    out.push_back({unquoted(*name), unquoted(content)});
  }
  return out;
}

std::string JsonFields::data(Form& form) {
  const auto plain = find("data");
  form = plain.empty() ? Form::raw : Form::json;
  if (plain.empty() != has("data_base64")) {
    fail("an event has either \"data\" or \"data_base64\"");
    return {};
  }
  if (!plain.empty()) return std::string(plain);
  const auto encoded = find("data_base64");
  if (encoded.starts_with('"')) {
    // Base64 needs no escapes; what has some is not what any writer makes.
    if (auto bytes = read_base64(encoded.substr(1, encoded.size() - 2))) return std::move(*bytes);
  }
  fail("data_base64", "is no base64");
  return {};
}

NewEvent JsonFields::event() {
  NewEvent event;
  event.key = optional_text("key");
  event.headers = headers();
  event.data = data(event.form);
  return event;
}

}  // namespace tidemark::tools
