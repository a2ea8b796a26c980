// Which of the messages a JSON text is, and who reads it.
// protocol/: for the decoders of either direction; each hands in the table of its messages.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/json_parts.hpp"

namespace tidemark::json_parts {

template <class Message>
struct Type {
  std::string_view name;
  Message (*read)(JsonReading&);
};

// A message that is read by its table alone.
template <class Message, const auto& Fields, const auto& Name>
Message read_plain(JsonReading& in) {
  return object(in, Name, Fields);
}

// The value of a member of a valid object, as it stands.
inline std::optional<std::string_view> member(std::string_view object,
                                              std::string_view quoted_key) {
  JsonCursor at(object);
  at.enter();
  while (const auto key = at.next_member()) {
    const auto value = at.take();
    if (*key == quoted_key) return value;
  }
  return std::nullopt;
}

inline RequestId id_in(std::string_view message) {
  const auto value = member(message, "\"id\"");
  if (!value) return 0;
  JsonReading in(*value, Unknown::skip, false);
  const auto id = in.integer();
  return in.fault() ? 0 : id;
}

inline DecodeError malformed(std::string text) {
  return {Errc::malformed_message, "message: " + std::move(text), 0};
}

template <class Message, std::size_t N>
DecodeError unknown_type(std::string_view type, const std::array<Type<Message>, N>& types) {
  std::array<std::string_view, N> names;
  std::ranges::transform(types, names.begin(), &Type<Message>::name);
  std::string text = "there is no message " + in_quotes(type);
  if (const auto meant = nearest(type, names)) text += "; did you mean " + in_quotes(*meant) + "?";
  return {Errc::unknown_message, std::move(text), 0};
}

template <class Message, std::size_t N>
Decoded<Message> decode_message(std::string_view text, const std::array<Type<Message>, N>& types,
                                Unknown unknown) {
  const auto check = check_json(text, limits::json_depth + kEnvelopeDepth);
  if (check.fault) return malformed(*check.fault);
  if (JsonCursor(text).peek() != '{') return malformed("it is not an object");
  const auto type = member(text, "\"type\"");
  if (!type) return malformed("\"type\" is missing");
  if (!type->starts_with('"')) return malformed("\"type\" must be a string");
  const auto name = type->substr(1, type->size() - 2);
  const auto row = std::ranges::find(types, name, &Type<Message>::name);
  if (row == types.end()) {
    auto error = unknown_type(name, types);
    error.id = id_in(text);
    return error;
  }
  JsonReading in(text, unknown, check.depth > limits::json_depth);
  auto message = row->read(in);
  if (!in.fault()) return message;
  auto error = *in.fault();
  error.id = id_in(text);
  return error;
}

}  // namespace tidemark::json_parts
