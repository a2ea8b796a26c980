// What a client shows to say who it is.
// protocol/client/: part of its options; the session asks it with every connection.
#pragma once

#include <functional>
#include <string>
#include <variant>

namespace tidemark::client {

/// Nothing; a token or API key that stays as it is; or a function that gives the one of now, for
/// tokens that expire. The function is called on the client's strand, at every connect and when the
/// token at hand is about to expire; it should return at once, and may give the same one again, or
/// an empty text if it has none. Whatever it throws counts as an empty text.
using Credential = std::variant<std::monostate, std::string, std::function<std::string()>>;

/// The credential of now; empty: none.
[[nodiscard]] std::string current(const Credential& credential);
/// Might it be another one later?
[[nodiscard]] inline bool renews(const Credential& credential) {
  return std::holds_alternative<std::function<std::string()>>(credential);
}
/// Can it be shown at all? It is visible ASCII, without blanks.
[[nodiscard]] bool can_be_shown(const std::string& credential);

}  // namespace tidemark::client
