// The JSON form: one object per message, its "type" naming it.
// protocol/: codec.cpp chooses it; PROTOCOL.md, sections 2 to 6, describes the fields.
#pragma once

#include <string>
#include <string_view>

#include "protocol/codec.hpp"

namespace tidemark {

/// Contracts: those of decode_client, decode_server and encode in codec.hpp. Fields a client's
/// message shouldn't have are refused; those a broker's message has beyond the known are passed
/// over, so that an older client understands a newer broker.
[[nodiscard]] Decoded<ClientMessage> decode_json_client(std::string_view text);
[[nodiscard]] Decoded<ServerMessage> decode_json_server(std::string_view text);
void encode_json(const ClientMessage& message, Payload payload, std::string& out);
void encode_json(const ServerMessage& message, Payload payload, std::string& out);
void encode_json(const State& message, Payload payload, std::string& out);

}  // namespace tidemark
