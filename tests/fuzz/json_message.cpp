// JSON messages, of clients and of brokers: what is read can be written, and is read the same
// again. tests/fuzz/: protocol/json_codec.
#include <string>

#include "protocol/json_slices.hpp"
#include "tests/fuzz/bytes.hpp"
#include "tests/fuzz/message_limits.hpp"

namespace tidemark::fuzz {
namespace {

/// Payload::bytes embeds JSON as it came and everything else as base64, so nothing is lost.
template <class Message>
std::string written(const Message& message) {
  std::string out;
  encode(WireForm::json, message, Payload::bytes, out);
  return out;
}

template <class Decode>
void check(std::string_view text, Decode decode) {
  const auto message = decode(text);
  if (!message) return check_refusal(message.error());
  TIDEMARK_ENSURE(!check_json(text, limits::json_depth + 3).fault, "what is read is JSON");
  check_limits(*message);
  const auto out = written(*message);
  const auto again = decode(out);
  TIDEMARK_ENSURE(again, "what is written can be read");
  TIDEMARK_ENSURE(*again == *message, "what is written reads as it was");
  TIDEMARK_ENSURE(written(*again) == out, "the same message is written the same");
}

/// Payloads are kept byte for byte.
void check_payloads(std::string_view text) {
  const auto message = decode_client(WireForm::json, text);
  if (!message) return;
  const auto* const publish = std::get_if<Publish>(&*message);
  if (publish == nullptr) return;
  for (const auto& event : publish->events) {
    if (event.form != Form::json) continue;
    TIDEMARK_ENSURE(text.find(event.data) != std::string_view::npos, "a payload stands as it came");
    TIDEMARK_ENSURE(!check_json(event.data, limits::json_depth).fault, "a payload is JSON");
  }
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;  // NOLINT(google-build-using-namespace): a program of its own
  const auto text = fuzz::text_of(data, size);
  fuzz::check(text, [](auto bytes) { return decode_client(WireForm::json, bytes); });
  fuzz::check(text, [](auto bytes) { return decode_server(WireForm::json, bytes); });
  fuzz::check_payloads(text);
  return 0;
}
