// A WebSocket that sends every message back as it came, for conformance suites.
// broker/: served only if ServerOptions::test_echo says so; see tests/README.md.
#pragma once

#include <cstddef>
#include <string_view>

#include "broker/message_use.hpp"

namespace tidemark::broker {

inline constexpr std::string_view kEchoPath = "/v1/echo";
/// The largest message of Autobahn's suite.
inline constexpr std::size_t kEchoBytes = std::size_t{16} << 20;

/// Text comes back as text and binary as binary, each in one frame. A client that does not read
/// holds two messages at most: one being sent, one that waits. Threads: any, since it has no state.
[[nodiscard]] MessageUse& echo_use();

}  // namespace tidemark::broker
