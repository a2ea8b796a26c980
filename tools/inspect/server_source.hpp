// A log read from a running broker.
// tools/inspect/: one of the two sources; asks over HTTP, reads events over a WebSocket.
#pragma once

#include <memory>

#include "tools/inspect/source.hpp"

namespace tidemark::tools {

/// Connects when it is asked something.
std::unique_ptr<Source> make_server_source(const BrokerChoice& broker);

}  // namespace tidemark::tools
