// The four directions of the wire, for either form.
// protocol/: sessions and clients call these; json_codec and binary_codec stand behind them.
#pragma once

#include <string>
#include <string_view>

#include "protocol/messages.hpp"

namespace tidemark {

/// WebSocket subprotocols, by wire form: "tidemark.v1.json", "tidemark.v1.cereal".
[[nodiscard]] std::string_view subprotocol(WireForm form);

/// What decode() failed with: the code and a sentence that names the field.
struct DecodeError {
  Errc code = Errc::malformed_message;
  std::string text;
  RequestId id = 0;  ///< of the request, if it could be read, so that the answer can carry it
};

template <class T>
using Decoded = boost::system::result<T, DecodeError>;

/// Reads one message of a client. Hostile input: every length is checked before it is believed,
/// nothing is allocated beyond a small multiple of `bytes`. JSON payloads are kept byte for byte.
[[nodiscard]] Decoded<ClientMessage> decode_client(WireForm form, std::string_view bytes);

/// Reads one message of a broker; as careful as decode_client.
[[nodiscard]] Decoded<ServerMessage> decode_server(WireForm form, std::string_view bytes);

/// Appends the message's payload (no WebSocket framing) to `out`.
/// A client embeds event data as JSON, text or base64 by `payload` (JSON form only).
void encode(WireForm form, const ClientMessage& message, Payload payload, std::string& out);

/// As above. An Event goes through EventFramer instead and is here for tests and tools.
/// Of a State, `payload` is that of the topic and tells how entries are carried; its bundle goes by
/// its own content type.
void encode(WireForm form, const ServerMessage& message, Payload payload, std::string& out);

/// The same for a State, which may be large, without a copy of it.
/// Pre: the data of entries is settled to the topic's payload, a bundle is what its content type
/// says (a JSON document of at most limits::json_depth, UTF-8): it is embedded as it is.
void encode(WireForm form, const State& state, Payload payload, std::string& out);

/// settle_payload for every entry of a state that came as JSON; bundles come settled.
/// Errors: invalid_payload.
[[nodiscard]] Result<void> settle_state(State& state, Payload topic_payload);

}  // namespace tidemark
