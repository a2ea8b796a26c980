// The binary form: cereal's portable binary archive, little-endian, after a kind byte.
// protocol/: codec.cpp chooses it; binary_layout.hpp says which fields come in which order.
#pragma once

#include <string>
#include <string_view>

#include "protocol/codec.hpp"

namespace tidemark {

/// Contracts: those of decode_client, decode_server and encode in codec.hpp.
[[nodiscard]] Decoded<ClientMessage> decode_binary_client(std::string_view bytes);
[[nodiscard]] Decoded<ServerMessage> decode_binary_server(std::string_view bytes);
void encode_binary(const ClientMessage& message, std::string& out);
void encode_binary(const ServerMessage& message, std::string& out);
void encode_binary(const State& message, std::string& out);

}  // namespace tidemark
