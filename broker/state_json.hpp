// Entries of a state as JSON.
// broker/: what HTTP answers and event streams make of a state that is the newest of each key.
#pragma once

#include <span>
#include <string>

#include "protocol/messages.hpp"

namespace tidemark::broker {

/// Appends `{"key":…,"offset":…,"time":…,"headers":{…},"data":…}`, without `headers` if there are
/// none, and with `data_base64` instead of `data` where payloads are bytes; joined by commas, with
/// nothing around them. Pre: their data is settled to `payload`.
void append_entries(std::string& out, std::span<const StateEntry> entries, Payload payload);

}  // namespace tidemark::broker
