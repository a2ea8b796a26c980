// Refusals made of error messages and error codes.
// protocol/client/: see refusal.hpp.
#include "protocol/client/refusal.hpp"

#include "protocol/json_slices.hpp"

namespace tidemark::client {
namespace {

constexpr std::size_t kProblemDepth = 8;

/// The text of a member of problem details; empty: it has none.
std::string member_of(std::string_view body, std::string_view name) {
  if (check_json(body, kProblemDepth).fault) return {};
  JsonCursor at(body);
  if (at.peek() != '{') return {};
  at.enter();
  while (const auto key = at.next_member()) {
    std::string found;
    append_unquoted(*key, found);
    if (found != name || at.peek() != '"') {
      at.take();
      continue;
    }
    std::string out;
    append_unquoted(at.take(), out);
    return out;
  }
  return {};
}

}  // namespace

Refusal refusal_of(const Failure& failure) {
  Refusal out{.code = failure.code, .text = failure.text};
  out.gap = failure.gap;
  out.head = failure.head;
  if (out.text.empty()) out.text = std::string(info(failure.code).text);
  return out;
}

Refusal refusal_of(Errc code, const std::string& context) {
  Refusal out{.code = code};
  out.text = context.empty() ? std::string(info(code).text) : context;
  return out;
}

Refusal refusal_of_answer(const std::string& authority, unsigned status, std::string_view body) {
  const auto code = errc_named(member_of(body, "code"));
  if (status == 401) return refusal_of(code == Errc::token_expired ? *code : Errc::unauthorized);
  std::string text =
      authority + " answered " + std::to_string(status) + " to the WebSocket handshake";
  if (code) text.append(": ").append(info(*code).text);
  return refusal_of(Errc::connection_lost, text);
}

bool passes(Errc code) {
  switch (code) {
    case Errc::overloaded:
    case Errc::shutting_down:
    case Errc::storage_failed:
    case Errc::disk_full:
    case Errc::stalled:
    case Errc::too_many_connections:
    case Errc::too_many_from_address:
    case Errc::rate_limited:
    case Errc::connection_lost:
      return true;
    default:
      return false;
  }
}

}  // namespace tidemark::client
