// Chooses the wire form.
// protocol/: see codec.hpp.
#include "protocol/codec.hpp"

#include "protocol/binary_codec.hpp"
#include "protocol/json_codec.hpp"

namespace tidemark {

std::string_view subprotocol(WireForm form) {
  return form == WireForm::json ? "tidemark.v1.json" : "tidemark.v1.cereal";
}

Decoded<ClientMessage> decode_client(WireForm form, std::string_view bytes) {
  return form == WireForm::json ? decode_json_client(bytes) : decode_binary_client(bytes);
}

Decoded<ServerMessage> decode_server(WireForm form, std::string_view bytes) {
  return form == WireForm::json ? decode_json_server(bytes) : decode_binary_server(bytes);
}

void encode(WireForm form, const ClientMessage& message, Payload payload, std::string& out) {
  if (form == WireForm::json) return encode_json(message, payload, out);
  encode_binary(message, out);
}

void encode(WireForm form, const ServerMessage& message, Payload payload, std::string& out) {
  if (form == WireForm::json) return encode_json(message, payload, out);
  encode_binary(message, out);
}

void encode(WireForm form, const State& state, Payload payload, std::string& out) {
  if (form == WireForm::json) return encode_json(state, payload, out);
  encode_binary(state, out);
}

Result<void> settle_state(State& state, Payload topic_payload) {
  for (auto& entry : state.entries) {
    if (auto settled = settle_payload(entry.data, entry.form, topic_payload); !settled) {
      return settled;
    }
  }
  return ok();
}

}  // namespace tidemark
