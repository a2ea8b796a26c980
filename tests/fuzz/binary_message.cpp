// Binary messages, of clients and of brokers: there is one way to write each.
// tests/fuzz/: protocol/binary_codec.
#include <optional>
#include <string>

#include "tests/fuzz/bytes.hpp"
#include "tests/fuzz/message_limits.hpp"

namespace tidemark::fuzz {
namespace {

template <class Message>
std::string written(WireForm form, const Message& message) {
  std::string out;
  encode(form, message, Payload::bytes, out);
  return out;
}

/// All kinds of start have the same three fields, of which some count for nothing in some kinds.
bool has_unused_fields(const ClientMessage& message) {
  return std::holds_alternative<Subscribe>(message);
}
bool has_unused_fields(const ServerMessage& /*message*/) { return false; }

/// JSON has no way to say a range that is empty but for its place, and of a bundle it trusts the
/// content type: the broker checks it before it is stored.
bool is_told_in_json(const ClientMessage& /*message*/) { return true; }
bool is_told_in_json(const ServerMessage& message) {
  if (const auto* const published = std::get_if<Published>(&message)) {
    return !published->offsets.empty() || published->offsets == OffsetRange{};
  }
  const auto* const state = std::get_if<State>(&message);
  return state == nullptr || !state->bundle || payload_of(state->content_type) == Payload::bytes;
}

template <class Message, class Decode>
void check_in_json(const Message& message, Decode decode) {
  const auto again = decode(WireForm::json, written(WireForm::json, message));
  // Limits of JSON alone stop some: distinct header names, names that must not be empty.
  if (!again) return check_refusal(again.error());
  TIDEMARK_ENSURE(*again == message, "a message is the same in both forms");
}

template <class Decode>
void check(std::string_view bytes, Decode decode) {
  const auto message = decode(WireForm::binary, bytes);
  if (!message) return check_refusal(message.error());
  check_limits(*message);
  const auto out = written(WireForm::binary, *message);
  if (!has_unused_fields(*message)) {
    TIDEMARK_ENSURE(out == bytes, "there is one way to write a message");
  }
  TIDEMARK_ENSURE(out.size() == bytes.size(), "no byte of a message is passed over");
  const auto again = decode(WireForm::binary, out);
  TIDEMARK_ENSURE(again && *again == *message, "what is written reads as it was");
  if (is_told_in_json(*message)) check_in_json(*message, decode);
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;  // NOLINT(google-build-using-namespace): a program of its own
  const auto bytes = fuzz::text_of(data, size);
  fuzz::check(bytes, [](auto form, auto each) { return decode_client(form, each); });
  fuzz::check(bytes, [](auto form, auto each) { return decode_server(form, each); });
  return 0;
}
