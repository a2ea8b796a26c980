// Refusals made of error messages and error codes.
// protocol/client/: see refusal.hpp.
#include "protocol/client/refusal.hpp"

namespace tidemark::client {

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

bool passes(Errc code) {
  switch (code) {
    case Errc::overloaded:
    case Errc::shutting_down:
    case Errc::storage_failed:
    case Errc::disk_full:
    case Errc::stalled:
    case Errc::too_many_connections:
    case Errc::connection_lost:
      return true;
    default:
      return false;
  }
}

}  // namespace tidemark::client
