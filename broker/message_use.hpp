// What is done with the messages of a WebSocket: those of topics, or those of an echo.
// broker/: WebSocketSession reads, sends and closes alike, whatever the messages are for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "broker/server.hpp"
#include "protocol/messages.hpp"

namespace tidemark::broker {

/// A whole message, however many frames it came in. Text is UTF-8.
struct WebSocketMessage {
  bool is_text = false;
  std::string_view bytes;
};

/// Threads: those of the sessions it is of.
class MessageUse {
 public:
  MessageUse() = default;
  MessageUse(const MessageUse&) = delete;
  MessageUse& operator=(const MessageUse&) = delete;

  /// Most bytes of a message; a larger one ends the connection.
  [[nodiscard]] virtual std::size_t most_bytes(const ServerLimits& limits) const = 0;
  /// Does what the message asks for. Frames that answer it at once are appended to `out`.
  virtual void take(const WebSocketMessage& message, std::string& out) = 0;
  /// Appends to `out` what the broker has to say, if such a client would understand it.
  virtual void tell(const ServerMessage& message, std::string& out) const = 0;

 protected:
  ~MessageUse() = default;
};

}  // namespace tidemark::broker
